"""The `ais` command: finds the subcommand, runs it, and turns what goes wrong into one sentence and an exit code."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import typer

from ais import __version__
from ais.cli.recording import recorded
from ais.cli.terminal import complain, show
from ais.errors import AisError, Cancelled, describe_os_error

DONE, SOME_FAILED, WRONG = 0, 1, 2
INTERRUPTED = 130
TERMINATED = 143
THREADS_END_S = 0.2
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


@dataclass(frozen=True)
class Command:
    """A subcommand as the overview shows it.

    Attributes
    ----------
    name
        What the user types; the module in `ais.cli` is called the same, with an underscore at the end where the
        name is a word of Python.
    summary
        One line.
    later
        Its work comes in a later version.
    passes_on
        Options that it does not know are those of another command.
    """

    name: str
    summary: str
    later: bool = False
    passes_on: bool = False

    @property
    def module(self) -> str:
        """Full name of the module that holds the command's function `run`."""
        return f"ais.cli.{self.name}{'_' if self.name in ('import',) else ''}"


GROUPS: dict[str, tuple[Command, ...]] = {
    "Look and collect": (
        Command("info", "say what is in a file: volume, project, training set, model, coordinates"),
        Command("import", "add tomograms and other files to a project"),
        Command("annotate", "turn slices of a mask into annotations and place boxes"),
    ),
    "Train": (
        Command("extract", "cut a training set from annotated boxes"),
        Command("train", "train a network on training sets"),
        Command("compare", "train several architectures on one set and tabulate them"),
        Command("classic", "write a model of a classic method, which needs no training"),
    ),
    "Segment": (
        Command("segment", "segment tomograms with one or more models"),
        Command("pick", "find particles in segmented volumes"),
        Command("mesh", "make surfaces of segmented volumes"),
        Command("evaluate", "compare a segmentation or picks with the truth"),
        Command("analyze", "measure the instances in segmented volumes"),
    ),
    "Prepare and convert": (
        Command("filter", "smooth, match, bin or turn a volume into a new file"),
        Command("convert", "convert between the formats Ais reads and writes"),
        Command("copick", "list what is in a copick project, and write picks and segmentations into it"),
        Command("simulate", "make simulated tomograms with their ground truth"),
    ),
    "The installation": (
        Command("demo", "run the whole pipeline on a simulated tomogram and write a report"),
        Command("doctor", "check the installation and say what is missing"),
        Command("stages", "split, predict, assemble and analyse a folder, going on where it was stopped"),
        Command("slurm", "print an sbatch array script", passes_on=True),
        Command("repeat", "run again what a record describes, and compare"),
    ),
}
COMMANDS = {command.name: command for group in GROUPS.values() for command in group}


class _Terminated(BaseException):
    """The system has asked the process to end."""


def main() -> NoReturn:
    """Run the command line of this process and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    if "ais.gui.app" in sys.modules and _computing():
        # All files are written; what is still computed for a window that is closed, nobody waits for.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)


def _computing() -> bool:
    """Whether threads are left that would keep the process from ending soon."""
    threads = [one for one in threading.enumerate() if one is not threading.main_thread() and not one.daemon]
    for one in threads:
        one.join(THREADS_END_S)
    return any(one.is_alive() for one in threads)


def run(words: Sequence[str]) -> int:
    """Run a command line.

    Parameters
    ----------
    words
        What follows `ais`.

    Returns
    -------
    int
        0 done; 1 some of several inputs failed; 2 wrong use, or nothing could be read; 130 interrupted.
    """
    if words and words[0] in ("-h", "--help"):
        show(overview())
        return DONE
    if words and words[0] == "--version":
        show(f"Ais {__version__}")
        return DONE
    if not words or words[0] not in COMMANDS:
        return _without_command(words)
    command = COMMANDS[words[0]]
    if command.later:
        complain(f"ais {command.name} is not part of this version yet; it will {command.summary}.")
        return WRONG
    return _guarded(command, list(words[1:]))


def overview() -> str:
    """The text of `ais --help`."""
    width = max(len(name) for name in COMMANDS)
    lines = [
        "Usage: ais COMMAND [OPTIONS]",
        "       ais [PROJECT | TOMOGRAM...]   opens the editor window",
        "",
        "Segment cryo-electron tomograms: from a few painted slices to segmented volumes, particles and surfaces.",
        "Lengths are in angstrom unless an option ends in -px or -vox.",
    ]
    for title, group in GROUPS.items():
        lines += ["", f"{title}:"] + [_summary_line(command, width) for command in group]
    lines += ["", "`ais COMMAND --help` explains a command; `ais demo` shows the whole way."]
    return "\n".join(lines)


def _summary_line(command: Command, width: int) -> str:
    return f"  {command.name:<{width}}  {command.summary}{' (not yet)' if command.later else ''}"


def _without_command(words: Sequence[str]) -> int:
    if words and words[0].startswith("-"):
        complain(f"There is no option {words[0]}: see ais --help.")
    elif words and not Path(words[0]).exists():
        complain(f"{words[0]} is neither a command nor an existing file: see ais --help.")
    else:
        return _open_editor(words)
    return WRONG


def _open_editor(words: Sequence[str]) -> int:
    missing = [word for word in words if not Path(word).exists()]
    if missing:
        complain(f"{missing[0]} does not exist.")
        return WRONG
    from ais.gui.app import run as run_editor

    try:
        return run_editor([Path(word) for word in words])
    except AisError as error:
        complain(str(error))
    return WRONG


def _guarded(command: Command, words: list[str]) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it says of damaged files becomes our sentence
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns when one process trains several networks
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        return _execute(command, words)
    except AisError as error:
        complain(str(error))
    except UsageError as error:
        complain(f"{_usage_reason(error)}; see ais {command.name} --help.")
    except OSError as error:
        complain(describe_os_error(error))
    except UnicodeEncodeError:
        complain("The name of a file is no text and cannot be written into what was asked for: rename that file.")
    except MemoryError:
        complain("There is not enough memory for this: use a smaller range, crop or batch size.")
    except (KeyboardInterrupt, Cancelled):
        complain("Stopped; what was finished is kept.")
        return INTERRUPTED
    except _Terminated:
        complain("Ended by the system; what was finished is kept.")
        return TERMINATED
    finally:
        signal.signal(signal.SIGTERM, previous)
    return WRONG


def _execute(command: Command, words: list[str]) -> int:
    code: Any = parser_of(command).main(words, f"ais {command.name}", standalone_mode=False)
    return code if isinstance(code, int) else DONE


def parser_of(command: Command) -> Any:
    """What turns the words after a command's name into a call of its function; a command of click."""
    function = recorded(command.name, importlib.import_module(command.module).run)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    settings = {
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "ignore_unknown_options": command.passes_on,
    }
    app.command(name=command.name, context_settings=settings)(function)
    return typer.main.get_command(app)


def _usage_reason(error: Exception) -> str:
    explain = getattr(error, "format_message", None)
    return str(explain() if explain is not None else error).strip().rstrip(".")


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # schedulers ask twice; what was begun is being removed already
    raise _Terminated
