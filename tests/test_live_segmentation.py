"""Live segmentation in the window's process: the same values as a batch, asked for once, and never in the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ais.cli.main import run
from ais.formats.registry import open_volume, write_volume
from ais.gui import live_segmentation
from ais.gui.document import Crop
from ais.gui.editor import Editor
from ais.gui.live_maps import LiveMap
from ais.gui.model_use import ModelUse
from ais.interactions import Competition, Interaction, InteractionType, Rules
from ais.models import Model, ModelInfo, build, save_model, write_group

PATIENCE_S = 120.0
SHAPE = (9, 70, 90)
VOXEL_SIZE = 10.0
RULES = Rules(
    Competition(("first",), ("second",)),
    (Interaction("first", "other", InteractionType.AVOID, 30.0, 0.55),),
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the crash here is a signal")


def make_model(path: Path, feature: str, seed: int, features: tuple[str, ...] = ()) -> None:
    """An untrained network whose output is spread over 0 to 1."""
    network = build("unet-s", 1, {"first_filters": 4}, seed=seed, features=max(len(features), 1))
    last = network.get_layer("logits")
    kernel, bias = last.get_weights()
    rng = np.random.default_rng(seed)
    last.set_weights([rng.normal(0, 4, kernel.shape).astype(np.float32), bias])
    info = ModelInfo("unet-s", {"first_filters": 4}, feature, VOXEL_SIZE, 32, 1, features=features)
    save_model(path, Model(network, info))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    rng = np.random.default_rng(0)
    write_volume(folder / "tomo.mrc", rng.normal(0, 1, SHAPE).astype("f4"), voxel_sizes=VOXEL_SIZE)
    make_model(folder / "first.aism", "first", 1)
    make_model(folder / "several.aism", "both", 2, ("second", "other"))
    return folder


class Desk:
    """An editor with its models and its live segmentation, as a window would hold them."""

    def __init__(self, folder: Path, files: Path) -> None:
        self.editor = Editor(folder / "settings", lambda: None)
        self.models, self.live = self.editor.modelling.models, self.editor.modelling.live
        self.asked: list[int] = []
        self.editor.open_paths([files / "tomo.mrc"])
        self.until(lambda: self.editor.shown is not None)

    def frame(self) -> None:
        self.editor.poll()

    def until(self, condition: Callable[[], object]) -> None:
        limit = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < limit, ([n.text for n in self.editor.notices.said], self.live.problems)
            self.frame()
            time.sleep(0.003)

    def settled(self) -> dict[str, LiveMap]:
        """The maps of the slice on the screen when all of them are there."""
        self.until(lambda: not self.editor.document.busy and not self.models.reading)  # type: ignore[union-attr]
        self.frame()
        wanted = sum(len(model.found) for model in self.models.active)
        self.until(lambda: not self.live.pending and len(self.live.maps) == wanted and not self.editor.background.busy)
        self.frame()
        return {one.feature: one for one in self.live.maps}

    def add(self, *paths: Path, **use: Any) -> None:
        before = len(self.models.models)
        self.models.add(list(paths), ModelUse(**use))
        self.until(lambda: len(self.models.models) >= before + 1 and not self.models.reading)


@pytest.fixture
def desk(tmp_path: Path, files: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, files)
    yield made
    made.editor.close()


def batch(folder: Path, files: Path, *words: str, rules: Rules | None = None) -> dict[str, np.ndarray]:
    """What `ais segment` writes."""
    command = ["segment", "-m", str(files / "first.aism"), "-m", str(files / "several.aism"), str(files / "tomo.mrc")]
    if rules is not None:
        (folder / "rules.json").write_text(json.dumps(rules.content()))
        command += ["--rules", str(folder / "rules.json")]
    assert run([*command, "-o", str(folder / "seg"), *words]) == 0
    found = {}
    for feature in ("first", "second", "other"):
        volume = open_volume(folder / "seg" / f"tomo__{feature}.mrc")
        found[feature] = np.array(volume.read(0, SHAPE[0]))
        volume.close()
    return found


def test_live_equals_batch_with_rules_and_without(desk: Desk, files: Path, tmp_path: Path) -> None:
    desk.add(files / "first.aism", files / "several.aism")
    (tmp_path / "plain").mkdir()
    (tmp_path / "ruled").mkdir()
    plain = batch(tmp_path / "plain", files)
    ruled = batch(tmp_path / "ruled", files, rules=RULES)
    differs = False
    for z in (4, 5):
        desk.editor.sight.go_to(z=z)
        desk.models.set_rules(Rules())
        for feature, found in desk.settled().items():
            assert np.abs(found.values.astype(int) - plain[feature][z]).max() <= 1
        asked = desk.live.seconds.copy()
        desk.models.set_rules(RULES)
        after = desk.settled()
        for feature, found in after.items():
            assert np.abs(found.values.astype(int) - ruled[feature][z]).max() <= 1, feature
            differs |= bool((ruled[feature][z] != plain[feature][z]).any())
        assert asked.keys() == desk.live.seconds.keys()
    assert differs, "the rules of this test change something"


def test_a_crop_region_is_segmented_alone_and_as_in_the_batch(desk: Desk, files: Path, tmp_path: Path) -> None:
    desk.add(files / "first.aism", files / "several.aism")
    desk.models.set_rules(RULES)
    desk.editor.sight.set_crop(Crop((2, 7), (10, 50), (20, 80)))
    desk.until(lambda: desk.editor.snapshot.crop is not None)
    desk.editor.sight.go_to(z=3)
    wanted = batch(tmp_path, files, "--crop", "20:80,10:50", "--range", "2:7", rules=RULES)
    for feature, found in desk.settled().items():
        assert found.values.shape == SHAPE[1:]
        assert np.abs(found.values.astype(int) - wanted[feature][3]).max() <= 1
        assert not found.values[:10].any()
        assert not found.values[:, 80:].any()


def test_what_was_seen_is_not_asked_for_again(desk: Desk, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted: list[int] = []
    submit = desk.editor.engine.submit

    def counted(task: str, arguments: Any, *rest: Any, **more: Any) -> Any:
        submitted.append(arguments["z"])
        return submit(task, arguments, *rest, **more)

    monkeypatch.setattr(desk.editor.engine, "submit", counted)
    desk.add(files / "first.aism", tta=2)
    desk.editor.sight.go_to(z=4)
    first = desk.settled()["first"]
    desk.until(lambda: set(submitted) == set(range(1, 8)) and not desk.live._asked)  # neighbours, when idle
    assert sorted(submitted) == list(range(1, 8))
    assert submitted[0] == 4
    desk.editor.sight.go_to(z=5)
    assert desk.settled()["first"].revision != first.revision
    desk.editor.sight.go_to(z=4)
    again = desk.settled()["first"]
    assert again is first, "the same object, so that nothing is uploaded anew"
    desk.models.change(desk.models.models[0].id, threshold=0.7, alpha=0.2, colour=(1.0, 0.0, 0.0))
    desk.until(lambda: desk.models.models[0].threshold == 0.7)
    assert desk.settled()["first"] is first, "threshold, opacity and colour are a matter of drawing"
    assert submitted.count(4) == 1
    desk.models.change(desk.models.models[0].id, tta=4)
    desk.until(lambda: submitted.count(4) == 2)
    assert (desk.settled()["first"].values != first.values).any()
    desk.models.change(desk.models.models[0].id, active=False)
    desk.until(lambda: desk.live.maps == ())


def test_the_latest_slice_wins(desk: Desk, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_segmentation, "AHEAD", 0)
    desk.add(files / "first.aism")
    desk.editor.sight.go_to(z=0)
    desk.settled()
    for step in range(60):
        desk.editor.sight.go_to(z=step % SHAPE[0])
        desk.frame()
        assert len(desk.live._asked) <= 1
        for one in desk.live.maps:
            assert one is not None
    desk.editor.sight.go_to(z=8)
    assert desk.settled()["first"].values.any()


def test_a_crash_of_the_compute_process_costs_nothing(desk: Desk, files: Path) -> None:
    desk.add(files / "first.aism")
    desk.settled()
    pid = desk.editor.engine.pid
    assert pid is not None
    desk.editor.sight.go_to(z=0)
    desk.frame()
    os.kill(pid, signal.SIGKILL)
    assert desk.settled()["first"].values.any()
    assert desk.editor.engine.pid != pid


def test_what_cannot_be_shown_says_why(desk: Desk, files: Path, tmp_path: Path) -> None:
    other = tmp_path / "far.aism"
    network = build("unet-s", 1, {"first_filters": 4})
    save_model(other, Model(network, ModelInfo("unet-s", {"first_filters": 4}, "far", 1000.0, 32, 1)))
    (tmp_path / "broken.aism").write_bytes(b"nothing")
    desk.add(files / "first.aism", other, tmp_path / "broken.aism")
    desk.until(lambda: desk.live.problems and desk.live.maps)
    far = next(model for model in desk.models.models if model.name == "far")
    assert "voxel size" in desk.live.problems[far.id]
    broken = next(model for model in desk.models.models if model.name == "broken")
    assert "broken.aism" in broken.problem
    assert [one.feature for one in desk.live.maps] == ["first"]


def test_rules_that_need_a_voxel_size_say_so_and_the_maps_stay(tmp_path: Path, files: Path) -> None:
    folder = tmp_path / "unknown"
    folder.mkdir()
    write_volume(folder / "tomo.mrc", np.random.default_rng(0).normal(0, 1, SHAPE).astype("f4"), voxel_sizes=0.0)
    for name in ("first.aism", "several.aism"):
        (folder / name).write_bytes((files / name).read_bytes())
    desk = Desk(tmp_path, folder)
    try:
        desk.add(folder / "first.aism", folder / "several.aism")
        desk.models.set_rules(replace(RULES, competition=Competition()))
        desk.until(lambda: desk.live.rules_problem)
        assert "voxel size" in desk.live.rules_problem
        assert len(desk.live.maps) == 3
    finally:
        desk.editor.close()


def test_memory_is_bounded(desk: Desk, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plane = SHAPE[1] * SHAPE[2]
    monkeypatch.setattr(live_segmentation, "KEPT_BYTES", 3 * 4 * plane)
    monkeypatch.setattr(live_segmentation, "SHOWN_BYTES", 2 * plane)
    monkeypatch.setattr(live_segmentation, "AHEAD", 0)
    desk.add(files / "first.aism")
    for z in range(SHAPE[0]):
        desk.editor.sight.go_to(z=z)
        desk.settled()
    assert len(desk.live._kept) == 3
    assert len(desk.live._shown) == 2


def test_models_and_groups_of_the_project(desk: Desk, files: Path, tmp_path: Path) -> None:
    desk.add(files / "several.aism", alpha=0.3)
    model = desk.models.models[0]
    assert (model.name, model.found, model.use.alpha) == ("several", ("second", "other"), 0.3)
    assert len(set(model.colours)) == 2
    desk.models.add([files / "several.aism"])
    desk.frame()
    group = tmp_path / "group of two.aisgroup"
    write_group(group, [files / "first.aism"], RULES.content()[1:])
    desk.models.add([group])
    desk.until(lambda: len(desk.models.models) == 2 and not desk.models.reading)
    assert desk.models.models[1].entry.path == tmp_path / "group of two" / "first.aism"
    assert desk.models.rules == replace(RULES, competition=Competition())
    desk.editor.undo()
    desk.until(lambda: len(desk.models.models) == 1 and desk.models.rules == Rules())
    desk.editor.redo()
    desk.until(lambda: len(desk.models.models) == 2)
    saved: list[Path] = []
    desk.models.save_group(tmp_path / "new.aisgroup", [one.id for one in desk.models.models], saved.append)
    desk.until(lambda: saved)
    desk.models.rename(model.id, "two things")
    desk.models.remove(desk.models.models[1].id)
    desk.until(lambda: [one.name for one in desk.models.models] == ["two things"])
    assert ModelUse.from_settings({"alpha": 3, "tta": True, "colour": "red", "threshold": 0.25}) == ModelUse(0.25)


def test_the_window_loads_no_networks() -> None:
    code = (
        "import sys, numpy as np\n"
        "import ais.gui.live_segmentation, ais.gui.training_queue, ais.gui.project_models\n"
        "from ais.interactions import *\n"
        "values = {name: np.random.rand(40, 40).astype('f4') for name in 'ab'}\n"
        "apply_rules(values, Rules(interactions=(Interaction('a', 'b', InteractionType.AVOID, 30.0),)), 10.0)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & {"tensorflow", "keras", "torch", "jax"}
