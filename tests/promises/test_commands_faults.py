"""A full disk, folders that go or may not be written, SIGTERM: one sentence, the finished stays, nothing half done."""

from __future__ import annotations

import os

import pytest
from commands import COMMANDS, KEEPING, OUT, TRIED, Bench, check_records, differences, hidden, visible
from power import Tree
from soaking import moments
from test_commands_killed import some_of

pytestmark = pytest.mark.skipif(os.name == "nt", reason="commands run in children that are forked")
SUMMARIES = (".csv", ".png", "manifest.json", "relion5_import.star", "relion5_import__blob.star")
"""Put together from what is finished: they may be older than it, or not there yet."""


def one_sentence(errors: str) -> str:
    """The last line, which must be the only one of ours and no traceback."""
    assert "Traceback" not in errors, errors
    lines = [line for line in errors.splitlines() if line.startswith("ais: ")]
    assert len(lines) >= 1, errors
    return lines[-1]


def check_left(left: Tree, wanted: Tree, moment: str) -> None:
    """What is there is whole, and nothing is there that is not wanted."""
    assert not hidden(left), moment
    damaged = [one for one in differences(visible(left), visible(wanted)) if one in left]
    assert not [one for one in damaged if not one.endswith(SUMMARIES)], moment


@pytest.mark.parametrize("fate", ["full", *moments((), ("full for a moment",))])
@pytest.mark.parametrize("name", TRIED)
def test_full_disk(bench: Bench, name: str, fate: str) -> None:
    words = COMMANDS[name]
    bench.renew()
    count = bench.do(words).count
    wanted = bench.made()
    for at in some_of(count, moments(2, count)):
        bench.renew()
        outcome = bench.run(words, fate, at)
        moment = f"at {at} of {count}: {outcome.errors}"
        left = bench.made()
        check_left(left, wanted, moment)
        check_records(bench.folder / OUT)
        assert bench.untouched(), moment
        if outcome.code == 0:  # what could not be written was a name that need not be flushed
            assert not differences(left, wanted), moment
            continue
        assert outcome.code in (1, 2), moment
        assert "space" in one_sentence(outcome.errors), moment


@pytest.mark.parametrize("name", ["segment", "filter", *moments((), ("pick", "convert to OME-Zarr"))])
def test_full_disk_while_something_is_replaced(bench: Bench, name: str) -> None:
    """What was there stays there, with its record."""
    other = {"pick": ["--spacing", "5000"], "filter": []}.get(name, ["--voxel-size", "11"])
    words = [word.replace("--invert", "--bin=2") for word in [*COMMANDS[name], *other, "--overwrite"]]
    bench.renew()
    bench.do(COMMANDS[name])
    before = bench.made()
    count = bench.do(words).count
    after = bench.made()
    for at in some_of(count, moments(2, count)):
        bench.renew()
        bench.do(COMMANDS[name])
        outcome = bench.run(words, "full", at)
        left = bench.made()
        assert not hidden(left), f"at {at}"
        assert left.keys() | {"new.mrc.json", "new.zarr.json"} >= before.keys(), f"at {at}"
        for path in left.keys() & before.keys():
            whole = path in SUMMARIES or not {path} & set(differences({path: left[path]}, {path: before[path]}))
            assert whole or not differences({path: left[path]}, {path: after[path]}), f"{path} at {at}"
        check_records(bench.folder / OUT)
        if outcome.code == 0:  # as above
            assert not differences(left, after), f"at {at}"
            continue
        assert outcome.code in (1, 2), outcome.errors
        assert "space" in one_sentence(outcome.errors)


@pytest.mark.parametrize("name", TRIED)
def test_asked_to_end(bench: Bench, name: str) -> None:
    """SIGTERM, as schedulers send it: what is finished stays, what was begun goes, claims are released."""
    words = COMMANDS[name]
    bench.renew()
    count = bench.do(words).count
    wanted = bench.made()
    for at in some_of(count, moments(2, count)):
        bench.renew()
        outcome = bench.run(words, "asked to end", at)
        moment = f"at {at} of {count}: {outcome.errors}"
        assert outcome.code == 143, moment
        assert one_sentence(outcome.errors) == "ais: Ended by the system; what was finished is kept.", moment
        left = bench.made()
        # The lock of a project may stay, if it is just being removed; it names a process that has ended.
        check_left({one: left[one] for one in left if not one.endswith(".lock")}, wanted, moment)
        check_records(bench.folder / OUT)
        assert bench.untouched(), moment
        if name in KEEPING or name == "import":
            bench.do(words)
            assert not differences(bench.made(), wanted), moment


@pytest.mark.parametrize("name", TRIED)
def test_the_folder_of_the_outputs_goes(bench: Bench, name: str) -> None:
    """As when a share is no longer mounted: a sentence, and nothing is written elsewhere."""
    words = COMMANDS[name]
    bench.renew()
    count = bench.do(words).count
    wanted = bench.made()
    for at in some_of(count, moments(1, count)):
        bench.renew()
        outcome = bench.run(words, "vanished", at)
        moment = f"at {at} of {count}: {outcome.errors}"
        assert bench.untouched(), moment
        assert not hidden(bench.made()), moment
        check_records(bench.folder / OUT)
        if outcome.code:
            assert outcome.code in (1, 2), moment
            one_sentence(outcome.errors)
        bench.do([*words, "--overwrite"] if name not in KEEPING and name != "import" else words)
        assert not differences(bench.made(), wanted), moment


@pytest.mark.parametrize("name", TRIED)
def test_a_folder_in_which_nobody_may_write(bench: Bench, name: str) -> None:
    bench.renew()
    (bench.folder / OUT).mkdir()
    (bench.folder / OUT).chmod(0o555)
    outcome = bench.run(COMMANDS[name], "unprivileged")
    assert outcome.code in (1, 2), outcome.errors
    assert OUT in one_sentence(outcome.errors)
    assert "permissions" in one_sentence(outcome.errors)
    assert bench.made() == {}
    assert bench.untouched()
    (bench.folder / OUT).chmod(0o755)
    bench.do(COMMANDS[name])
