"""What a story does in the window: move the mouse, press keys, wait, look.

A story runs in a thread of the test engine, in turns with the window: while the story's lines run, the window stands
still, and every function below and every action of ``ctx`` lets it draw some frames. So a story may read anything of
the editor between two calls. It may not draw or call OpenGL, which is for the window's thread alone: see ``in_window``.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from imgui_bundle import ImVec2, hello_imgui, imgui
from imgui_bundle.imgui import test_engine
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    _Engine = test_engine.TestContext
else:
    _Engine = object

T = TypeVar("T")
SCREENSHOTS = Path(__file__).resolve().parent.parent.parent / "build" / "screenshots"
BUTTONS = ("left", "right", "middle")
# Names of keys as the menus write them; letters, digits and f1 to f12 are found by their names.
KEYS = {
    "ctrl": imgui.Key.mod_ctrl,
    "shift": imgui.Key.mod_shift,
    "alt": imgui.Key.mod_alt,
    "super": imgui.Key.mod_super,
    "up": imgui.Key.up_arrow,
    "down": imgui.Key.down_arrow,
    "left": imgui.Key.left_arrow,
    "right": imgui.Key.right_arrow,
    "pageup": imgui.Key.page_up,
    "pagedown": imgui.Key.page_down,
    "del": imgui.Key.delete,
    "esc": imgui.Key.escape,
    "return": imgui.Key.enter,
    "[": imgui.Key.left_bracket,
    "]": imgui.Key.right_bracket,
    "+": imgui.Key.equal,
    "=": imgui.Key.equal,
    "-": imgui.Key.minus,
    ",": imgui.Key.comma,
    ".": imgui.Key.period,
    "/": imgui.Key.slash,
}


class Context(_Engine):
    """The test engine's context, with every method of it; an action that fails ends the story at its line.

    The engine itself notes an item that it does not find and goes on, so a story would do the rest in the wrong place.

    Attributes
    ----------
    folder
        The story's own folder: its tomograms, its project and its settings.
    frame
        How many frames the window has drawn.
    strict
        Whether an action that fails ends the story.
    """

    def __init__(self, engine: test_engine.TestContext, folder: Path, died: Callable[[], None]) -> None:
        self._context = engine
        self._asked: list[Callable[[], None]] = []
        self._died = died
        self.folder = folder
        self.frame = 0
        self.strict = True
        callbacks = hello_imgui.get_runner_params().callbacks
        before = callbacks.before_swap

        def before_swap() -> None:
            if before is not None:
                before()
            self.frame += 1
            asked, self._asked = self._asked, []
            for each in asked:
                each()

        callbacks.before_swap = before_swap

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            value = getattr(self._context, name)
            if not callable(value) or name in ("is_error", "log_error"):
                return value

            def act(*words: Any, **options: Any) -> Any:
                result = value(*words, **options)
                if self.strict and self._context.is_error():
                    raise AssertionError(f"ctx.{name}{words} failed: {why(self._context)}")
                return result

            return act


def why(engine: test_engine.TestContext) -> str:
    """Return what the test engine noted of the action that failed."""
    test = engine.test
    lines = test.output.log.get_text().splitlines() if test is not None else []
    return " | ".join(line.strip() for line in lines if "Error" in line or "KO" in line) or "no reason noted"


def frames(ctx: Context, n: int = 1) -> None:
    """Let the window draw ``n`` frames."""
    ctx.yield_(n)


def until(ctx: Context, condition: Callable[[], object], seconds: float, what: str) -> None:
    """Let frames pass until the condition holds.

    Parameters
    ----------
    ctx, condition
        The condition is asked between frames.
    seconds
        The longest time to wait, in seconds.
    what
        What is waited for, for the message: "the slice is shown".

    Raises
    ------
    AssertionError
        If the condition does not hold in time.
    """
    end = time.perf_counter() + seconds
    while not condition():
        assert time.perf_counter() < end, f"waited {seconds:g} s in vain: {what}"
        ctx.yield_()
        # Threads of the editor that work in Python come to their turn here.
        time.sleep(0.002)


def in_window(ctx: Context, function: Callable[[], T]) -> T:
    """Run a function in the window's thread at the end of the next frame, before it is shown; return its result.

    OpenGL may be called there. An exception of the function is raised here.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - it belongs to the story, not to the window
            errors.append(error)

    ctx._asked.append(run)
    until(ctx, lambda: results or errors, 30, "the window draws a frame")
    if errors:
        raise errors[0]
    return results[0]


def pixels(ctx: Context) -> NDArray[np.uint8]:
    """Return what the window shows in its next frame: RGB, shape (height, width, 3), row 0 at the top."""

    def read() -> NDArray[np.uint8]:
        from OpenGL import GL  # type: ignore[import-untyped, unused-ignore]

        scale = imgui.get_io().display_framebuffer_scale
        size = imgui.get_io().display_size
        width, height = round(size.x * scale.x), round(size.y * scale.y)
        GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, 0)
        GL.glBindBuffer(GL.GL_PIXEL_PACK_BUFFER, 0)
        GL.glPixelStorei(GL.GL_PACK_ALIGNMENT, 1)
        GL.glReadBuffer(GL.GL_BACK)
        data = GL.glReadPixels(0, 0, width, height, GL.GL_RGB, GL.GL_UNSIGNED_BYTE)
        return np.frombuffer(data, np.uint8).reshape(height, width, 3)[::-1].copy()

    return in_window(ctx, read)


def screenshot(ctx: Context, name: str) -> Path:
    """Save what the window shows as ``build/screenshots/NAME.png``; return the path. The name may have a folder."""
    path = SCREENSHOTS / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(ctx)).save(path)
    return path


def chord(keys: str) -> int:
    """Return the test engine's number for keys written as in a menu: "ctrl+shift+z", "page_up", "[", "f5"."""
    names = keys.lower().split("+") if keys != "+" else ["+"]
    if names[-2:] == ["", ""]:  # ctrl and the plus key itself
        names[-2:] = ["+"]
    number = 0
    for name in names:
        number |= int(KEYS[name] if name in KEYS else getattr(imgui.Key, f"_{name}" if name.isdigit() else name))
    return number


def press(ctx: Context, keys: str, times: int = 1) -> None:
    """Press and release keys written as in a menu: "ctrl+z", "delete", "pageup", "1"."""
    ctx.key_press(chord(keys), times)
    ctx.yield_(2)


def click(ctx: Context, position: tuple[float, float], button: str = "left", modifiers: str = "") -> None:
    """Click at a position of the window (in pixels from the top left), with keys held ("ctrl", "ctrl+shift")."""
    drag(ctx, [position], button, modifiers)


def drag(
    ctx: Context,
    positions: Sequence[tuple[float, float]],
    button: str = "left",
    modifiers: str = "",
    *,
    release: bool = True,
) -> None:
    """Press a mouse button at the first position, move through the others one frame each, and release it.

    Parameters
    ----------
    ctx, positions
        x and y in whole pixels of the window, from the top left (the window gets the integer part).
    button
        One of "left", "right", "middle".
    modifiers
        Keys held meanwhile: "ctrl", "shift", "ctrl+shift".
    release
        Whether the button is released at the end; else the story calls ``ctx.mouse_up(BUTTONS.index(button))``.
    """
    held = chord(modifiers) if modifiers else 0
    ctx.mouse_teleport_to_pos(ImVec2(*positions[0]))
    ctx.yield_(2)
    if held:
        ctx.key_down(held)
    ctx.mouse_down(BUTTONS.index(button))
    ctx.yield_()
    for position in positions[1:]:
        ctx.mouse_teleport_to_pos(ImVec2(*position))
        ctx.yield_()
    if release:
        ctx.mouse_up(BUTTONS.index(button))
        ctx.yield_()
    if held:
        ctx.key_up(held)
    ctx.yield_()


def wheel(ctx: Context, position: tuple[float, float], notches: float, modifiers: str = "") -> None:
    """Turn the mouse wheel over a position; positive notches turn it away from the hand."""
    held = chord(modifiers) if modifiers else 0
    ctx.mouse_teleport_to_pos(ImVec2(*position))
    ctx.yield_(2)
    if held:
        ctx.key_down(held)
    ctx.mouse_wheel_y(notches)
    if held:
        ctx.key_up(held)
    ctx.yield_()


def middle(ctx: Context, reference: str) -> tuple[float, float]:
    """Return the middle of an item of the window, such as ``"//Tomograms/**/Open"``, in pixels."""
    box = ctx.item_info(reference).rect_clipped
    return ((box.min.x + box.max.x) / 2, (box.min.y + box.max.y) / 2)


def die(ctx: Context) -> None:
    """End this process at once, as a power cut would; the story's next function finds what was left."""
    ctx._died()
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    time.sleep(60)
