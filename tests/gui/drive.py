"""Open the window, perform one act of a story in it, and write what came of it.

``python tests/gui/drive.py MODULE STORY FOLDER [ACT]``: a process of its own for each act, because the networks must
not be in the window's process and may be in the one that runs the tests, and because a window may crash.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

from acting import Context, pixels
from imgui_bundle import hello_imgui
from imgui_bundle.imgui import test_engine
from PIL import Image
from plans import Act, Plan, Result, stories_of

LONGEST_LINE = 400


def files_of(plan: Plan, folder: Path) -> list[Path]:
    """Return the files that the program is started with; they are made at the first act."""
    listing = folder / "paths.json"
    if not listing.exists():
        made = [str(path) for path in plan.paths(folder)]
        listing.write_text(json.dumps(made), encoding="utf-8")
    return [Path(path) for path in json.loads(listing.read_text(encoding="utf-8"))]


def words_of(error: BaseException) -> str:
    """Return where and why the act failed, with the values of its variables."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    lines = "".join(told.format()).splitlines()
    return "\n".join(line[:LONGEST_LINE] for line in lines)


def keep_picture(context: Context, result_file: Path) -> None:
    """Save the window as the act left it, beside the result; without one where the window is at fault itself."""
    context.strict = False
    try:
        Image.fromarray(pixels(context)).save(result_file.with_suffix(".png"))
    except Exception:  # noqa: BLE001 - the act's own failure is what counts
        traceback.print_exc()


def perform(plan: Plan, act: Act, folder: Path, result_file: Path) -> int:
    """Run the program with the act; return the exit code."""
    result = Result()
    result.write(result_file)

    def died() -> None:
        result.ok, result.died, result.traceback = True, True, ""
        result.write(result_file)

    def on_stage(engine: test_engine.TestContext, editor: Any) -> None:
        # The test engine put its own handlers of crashes in place of these.
        faulthandler.disable()
        faulthandler.enable()
        settings = test_engine.get_io(hello_imgui.get_imgui_test_engine())
        settings.config_watchdog_warning = settings.config_watchdog_kill_test = 1e9
        start = time.perf_counter()
        context = Context(engine, folder, died)
        try:
            act(context, editor)
            result.ok, result.traceback = True, ""
        except BaseException as error:
            result.traceback = words_of(error)
            result.write(result_file)
            keep_picture(context, result_file)
            raise
        finally:
            result.seconds, result.frames = time.perf_counter() - start, context.frame
            result.write(result_file)

    app = importlib.import_module(plan.app)
    code: int = app.run(files_of(plan, folder), settings_folder=folder / "settings", story=on_stage)
    return code if code or result.ok else 1


def main(module: str, name: str, folder: Path, number: int) -> int:
    """Perform one act of a story; return the exit code of the process."""
    faulthandler.enable()
    plan = stories_of(importlib.import_module(module))[name]
    # Where every thread was when the time was over; then the process is ended from outside.
    faulthandler.dump_traceback_later(plan.seconds)
    (folder / "settings").mkdir(parents=True, exist_ok=True)
    code = perform(plan, plan.acts[number], folder, folder / f"result-{number}.json")
    networks = sorted({"tensorflow", "keras", "torch", "jax"} & set(sys.modules))
    if networks:
        sys.stderr.write(f"{', '.join(networks)} is in the window's process, which crashes some drivers\n")
        return 3
    return code


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(words[0], words[1], Path(words[2]), int(words[3]) if len(words) > 3 else 0))
