"""The power goes at any moment: under final names lies what was there before or all of what is new, never a part.

Each command runs once, and every call by which it changes the disk is noted. From the notes come the states in which a
disk may be found that has lost what was not flushed (see `power`), for every moment of the run.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from commands import COMMANDS, OUT, Bench, check_records, hidden, visible
from power import Replayed, Tree, read_tree
from soaking import moments

pytestmark = pytest.mark.skipif(os.name == "nt", reason="commands run in children that are forked")


WRITTEN_BY_SQLITE = "import"
"""See `test_editor_power_cut`."""
LONG = ("simulate", "classic", "convert picks", "mesh into a scene")
NAMES = [name for name in COMMANDS if name != WRITTEN_BY_SQLITE and name not in moments(LONG, ())]


@pytest.mark.parametrize("name", NAMES)
def test_power_cut(bench: Bench, name: str) -> None:
    bench.renew()
    before = read_tree(bench.folder)
    outcome = bench.run(COMMANDS[name], "noted")
    assert outcome.code == 0, outcome.errors
    allowed = check_cuts(bench, before, outcome.calls, moments(1, 20))
    assert allowed


@pytest.mark.parametrize("name", ["pick", "convert to OME-Zarr", *moments((), ("segment", "filter"))])
def test_power_cut_while_something_is_replaced(bench: Bench, name: str) -> None:
    bench.renew()
    bench.do(COMMANDS[name])
    before = read_tree(bench.folder)
    other = {"pick": ["--spacing", "5000"], "filter": []}.get(name, ["--voxel-size", "11"])
    words = [word.replace("--invert", "--bin=2") for word in [*COMMANDS[name], *other, "--overwrite"]]
    outcome = bench.run(words, "noted")
    assert outcome.code == 0, outcome.errors
    check_cuts(bench, before, outcome.calls, moments(1, 20))


def check_cuts(bench: Bench, before: Tree, calls: list[object], count: int) -> dict[str, list[bytes]]:
    """Look at what may be left at each moment; returns what each name has held."""
    from disk import Call

    whole: dict[str, list[bytes]] = {}
    remember(whole, visible(before))
    replayed = Replayed(bench.folder, before)
    for call in calls:
        assert isinstance(call, Call)
        replayed.apply(call)
        if call.kind == "rename":
            remember(whole, visible(replayed.now()))
    print(f"{len(calls)} calls, {(len(calls) + 1) * (3 + count)} states of the disk")  # noqa: T201 - make soak shows it
    assert replayed.now() == read_tree(bench.folder), "something was written that has not been seen"
    after = visible(replayed.now())
    replayed, chance = Replayed(bench.folder, before), random.Random(len(calls))
    for number, call in enumerate(calls):
        assert isinstance(call, Call)
        replayed.apply(call)
        for state in replayed.cuts(count, chance):
            check(bench, before, state, whole, f"after {number + 1} of {len(calls)} calls, {call.kind} {call.path}")
    for state in replayed.cuts(count, chance):
        assert visible(state) == after, "what was reported as finished has gone"
    return whole


def remember(whole: dict[str, list[bytes]], tree: Tree) -> None:
    for name, content in tree.items():
        if content is not None and content not in whole.setdefault(name, []):
            whole[name].append(content)


def check(bench: Bench, before: Tree, state: Tree, whole: dict[str, list[bytes]], moment: str) -> None:
    found = visible(state)
    for name, content in found.items():
        assert content in whole.get(name, ()), f"{name} is damaged {moment}"
    aside = [one for one in hidden(state) if ".old" in one]
    for name, content in visible(before).items():
        assert name in found or (aside and name.startswith(OUT)), f"{name} is gone {moment}"
        if not name.startswith(OUT):
            assert found[name] == content, f"{name} is another {moment}"


def test_records_after_power_cuts(bench: Bench) -> None:
    """Where an output and its record are both there, one describes the other; and the next run does what is left."""
    from disk import Call

    words = COMMANDS["segment a share"]
    bench.renew()
    before = read_tree(bench.folder)
    calls = bench.run(words, "noted").calls
    wanted = visible(bench.made())
    chance = random.Random(1)
    chosen = set(chance.sample(range(len(calls)), moments(3, len(calls))))
    replayed = Replayed(Path(bench.folder), before)
    for number, call in enumerate(calls):
        assert isinstance(call, Call)
        replayed.apply(call)
        if number not in chosen:
            continue
        *_, state = replayed.cuts(1, chance)
        bench.put(state)
        check_records(bench.folder / OUT)
        bench.do(words)
        assert visible(bench.made()).keys() == wanted.keys()
        assert not hidden(bench.made())
        check_records(bench.folder / OUT)
