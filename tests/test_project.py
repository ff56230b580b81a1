"""The project document: durable, undoable, portable, and careful with files that are none."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ais.annotation import (
    IGNORE,
    AddFeature,
    AddModel,
    AddPicks,
    AddPickSet,
    AddTomogram,
    AutoPlaceBoxes,
    BackgroundBoxes,
    ChangeFeature,
    ChangeFeatures,
    ChangeModel,
    ChangePickSet,
    ChangeSetting,
    ClearFeature,
    ClearSlice,
    CopySlice,
    DeleteFeature,
    DuplicateFeature,
    EraseStroke,
    FillHoles,
    FillPolygon,
    GrowMask,
    ImportVolume,
    InterpolateSlices,
    MergeFeatures,
    MoveBox,
    MovePick,
    Operation,
    PaintRegion,
    PaintStroke,
    PlaceBoxes,
    RelinkTomogram,
    RelinkTomograms,
    RemoveBoxes,
    RemoveBoxesIn,
    RemoveModel,
    RemovePicks,
    RemovePickSet,
    RemoveTomogram,
    ReorderFeatures,
    SetRules,
    SetSliceMask,
    SetVoxelSize,
    ShrinkMask,
    StrokeAcross,
    Together,
)
from ais.errors import AisError, Cancelled
from ais.progress import Progress
from ais.project import Project
from ais.project import database as project_database
from ais.project import lock as project_lock
from ais.project import schema as project_schema

SHAPE = (6, 300, 270)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "Ribosömes 100%41 #1.aisproj") as opened:
        yield opened


def write_tomogram(path: Path, shape: tuple[int, int, int] = (4, 20, 30), voxel_size: float = 10.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.random.default_rng(1).normal(5, 2, shape).astype(np.float32))
        file.voxel_size = voxel_size
    return path


def add_missing(project: Project, shape: tuple[int, int, int] = SHAPE) -> int:
    return project.apply(AddTomogram(project.path.parent / "away.mrc", shape, 10.0)).id


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def one_sentence(error: pytest.ExceptionInfo[AisError]) -> str:
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


# The file


def test_another_program_reads_masks_with_sqlite_and_zlib_alone(project: Project) -> None:
    tomogram, feature = add_missing(project), project.apply(AddFeature("membrane")).id
    mask = np.random.default_rng(0).random(SHAPE[1:]) > 0.7
    project.apply(SetSliceMask(tomogram, feature, 2, mask))
    project.close()
    header = project.path.read_bytes()[:100]
    assert header[68:72] == b"AISP"
    assert int.from_bytes(header[60:64], "big") == 1
    seen = np.zeros((512, 512), np.uint8)
    with closing(sqlite3.connect(project.path)) as connection:
        rows = connection.execute("SELECT tile_y, tile_x, bits FROM mask_tiles WHERE z = 2").fetchall()
    for tile_y, tile_x, bits in rows:
        pixels = np.unpackbits(np.frombuffer(zlib.decompress(bits), np.uint8)).reshape(256, 256)
        seen[tile_y * 256 : tile_y * 256 + 256, tile_x * 256 : tile_x * 256 + 256] = pixels
    assert np.array_equal(seen[: SHAPE[1], : SHAPE[2]], mask)
    assert seen.sum() == mask.sum()


def test_a_closed_project_is_one_file(project: Project) -> None:
    project.apply(AddFeature("membrane"))
    assert len(names(project.path.parent)) > 1
    project.close()
    project.close()
    assert names(project.path.parent) == [project.path.name]
    with Project.open(project.path) as again:
        assert [feature.name for feature in again.features()] == ["membrane"]
    assert names(project.path.parent) == [project.path.name]


def test_create_refuses_what_exists(project: Project) -> None:
    with pytest.raises(AisError, match="exists already"):
        Project.create(project.path)
    elsewhere = project.path.with_name("other.aisproj")
    elsewhere.with_name("other.aisproj-wal").write_bytes(b"a log of a project that is gone")
    with pytest.raises(AisError, match="other.aisproj-wal"):
        Project.create(elsewhere)
    with pytest.raises(AisError):
        Project.create(project.path / "inside a file.aisproj")


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.commit()


def changed(statement: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        Project.create(path).close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()

    return make


def cut_off(path: Path) -> None:
    with Project.create(path) as project:
        for number in range(50):
            project.apply(AddFeature(f"feature {number}"))
    path.write_bytes(path.read_bytes()[:-6000])


def noise_inside(path: Path) -> None:
    Project.create(path).close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + np.random.default_rng(0).bytes(len(content) - 100))


NO_PROJECTS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("Dear reader,\n" * 30),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(20000)),
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(b"SQLite format 3\x00"),
    "folder": lambda path: path.mkdir(),
    "missing": lambda _: None,
    "other database": other_database,
    "cut off": cut_off,
    "noise inside": noise_inside,
    "newer": changed("PRAGMA user_version = 99"),
    "trigger": changed("CREATE TRIGGER t AFTER INSERT ON boxes BEGIN DELETE FROM features; END"),
    "view": changed("CREATE VIEW v AS SELECT * FROM features"),
    "table missing": changed("DROP TABLE boxes"),
    "column missing": changed("ALTER TABLE boxes DROP COLUMN negative"),
}


@pytest.mark.parametrize("kind", NO_PROJECTS)
@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_no_project_is_refused_and_left_alone(tmp_path: Path, kind: str, read_only: bool) -> None:
    path = tmp_path / "x.aisproj"
    NO_PROJECTS[kind](path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(AisError) as error:
        Project.open(path, read_only=read_only)
    assert "x.aisproj" in one_sentence(error)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert names(tmp_path) == (["x.aisproj"] if path.exists() else [])


def test_damaged_pages_give_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.aisproj"
    with Project.create(path) as project:
        tomogram, feature = add_missing(project), project.apply(AddFeature("a")).id
        rng = np.random.default_rng(0)
        for z in range(6):
            project.apply(SetSliceMask(tomogram, feature, z, rng.random(SHAPE[1:]) > 0.5))
    content = bytearray(path.read_bytes())
    content[30 * 4096 :] = bytes(len(content) - 30 * 4096)
    path.write_bytes(content)
    with pytest.raises(AisError) as error, Project.open(path) as project:
        for z in range(6):
            project.mask(tomogram, feature, z)
        project.check_integrity()
    assert "damaged" in one_sentence(error)


@pytest.mark.parametrize(
    ("statement", "read"),
    [
        ("UPDATE mask_tiles SET bits = x'00'", lambda p: p.mask(1, 1, 0)),
        ("UPDATE mask_tiles SET bits = 7", lambda p: p.mask(1, 1, 0)),
        ("UPDATE tomograms SET nx = 1 << 40", lambda p: p.tomograms()),
        ("UPDATE tomograms SET ny = 1 << 20, nx = 1 << 20", lambda p: p.mask(1, 1, 0)),
        ("UPDATE tomograms SET voxel_size = 'x'", lambda p: p.tomograms()),
        ("UPDATE features SET box_size = -1", lambda p: p.features()),
        ("UPDATE history_changes SET in_table = 'sqlite_master'", lambda p: p.undo()),
        ("UPDATE history_changes SET key = '[]'", lambda p: p.undo()),
        ("INSERT INTO rules VALUES (0, '[')", lambda p: p.rules()),
    ],
)
def test_damaged_values_give_a_sentence(project: Project, statement: str, read: Callable[[Project], object]) -> None:
    tomogram, feature = add_missing(project), project.apply(AddFeature("a")).id
    project.apply(PaintStroke(tomogram, feature, 0, [(50, 50)], 5))
    project.close()
    changed_path = project.path
    with closing(sqlite3.connect(changed_path)) as connection:
        connection.execute(statement)
        connection.commit()
    with Project.open(changed_path) as again, pytest.raises(AisError) as error:
        read(again)
    assert "damaged" in one_sentence(error) or "wrong size" in str(error.value)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_are_survived_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole, path = tmp_path / "whole.aisproj", tmp_path / "x.aisproj"
    if not whole.exists():
        with Project.create(whole) as project:
            tomogram, feature = add_missing(project), project.apply(AddFeature("a")).id
            for z in range(3):
                project.apply(PaintStroke(tomogram, feature, z, [(50, 50), (260, 260)], 5))
            project.apply(AddPickSet(tomogram, "picks", {"x": [1]}))
            project.undo()
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for leftover in tmp_path.glob("x.aisproj*"):
        leftover.unlink()
    path.write_bytes(content)
    with contextlib.suppress(AisError), Project.open(path) as project:
        for entry in project.tomograms():
            for found in project.features():
                for z in project.annotated_slices(entry.id, found.id):
                    project.mask(entry.id, found.id, z)
            project.pick_sets(entry.id)
        project.redo()
        while project.undo():
            pass


def test_a_huge_tile_is_not_unpacked(project: Project) -> None:
    tomogram, feature = add_missing(project), project.apply(AddFeature("a")).id
    project.apply(PaintStroke(tomogram, feature, 0, [(50, 50)], 5))
    project.close()
    with closing(sqlite3.connect(project.path)) as connection:
        connection.execute("UPDATE mask_tiles SET bits = ?", (zlib.compress(bytes(1 << 28)),))
        connection.commit()
    with Project.open(project.path) as again, pytest.raises(AisError, match="wrong size"):
        again.mask(tomogram, feature, 0)


def test_older_files_are_brought_up_to_date(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.apply(AddFeature("membrane"))
    digest = project.content_digest()
    project.close()
    step = "ALTER TABLE normalizations ADD COLUMN note TEXT;"
    monkeypatch.setattr(project_schema, "MIGRATIONS", (*project_schema.MIGRATIONS, step))
    with Project.open(project.path) as newer:
        assert newer.content_digest() == digest
        assert newer.undo() is not None
    monkeypatch.undo()
    before = project.path.read_bytes()
    with pytest.raises(AisError, match="newer Ais"):
        Project.open(project.path)
    assert project.path.read_bytes() == before


def test_a_full_disk_loses_nothing(project: Project) -> None:
    tomogram, feature = add_missing(project), project.apply(AddFeature("a")).id
    digest, lines = project.content_digest(), len(project.history())
    connection = project._database.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    noise = np.random.default_rng(0).random(SHAPE[1:]) > 0.5
    with pytest.raises(AisError, match="No space left") as error:
        project.apply(SetSliceMask(tomogram, feature, 0, noise))
    one_sentence(error)
    assert project.content_digest() == digest
    assert len(project.history()) == lines
    connection.execute("PRAGMA max_page_count = 1000000")
    project.apply(SetSliceMask(tomogram, feature, 0, noise))
    assert project.mask(tomogram, feature, 0).sum() == noise.sum()


# Who may edit


def test_a_second_opener_reads_and_is_told_who_edits(project: Project) -> None:
    with Project.open(project.path) as second:
        assert second.read_only
        assert f"process {os.getpid()}" in second.notice
        project.apply(AddFeature("membrane"))
        assert [feature.name for feature in second.features()] == ["membrane"]
        for edit in (lambda: second.apply(AddFeature("b")), second.undo, second.redo):
            with pytest.raises(AisError, match="reading only"):
                edit()
        second.set_view_state("contrast", [0, 1])
    project.apply(AddFeature("another"))


def test_the_last_reader_leaves_one_file(project: Project) -> None:
    project.apply(AddFeature("a"))
    second = Project.open(project.path, read_only=True)
    assert second.notice == ""
    project.close()
    assert [feature.name for feature in second.features()] == ["a"]
    second.close()
    assert names(project.path.parent) == [project.path.name]


WORKER = """
import sys
from ais.project import Project
from ais.annotation import AddFeature, AddTomogram, PaintStroke, PlaceBoxes
project = Project.open(sys.argv[1])
assert not project.read_only, project.notice
tomogram = project.apply(AddTomogram("away.mrc", (6, 300, 270), 10.0)).id
feature = project.apply(AddFeature("membrane")).id
print("ready", flush=True)
for number in range(100000):
    project.apply(PaintStroke(tomogram, feature, number % 6, [(number % 290, number * 7 % 260)], 3))
    project.apply(PlaceBoxes(tomogram, feature, [(number % 6, number % 300, number * 7 % 270)]))
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("edits", [1, 37])
def test_kill_9_loses_no_edit_that_was_made(tmp_path: Path, edits: int) -> None:
    path = tmp_path / "x.aisproj"
    Project.create(path).close()
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(path)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    last = -1
    for line in worker.stdout:
        if line.strip().isdigit():
            last = int(line)
            if last >= edits:
                break
    with Project.open(path) as beside:
        assert beside.read_only
        assert f"process {worker.pid}" in beside.notice
    worker.send_signal(signal.SIGKILL)
    last = max([last, *(int(line) for line in worker.stdout if line.endswith("\n"))])
    worker.wait()
    worker.stdout.close()
    with Project.open(path, read_only=True) as reader:
        assert len(reader.boxes(1, 1)) >= min(last + 1, 270)
    with Project.open(path) as project:
        assert not project.read_only
        project.check_integrity()
        boxes = {(box.z, box.y, box.x) for box in project.boxes(1, 1)}
        for number in range(last + 1):
            assert (number % 6, number % 300, number * 7 % 270) in boxes
            assert project.mask(1, 1, number % 6)[number % 290, number * 7 % 260]
        assert len(project.history()) >= 2 + 2 * (last + 1) - 50
        while project.undo():
            pass
        assert not project.tomograms()
    assert names(tmp_path) == ["x.aisproj"]


def lock_file(project: Path) -> Path:
    return project.with_name(project.name + ".lock")


def write_lock(project: Path, **values: object) -> None:
    holder = {"user": "anna", "host": "pc12", "pid": 4711, "since": "2026-01-01", "token": "t", "alone": False}
    lock_file(project).write_text(json.dumps(holder | values))


def test_a_lock_of_a_dead_process_is_taken_over(project: Project) -> None:
    project.close()
    write_lock(project.path, host=os.uname().nodename if sys.platform != "win32" else "", pid=2**22 - 3)
    with Project.open(project.path) as again:
        assert not again.read_only
    lock_file(project.path).write_bytes(b"")
    os.utime(lock_file(project.path), (time.time() - 60,) * 2)
    with Project.open(project.path) as again:
        assert not again.read_only


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sees open files of other computers")
def test_a_lock_of_another_computer_holds_while_it_is_fresh(project: Project) -> None:
    project.close()
    write_lock(project.path)
    with Project.open(project.path) as second:
        assert second.read_only
        assert "anna on pc12" in second.notice
    assert lock_file(project.path).exists()
    os.utime(lock_file(project.path), (time.time() - project_lock.FOREIGN_LOCK_SECONDS - 5,) * 2)
    with Project.open(project.path) as second:
        assert not second.read_only


def test_an_editor_whose_lock_was_taken_stops(project: Project) -> None:
    write_lock(project.path)
    with pytest.raises(AisError, match="anna on pc12") as error:
        project.apply(AddFeature("a"))
    one_sentence(error)
    project.close()
    assert json.loads(lock_file(project.path).read_text())["user"] == "anna"
    lock_file(project.path).unlink()


def test_without_file_locks_one_program_at_a_time(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.apply(AddFeature("a"))
    project.close()
    monkeypatch.setattr(project_lock.ProjectLock, "locks_work", lambda _self: False)
    with Project.open(project.path) as alone:
        assert not alone.read_only
        assert "without proper locking" in alone.notice
        alone.apply(AddFeature("b"))
        assert not project.path.with_name(project.path.name + "-wal").exists()
        for read_only in (False, True):
            with pytest.raises(AisError, match="close it there first"):
                Project.open(project.path, read_only=read_only)
        assert alone.undo() is not None
        alone.check_integrity()
    assert names(project.path.parent) == [project.path.name]
    monkeypatch.undo()
    with Project.open(project.path) as again:
        assert again.notice == ""
        assert again.redo() is not None


def test_locking_that_fails_in_sqlite_falls_back(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.close()
    connect = project_database._connect

    def failing(path: Path, options: str) -> sqlite3.Connection:
        if options == "mode=rw":
            error = sqlite3.OperationalError("locking protocol")
            error.sqlite_errorname = "SQLITE_PROTOCOL"
            raise error
        return connect(path, options)

    monkeypatch.setattr(project_database, "_connect", failing)
    with Project.open(project.path) as fallen:
        assert "locking protocol" in fallen.notice
        fallen.apply(AddFeature("a"))


# Tomograms and their files


def test_tomograms_are_found_beside_the_project_and_absolutely(tmp_path: Path) -> None:
    write_tomogram(tmp_path / "work" / "data" / "TS_1.mrc")
    write_tomogram(tmp_path / "far" / "TS_2.mrc")
    with Project.create(tmp_path / "work" / "x.aisproj") as project:
        for path in ("work/data/TS_1.mrc", "far/TS_2.mrc"):
            project.apply(AddTomogram(tmp_path / path))
        project.save_copy(tmp_path / "copies" / "copy.aisproj")
        digest = project.content_digest()
    shutil.move(tmp_path / "work", tmp_path / "elsewhere")
    with Project.open(tmp_path / "elsewhere" / "x.aisproj") as project:
        one, two = project.tomograms()
        assert (one.path, one.missing) == (tmp_path / "elsewhere" / "data" / "TS_1.mrc", False)
        assert (two.path, two.missing) == (tmp_path / "far" / "TS_2.mrc", False)
    shutil.move(tmp_path / "elsewhere", tmp_path / "work")
    with Project.open(tmp_path / "copies" / "copy.aisproj") as copy:
        assert copy.content_digest() == digest
        assert [entry.missing for entry in copy.tomograms()] == [False, False]
        assert copy.undo() is not None
    with closing(sqlite3.connect(tmp_path / "copies" / "copy.aisproj")) as connection:
        assert connection.execute("SELECT relative_path FROM tomograms").fetchone() == ("../work/data/TS_1.mrc",)
    assert names(tmp_path / "copies") == ["copy.aisproj"]


def test_missing_tomograms_are_kept_and_relinked(tmp_path: Path) -> None:
    with Project.create(tmp_path / "x.aisproj") as project:
        feature = project.apply(AddFeature("a")).id
        for number in (1, 2, 3):
            path = write_tomogram(tmp_path / "raw" / f"TS_{number}.mrc")
            tomogram = project.apply(AddTomogram(path)).id
            project.apply(PaintStroke(tomogram, feature, 1, [(5, 5)], 2))
        digest = project.content_digest()
        shutil.move(tmp_path / "raw", tmp_path / "moved")
        write_tomogram(tmp_path / "moved" / "TS_3.mrc", (4, 20, 31))
        assert all(entry.missing for entry in project.tomograms())
        first = project.tomogram("TS_1")
        assert project.mask(first.id, feature, 1).sum() == 13
        with pytest.raises(AisError, match="relink"):
            project.open_tomogram(first)
        with pytest.raises(AisError, match="another one"):
            project.apply(RelinkTomogram(3, tmp_path / "moved" / "TS_3.mrc"))
        (tmp_path / "moved" / "TS_3.mrc").unlink()
        assert not project.apply(RelinkTomogram(1, tmp_path / "moved" / "TS_1.mrc")).missing
        project.undo()
        relinked = project.apply(RelinkTomograms(str(tmp_path).replace("/", "\\") + "\\raw", str(tmp_path / "moved")))
        assert [entry.name for entry in relinked] == ["TS_1", "TS_2"]
        assert [entry.missing for entry in project.tomograms()] == [False, False, True]
        project.undo()
        assert project.content_digest() == digest
        with pytest.raises(AisError, match="No tomogram is found"):
            project.apply(RelinkTomograms("nothing", "else"))


def test_a_tomogram_that_was_replaced_is_not_opened(project: Project) -> None:
    path = write_tomogram(project.path.parent / "a.mrc")
    entry = project.apply(AddTomogram(path))
    write_tomogram(path, (5, 20, 30))
    with pytest.raises(AisError, match="has changed"):
        project.open_tomogram(entry)


def test_voxel_size_and_normalisation_live_in_the_project(project: Project) -> None:
    path = write_tomogram(project.path.parent / "a.mrc", voxel_size=0.0)
    before = path.read_bytes()
    entry = project.apply(AddTomogram(path))
    assert (entry.voxel_size, entry.header_voxel_size, entry.normalization) == (0.0, 0.0, None)
    entry = project.apply(SetVoxelSize(entry.id, 13.48))
    assert (entry.voxel_size, entry.header_voxel_size) == (13.48, 0.0)
    found = project.normalization(entry.id)
    project.close()
    with Project.open(project.path) as again:
        entry = again.tomogram("a")
        assert entry.normalization == found
        with again.open_tomogram(entry) as opened:
            assert opened.voxel_size == 13.48
            assert opened.normalization == found
        with mrcfile.open(path, "r+") as file:
            file.data[:] *= 2
        os.utime(path, (1, 1))
        assert again.tomogram("a").normalization is None
        assert again.normalization(entry.id).scale == pytest.approx(2 * found.scale, rel=1e-5)
    write_tomogram(path, voxel_size=0.0)
    assert path.read_bytes()[:224] == before[:224]  # the label after it holds the time
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with Project.open(project.path) as again, pytest.raises(AisError, match="positive"):
            again.apply(SetVoxelSize(1, wrong))


def test_tomograms_by_name_and_path(project: Project) -> None:
    folder = project.path.parent
    one = project.apply(AddTomogram(write_tomogram(folder / "a" / "TS.mrc")))
    two = project.apply(AddTomogram(write_tomogram(folder / "b" / "TS.mrc")))
    lines = len(project.history())
    assert project.apply(AddTomogram(folder / "a" / ".." / "a" / "TS.mrc")) == one
    assert len(project.history()) == lines
    assert project.tomogram(folder / "b" / "TS.mrc") == two
    with pytest.raises(AisError, match="several"):
        project.tomogram("TS")
    with pytest.raises(AisError, match="no tomogram"):
        project.tomogram("else")
    with pytest.raises(AisError, match=r"no tomogram .*other"):
        project.tomogram(write_tomogram(folder / "other" / "X.mrc"))
    with pytest.raises(AisError):
        project.apply(AddTomogram(folder / "nowhere.mrc"))
    with pytest.raises(AisError):
        project.apply(AddTomogram(folder / "nowhere.mrc", (0, 3, 3)))


def test_save_copy_refuses_the_project_and_open_ones(project: Project) -> None:
    with pytest.raises(AisError, match="itself"):
        project.save_copy(project.path)
    with Project.create(project.path.with_name("b.aisproj")) as other, pytest.raises(AisError, match="open"):
        project.save_copy(other.path)
    project.save_copy(other.path)
    with Project.open(other.path) as copy:
        assert copy.content_digest() == project.content_digest()


def test_view_state_is_remembered_without_history(project: Project) -> None:
    digest = project.content_digest()
    project.set_view_state("contrast", {"low": -1.5})
    project.close()
    with Project.open(project.path) as again:
        assert again.view_state("contrast") == {"low": -1.5}
        assert again.view_state("other", 3) == 3
        assert again.history() == []
        assert again.content_digest() == digest
        with pytest.raises(AisError):
            again.set_view_state("contrast", np.zeros(3))


# History


def test_an_edit_that_fails_or_changes_nothing_leaves_no_trace(project: Project) -> None:
    tomogram, feature = add_missing(project), project.apply(AddFeature("a")).id
    lines, digest = project.history(), project.content_digest()
    project.apply(ClearSlice(tomogram, feature, 3))
    project.apply(EraseStroke(tomogram, feature, 3, [(10, 10)], 5))
    project.apply(ChangeFeature(feature, name="a"))
    paint = PaintStroke(tomogram, feature, 1, [(10, 10)], 5)
    with pytest.raises(AisError):
        project.apply(Together("paint and fail", [paint, ClearSlice(tomogram, feature, 99)]))

    class Stop(Progress):
        def report(self, done: float, total: float, text: str = "") -> None:
            del total, text
            if done == 2:
                raise Cancelled

    with pytest.raises(Cancelled):
        project.apply(ImportVolume(tomogram, feature, np.ones(SHAPE, bool), progress=Stop()))
    assert project.history() == lines
    assert project.content_digest() == digest


def test_history_tells_what_and_where(project: Project) -> None:
    tomogram, feature = add_missing(project), project.apply(AddFeature("membrane")).id
    project.apply(PaintStroke(tomogram, feature, 3, [(250, 250), (260, 252)], 4))
    project.apply(PlaceBoxes(tomogram, feature, [(2, 100, 50)]))
    last, before = project.history()[-1], project.history()[-2]
    assert before.text == "Paint membrane, slice 3 of away"
    assert (before.region.tomogram, before.region.feature, before.region.z) == (tomogram, feature, 3)
    rows, columns = np.nonzero(project.mask(tomogram, feature, 3))
    assert before.region.bounds == (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)
    assert (last.region.z, last.region.bounds) == (2, (68, 132, 18, 82))
    undone = project.undo()
    assert undone is not None
    assert (undone.id, undone.undone, undone.region) == (last.id, True, last.region)
    assert [entry.undone for entry in project.history()] == [False, False, False, True]
    project.apply(AddFeature("other"))
    assert [entry.undone for entry in project.history()] == [False] * 4
    assert project.redo() is None


def test_one_thread_edits_while_another_reads(project: Project) -> None:
    tomogram, feature = add_missing(project), project.apply(AddFeature("a")).id
    seen: list[int] = []

    def edit() -> None:
        for number in range(60):
            project.apply(PaintStroke(tomogram, feature, 0, [(4 * number, 4 * number)], 1))

    worker = threading.Thread(target=edit)
    worker.start()
    while worker.is_alive():
        seen.append(int(project.mask(tomogram, feature, 0).sum()))
    worker.join()
    assert seen == sorted(seen)
    assert all((count - 3) % 5 == 0 for count in seen if count)
    assert len(project.history()) == 62


def test_numbers_are_not_used_again(project: Project) -> None:
    first = project.apply(AddFeature("a")).id
    project.undo()
    assert project.apply(AddFeature("b")).id != first


class RandomEdits(RuleBasedStateMachine):
    """Any sequence of edits, undo, redo and reopening: every state comes back exactly."""

    folder: Path
    count = 0

    @initialize()
    def begin(self) -> None:
        RandomEdits.count += 1
        self.path = self.folder / f"{RandomEdits.count}.aisproj"
        self.project = Project.create(self.path)
        self.states = [self.project.content_digest()]
        self.at = 0
        self.edit(AddTomogram(self.folder / "first.mrc", (4, 270, 260)))
        self.edit(AddFeature("first"))

    def teardown(self) -> None:
        if not hasattr(self, "project"):
            return
        while self.project.undo():
            self.at -= 1
            assert self.project.content_digest() == self.states[self.at]
        assert self.at == 0
        while self.project.redo():
            self.at += 1
            assert self.project.content_digest() == self.states[self.at]
        assert self.at == len(self.states) - 1
        self.project.check_integrity()
        self.project.close()

    def edit(self, operation: Operation[object]) -> None:
        lines = [entry for entry in self.project.history() if not entry.undone]
        try:
            self.project.apply(operation)
        except AisError:
            assert self.project.content_digest() == self.states[self.at]
            return
        digest = self.project.content_digest()
        if len([entry for entry in self.project.history() if not entry.undone]) > len(lines):
            self.states = [*self.states[: self.at + 1], digest]
            self.at += 1
        else:
            assert digest == self.states[self.at]

    def some(self, data: st.DataObject, what: str) -> int:
        found = [row[0] for row in self.project._rows(f"SELECT id FROM {what} ORDER BY id")]
        return data.draw(st.sampled_from(found or [77]))

    @rule(data=st.data(), erase=st.booleans(), ignore=st.booleans())
    def paint(self, data: st.DataObject, erase: bool, ignore: bool) -> None:
        tomogram, feature = self.some(data, "tomograms"), IGNORE if ignore else self.some(data, "features")
        z = data.draw(st.integers(0, 4))
        pair = st.tuples(st.floats(-20, 290), st.floats(-20, 290))
        points = data.draw(st.lists(pair, min_size=1, max_size=5))
        radius = data.draw(st.floats(0.5, 40))
        operations: list[Operation[object]] = [
            (EraseStroke if erase else PaintStroke)(tomogram, feature, z, points, radius),
            FillPolygon(tomogram, feature, z, points, erase),
            StrokeAcross(tomogram, feature, "xz" if erase else "yz", z * 60, [(p[0] / 60, p[1]) for p in points], 2),
            PaintRegion(tomogram, feature, z, int(points[0][0]), int(points[0][1]), np.eye(40), erase),
        ]
        self.edit(data.draw(st.sampled_from(operations)))

    @rule(data=st.data(), z=st.integers(0, 3), ignore=st.booleans())
    def change_slices(self, data: st.DataObject, z: int, ignore: bool) -> None:
        tomogram, feature = self.some(data, "tomograms"), IGNORE if ignore else self.some(data, "features")
        operations: list[Operation[object]] = [
            FillHoles(tomogram, feature, z),
            GrowMask(tomogram, feature, z, 3.5),
            ShrinkMask(tomogram, feature, z, 2),
            ClearSlice(tomogram, feature, z),
            InterpolateSlices(tomogram, feature),
            CopySlice(tomogram, feature, z, to_z=(z + 1) % 4),
            CopySlice(tomogram, feature, None, to_feature=self.some(data, "features"), replace=True),
            ImportVolume(tomogram, feature, np.tri(4 * 270, 260).reshape(4, 270, 260), slices=[0, 3]),
        ]
        self.edit(data.draw(st.sampled_from(operations)))

    @rule(data=st.data(), z=st.integers(0, 4), seed=st.integers(0, 3))
    def change_boxes(self, data: st.DataObject, z: int, seed: int) -> None:
        tomogram, feature = self.some(data, "tomograms"), self.some(data, "features")
        operations: list[Operation[object]] = [
            PlaceBoxes(tomogram, feature, [(z, 50 * seed, 40), (z, 50, 60)], negative=seed == 1),
            RemoveBoxes([self.some(data, "boxes")]),
            AutoPlaceBoxes(tomogram, feature, 3, seed),
            BackgroundBoxes(tomogram, feature, 3, seed),
            MoveBox(self.some(data, "boxes"), (z, 60, 60 + seed)),
            RemoveBoxesIn(tomogram, feature, (z, 0, 0), (z, 300, 300)),
        ]
        self.edit(data.draw(st.sampled_from(operations)))

    @rule(data=st.data(), name=st.sampled_from(["b", "c", "d", "B", ""]))
    def change_features(self, data: st.DataObject, name: str) -> None:
        feature, other = self.some(data, "features"), self.some(data, "features")
        order = data.draw(st.permutations([found.id for found in self.project.features()]))
        operations: list[Operation[object]] = [
            AddFeature(name),
            ChangeFeature(feature, name=name, colour=(0.1, 0.2, 0.3), visible=False),
            ChangeFeature(feature, alpha=0.25, outline=True, box_size=32, dust=5.5),
            ReorderFeatures(order),
            DeleteFeature(feature),
            MergeFeatures(feature, [other]),
            DuplicateFeature(feature),
            ChangeFeatures([ChangeFeature(feature, visible=False), ChangeFeature(other, outline=True)]),
            ClearFeature(self.some(data, "tomograms"), data.draw(st.sampled_from([IGNORE, feature]))),
        ]
        self.edit(data.draw(st.sampled_from(operations)))

    @rule(data=st.data(), number=st.integers(0, 3))
    def change_records(self, data: st.DataObject, number: int) -> None:
        tomogram, picks = self.some(data, "tomograms"), self.some(data, "pick_sets")
        model = self.some(data, "models")
        operations: list[Operation[object]] = [
            AddTomogram(self.folder / f"{number}.mrc", (2 + number, 40, 50), 5.0),
            RemoveTomogram(tomogram),
            SetVoxelSize(tomogram, None if number == 0 else number),
            AddModel(self.folder / "m.aism", settings={"threshold": 0.5}),
            ChangeModel(model, name="other", settings={"threshold": number}),
            RemoveModel(model),
            SetRules([{"child": "a", "radius": n} for n in range(number)]),
            AddPickSet(tomogram, "picks", {"x": [1.5, 2]}),
            ChangePickSet(picks, data={"x": [number]}),
            RemovePickSet(picks),
            AddPicks(tomogram, self.some(data, "features"), [(1, 2, number), (0, 5, 5.5)]),
            MovePick(tomogram, self.some(data, "features"), number, (1, 3, 3)),
            RemovePicks(tomogram, self.some(data, "features"), [number]),
            ChangeSetting("crop", None if number == 0 else [number]),
            Together("two", [AddFeature(f"t{number}"), SetVoxelSize(tomogram, 7.5)]),
        ]
        self.edit(data.draw(st.sampled_from(operations)))

    @rule()
    def undo(self) -> None:
        assert (self.project.undo() is not None) == (self.at > 0)
        self.at = max(self.at - 1, 0)

    @rule()
    def redo(self) -> None:
        assert (self.project.redo() is not None) == (self.at < len(self.states) - 1)
        self.at = min(self.at + 1, len(self.states) - 1)

    @rule()
    def reopen(self) -> None:
        self.project.close()
        self.project = Project.open(self.path)

    @invariant()
    def content_is_as_it_was(self) -> None:
        if hasattr(self, "project"):
            assert self.project.content_digest() == self.states[self.at]


def test_undo_and_redo_restore_every_state_exactly(tmp_path: Path) -> None:
    class Here(RandomEdits):
        folder = tmp_path

    profile = {"max_examples": 10, "stateful_step_count": 25, "deadline": None, "database": None}
    run_state_machine_as_test(Here, settings=settings(suppress_health_check=list(HealthCheck), **profile))


def test_import_is_quick() -> None:
    code = "import time; s = time.process_time(); import ais.project; print(time.process_time() - s)"
    code += "\nimport sys; assert not {'pandas', 'scipy', 'skimage', 'tifffile', 'edt'} & set(sys.modules)"
    took = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) for _ in (1, 2)]
    assert min(took) < 1.0
