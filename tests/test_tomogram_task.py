"""The unit of work of `segment`: it can be sent elsewhere, keeps models loaded, and ends only under its claim."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from small_project import make_model, make_project

import ais.segmentation
from ais.chosen_models import read_models
from ais.export import SegmentSettings, segment
from ais.formats.claim import Claim, ClaimLost, Claims
from ais.interactions import Rules
from ais.label_images import LabelWish
from ais.tomogram_task import TomogramTask, do, finished, models_of_this_process

RULES = [{"child": "blob", "parent": "ring", "type": "avoid", "radius": 30.0, "threshold": 0.5}]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    make_project(folder)
    make_model(folder, "blob.aism", "blob", seed=1)
    make_model(folder, "ring.aism", "ring", seed=2)
    return folder


def task_of(stock: Path, output: Path, *models: str, **others: object) -> TomogramTask:
    chosen = tuple(read_models([stock / model for model in models or ("blob.aism",)]))
    settings = others.pop("settings", SegmentSettings(precision="float32"))
    return TomogramTask(stock / "tomo.mrc", chosen, output, settings, **others)  # type: ignore[arg-type]


def test_it_can_be_sent_and_gives_what_segment_gives(stock: Path, tmp_path: Path) -> None:
    settings = SegmentSettings(rules=Rules.parse(RULES), labels=LabelWish(), precision="float32")
    task = task_of(stock, tmp_path / "sent", "blob.aism", "ring.aism", settings=settings)
    sent = pickle.loads(pickle.dumps(task))
    assert sent == task
    result = do(sent)
    (expected,) = segment([task.tomogram], [model.path for model in task.models], tmp_path / "called", settings)
    assert result.status == expected.status == "done"
    for feature, path in result.outputs.items():
        assert path.read_bytes() == expected.outputs[feature].read_bytes()
        assert result.labels[feature].is_dir()


def test_models_stay_loaded_until_a_task_has_others(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    load = ais.segmentation.segmenter_for

    def spy(path: Path, **options: object) -> object:
        loaded.append(path.name)
        return load(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ais.segmentation, "segmenter_for", spy)
    models_of_this_process.cache_clear()
    for name in "ab":
        assert do(task_of(stock, tmp_path / name)).status == "done"
    assert loaded == ["blob.aism"]
    do(task_of(stock, tmp_path / "c", "ring.aism"))
    do(task_of(stock, tmp_path / "d"))
    assert loaded == ["blob.aism", "ring.aism", "blob.aism"]


def test_a_model_that_is_another_by_now_is_not_used(stock: Path, tmp_path: Path) -> None:
    make_model(tmp_path, "blob.aism", "blob", seed=1)
    task = task_of(tmp_path, tmp_path / "out")
    make_model(tmp_path, "blob.aism", "blob", seed=5)
    task = TomogramTask(stock / "tomo.mrc", task.models, task.output, task.settings)
    models_of_this_process.cache_clear()
    result = do(task)
    assert (result.status, "blob.aism has changed" in result.error) == ("failed", True)
    assert not (tmp_path / "out").exists()


def test_what_is_finished_is_seen_without_a_network(stock: Path, tmp_path: Path) -> None:
    task = task_of(stock, tmp_path)
    assert finished(task) is None
    do(task)
    found = finished(task)
    assert found is not None
    assert (found.status, found.outputs) == ("kept", task.outputs)
    assert finished(task_of(stock, tmp_path, overwrite=True)) is None


def taken(folder: Path) -> Claim:
    claim = Claims(folder).take("tomo")
    assert claim is not None
    return claim


def test_nothing_takes_its_name_unless_the_claim_is_still_held(stock: Path, tmp_path: Path) -> None:
    with taken(tmp_path) as claim:
        assert do(task_of(stock, tmp_path, ticket=pickle.loads(pickle.dumps(claim.ticket)))).status == "done"
    for output in tmp_path.iterdir():
        output.unlink()
    gone = taken(tmp_path)
    gone.release()
    with pytest.raises(ClaimLost):
        do(task_of(stock, tmp_path, ticket=gone.ticket))
    superseded = taken(tmp_path)
    (tmp_path / ".tomo.claim-2").touch()
    with pytest.raises(ClaimLost):
        do(task_of(stock, tmp_path, ticket=superseded.ticket))
    superseded.release()
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
