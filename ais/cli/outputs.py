"""Where a command may write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ais.errors import AisError
from ais.formats.registry import is_volume_folder


def check_output(target: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise an AisError unless a command may write to `target`.

    Parameters
    ----------
    target
        The file to be written.
    overwrite
        Whether an existing file may be replaced.
    inputs
        Files that are being read; none of them may be replaced in any case.
    """
    if target.is_dir() and not is_volume_folder(target):
        raise AisError(f"{target} is a folder: name the file to write.")
    for source in inputs:
        if target.exists() and source.exists() and target.samefile(source):
            raise AisError(f"{target} is the input: choose another name for the output.")
    if target.exists() and not overwrite:
        raise AisError(f"{target} exists: choose another name, or --overwrite.")
