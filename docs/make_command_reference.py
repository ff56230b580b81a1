"""Writes docs/reference/commands.md from what `ais COMMAND --help` says, so that the two never differ."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from ais.cli.main import GROUPS, overview, run

HEAD = """# Commands

Written from the commands' own help by `docs/make_command_reference.py`.

Exit codes: 0 done; 1 some of several inputs failed, each named, and the rest are done; 2 wrong use, or nothing could be read,
and then nothing has been written. Results go to stdout; errors, warnings and progress to stderr.

Inputs are files, folders, globs, or a `.txt` with one path per line. Ranges are half open and count from 0 in array order.
"""


def reference() -> str:
    """The page's text."""
    parts = [HEAD, f"```\n{overview()}\n```"]
    for group in GROUPS.values():
        for command in group:
            if not command.later:
                parts.append(f"\n## ais {command.name}\n\n```\n{_help(command.name)}\n```")
    return "\n".join(parts) + "\n"


def _help(name: str) -> str:
    printed = io.StringIO()
    os.environ["COLUMNS"] = "112"  # the width at which help is wrapped
    with contextlib.redirect_stdout(printed):
        run([name, "--help"])
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


if __name__ == "__main__":
    target = Path(__file__).parent / "reference" / "commands.md"
    target.write_text(reference(), encoding="utf-8")
