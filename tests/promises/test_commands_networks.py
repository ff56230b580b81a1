"""Networks at work: the power goes, or a command is killed, while it trains, segments or goes by stages."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import OUT, Bench, check_records, hidden, make_stock, visible
from forge import Forge
from power import read_tree
from small_project import make_model
from soaking import SOAKING
from test_commands_power_cut import check_cuts

from ais.models import read_model_info

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.name == "nt", reason="commands run in children that are forked"),
]
MOMENTS = 200 if SOAKING else 5
TRAIN = ["train", "set.scnt", "-o", "out/new.aism", "--epochs", "3", "--copies", "1", "--option", "first_filters=4"]
WORDS = {
    "train": [*TRAIN, "--architecture", "unet-s"],
    "segment": ["segment", "-m", "model.aism", "tomo.mrc", "other.mrc", "-o", "out"],
    "stages": ["stages", "tomo.mrc", "-m", "model.aism", "-o", "out"],
}


@pytest.fixture(scope="module")
def network_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """As `bench`, with TensorFlow imported and a network among the files."""
    folder = tmp_path_factory.mktemp("networks")
    (folder / "stock").mkdir()
    make_stock(folder / "stock")
    make_model(folder / "stock")
    with Forge("tensorflow", "keras", "ais.training.run", "ais.models") as forge:
        yield Bench(forge, folder / "stock", folder / "work")


@pytest.mark.parametrize("name", WORDS)
def test_power_cut(network_bench: Bench, name: str) -> None:
    bench = network_bench
    bench.renew()
    before = read_tree(bench.folder)
    outcome = bench.run(WORDS[name], "noted")
    assert outcome.code == 0, outcome.errors
    check_cuts(bench, before, outcome.calls, 2)


@pytest.mark.parametrize("name", WORDS)
def test_killed(network_bench: Bench, name: str) -> None:
    """Whatever the moment, the same command ends well afterwards, and leaves what it would have left at once."""
    bench = network_bench
    bench.renew()
    count = bench.do(WORDS[name]).count
    wanted = visible(bench.made()).keys()
    chosen = sorted(random.Random(count).sample(range(1, count + 1), min(MOMENTS, count)))
    print(f"{name}: killed at {len(chosen)} of {count} calls")  # noqa: T201 - make soak shows it
    for at in chosen:
        bench.renew()
        outcome = bench.run(WORDS[name], "killed", at)
        assert outcome.code == -signal.SIGKILL, f"at {at}: {outcome.errors}"
        check_records(bench.folder / OUT)
        if name == "train" and "new.aism" in bench.made():
            assert read_model_info(bench.folder / OUT / "new.aism").feature == "blob"
            continue  # it is whole; a second run would say that it exists
        bench.do(WORDS[name])
        assert visible(bench.made()).keys() == wanted, f"at {at}"
        assert not hidden(bench.made()), f"at {at}"
        check_records(bench.folder / OUT)
    assert Path(bench.folder / OUT).exists()
