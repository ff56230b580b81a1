"""`ais slurm`: a script for sbatch in which the tasks of an array share one `ais segment`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ais.cli.options import check_at_least
from ais.cli.terminal import show
from ais.cluster.settings import SLURM_WORD
from ais.cluster.settings_file import read_settings
from ais.errors import AisError

TASK = '"${SLURM_ARRAY_TASK_ID}/%d"'
WARNING_S = 120
"""How long before the end of its time a task is asked to end, so that it lets go of its tomogram."""


@dataclass(frozen=True)
class ArraySettings:
    """What SLURM is asked for.

    Attributes
    ----------
    jobs
        Tasks of the array.
    cpus
        Of each task.
    partition, account, time, memory
        As SLURM calls them; empty to leave them to it.
    gpus
        Of each task, a number or ``"a100:1"``; empty for none.
    options
        Further options of sbatch, such as ``"--qos=long"``.
    setup
        Lines of shell that make the environment, such as ``"module load cuda"``.
    """

    jobs: int = 8
    cpus: int = 4
    partition: str = ""
    account: str = ""
    time: str = ""
    memory: str = ""
    gpus: str = ""
    options: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise an AisError that names what cannot stand in the head of a script."""
        check_at_least("--jobs", self.jobs, 1)
        check_at_least("--cpus", self.cpus, 1)
        for name in ("partition", "account", "time", "memory", "gpus"):
            value = getattr(self, name)
            if value and not SLURM_WORD.fullmatch(value):
                raise AisError(f"--{name} must be one word that SLURM knows, not '{value}'.")
        for option in self.options:
            if not option.startswith("-") or not option.isprintable():
                raise AisError(f"'{option}' is no option of sbatch: write it as --qos=long.")


def run(
    words: Annotated[
        list[str],
        typer.Argument(metavar="SEGMENT-ARGUMENTS", help="What would follow `ais segment`.", show_default=False),
    ],
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Tasks that share the tomograms.  [8]")
    ] = None,
    cpus: Annotated[int | None, typer.Option("--cpus", metavar="N", help="Cores of each task.  [4]")] = None,
    gpus: Annotated[str | None, typer.Option("--gpus", metavar="N|TYPE:N", help="GPUs of each task.")] = None,
    partition: Annotated[str | None, typer.Option("--partition", metavar="NAME", help="Where to run.")] = None,
    time: Annotated[str | None, typer.Option("--time", metavar="D-HH:MM:SS", help="Time limit of each task.")] = None,
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Who pays.")] = None,
    memory: Annotated[str | None, typer.Option("--memory", metavar="SIZE", help="Of each task, such as 32G.")] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="The same as TOML or JSON, and `setup` and `options`: lists."),
    ] = None,
) -> int:
    """Print an sbatch script: an array of tasks that share one `ais segment`.

    Save it and submit it with `sbatch FILE`. Each task begins with its own share of the tomograms and helps the others
    when it has finished; what a task that was ended has left is done by the others, or when the script is submitted
    again. The script runs in the current folder, with the Python that runs this command.
    """
    words = words[1:] if words[0] == "segment" and not Path("segment").exists() else words
    _check_segment(words)
    settings = read_settings(Path(config), ArraySettings) if config else ArraySettings()
    given: dict[str, Any] = {
        "jobs": jobs,
        "cpus": cpus,
        "gpus": gpus,
        "partition": partition,
        "time": time,
        "account": account,
        "memory": memory,
    }
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    settings.check()
    show(array_script(words, settings, Path.cwd(), [sys.executable, "-m", "ais.cli"]).rstrip("\n"))
    return 0


def array_script(words: Sequence[str], settings: ArraySettings, folder: Path, program: Sequence[str]) -> str:
    """The text of the script.

    Parameters
    ----------
    words
        What follows `ais segment`.
    settings
        What SLURM is asked for; checked.
    folder
        Where the tasks run.
    program
        The words that start `ais`.

    Raises
    ------
    AisError
        If a path cannot be written in UTF-8.
    """
    asked = [
        "job-name=ais-segment",
        f"array=0-{settings.jobs - 1}",
        "ntasks=1",
        f"cpus-per-task={settings.cpus}",
        *(f"{name}={getattr(settings, name)}" for name in ("partition", "account", "time") if getattr(settings, name)),
        *([f"mem={settings.memory}"] if settings.memory else []),
        *([f"gres=gpu:{settings.gpus}"] if settings.gpus not in ("", "0") else []),
        "output=ais-segment-%A_%a.log",
        f"signal=B:TERM@{WARNING_S}",
        "requeue",
    ]
    call = [*map(_quoted, program), "segment", "--shard", TASK % settings.jobs, *map(_quoted, words)]
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH --{one}" for one in asked),
        *(f"#SBATCH {one}" for one in settings.options),
        "",
        f"cd -- {_quoted(str(folder))} || exit 2",
        *settings.setup,
        "# The shell becomes the program, so that the signal before the time limit reaches it.",
        "exec " + " ".join(call),
    ]
    return "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError as error:
        raise AisError(f"{word!a} is no text in UTF-8, so that no script can name it: rename it.") from error
    return shlex.quote(word)


def _check_segment(words: list[str]) -> None:
    """Raise what `ais segment` would say of its words, and an AisError for what the script says itself."""
    from ais.cli.main import COMMANDS, parser_of

    given = parser_of(COMMANDS["segment"]).make_context("ais segment", list(words)).params
    for name in ("shard", "cluster", "overwrite"):
        if given.get(name):
            raise AisError(f"--{name} cannot be used in an array of tasks: leave it out.")
