"""`ais repeat`: what a record describes, run again and compared."""

from __future__ import annotations

import filecmp
import io
import shlex
from contextlib import ExitStack, closing, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from ais import __version__
from ais.cli.inputs_now import InputsNow
from ais.cli.main import COMMANDS, UsageError, parser_of
from ais.cli.options import Json, Overwrite
from ais.cli.outputs import check_output
from ais.cli.recorded_words import RepeatedWork
from ais.cli.recording import MODELS
from ais.cli.terminal import complain, show, show_json
from ais.errors import AisError
from ais.formats.record import BLOCK_BYTES, SAMPLED_BLOCKS, content_of
from ais.formats.recorded import Record, open_record
from ais.formats.registry import volume_suffix
from ais.prediction import slabs
from ais.tomogram import Tomogram

FOLDER = "repeat"
SAME, DIFFERENT = 0, 1


def run(
    record: Annotated[
        str, typer.Argument(metavar="RECORD", help="Record of an output, or the output itself.", show_default=False)
    ],
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Folder for the output.", show_default="repeat, beside RECORD")
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="OLD=NEW", help="An input or model that has been moved: its path or name then, and now."
        ),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Run again what a record describes, and say whether the result is the same.

    Inputs and models must be as they were, byte for byte; those that have been moved are found beside the record, or by
    --input. The first output is never touched. The exit code is 0 if the new one is the same, 1 if it differs.
    """
    found = open_record(Path(record))
    folder = found.path.parent / FOLDER if output is None else Path(output)
    with TemporaryDirectory(prefix="ais-") as workspace:
        work = RepeatedWork(found, InputsNow(found, input_ or []).find(), folder, Path(workspace))
        if work.output.exists() and found.original.exists() and work.output.samefile(found.original):
            raise AisError(f"{work.output} is what the record is about, and is not written again: choose another -o.")
        check_output(work.output, overwrite=overwrite)
        code = _run(work, found, overwrite=overwrite)
    if code or not work.output.exists():
        complain(f"{found.path} could not be repeated.")
        return 2
    comparison = {
        "record": str(found.path),
        "command": work.command,
        "output": str(work.output),
        **_compared(found, work.output),
        "version": {"recorded": found.about.get("version", ""), "now": __version__},
    }
    if json:
        show_json(comparison)
    else:
        show(f"{work.output}  {comparison['text']}")
    return SAME if comparison["identical"] or comparison["same_content"] else DIFFERENT


def _run(work: RepeatedWork, record: Record, *, overwrite: bool) -> int:
    parser = parser_of(COMMANDS[work.command])
    words = work.words(parser, overwrite=overwrite)
    complain(f"Running ais {work.command} {shlex.join(words)}")
    with redirect_stdout(io.StringIO()):  # what is shown is how the two compare
        try:
            code: Any = parser.main(words, f"ais {work.command}", standalone_mode=False)
        except UsageError as error:
            explain = getattr(error, "format_message", None)
            reason = str(explain() if explain is not None else error).strip().rstrip(".")
            raise AisError(
                f"{record.path} has a setting that makes no sense to ais {work.command}: {reason}."
            ) from error
    return code if isinstance(code, int) else 0


def _compared(record: Record, made: Path) -> dict[str, Any]:
    """Whether what has been made is what the record tells of, in words too."""
    original = record.original if _is_as_recorded(record) else None
    identical = False
    if record.content is not None:
        now = content_of(made)
        identical = (now["size"], now["fingerprint"]) == record.content
        if identical and original is not None and made.is_file():
            identical = filecmp.cmp(original, made, shallow=False)
    if identical:
        whole = made.is_file() and (original is not None or made.stat().st_size <= SAMPLED_BLOCKS * BLOCK_BYTES)
        text = "is the same, byte for byte" if whole else "has the same size and fingerprint"
        return {"identical": True, "same_content": True, "text": text}
    same, text = _content_compared(record, original, made)
    return {"identical": False, "same_content": same, "text": text}


def _is_as_recorded(record: Record) -> bool:
    if not record.original.exists():
        return False
    if record.content is None:
        return True
    now = content_of(record.original)
    return (now["size"], now["fingerprint"]) == record.content


def _content_compared(record: Record, original: Path | None, made: Path) -> tuple[bool | None, str]:
    """As `_compared`, of what files hold whose bytes differ; None where nobody can tell."""
    if made.suffix.lower() in MODELS and "model" in record.result:
        from ais.models import model_hash

        same = model_hash(made) == record.result["model"]
        return same, "computes the same; only what is noted in the file differs" if same else _differs(record, "")
    if original is None:
        return None, _differs(record, "; the first output is not there to tell how")
    if volume_suffix(made) and volume_suffix(original):
        return _volumes_compared(record, original, made)
    return False, _differs(record, "")


def _volumes_compared(record: Record, original: Path, made: Path) -> tuple[bool, str]:
    with ExitStack() as opened:
        first, second = (opened.enter_context(closing(Tomogram.open(path))) for path in (original, made))
        if first.shape != second.shape:
            return False, _differs(record, "; the shapes are not the same")
        count, largest = 0, 0.0
        for z, values in slabs(first):
            others = second.raw(z, z + len(values))
            unlike = (values != others) & ~((values != values) & (others != others))  # NaN is like NaN
            if unlike.any():
                count += int(unlike.sum())
                gap = np.abs(values[unlike].astype(np.float64) - others[unlike].astype(np.float64))
                largest = max(largest, float(np.nanmax(gap, initial=0)))
    if not count:
        return True, "holds the same values; only what is noted in the file differs"
    total = int(np.prod(first.shape))
    return False, _differs(record, f" in {count} of {total} voxels, by at most {largest:.4g}")


def _differs(record: Record, how: str) -> str:
    about = record.about
    then = f"Ais {about.get('version', '?')} on {about.get('host', '?')}, {about.get('finished', '?')}"
    return f"differs from what the record tells of{how} (made by {then}; this is Ais {__version__})"
