"""The export queue of the window: real processes, volumes against `ais segment`, crashes, full disks, restarts."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import mrcfile
import numpy as np
import pytest
import zarr
from small_project import SHAPE, make_model, make_project
from windowless import until

from ais.annotation import AddTomogram, ChangeSetting
from ais.export import SegmentSettings, segment
from ais.formats.registry import write_volume
from ais.gui.document import crop_key
from ais.gui.editor import Editor
from ais.gui.export_queue import KEY, ExportQueue
from ais.gui.export_volumes import ExportRequest, ExportVolume, VolumeState
from ais.gui.project_files import give_name, is_unnamed
from ais.interactions import Rules
from ais.project import Project

RULES = ({"child": "blob", "parent": "ring", "type": "avoid", "radius": 30.0, "threshold": 0.5},)
PATIENCE_S = 120.0


def nothing() -> None:
    """What wakes no window."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two small tomograms, and two models."""
    folder = tmp_path_factory.mktemp("queue")
    make_project(folder)
    make_model(folder, "blob.aism", "blob", seed=1)
    make_model(folder, "ring.aism", "ring", seed=2)
    shutil.copy(folder / "tomo.mrc", folder / "second.mrc")
    values = np.random.default_rng(0).normal(0, 20, (160, 256, 256)).astype("i1")
    write_volume(folder / "large.mrc", values, voxel_sizes=10.0)
    with Project.open(folder / "work.aisproj") as project:
        project.apply(AddTomogram(folder / "second.mrc"))
    return folder


@pytest.fixture
def editor(one_editor: Editor, stock: Path, tmp_path: Path) -> Iterator[Editor]:
    with Project.open(stock / "work.aisproj") as project:
        project.save_copy(tmp_path / "work.aisproj")
    open_in(one_editor, tmp_path / "work.aisproj")
    yield one_editor
    one_editor.close_project()
    until(one_editor, lambda: not one_editor.background.busy)


def open_in(editor: Editor, path: Path) -> None:
    editor.open_paths([path])
    until(editor, lambda: editor.document and editor.document.project.path == path and editor.snapshot.revision)
    until(editor, lambda: not editor.background.busy)


def request(editor: Editor, stock: Path, folder: Path, **changes: Any) -> ExportRequest:
    numbers = tuple(entry.id for entry in editor.snapshot.tomograms)
    return replace(ExportRequest(numbers, (stock / "blob.aism",), folder), **changes)


def slow_request(editor: Editor, stock: Path, folder: Path) -> ExportRequest:
    """A tomogram that takes seconds, then one that does not."""
    editor.submit(AddTomogram(stock / "large.mrc"))
    until(editor, lambda: len(editor.snapshot.tomograms) == 3)
    first, _, large = (entry.id for entry in editor.snapshot.tomograms)
    return request(editor, stock, folder, tomograms=(large, first), tta=4)


def queue_of(editor: Editor) -> ExportQueue:
    """The queue, once what the project remembers of it has been read."""
    queue = ExportQueue(editor)
    queue.follow()
    until(editor, lambda: editor.document and not editor.document.busy)
    return queue


def added(editor: Editor, queue: ExportQueue, wanted: ExportRequest) -> list[ExportVolume]:
    before = len(queue.volumes)
    assert queue.add(wanted) == []
    until(editor, lambda: len(queue.volumes) == before + len(wanted.tomograms))
    return queue.volumes[before:]


def voxels(path: Path) -> np.ndarray:
    with mrcfile.open(path) as file:
        return np.array(file.data)


def without_labels(path: Path) -> bytes:
    """A whole file but for the ten labels of its header, which may hold a time."""
    content = path.read_bytes()
    return content[:224] + content[1024:]


def remembered(editor: Editor) -> list[dict[str, Any]]:
    assert editor.document is not None
    until(editor, lambda: not editor.document.busy)
    found: list[dict[str, Any]] = editor.document.project.view_state(KEY)
    return found


def test_volumes_are_those_of_the_command_line(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)
    wanted = request(
        editor, stock, tmp_path / "out", models=(stock / "blob.aism", stock / "ring.aism"), rules=RULES, tta=2
    )
    volumes = added(editor, queue, wanted)
    fractions = set()
    until(editor, lambda: fractions.add(queue.fraction) or not queue.busy, follower=queue)
    assert [volume.state for volume in volumes] == [VolumeState.DONE] * 2, [volume.error for volume in volumes]
    settings = SegmentSettings(rules=Rules.parse(list(RULES)), tta=2)
    (straight,) = segment([stock / "tomo.mrc"], list(wanted.models), tmp_path / "straight", settings)
    for path in straight.outputs.values():
        np.testing.assert_array_equal(voxels(tmp_path / "out" / path.name), voxels(path))
        assert without_labels(tmp_path / "out" / path.name) == without_labels(path)
    found = queue.results_of(stock / "tomo.mrc")
    assert {(result.feature, result.path.name, result.model.name) for result in found} == {
        ("blob", "tomo__blob.mrc", "blob.aism"),
        ("ring", "tomo__ring.mrc", "ring.aism"),
    }
    assert len(queue.results) == 4
    assert abs(found[0].finished - time.time()) < PATIENCE_S
    (again,) = segment([stock / "tomo.mrc"], list(wanted.models), tmp_path / "out", settings)
    assert again.status == "kept", "the command line takes it for its own"


def test_labels_are_written_beside_or_inside(editor: Editor, stock: Path, tmp_path: Path) -> None:
    image = tmp_path / "image.zarr"
    write_volume(image, voxels(stock / "tomo.mrc"), voxel_sizes=10.0)
    editor.submit(AddTomogram(image))
    until(editor, lambda: len(editor.snapshot.tomograms) == 3)
    number = editor.snapshot.tomograms[-1].id
    queue = queue_of(editor)
    for place in ("beside", "inside"):
        wanted = request(editor, stock, tmp_path / "out", tomograms=(number,), labels=place)
        (volume,) = added(editor, queue, wanted)
        until(editor, lambda: not queue.busy, follower=queue)
        assert volume.state is VolumeState.DONE, volume.error
    expected = voxels(tmp_path / "out" / "image__blob.mrc") >= 128
    for labels in (tmp_path / "out" / "image__blob.zarr", image / "labels" / "blob"):
        np.testing.assert_array_equal(zarr.open_array(str(labels / "0"), mode="r")[:], expected)
    plain = request(editor, stock, tmp_path / "out", labels="inside").problems(editor.snapshot)
    assert "write them beside" in plain[0]


def test_what_is_finished_is_skipped_and_what_differs_refused(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)
    first = added(editor, queue, request(editor, stock, tmp_path / "out"))
    until(editor, lambda: not queue.busy, follower=queue)
    made = (tmp_path / "out" / "tomo__blob.mrc").stat().st_mtime_ns
    second = added(editor, queue, request(editor, stock, tmp_path / "out"))
    until(editor, lambda: not queue.busy, follower=queue)
    assert [volume.kept for volume in (*first, *second)] == [False, False, True, True]
    assert (tmp_path / "out" / "tomo__blob.mrc").stat().st_mtime_ns == made
    assert len(queue.results) == 2, "each file once"
    (third,) = added(
        editor, queue, request(editor, stock, tmp_path / "out", tta=2, tomograms=(editor.snapshot.tomograms[0].id,))
    )
    until(editor, lambda: not queue.busy, follower=queue)
    assert third.state is VolumeState.FAILED
    assert third.error.endswith("choose another folder or allow that files are replaced.")
    third.settings["overwrite"] = True
    queue.retry(third)
    until(editor, lambda: not queue.busy, follower=queue)
    assert third.state is VolumeState.DONE


def test_crop_regions_of_the_tomograms(editor: Editor, stock: Path, tmp_path: Path) -> None:
    first, _ = editor.snapshot.tomograms
    editor.submit(ChangeSetting(crop_key(first.id), [[1, 4], [20, 60], [10, 90]]))
    queue = queue_of(editor)
    volumes = added(editor, queue, request(editor, stock, tmp_path / "out"))
    assert volumes[0].work == 3 * 40 * 80
    assert volumes[1].work == np.prod(SHAPE)
    until(editor, lambda: not queue.busy, follower=queue)
    cropped, whole = (voxels(tmp_path / "out" / f"{name}__blob.mrc").astype(int) for name in ("tomo", "second"))
    assert cropped.shape == whole.shape
    np.testing.assert_allclose(cropped[1:4, 20:60, 10:90], whole[1:4, 20:60, 10:90], atol=2)
    cropped[1:4, 20:60, 10:90] = 0
    assert not cropped.any()


def test_what_makes_no_sense_is_refused_in_sentences(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)

    def refused(**changes: Any) -> str:
        return " ".join(queue.add(request(editor, stock, tmp_path, **changes)))

    assert "at least one tomogram" in refused(tomograms=())
    assert "at least one model" in refused(models=())
    assert "tomo has 96 x 96 pixels and 6 slices" in refused(z_range=(3, 9))
    assert '"child"' in refused(rules=({"parent": "x"},))
    assert "rotations" in refused(tta=17)
    missing = tuple(replace(entry, missing=True) for entry in editor.snapshot.tomograms)
    found = request(editor, stock, tmp_path).problems(replace(editor.snapshot, tomograms=missing))
    assert "tomo.mrc is missing: relink" in found[0]
    twice = tuple(replace(entry, path=tmp_path / str(entry.id) / "x.mrc") for entry in editor.snapshot.tomograms)
    (found_twice,) = request(editor, stock, tmp_path).problems(replace(editor.snapshot, tomograms=twice))
    assert "written to the same files" in found_twice
    assert queue.volumes == []


def test_a_model_that_has_gone_fails_its_volume_alone(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)
    first, second = (entry.id for entry in editor.snapshot.tomograms)
    gone = request(editor, stock, tmp_path / "out", models=(tmp_path / "gone.aism",), tomograms=(first,))
    (lost,) = added(editor, queue, gone)
    (fine,) = added(editor, queue, request(editor, stock, tmp_path / "out", tomograms=(second,)))
    until(editor, lambda: not queue.busy, follower=queue)
    assert (lost.state, fine.state) == (VolumeState.FAILED, VolumeState.DONE)
    assert "gone.aism does not exist" in lost.error


def test_cancelling_leaves_nothing_half_written(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)
    first, second = added(editor, queue, slow_request(editor, stock, tmp_path / "out"))
    queue.cancel(second)
    assert second.state is VolumeState.CANCELLED
    until(editor, lambda: queue.message, follower=queue)
    began = time.monotonic()
    queue.cancel_all()
    until(editor, lambda: not queue.busy, follower=queue)
    assert time.monotonic() - began < 4.0, "without killing the process"
    assert first.state is VolumeState.CANCELLED
    left = list((tmp_path / "out").glob("*.mrc")) if (tmp_path / "out").exists() else []
    assert left == []
    queue.retry(second)
    until(editor, lambda: not queue.busy, follower=queue)
    assert second.state is VolumeState.DONE
    queue.clear_ended()
    assert queue.listed == []
    (made,) = queue.results
    assert made.path == tmp_path / "out" / "tomo__blob.mrc", "what was made stays a result"
    queue.forget(made)
    assert queue.results == ()
    assert queue.volumes == []
    assert (tmp_path / "out" / "tomo__blob.mrc").exists()


def test_pausing_finishes_what_runs(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)
    first, second = added(editor, queue, request(editor, stock, tmp_path / "out"))
    until(editor, lambda: queue.running is first, follower=queue)
    queue.pause()
    until(editor, lambda: queue.running is None, follower=queue)
    assert (first.state, second.state, queue.busy) == (VolumeState.DONE, VolumeState.WAITING, False)
    queue.resume()
    until(editor, lambda: not queue.busy, follower=queue)
    assert second.state is VolumeState.DONE


def test_a_full_disk_pauses_with_one_sentence(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)
    queue.pause()
    first, second = added(editor, queue, request(editor, stock, tmp_path / "out"))
    editor.engine.start()
    until(editor, lambda: editor.engine.pid)
    # As small a disk: the process may write no file of the volume's size.
    pid = editor.engine.pid
    assert pid is not None
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        queue.resume()
        until(editor, lambda: queue.problem, follower=queue)
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    assert queue.problem.startswith("The export is paused. No space left to write")
    assert queue.problem.count(". ") == 1
    assert (first.state, second.state) == (VolumeState.WAITING, VolumeState.WAITING)
    assert list((tmp_path / "out").glob("*")) == [] if (tmp_path / "out").exists() else True
    queue.resume()
    until(editor, lambda: not queue.busy, follower=queue)
    assert (first.state, second.state) == (VolumeState.DONE, VolumeState.DONE)
    assert queue.problem == ""


def test_live_slices_come_while_a_volume_is_made(editor: Editor, stock: Path, tmp_path: Path) -> None:
    from ais.models import model_hash

    queue = queue_of(editor)
    volume, _ = added(editor, queue, slow_request(editor, stock, tmp_path / "out"))
    until(editor, lambda: queue.message, follower=queue)
    model = {"path": str(stock / "blob.aism"), "hash": model_hash(stock / "blob.aism"), "tta": 1}
    asked = {"tomogram": str(stock / "tomo.mrc"), "voxel_size": None, "z": 2, "crop": None, "models": [model]}
    job = editor.engine.submit("live", asked, "Live", urgent=True)
    until(editor, lambda: job.finished, follower=queue)
    assert queue.running is volume, "it did not wait for the volume"
    until(editor, lambda: not queue.busy, follower=queue)
    assert job.state.value == "done"
    assert volume.state is VolumeState.DONE
    (straight,) = segment([stock / "large.mrc"], [stock / "blob.aism"], tmp_path / "s", SegmentSettings(tta=4))
    np.testing.assert_array_equal(voxels(tmp_path / "out" / "large__blob.mrc"), voxels(straight.outputs["blob"]))


@pytest.mark.skipif(os.name == "nt", reason="the crash is a signal")
def test_a_crash_costs_no_volume_but_a_second_one_does(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)
    first, second = added(editor, queue, slow_request(editor, stock, tmp_path / "out"))

    def kill() -> None:
        until(editor, lambda: queue.running is first and queue.message, follower=queue)
        killed = editor.engine.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        until(editor, lambda: editor.engine.pid not in (None, killed) or not queue.busy, follower=queue)

    kill()
    until(editor, lambda: first.lost and queue.running is first, follower=queue)
    said = [notice.text for notice in editor.notices.said]
    assert "large is segmented again in a new process." in said
    assert any("ended unexpectedly" in text for text in said)
    kill()
    until(editor, lambda: not queue.busy, follower=queue)
    assert first.state is VolumeState.FAILED
    assert "ended unexpectedly" in first.error
    assert second.state is VolumeState.DONE
    assert queue.seconds_left is None
    queue.retry(first)
    until(editor, lambda: not queue.busy, follower=queue)
    assert first.state is VolumeState.DONE


def test_the_time_left_follows_the_work(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)
    queue.paused = True
    first, second = added(editor, queue, request(editor, stock, tmp_path / "out"))
    assert queue.seconds_left is None
    first.state, first.seconds = VolumeState.DONE, 8.0
    assert queue.seconds_left == pytest.approx(8.0)
    second.work *= 3
    assert queue.seconds_left == pytest.approx(24.0)


def test_the_queue_outlives_the_editor(stock: Path, tmp_path: Path) -> None:
    with Project.open(stock / "work.aisproj") as project:
        project.save_copy(tmp_path / "work.aisproj")
    editor = Editor(tmp_path / "settings", nothing)
    try:
        open_in(editor, tmp_path / "work.aisproj")
        queue = queue_of(editor)
        added(editor, queue, request(editor, stock, tmp_path / "out"))
        until(editor, lambda: queue.running, follower=queue)
        states = [record["state"] for record in remembered(editor)]
        assert states == ["running", "waiting"]
    finally:
        editor.close()
    editor = Editor(tmp_path / "settings", nothing)
    try:
        open_in(editor, tmp_path / "work.aisproj")
        queue = queue_of(editor)
        assert queue.pending() == "The export of 2 tomograms was interrupted: go on with it?"
        queue.follow()
        assert not queue.busy, "asked first"
        queue.discard_pending()
        assert queue.pending() == ""
        assert [volume.state for volume in queue.volumes] == [VolumeState.CANCELLED] * 2
    finally:
        editor.close()


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_export_queue import *
if __name__ == "__main__":
    editor = Editor(Path({folder!r}) / "settings", nothing)
    open_in(editor, Path({folder!r}) / "work.aisproj")
    queue = queue_of(editor)
    wanted = slow_request(editor, Path({stock!r}), Path({folder!r}) / "out")
    added(editor, queue, replace(wanted, tomograms=wanted.tomograms[::-1]))
    until(editor, lambda: queue.results and queue.running, follower=queue)
    remembered(editor)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="the crash is a signal")
def test_the_queue_outlives_kill_9(editor: Editor, stock: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    with Project.open(stock / "work.aisproj") as project:
        project.save_copy(folder / "work.aisproj")
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder), stock=str(stock))
    script = tmp_path / "killed.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == -signal.SIGKILL, done.stderr
    open_in(editor, folder / "work.aisproj")
    queue = queue_of(editor)
    first, second = queue.volumes
    assert first.state is VolumeState.DONE
    assert second.state is VolumeState.INTERRUPTED
    assert "1 tomogram was interrupted" in queue.pending()
    assert [result.path.name for result in queue.results] == ["tomo__blob.mrc"]
    made = (folder / "out" / "tomo__blob.mrc").stat().st_mtime_ns
    queue.resume_pending()
    until(editor, lambda: not queue.busy, follower=queue)
    assert second.state is VolumeState.DONE, second.error
    assert (folder / "out" / "tomo__blob.mrc").stat().st_mtime_ns == made
    assert voxels(folder / "out" / "large__blob.mrc").any()


def test_a_damaged_record_of_the_queue_is_passed_over(editor: Editor) -> None:
    assert editor.document is not None
    editor.document.remember(KEY, [{"number": 1}, 5, {"state": "nonsense"}])
    assert queue_of(editor).volumes == []


def test_a_process_that_cannot_start_pauses(editor: Editor, stock: Path, tmp_path: Path) -> None:
    from ais.engine import EngineStatus

    queue = queue_of(editor)
    queue.pause()
    first, _ = added(editor, queue, request(editor, stock, tmp_path / "out"))
    engine = mock.Mock(status=EngineStatus.FAILED, problem="The compute process ended three times.")
    with mock.patch.object(editor.computing, "in_use", engine):
        queue.paused = False
        queue.follow()
        assert (queue.paused, queue.problem) == (True, "The compute process ended three times.")
        assert first.state is VolumeState.WAITING
        queue.resume()
        assert engine.start.called
        engine.status = EngineStatus.READY
        queue.pause()


def test_naming_the_project_does_not_stop_its_exports(editor: Editor, stock: Path, tmp_path: Path) -> None:
    editor.new_project()
    until(editor, lambda: editor.document and is_unnamed(editor))
    editor.open_paths([stock / "large.mrc", stock / "tomo.mrc"])
    until(editor, lambda: len(editor.snapshot.tomograms) == 2)
    queue = queue_of(editor)
    added(editor, queue, request(editor, stock, tmp_path / "out", tta=4))
    until(editor, lambda: queue.fraction > 0, follower=queue)
    give_name(editor, tmp_path / "named.aisproj")
    until(editor, lambda: editor.document and editor.document.project.path.name == "named.aisproj", follower=queue)
    until(editor, lambda: len(queue.results) == 2 or queue.asks, follower=queue)
    assert [volume.state for volume in queue.volumes] == [VolumeState.DONE] * 2


def test_thousands_of_finished_volumes_cost_little(editor: Editor, stock: Path, tmp_path: Path) -> None:
    queue = queue_of(editor)
    names = [f"TS_{number}" for number in range(1990)]
    for number, name in enumerate(names):
        outputs = [
            {"feature": feature, "path": str(tmp_path / f"{name}__{feature}.mrc"), "model": "m.aism"}
            for feature in ("blob", "ring")
        ]
        settings = {"tta": 1, "rules": [dict(RULES[0])]}
        volume = ExportVolume(10_000 + number, f"/data/{name}.mrc", ["m.aism"], "/out", settings, 1e9)
        volume.state, volume.outputs, volume.finished, volume.seconds = VolumeState.DONE, outputs, 1e9 + number, 60.0
        queue.volumes.append(volume)
    added(editor, queue, request(editor, stock, tmp_path / "out"))
    assert len(queue.results) == 2 * len(names)
    slowest = 0.0

    def frame() -> bool:
        nonlocal slowest
        began = time.thread_time()
        queue.follow()
        assert queue.listed
        assert queue.result_counts
        assert queue.seconds_left is None or queue.seconds_left >= 0
        slowest = max(slowest, time.thread_time() - began)
        return not queue.busy

    until(editor, frame)
    assert queue.result_counts[Path("/data/TS_5.mrc")] == 2
    assert len(queue.results) == 2 * len(names) + 2
    assert slowest < 0.05, "seconds of this thread; a few milliseconds were measured"
