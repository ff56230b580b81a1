"""What the mouse does, as the page of keys and the documentation list it."""

from __future__ import annotations

MOUSE_ACTIONS: tuple[tuple[str, str], ...] = (
    ("Left drag", "Use the tool: paint, outline, place boxes or picks, measure"),
    ("Right drag", "Erase"),
    ("Alt + left drag", "With the lasso: remove what is inside"),
    ("Shift + left click", "Place a box"),
    ("Alt + shift + left click", "Place a negative box: what the feature is not"),
    ("Shift + right click", "Remove a box"),
    ("Ctrl + shift + left click", "Place a pick"),
    ("Ctrl + shift + right click", "Remove a pick"),
    ("Ctrl + left click", "Move the cross-hair here"),
    ("Middle drag, or space + drag", "Move the picture"),
    ("Wheel", "Go through the slices"),
    ("Shift + wheel", "Zoom at the pointer"),
    ("Ctrl + wheel", "Make the brush larger or smaller"),
    ("Double click on a name", "Rename"),
    ("Right click on a name", "Show what else can be done with it"),
    ("Ctrl + click on a slider", "Type a number"),
    ("3D scene: left or right drag, shift + middle drag", "Turn it"),
    ("3D scene: alt + left drag", "Turn it in the plane of the screen"),
    ("3D scene: middle drag, or space + left drag", "Move it"),
    ("3D scene: wheel", "Come nearer at the pointer"),
    ("3D scene: left click, ctrl + left click", "Select a component or a particle; one more or one less"),
    ("3D scene: shift + left drag, ctrl + shift + left drag", "Select what is seen in a rectangle; add it"),
    ("3D scene: double click, ctrl + double click", "Turn about it; go to it in the slices"),
    ("3D scene: right click", "Show what can be done with it"),
    ("3D scene: arrow keys, escape, ctrl + 0", "Turn it by 15 degrees, select nothing, fit"),
)
