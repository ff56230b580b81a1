"""kill -9 at any moment: what was finished is kept, the next run does the rest, and nothing else is left.

A command is killed before each of the calls by which it changes the disk, and in the middle of each write: between
two of them nothing changes on the disk, so that there are no other moments.
"""

from __future__ import annotations

import os
import random
import signal

import pytest
from commands import COMMANDS, KEEPING, OUT, TRIED, Bench, check_records, differences, hidden, visible
from soaking import moments

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")


@pytest.mark.parametrize("name", TRIED)
def test_killed(bench: Bench, name: str) -> None:
    words = COMMANDS[name]
    bench.renew()
    count = bench.do(words).count
    wanted = bench.made()
    again = [*words, "--overwrite"]
    chosen = some_of(count, moments(2, count))
    print(f"{name}: killed at {len(chosen)} of {count} calls")  # noqa: T201 - make soak shows it
    for at in chosen:
        bench.renew()
        outcome = bench.run(words, "killed", at)
        assert outcome.code == -signal.SIGKILL, f"at {at} of {count}: {outcome.errors}"
        left = bench.made()
        partial = {one for one in differences(visible(left), visible(wanted)) if one in left}
        partial -= {one for one in partial if one.endswith((".csv", "manifest.json")) or "relion5_import" in one}
        assert not partial, f"at {at}: neither absent nor whole"
        check_records(bench.folder / OUT)
        kept = {path: (bench.folder / OUT / path).stat().st_mtime_ns for path in visible(left)}
        for lock in (bench.folder / OUT).glob("*.lock"):
            os.utime(lock, (1e9, 1e9))  # one that is empty and younger than two seconds might be just being written
        outcome = bench.run(words)
        if name not in KEEPING and outcome.code:
            assert outcome.code == 2, outcome.errors
            assert "exists" in outcome.errors
            outcome = bench.run(again)
        else:
            for path, made in kept.items():
                if f"{path}.json" in kept and path.endswith((".mrc", ".star", ".obj")):
                    assert (bench.folder / OUT / path).stat().st_mtime_ns == made, f"at {at}: {path} is made again"
        assert outcome.code == 0, f"at {at}: {outcome.errors}"
        done = bench.made()
        assert not hidden(done), f"at {at}"
        assert not differences(done, wanted), f"at {at}"
        check_records(bench.folder / OUT)
        assert bench.untouched()


def some_of(count: int, wanted: int) -> list[int]:
    """That many of the numbers from 1 to `count`; the last is always among them."""
    if wanted >= count:
        return list(range(1, count + 1))
    chosen = random.Random(count).sample(range(1, count), wanted - 1)
    return sorted([*chosen, count])
