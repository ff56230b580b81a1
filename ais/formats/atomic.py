"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ais.errors import AisError, describe_os_error

if sys.platform != "win32":
    import fcntl


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """A temporary path beside `target` that takes its name when the block ends well.

    The temporary file is called ``.<name>.<uuid>.tmp``. It is flushed to disk before it is renamed, so after a power
    cut the old or the new file is there, never a part of one. When the block raises, the temporary file is
    removed; when the process is killed it stays, and the next writer of the same target removes it.

    Parameters
    ----------
    target
        The final path. Its folder is made if missing.

    Yields
    ------
    Path
        The path to write to. It exists, empty. Close every handle and memory map on it before the block ends.

    Raises
    ------
    AisError
        If the folder cannot be written or the disk is full.
    """
    target = Path(target)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    missing: list[Path] = []
    try:
        try:
            missing += missing_folders(target.parent)
            make_folders(target.parent)
            remove_leftovers(target)
            if target.is_dir():
                raise AisError(f"{target} is a folder where a file should be written.")
            lock = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            raise AisError(describe_os_error(error, target)) from error
        try:
            _claim(lock)
            yield temporary
            flush(temporary)
            if sys.platform != "win32":
                os.replace(temporary, target)  # still locked, so that nobody takes it for a leftover
        finally:
            os.close(lock)
        if sys.platform == "win32":
            os.replace(temporary, target)  # Windows renames no open file
        flush_folder(target.parent)
    except OSError as error:
        _give_up(temporary, missing)
        named = error.filename
        path = target if named is None or str(named) == str(temporary) else named
        raise AisError(describe_os_error(error, path)) from error
    except BaseException:
        _give_up(temporary, missing)
        raise


def _give_up(temporary: Path, made_folders: Sequence[Path]) -> None:
    """Remove the temporary file, and folders made for it if nothing else has come into them."""
    with suppress(OSError):  # its folder may have gone, or be one in which nobody writes any more
        temporary.unlink()
    for folder in made_folders:
        try:
            folder.rmdir()
        except OSError:
            return


def write_bytes(target: Path | str, data: bytes) -> None:
    """Write a whole file atomically.

    Raises
    ------
    AisError
        If the folder cannot be written or the disk is full.
    """
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


def write_text(target: Path | str, text: str) -> None:
    """Write a whole UTF-8 text file with line feeds atomically; raises as `write_bytes`."""
    write_bytes(target, text.encode("utf-8"))


def remove_leftovers(target: Path | str) -> None:
    """Remove temporary files that killed writers of `target` have left; those of living writers stay."""
    target = Path(target)
    try:
        names = os.listdir(target.parent)
    except OSError:
        return
    for name in names:
        if _is_temporary(name, target.name):
            _remove_if_abandoned(target.parent / name)


def _is_temporary(name: str, target: str) -> bool:
    """Whether a name is that of a temporary file for a target, or of one for that, as writers within writers make."""
    while name.startswith(".") and name.endswith(".tmp") and len(name) > len(target):
        name = name[1:-37]
        if name == target:
            return True
    return False


def _remove_if_abandoned(temporary: Path) -> None:
    # A living writer holds a lock on its temporary file; on Windows an open file cannot be removed anyway.
    try:
        if sys.platform == "win32":
            temporary.unlink()
            return
        handle = os.open(temporary, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            temporary.unlink()
        finally:
            os.close(handle)
    except OSError:
        return


def _claim(handle: int) -> None:
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # a file system without locks: leftovers then stay, since they cannot be told from living ones


def missing_folders(folder: Path) -> list[Path]:
    """The folder and those above it that do not exist, the innermost first."""
    return [one for one in (folder, *folder.parents) if not one.exists()]


def make_folders(folder: Path) -> None:
    """Make a folder and those above it that are missing; their names outlast a power cut.

    Raises
    ------
    OSError
        If one cannot be made.
    """
    missing = missing_folders(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        flush_folder(one.parent)


def flush(path: Path) -> None:
    """Have the content of a file reach the disk, whatever happens to the computer from then on."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder reach the disk, where the file system can."""
    if sys.platform == "win32":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # a folder that may be written but not listed
    try:
        os.fsync(handle)
    except OSError:
        return  # some network file systems cannot flush a folder; the names have been given
    finally:
        os.close(handle)


def flush_tree(folder: Path) -> None:
    """Have everything in a folder reach the disk, so that it may take its final name."""
    for inner, _, names in os.walk(folder):
        for name in names:
            flush(Path(inner, name))
        flush_folder(Path(inner))
