"""The 3D scene: what is in it, from where it is seen, and how it is drawn."""
