"""Commands of the Tools menu: what the mouse does, the brush, the lasso, the crop region."""

from __future__ import annotations

from collections.abc import Callable

from ais.gui.commands.command import Command, with_tomogram
from ais.gui.commands.conditions import can_edit
from ais.gui.commands.intersect import INTERSECT_COMMANDS
from ais.gui.commands.marks import MARK_COMMANDS
from ais.gui.commands.slices import SLICE_COMMANDS
from ais.gui.commands.transfer import TRANSFER_COMMANDS
from ais.gui.editor import Editor
from ais.gui.sheet import ChoiceField, NumberField, Sheet
from ais.gui.state import Tool
from ais.gui.tools.brush_radius import step_brush_radius
from ais.gui.tools.lasso import close_outline
from ais.gui.tools.measuring import crop_slices

SENSITIVITY_STEP = 0.05
PASSING = (Tool.CROP, Tool.MEASURE, Tool.LASSO, Tool.IMAGE, Tool.LANDMARKS)
"""Tools that escape puts away."""


def choose_tool(editor: Editor, tool: Tool) -> None:
    """Take a tool in hand; an outline that is open is given up."""
    editor.cancel_gesture()
    editor.state.outline = []
    editor.state.tool = tool


def _tool(name: str, tool: Tool, text: str, keys: str, tooltip: str, *, back: bool = True) -> Command:
    """A command that takes a tool in hand, or, where it has it already, the brush again."""

    def run(editor: Editor) -> None:
        again = back and editor.state.tool is tool
        choose_tool(editor, Tool.BRUSH if again else tool)

    def checked(editor: Editor) -> bool:
        return editor.state.tool is tool

    return Command(f"tools.{name}", text, "Tools", run, keys, tooltip, with_tomogram, checked)


def _radius(editor: Editor, step: int) -> None:
    step_brush_radius(editor, step)


def _sensitivity(editor: Editor, step: int) -> None:
    sensitivity = editor.state.flood_sensitivity + step * SENSITIVITY_STEP
    editor.state.flood_sensitivity = round(min(max(sensitivity, 0.0), 1.0), 3)


def _stepping(change: Callable[[Editor, int], None], step: int) -> Callable[[Editor], None]:
    return lambda editor: change(editor, step)


def _flooding(editor: Editor) -> bool:
    return editor.shown is not None and editor.state.tool is Tool.FLOOD


def _cancel(editor: Editor) -> None:
    """End what is under way, the innermost first."""
    state = editor.state
    if editor.gesture is not None:
        editor.cancel_gesture()
    elif state.outline:
        state.outline = []
    elif state.measured is not None:
        state.measured = None
    elif editor.fluorescence.pending is not None:
        editor.fluorescence.pending = None
    elif state.tool in PASSING:
        state.tool = Tool.BRUSH
    else:
        editor.rendering.view.clear()


def _can_cancel(editor: Editor) -> bool:
    state = editor.state
    under_way = editor.gesture is not None or bool(state.outline) or state.measured is not None
    return under_way or state.tool in PASSING or bool(editor.rendering.view.selected)


def _with_outline(editor: Editor) -> bool:
    return len(editor.state.outline) >= 3 and editor.gesture is None


def _lasso_threshold(editor: Editor) -> None:
    editor.state.lasso_threshold = not editor.state.lasso_threshold


def _threshold(editor: Editor) -> None:
    state = editor.state
    assert editor.shown is not None
    statistics, level = editor.shown.statistics, state.lasso_level
    middle = (statistics.low + statistics.high) / 2 if statistics is not None else 0.0
    how = ChoiceField("Threshold", ["Found in each outline", "A value"], 0 if level is None else 1)
    value = NumberField("Value", middle if level is None else level, -1e30, 1e30, asked=lambda: how.value > 0)
    what = ChoiceField("Paint", ["Darker", "Brighter"], int(state.lasso_brighter))

    def accept() -> None:
        state.lasso_threshold = True
        state.lasso_level = value.value if how.value else None
        state.lasso_brighter = bool(what.value)
        choose_tool(editor, Tool.LASSO)

    note = "The lasso will paint only the pixels inside that are darker, or brighter, than the threshold."
    editor.shell.sheets.append(Sheet("Threshold in the lasso", "Use", (how, value, what), accept, note))


def _first_slice(editor: Editor) -> None:
    crop_slices(editor, first=editor.state.z)


def _last_slice(editor: Editor) -> None:
    crop_slices(editor, last=editor.state.z)


def _clear_crop(editor: Editor) -> None:
    editor.sight.set_crop(None)


def _cropped(editor: Editor) -> bool:
    return editor.snapshot.crop is not None and can_edit(editor)


def _can_crop(editor: Editor) -> bool:
    return editor.shown is not None and can_edit(editor)


TOOL_COMMANDS = (
    _tool("brush", Tool.BRUSH, "Brush", "", "Paint with the left button, erase with the right one", back=False),
    _tool("flood", Tool.FLOOD, "Flood brush", "F", "Fill what stands out under the cursor, inside the brush"),
    _tool("lasso", Tool.LASSO, "Lasso", "L", "Draw around it, or click corners; alt or the right button removes"),
    _tool("boxes", Tool.BOX, "Boxes", "", "Place and move training boxes (shift+left and shift+right in any tool)"),
    _tool("picks", Tool.PICK, "Picks", "", "Place and move particles (ctrl+shift+left in any tool)"),
    _tool("measure", Tool.MEASURE, "Measure", "M", "Draw a line to see how long it is"),
    _tool("crop", Tool.CROP, "Crop region", "C", "Draw the region to work on"),
    Command(
        "tools.brush_larger",
        "Larger brush",
        "Tools",
        _stepping(_radius, 1),
        "]",
        "",
        with_tomogram,
        repeats=True,
        separated=True,
    ),
    Command(
        "tools.brush_smaller", "Smaller brush", "Tools", _stepping(_radius, -1), "[", "", with_tomogram, repeats=True
    ),
    Command("tools.flood_more", "Flood more", "Tools", _stepping(_sensitivity, 1), "=", "", _flooding, repeats=True),
    Command("tools.flood_less", "Flood less", "Tools", _stepping(_sensitivity, -1), "-", "", _flooding, repeats=True),
    Command(
        "tools.close_outline",
        "Close the outline",
        "Tools/Outline",
        close_outline,
        "enter",
        "Paint what the lasso encloses",
        _with_outline,
    ),
    Command(
        "tools.lasso_threshold",
        "Paint by threshold in the outline",
        "Tools/Outline",
        _lasso_threshold,
        "",
        "Only pixels inside that are darker, or brighter, than a threshold",
        with_tomogram,
        lambda editor: editor.state.lasso_threshold,
    ),
    Command("tools.threshold", "Set threshold...", "Tools/Outline", _threshold, "", "", with_tomogram),
    Command("tools.cancel", "Cancel", "Tools", _cancel, "escape", "End what is under way", _can_cancel),
    Command(
        "crop.first_slice",
        "Set first slice here",
        "Tools/Crop region",
        _first_slice,
        "",
        "Slices before this one are left out",
        _can_crop,
    ),
    Command(
        "crop.last_slice",
        "Set last slice here",
        "Tools/Crop region",
        _last_slice,
        "",
        "Slices after this one are left out",
        _can_crop,
    ),
    Command("crop.clear", "Clear crop region", "Tools/Crop region", _clear_crop, "", "", _cropped),
)

ANNOTATE_COMMANDS = (*TOOL_COMMANDS, *MARK_COMMANDS, *SLICE_COMMANDS, *INTERSECT_COMMANDS, *TRANSFER_COMMANDS)
