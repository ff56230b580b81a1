"""Files of a 3D scene for other programs: meshes, scripts for ChimeraX and Blender, and movies."""
