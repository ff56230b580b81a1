"""Where the files that a record names are now, known by their content."""

from __future__ import annotations

import re
from pathlib import Path

from ais.errors import AisError
from ais.formats.record import describe_input
from ais.formats.recorded import Record, RecordedInput, shown
from ais.formats.registry import is_volume_folder
from ais.formats.zarr_path import remote_address

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class InputsNow:
    """Where the files of a record are now.

    Parameters
    ----------
    record
        Whose files they are.
    told
        Words ``OLD=NEW``: OLD is the path or the name that the record has, NEW the file, or the folder that holds it.

    Raises
    ------
    AisError
        If a word names no file of the record.
    """

    def __init__(self, record: Record, told: list[str]) -> None:
        self._record = record
        self._told: dict[RecordedInput, Path] = {}
        for word in told:
            named = [
                (one, word[len(old) + 1 :])
                for one in (*record.inputs, *record.models)
                for old in (one.path, one.name)
                if word.startswith(f"{old}=") and len(word) > len(old) + 1
            ]
            if not named:
                names = ", ".join(dict.fromkeys(shown(one.name) for one in (*record.inputs, *record.models)))
                raise AisError(f"--input {word} must be OLD=NEW, with OLD one of the inputs: {names or 'none'}.")
            for one, new in named:
                self._told[one] = Path(new) / one.name if _is_plain(Path(new)) else Path(new)

    def find(self) -> dict[RecordedInput, Path]:
        """Each file of the record, with the content that it had then.

        Raises
        ------
        AisError
            If one is missing or has changed; it names the first of them.
        """
        found: dict[RecordedInput, Path] = {}
        wrong: list[str] = []
        for one in (*self._record.inputs, *self._record.models):
            try:
                found[one] = self._find(one)
            except AisError as error:
                wrong.append(str(error))
        if wrong:
            more = len(wrong) - 1
            raise AisError(wrong[0] + (f" {more} more {'is' if more == 1 else 'are'} wrong." if more else ""))
        return found

    def _find(self, one: RecordedInput) -> Path:
        told = self._told.get(one)
        if told is not None:
            if _content(told, one) == one.content:
                return told
            raise AisError(f"{told} is not the {shown(one.name)} that was read: its content differs from the record's.")
        name, place = shown(one.path), shown(one.name)
        if ADDRESS.match(one.path) or remote_address(one.path) is not None:
            raise AisError(f"{name} is an address, which is read only if you say so: give --input {place}={name}.")
        folder = self._record.path.parent
        candidates = [Path(one.path), folder / one.name, folder.parent / one.name]
        there = [path for path in candidates if path.is_file() or path.is_dir()]
        for path in there:
            if _content(path, one) == one.content:
                return path
        if there:
            raise AisError(
                f"{there[0]} has changed since the record was made: give the file as it was with --input {place}=FILE."
            )
        raise AisError(f"{name} does not exist: say where it is now with --input {place}=FILE.")


def _is_plain(path: Path) -> bool:
    """Whether this is a folder that holds files rather than being a volume itself."""
    return path.is_dir() and not is_volume_folder(path)


def _content(path: Path, one: RecordedInput) -> tuple[int | str, ...] | None:
    """What the record would say of a file now; None if it cannot be read."""
    try:
        if one.is_model:
            from ais.models import model_hash

            return (model_hash(path),)
        described = describe_input(path)
    except AisError:
        return None
    return (described["size"], described["fingerprint"])
