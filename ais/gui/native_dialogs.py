"""The file dialogs of the desktop, where there are any."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ais.errors import Cancelled
from ais.gui.background import Work
from ais.gui.file_browser import FileKind, FileQuestion, Wanted, with_ending

PROGRAMS = ("zenity", "kdialog", "qarma", "matedialog")
"""Any of them is what draws file dialogs on Linux."""

ASKED_EVERY_S = 0.1


def available() -> bool:
    """Whether the desktop has file dialogs."""
    return sys.platform in ("win32", "darwin") or any(shutil.which(program) for program in PROGRAMS)


def ask(question: FileQuestion, work: Work) -> list[Path]:
    """Show the desktop's dialog and wait, in a thread, until it is answered; empty if the user changed their mind.

    Raises
    ------
    Cancelled
        If the window closes meanwhile.
    """
    from imgui_bundle import portable_file_dialogs as native

    start = str(question.folder / question.name) if question.name else f"{question.folder}{os.sep}"
    filters = _filters(question.kinds)
    dialog: native.open_file | native.save_file | native.select_folder
    if question.wanted is Wanted.FOLDER:
        dialog = native.select_folder(question.title, start)
    elif question.wanted is Wanted.NEW_FILE:
        dialog = native.save_file(question.title, start, filters)
    else:
        several = native.opt.multiselect if question.wanted is Wanted.FILES else native.opt.none
        dialog = native.open_file(question.title, start, filters, several)
    while not dialog.ready(0):
        if work.cancelled:
            dialog.kill()
            raise Cancelled
        time.sleep(ASKED_EVERY_S)
    result = dialog.result()
    names = [result] if isinstance(result, str) else result
    paths = [Path(name) for name in names if name]
    if question.wanted is Wanted.NEW_FILE:
        # The dialog has confirmed the name as it was typed, so an ending is only added where nothing is replaced.
        ended = [path.with_name(with_ending(path.name, question.kinds[:1])) for path in paths]
        paths = [new if not new.exists() else old for old, new in zip(paths, ended, strict=True)]
    return paths


def _filters(kinds: Sequence[FileKind]) -> list[str]:
    filters = []
    for kind in kinds:
        filters += [kind.name, " ".join(f"*{ending}" for ending in kind.endings) or "*"]
    return filters
