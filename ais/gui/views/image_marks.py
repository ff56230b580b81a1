"""What the tools that place fluorescence images draw over a slice: the image's border, handles, and landmarks."""

from __future__ import annotations

from imgui_bundle import ImVec2

from ais.fluorescence import Overlay, Point, placing
from ais.gui.editor import Editor
from ais.gui.state import Tool
from ais.gui.theme import Rgb, packed
from ais.gui.tools.images import Handles
from ais.gui.views.canvas import BLACK, WHITE, Canvas

HANDLE_PX = 5.0
RING_PX = 6.0


def draw_image_marks(editor: Editor, canvas: Canvas) -> None:
    """Draw what can be taken hold of, while an image is placed."""
    tool, overlay = editor.state.tool, editor.fluorescence.at_hand
    if canvas.plane != "xy" or overlay is None:
        return
    if tool is Tool.IMAGE:
        _draw_border(canvas, overlay)
        _draw_handles(canvas, overlay)
    elif tool is Tool.LANDMARKS:
        _draw_border(canvas, overlay)
        _draw_landmarks(editor, canvas, overlay)


def _draw_border(canvas: Canvas, overlay: Overlay) -> None:
    corners = placing.corners(overlay.to_tomogram, overlay.shape)
    canvas.dashes([_picture(corner) for corner in (*corners, corners[0])], _ink(overlay), 0.9, 1.0)


def _draw_handles(canvas: Canvas, overlay: Overlay) -> None:
    handles, ink = Handles.of(overlay, canvas.scale), _ink(overlay)
    canvas.line(_picture(handles.edge), _picture(handles.turn), ink, 0.9, 1.0)
    for corner in handles.corners:
        at = canvas.at(_picture(corner))
        low, high = ImVec2(at.x - HANDLE_PX, at.y - HANDLE_PX), ImVec2(at.x + HANDLE_PX, at.y + HANDLE_PX)
        canvas.draw_list.add_rect_filled(low, high, packed(BLACK, 0.6))
        canvas.draw_list.add_rect(low, high, packed(ink), thickness=1.5)
    at = canvas.at(_picture(handles.turn))
    canvas.draw_list.add_circle_filled(at, HANDLE_PX + 1, packed(BLACK, 0.6))
    canvas.draw_list.add_circle(at, HANDLE_PX + 1, packed(ink), thickness=1.5)


def _draw_landmarks(editor: Editor, canvas: Canvas, overlay: Overlay) -> None:
    """A cross where the thing is in the image, a ring where it belongs."""
    ink = _ink(overlay)
    for number, mark in enumerate(overlay.landmarks, 1):
        image, tomogram = placing.at(overlay.to_tomogram, mark.image), mark.tomogram
        canvas.line(_picture(image), _picture(tomogram), ink, 0.8, 1.0)
        _cross(canvas, image, ink)
        canvas.ring(_picture(tomogram), RING_PX, WHITE)
        at = canvas.at(_picture(tomogram))
        canvas.words(str(number), at.x + RING_PX + 0.3 * canvas.em, at.y - 1.2 * canvas.em)
    pending, hovered = editor.fluorescence.pending, canvas.view.hovered
    if pending is not None:
        begun = placing.at(overlay.to_tomogram, pending)
        if hovered is not None:
            canvas.dashes([_picture(begun), hovered], ink, 0.9, 1.0)
            canvas.ring(hovered, RING_PX, WHITE)
        _cross(canvas, begun, ink)


def _cross(canvas: Canvas, point: Point, colour: Rgb) -> None:
    at, arm = canvas.at(_picture(point)), RING_PX
    for width, ink in ((3.5, packed(BLACK, 0.55)), (1.5, packed(colour))):
        canvas.draw_list.add_line(ImVec2(at.x - arm, at.y), ImVec2(at.x + arm, at.y), ink, width)
        canvas.draw_list.add_line(ImVec2(at.x, at.y - arm), ImVec2(at.x, at.y + arm), ink, width)


def _ink(overlay: Overlay) -> Rgb:
    """The image's colour, but never so dark that it is not seen."""
    brightest = max(overlay.colour)
    return overlay.colour if brightest > 0.4 else WHITE


def _picture(point: Point) -> tuple[float, float]:
    """(row, column) of x and y."""
    return point[1], point[0]
