"""A tomogram is replaced by another, and the clock jumps: between two runs, and while a command is at work."""

from __future__ import annotations

import os
import shutil

import pytest
from commands import COMMANDS, KEEPING, OUT, Bench, check_records, differences, hidden
from soaking import moments
from test_commands_faults import one_sentence
from test_commands_killed import some_of

from ais.formats.record import content_of, is_unchanged, read_record

pytestmark = pytest.mark.skipif(os.name == "nt", reason="commands run in children that are forked")
SAME_SIZE, OTHER_SIZE = "of the same size", "of other dimensions"
ABOUT_THE_TOMOGRAM = {
    "segment": ["segment", "-m", "blob.aism", "tomo.mrc", "-o", "out"],
    "pick": ["pick", "tomo.mrc", "-o", "out", "--threshold", "1"],
    "filter": COMMANDS["filter"],
    "convert to OME-Zarr": COMMANDS["convert to OME-Zarr"],
}


@pytest.mark.parametrize(
    ("name", "other"),
    moments(
        [("segment", SAME_SIZE), ("filter", OTHER_SIZE)],
        [(name, other) for name in ABOUT_THE_TOMOGRAM for other in (SAME_SIZE, OTHER_SIZE)],
    ),
)
def test_a_tomogram_is_replaced_while_it_is_read(bench: Bench, name: str, other: str) -> None:
    """The output is that of the one or of the other, as its record says, or it is refused; never of both."""
    words = ABOUT_THE_TOMOGRAM[name]
    bench.renew()
    prepare(bench, other)
    count = bench.run(words, "replaced", 10**6).count
    of_the_first = bench.made()
    bench.renew()
    prepare(bench, other)
    shutil.copy(bench.folder / "other.mrc", bench.folder / "tomo.mrc")
    bench.do(words)
    of_the_second = bench.made()
    refused = 0
    for at in some_of(count, moments(4, count)):
        bench.renew()
        prepare(bench, other)
        outcome = bench.run(words, "replaced", at)
        moment = f"at {at} of {count}: {outcome.errors}"
        left = bench.made()
        assert not hidden(left), moment
        check_records(bench.folder / OUT)
        if outcome.code:
            refused += 1
            sentence = one_sentence(outcome.errors)
            assert "tomo.mrc" in sentence, moment
            assert not [path for path in left if path.endswith(".json")], "what may be of both has no record"
            bench.do([*words, "--overwrite"])
            assert not differences(bench.made(), of_the_second), moment
            continue
        assert not differences(left, of_the_first) or not differences(left, of_the_second), moment
        if not differences(left, of_the_first):
            shutil.copy(bench.stock / "tomo.mrc", bench.folder / "other.mrc")
        check_inputs(bench, "other.mrc")
    assert refused


def prepare(bench: Bench, other: str) -> None:
    if other == SAME_SIZE:
        shutil.copy(bench.folder / "tomo.mrc", bench.folder / "other.mrc")
        with open(bench.folder / "other.mrc", "r+b") as file:
            file.seek(1024)
            file.write(file.read()[::-1][:1] * 100_000)


def check_inputs(bench: Bench, name: str) -> None:
    """Each record names that tomogram as its input."""
    wanted = content_of(bench.folder / name)
    for path in (bench.folder / OUT).glob("*.json"):
        record = read_record(path.with_suffix(""))
        for entry in record.get("inputs", ()) if record else ():
            assert {key: entry[key] for key in wanted} == wanted


@pytest.mark.parametrize("name", ["segment", "pick", *moments((), ("mesh", "analyze"))])
def test_a_tomogram_is_replaced_between_two_runs(bench: Bench, name: str) -> None:
    """What was made of the old one is not taken for the new one's, and not overwritten unasked."""
    words = [word for word in COMMANDS[name] if word not in ("other.mrc", "mask.mrc")]
    bench.renew()
    bench.do(words)
    before = bench.made()
    source = "tomo.mrc" if name == "segment" else "seg__blob.mrc"
    shutil.copy(bench.folder / "other.mrc", bench.folder / source)
    outcome = bench.run(words)
    assert outcome.code == 2
    assert "was made from other input or settings" in one_sentence(outcome.errors)
    assert bench.made() == before
    bench.do([*words, "--overwrite"])
    assert differences(bench.made(), before)
    check_records(bench.folder / OUT)


@pytest.mark.parametrize("name", moments(("segment a share",), KEEPING))
def test_the_clock_jumps(bench: Bench, name: str) -> None:
    """Ten years back, while a command runs; what it makes is the same, and is kept by a run in either time."""
    words = COMMANDS[name]
    bench.renew()
    count = bench.do(words).count
    wanted = bench.made()
    for at in [1, *some_of(count, moments(1, count))]:
        bench.renew()
        outcome = bench.run(words, "clock", at)
        assert outcome.code == 0, outcome.errors
        made = bench.made()
        assert not differences(made, wanted)
        check_records(bench.folder / OUT)
        for path in made:
            os.utime(bench.folder / OUT / path, (4e9, 4e9))  # of the year 2096
        dates = {path: (bench.folder / OUT / path).stat().st_mtime for path in made if path.endswith((".mrc", ".obj"))}
        bench.do(words)
        assert bench.run(words, "clock", 1).code == 0
        assert not differences(bench.made(), wanted)
        assert {path: (bench.folder / OUT / path).stat().st_mtime for path in dates} == dates, "all is kept"


def test_a_killed_run_of_the_future(bench: Bench) -> None:
    """Leftovers and claims whose dates lie ahead are cleared away all the same."""
    words = COMMANDS["segment"]
    bench.renew()
    count = bench.do(words).count
    wanted = bench.made()
    for at in some_of(count, moments(1, count)):
        bench.renew()
        assert bench.run(words, "killed", at).code < 0
        for path in bench.made():
            os.utime(bench.folder / OUT / path, (4e9, 4e9))
        bench.do(words)
        assert not differences(bench.made(), wanted)


def test_a_command_may_replace_what_it_has_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a model is trained further under its own name."""
    from ais.cli.recording import recorded

    bench.renew()
    monkeypatch.chdir(bench.folder)
    values = {"sets": ["set.scnt"], "config": None, "continue_": "blob.aism", "output": "blob.aism"}

    def train(**_: object) -> int:
        shutil.copy("dark.aism", "blob.aism")
        return 0

    assert recorded("train", train)(**values) == 0
    record = read_record(bench.folder / "blob.aism")
    assert record is not None
    assert is_unchanged(bench.folder / "blob.aism", record)
