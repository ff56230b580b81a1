"""Annotated tomograms and groups of Ais 1.x: everything comes along, and nothing that a file says is done."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from frames_of_ais_1 import Frame, Handle, Part, frame_bytes, membrane, simple_frame, write_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from keras2_network import Network
from windowless import nothing, said, settled, until

from ais.annotation import ImportAnnotated
from ais.cli.main import run
from ais.errors import AisError
from ais.formats.registry import write_volume
from ais.formats.scns import read_scns
from ais.gui.document import crop_key, crop_of
from ais.gui.editor import Editor
from ais.models import read_group, read_model_info, unpack_group
from ais.project import Project
from ais.tomogram import Tomogram

SHAPE = (8, 16, 24)


def volume(path: Path, shape: tuple[int, int, int] = SHAPE, voxel_size: float = 13.48) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    write_volume(path, values, voxel_sizes=voxel_size)
    return path


def small_scnm(path: Path, **metadata: Any) -> Path:
    network = Network()
    network.add("Conv2D", filters=2, kernel_size=[3, 3], activation="relu")
    network.add("Conv2D", filters=1, kernel_size=[1, 1], padding="valid", activation="sigmoid")
    return network.write(path, **metadata)


# What Ais 1.2.40 wrote


def test_what_ais_1_annotated(test_data: Path) -> None:
    found = read_scns(test_data / "ais1" / "dev7.scns")
    assert (found.tomogram, found.shape, found.voxel_size) == ("D:/tomograms/dev7.mrc", (128, 256, 256), 10.0)
    assert (found.crop, found.volume) == (None, None)
    assert [feature.title for feature in found.features] == ["Membrane", "Microtubule", "Ribosome"]
    # What was painted is what the tomogram has there: the user painted where the labels are.
    with mrcfile.open(test_data / "cell_sim" / "labels.mrc") as file:
        labels = np.array(file.data)
    for feature, label in zip(found.features, (1, 2, 4), strict=True):
        painted = {z: mask.read() != 0 for z, mask in feature.masks.items()}
        inside = sum(int((labels[z][mask] == label).sum()) for z, mask in painted.items())
        assert inside > 0.5 * sum(int(mask.sum()) for mask in painted.values()) > 0
    # The training sets that it cut out of the same annotation say where its boxes were.
    with tarfile.open(test_data / "ais1" / "64x64x1_10.00Apx_Membrane.scnt") as tar:
        stream = tar.extractfile("sources.json")
        assert stream is not None
        sources = [s for s in json.load(stream).values() if s["aisFeatureName"] == "Membrane"]
    places = {tuple(round(s[f"aisBoxCoordinate{axis}"]) for axis in "ZYX") for s in sources if not s.get("aisNegative")}
    assert places
    assert places <= set(found.features[0].boxes)


def test_the_work_of_ais_1_in_a_project(test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, project = test_data / "ais1", tmp_path / "work.aisproj"
    (tmp_path / "dev7.mrc").symlink_to(test_data / "cell_sim" / "tomogram.mrc")
    words = [str(files / "dev7.scns"), str(tmp_path / "dev7.mrc"), str(files / "membrane_ribosome.scnmgroup")]
    assert run(["import", *words, "-o", str(project)]) == 0
    assert "missing" not in capsys.readouterr().err
    with Project.open(project) as opened:
        (entry,) = opened.tomograms()
        assert (entry.path, entry.missing) == (tmp_path / "dev7.mrc", False)
        assert [model.path.name for model in opened.models()] == ["Membrane.scnm", "Ribosome.scnm"]
        (rule,) = opened.rules()
        assert rule == {"child": "Ribosome", "parent": "Membrane", "type": "avoid", "radius": 100.0, "threshold": 0.5}
        content = read_scns(files / "dev7.scns")
        for feature, old in zip(opened.features(), content.features, strict=True):
            assert (feature.name, feature.box_size, feature.brush_radius) == (old.title, 64, 10.0)
            np.testing.assert_allclose(feature.colour, old.colour)
            assert {(b.z, b.y, b.x) for b in opened.boxes(entry.id, feature.id)} == set(old.boxes)
            for z, mask in old.masks.items():
                np.testing.assert_array_equal(opened.mask(entry.id, feature.id, z), mask.read())
        edits = len(opened.history())
    assert run(["import", *words, "-o", str(project)]) == 0
    with Project.open(project) as opened:
        assert len(opened.history()) == edits
    assert run(["extract", str(project), "-f", "Membrane", "-o", str(tmp_path / "set.scnt")]) == 0


def test_what_info_says(test_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = test_data / "ais1"
    assert run(["info", str(files / "dev7.scns"), str(files / "membrane_ribosome.scnmgroup"), "--json"]) == 0
    frame, group = json.loads(capsys.readouterr().out)
    assert (frame["kind"], frame["shape"], frame["tomogram"]) == (
        "annotated tomogram",
        [128, 256, 256],
        "D:/tomograms/dev7.mrc",
    )
    assert frame["features"][0] == {"name": "Membrane", "box_size": 64, "slices": 7, "boxes": 98}
    assert (group["kind"], group["models"]) == ("model group", ["Membrane.scnm", "Ribosome.scnm"])


# Generations


@pytest.mark.parametrize("package", ["Ais", "scNodes"])
@pytest.mark.parametrize(("protocol", "dill"), [(3, True), (4, True), (5, True), (3, False), (4, False)])
def test_every_generation(package: str, protocol: int, dill: bool, tmp_path: Path) -> None:
    frame = simple_frame("/data/TS_01.mrc")
    found = read_scns(write_frame(tmp_path / "a.scns", frame, package=package, protocol=protocol, dill=dill))
    assert (found.tomogram, found.shape) == ("/data/TS_01.mrc", SHAPE)
    assert found.voxel_size == pytest.approx(13.48)
    (feature,) = found.features
    assert (feature.title, feature.colour, feature.alpha, feature.brush_radius) == ("Membrane", (1, 0.5, 0), 0.75, 7.0)
    assert (feature.boxes, list(feature.masks)) == (((3, 9, 4),), [3])
    np.testing.assert_array_equal(feature.masks[3].read(), frame.features[0].slices[3])  # type: ignore[attr-defined]


def test_large_masks_stay_in_the_file(tmp_path: Path) -> None:
    mask = np.random.default_rng(1).integers(0, 2, (300, 200), np.uint8)
    for name, stored in {"c": mask, "f": np.asfortranarray(mask), "big": mask.astype(">i4")}.items():
        frame = simple_frame("/x/a.mrc", (8, 300, 200), features=[membrane(stored)])
        found = read_scns(write_frame(tmp_path / f"{name}.scns", frame)).features[0].masks[3]
        assert not isinstance(found.data, bytes)
        np.testing.assert_array_equal(found.read(), mask)


def test_missing_keys_take_defaults(tmp_path: Path) -> None:
    shown = np.zeros(SHAPE[1:], np.float32)
    frame = Frame("/x/a.mrc", n_slices=8, data=shown, features=[Part(title="  ", slices={np.int64(2): None})])
    found = read_scns(write_frame(tmp_path / "a.scns", frame))
    assert (found.shape, found.voxel_size, found.volume, found.crop) == (SHAPE, 0.0, None, None)
    volume(tmp_path / "a.mrc")
    with Project.create(tmp_path / "p.aisproj") as project:
        done = project.apply(ImportAnnotated(found, tmp_path / "a.mrc"))
        (feature,) = project.features()
    assert (done.features, done.slices, done.boxes) == (1, 0, 0)
    assert (feature.name, feature.box_size, feature.brush_radius) == ("feature", 64, 10.0)


def test_the_crop_region_is_counted_from_the_top(tmp_path: Path) -> None:
    volume(tmp_path / "a.mrc")
    frame = simple_frame(tmp_path / "a.mrc", crop_roi=[3, 2, 20, 12], export_bottom=1, export_top=6)
    found = read_scns(write_frame(tmp_path / "a.scns", frame))
    assert found.crop == ((1, 6), (4, 14), (3, 20))
    with Project.create(tmp_path / "p.aisproj") as project:
        entry = project.apply(ImportAnnotated(found)).tomogram
        crop = crop_of(project.setting(crop_key(entry.id)))
        assert crop is not None
        assert (crop.z, crop.y, crop.x) == found.crop
        project.undo()
        assert (project.tomograms(), project.features()) == ([], [])


def test_names_that_a_project_cannot_have(tmp_path: Path) -> None:
    mask = np.ones(SHAPE[1:], np.uint8)
    titles = ["a/b:c", "A_B_c", "x" * 300, ".."]
    frame = simple_frame(volume(tmp_path / "a.mrc"), features=[membrane(mask, title=title) for title in titles])
    found = read_scns(write_frame(tmp_path / "a.scns", frame))
    with Project.create(tmp_path / "p.aisproj") as project:
        for _ in range(2):  # the second time they are known
            project.apply(ImportAnnotated(found))
            names = [feature.name for feature in project.features()]
            assert names == ["a_b_c", "A_B_c 2", "x" * 74, "feature"]


# Finding the tomogram


@pytest.mark.parametrize("place", ["/nowhere/TS_01.mrc", "D:\\data\\TS_01.mrc", "\\\\server\\share\\TS_01.mrc"])
def test_a_missing_tomogram(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scns = str(write_frame(tmp_path / "other name.scns", simple_frame(place)))
    # Alone: kept as missing, with all that was painted, and said so.
    assert run(["import", scns, "-o", str(tmp_path / "alone.aisproj")]) == 0
    assert "missing" in capsys.readouterr().err
    with Project.open(tmp_path / "alone.aisproj") as project:
        (entry,) = project.tomograms()
        assert (entry.name, entry.shape, entry.missing) == ("TS_01", SHAPE, True)
        assert entry.voxel_size == pytest.approx(13.48)
        assert entry.path.name == "TS_01.mrc"
        assert project.mask(entry.id, project.features()[0].id, 3).sum() == 21
    assert run(["import", scns, "-o", str(tmp_path / "alone.aisproj")]) == 0
    # The tomogram given later is that one.
    found = str(volume(tmp_path / "there" / "TS_01.mrc"))
    assert run(["import", found, "-o", str(tmp_path / "alone.aisproj")]) == 0
    # With the tomogram in the same call, before or after it, or in the project already.
    assert run(["import", scns, found, "-o", str(tmp_path / "both.aisproj")]) == 0
    assert run(["import", found, "-o", str(tmp_path / "first.aisproj")]) == 0
    capsys.readouterr()
    assert run(["import", scns, "-o", str(tmp_path / "first.aisproj")]) == 0
    assert "missing" not in capsys.readouterr().err
    for name in ("alone", "both", "first"):
        with Project.open(tmp_path / f"{name}.aisproj") as project:
            (entry,) = project.tomograms()
            assert (str(entry.path), entry.missing) == (found, False)
            assert len(project.boxes(entry.id, project.features()[0].id)) == 1


def test_a_tomogram_of_that_name_and_another_size_is_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scns = str(write_frame(tmp_path / "a.scns", simple_frame("/nowhere/TS_01.mrc")))
    other = str(volume(tmp_path / "TS_01.mrc", (8, 16, 26)))
    assert run(["import", scns, other, "-o", str(tmp_path / "p.aisproj")]) == 0
    assert "missing" in capsys.readouterr().err
    with Project.open(tmp_path / "p.aisproj") as project:
        assert [entry.missing for entry in project.tomograms()] == [False, True]
    # At the very place, it is refused.
    wrong = str(write_frame(tmp_path / "b.scns", simple_frame(other)))
    assert run(["import", wrong, "-o", str(tmp_path / "q.aisproj")]) == 2
    assert "another one" in capsys.readouterr().err
    assert not (tmp_path / "q.aisproj").exists()


def test_the_voxel_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, in_header, words, expected in [
        ("a", 13.48, [], 13.48),
        ("b", 0.0, [], 13.48),
        ("c", 10.0, [], 10.0),
        ("d", 10.0, ["--voxel-size", "8"], 8.0),
    ]:
        frame = simple_frame(volume(tmp_path / f"{name}.mrc", voxel_size=in_header))
        scns = str(write_frame(tmp_path / f"{name}.scns", frame))
        assert run(["import", scns, "-o", str(tmp_path / f"{name}.aisproj"), *words]) == 0
        assert ("annotated at 13.48 A" in capsys.readouterr().err) == (name == "c")
        with Project.open(tmp_path / f"{name}.aisproj") as project:
            assert project.tomograms()[0].voxel_size == pytest.approx(expected)


@pytest.mark.parametrize("dtype", ["float32", ">i2", "uint8"])
def test_a_volume_inside(dtype: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(2).integers(0, 200, SHAPE).astype(dtype)
    inside = Part(_data=values, _mode="r", _iostream=Handle())
    frame = simple_frame("/nowhere/TS_01.mrc", includes_map=True, map=inside)
    scns = str(write_frame(tmp_path / "a.scns", frame))
    project = tmp_path / "work.aisproj"
    for _ in range(2):
        assert run(["import", scns, "-o", str(project)]) == 0
    assert capsys.readouterr().err == ""
    with Project.open(project) as opened:
        (entry,) = opened.tomograms()
        assert entry.path == tmp_path / "work_tomograms" / "TS_01.mrc"
        with Tomogram.open(entry.path) as tomogram:
            np.testing.assert_array_equal(tomogram.raw(0, 8), values)
            assert tomogram.voxel_size == pytest.approx(13.48, abs=1e-4)
    # Where the tomogram is known, it is not written again.
    found = str(volume(tmp_path / "there" / "TS_01.mrc"))
    assert run(["import", found, scns, "-o", str(tmp_path / "other.aisproj")]) == 0
    assert not (tmp_path / "other_tomograms").exists()


def test_a_name_cannot_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    values = np.zeros(SHAPE, np.uint8)
    for place in ("../../../evil.mrc", "..", "/nowhere/..", "C:\\..\\..\\evil.mrc", "/nowhere/.mrc"):
        frame = simple_frame(place, includes_map=True, map=Part(_data=values))
        run(["import", str(write_frame(tmp_path / "a.scns", frame)), "-o", str(tmp_path / "in" / "work.aisproj")])
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "in" not in path.parents]
    assert outside == [tmp_path / "a.scns"]


# Hostile files


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.called = function, arguments

    def __reduce__(self) -> Any:
        return self.called


def flagged(tmp_path: Path) -> dict[str, Any]:
    flag = str(tmp_path / "flag")
    return {
        "posix.system": Call(os.system, f"touch {flag}"),
        "builtins.eval": Call(eval, f"open({flag!r}, 'w')"),
        "builtins.exec": Call(exec, f"open({flag!r}, 'w')"),
        "io.open": Call(open, flag, "w"),
        "subprocess.Popen": Call(subprocess.Popen, ["touch", flag]),
        "builtins.getattr": Call(getattr, "a", "upper"),
        "numpy.load": Call(np.load, flag),
        "_codecs.encode": Call(__import__("_codecs").encode, "a", "latin1"),
        "os.fspath": Call(os.fspath, "a"),
    }


@pytest.mark.parametrize("name", list(flagged(Path())))
def test_a_payload_is_refused_and_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = flagged(tmp_path)[name]
    for number, frame in enumerate((simple_frame("/x/a.mrc", transform=payload), payload, Part(title=payload))):
        path = tmp_path / f"{number}.scns"
        path.write_bytes(frame_bytes(frame))
        for words in (["info", str(path)], ["import", str(path), "-o", str(tmp_path / "p.aisproj")]):
            assert run(words) == 2
            said = capsys.readouterr().err
            last = name.rpartition(".")[2]
            assert f".{last}, which" in said
            assert len(said.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.scns", "1.scns", "2.scns"]


HEAD = b"\x80\x04"
NAMED = HEAD + b"\x8c\x11Ais.core.se_frame\x8c\x07SEFrame\x93"
STREAMS = {
    "empty": b"",
    "text": b"hello, this is not a pickle at all\n",
    "protocol 0": pickle.dumps([1], protocol=0),
    "another object": pickle.dumps({"a": [1, 2]}),
    "a zip": b"PK\x03\x04" + bytes(100),
    "bytes of 2^60": HEAD + b"\x8e" + struct.pack("<Q", 1 << 60) + b"abc",
    "text of 2^60": HEAD + b"\x8d" + struct.pack("<Q", 1 << 60) + b"abc",
    "number of 2^31 digits": HEAD + b"\x8b" + struct.pack("<I", (1 << 31) - 1) + b"abc",
    "memo at 2^32": NAMED + b"r\xff\xff\xff\xff.",
    "memo that is not there": HEAD + b"h\x07.",
    "nothing on the stack": HEAD + b"\x94.",
    "end without a value": HEAD + b".",
    "no mark": HEAD + b"t.",
    "extension code": HEAD + b"\x82\x01.",
    "persistent id": HEAD + b"K\x01Q.",
    "state of a list": HEAD + b"]}b.",
    "state of a class": NAMED + b"}b.",
    "call of a number": HEAD + b"K\x01)R.",
    "list as a key": HEAD + b"}]K\x01s.",
    "tuples as a key": HEAD + b"K\x01\x85" + b"\x94h\x00h\x00\x86" * 60 + b"}2K\x01s.",
    "itself": HEAD + b"]\x942a.",
    "endless": HEAD + b"N0" * 3_000_000,
    "deep": HEAD + b"K\x01" + b"\x85" * 500_000 + b".",
    "one argument": NAMED + b"K\x01\x85R}b.",
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_makes_no_sense_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.scns"
    path.write_bytes(STREAMS[name])
    started = time.perf_counter()
    assert run(["import", str(path), "-o", str(tmp_path / "p.aisproj")]) == 2
    assert time.perf_counter() - started < 20
    said = capsys.readouterr().err
    assert "a.scns" in said
    assert "Traceback" not in said
    assert not (tmp_path / "p.aisproj").exists()


def test_frames_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    mask = np.ones(SHAPE[1:], np.uint8)
    far = 10**9
    frames = {
        "no size": Frame("/x/a.mrc"),
        "no path": simple_frame(""),
        "huge": simple_frame("/x/a.mrc", n_slices=far, height=far, width=far, features=[]),
        "negative": simple_frame("/x/a.mrc", (8, 16, 24), n_slices=-1),
        "half": simple_frame("/x/a.mrc", n_slices=1.5),
        "features": simple_frame("/x/a.mrc", features=7),
        "a feature": simple_frame("/x/a.mrc", features=[7]),
        "slices": simple_frame("/x/a.mrc", features=[membrane(mask, slices=[1])]),
        "slice": simple_frame("/x/a.mrc", features=[membrane(mask, z=8)]),
        "mask": simple_frame("/x/a.mrc", features=[membrane(mask[1:])]),
        "objects": simple_frame("/x/a.mrc", features=[membrane(mask.astype(object))]),
        "texts": simple_frame("/x/a.mrc", features=[membrane(mask.astype("U3"))]),
        "boxes": simple_frame("/x/a.mrc", features=[membrane(mask, boxes={3: [[1]]})]),
        "box": simple_frame("/x/a.mrc", features=[membrane(mask, boxes={3: [["a", 1]]})]),
        "nan": simple_frame("/x/a.mrc", features=[membrane(mask, boxes={3: [[float("nan"), 1]]})]),
        "volume": simple_frame("/x/a.mrc", includes_map=True, map=Part(_data=np.zeros((8, 16, 25), np.float32))),
        "complex": simple_frame("/x/a.mrc", includes_map=True, map=Part(_data=np.zeros(SHAPE, np.complex64))),
        "no volume": simple_frame("/x/a.mrc", includes_map=True, map=Part(_data=None)),
    }
    for name, frame in frames.items():
        path = write_frame(tmp_path / f"{name}.scns", frame)
        with pytest.raises(AisError, match=r"\.scns is not an annotated tomogram of Ais 1.x, or it is damaged"):
            read_scns(path)


def test_boxes_outside_are_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = np.ones(SHAPE[1:], np.uint8)
    boxes = {3: [[4, 9], [24, 9], [-1, 2]], 99: [[1, 1]]}
    frame = simple_frame(volume(tmp_path / "a.mrc"), features=[membrane(mask, boxes=boxes)])
    words = ["import", str(write_frame(tmp_path / "a.scns", frame)), "-o", str(tmp_path / "p.aisproj")]
    assert run(words) == 0
    assert "3 boxes of Membrane outside the tomogram left out" in capsys.readouterr().err


WHOLE = frame_bytes(simple_frame("/x/a.mrc", includes_map=True, map=Part(_data=np.zeros(SHAPE, np.float32))))


@settings(max_examples=300)
@given(data=st.data())
def test_damage_never_gives_a_traceback(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = bytearray(WHOLE)
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    path = tmp_path_factory.getbasetemp() / "damaged.scns"
    path.write_bytes(content)
    try:
        found = read_scns(path)
    except AisError:
        return
    for feature in found.features:
        for mask in feature.masks.values():
            assert mask.read().shape == found.shape[1:]


def test_it_loads_no_pickle_machine_of_python(tmp_path: Path) -> None:
    path = write_frame(tmp_path / "a.scns", simple_frame("/x/a.mrc"))
    code = (
        "import pickle, _pickle\n"
        "def never(*a, **k): raise SystemExit('unpickled')\n"
        "pickle.load = pickle.loads = pickle.Unpickler = _pickle.load = _pickle.loads = _pickle.Unpickler = never\n"
        "from ais.formats.scns import read_scns\n"
        f"read_scns({str(path)!r})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


# Groups


def group_file(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def interaction(**values: Any) -> dict[str, Any]:
    whole = {"parent_title": "B", "partner_title": "A", "type": 0, "radius": 2.5, "threshold": 0.25}
    return {**whole, **values}


def test_a_group_of_ais_1(tmp_path: Path) -> None:
    a = small_scnm(tmp_path / "a.scnm", title="A", emit=True).read_bytes()
    b = small_scnm(tmp_path / "b.scnm", title="B", absorb=True).read_bytes()
    again = small_scnm(tmp_path / "c.scnm", title="A", apix=20.0).read_bytes()
    rules = [interaction(), interaction(type=1, partner_title="gone"), interaction(partner_title="B")]
    members = {f"g_model_{n}.scnm": data for n, data in zip((10, 2, 0), (again, b, a), strict=True)}
    path = group_file(tmp_path / "g.scnmgroup", {**members, "g_interactions.json": json.dumps(rules).encode()})
    group = read_group(path)
    assert group.models == ("A.scnm", "B.scnm", "A 2.scnm")
    assert group.rules == [
        {"competition": {"emit": ["A"], "absorb": ["B"]}},
        {"child": "B", "parent": "A", "type": "colocalize", "radius": 25.0, "threshold": 0.25},
    ]
    found, rules_again = unpack_group(path, tmp_path / "out")
    assert [read_model_info(file).feature for file in found] == ["A", "B", "A"]
    assert rules_again == group.rules
    assert unpack_group(path, tmp_path / "out")[0] == found
    # In a project, rules that are there stay, and nothing is added twice.
    for _ in range(2):
        assert run(["import", str(path), "-o", str(tmp_path / "p.aisproj")]) == 0
    with Project.open(tmp_path / "p.aisproj") as project:
        assert [model.name for model in project.models()] == ["A", "B", "A 2"]
        assert project.rules() == group.rules
        assert {model.path.parent for model in project.models()} == {tmp_path / "g"}


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def test_groups_that_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = small_scnm(tmp_path / "ok.scnm", title="A").read_bytes()
    rules = json.dumps([interaction()]).encode()
    bad: dict[str, dict[str, Any]] = {
        "none": {"g_interactions.json": b"[]"},
        "something else": {"g_model_0.scnm": model, "run.py": b"print()"},
        "a link": {"g_model_0.scnm": link("g_model_0.scnm", tarfile.SYMTYPE)},
        "a hard link": {"g_model_0.scnm": link("g_model_0.scnm", tarfile.LNKTYPE)},
        "a device": {"g_model_0.scnm": link("g_model_0.scnm", tarfile.CHRTYPE)},
        "no model": {"g_model_0.scnm": b"something"},
        "not JSON": {"g_model_0.scnm": model, "g_interactions.json": b"{"},
        "deep": {"g_model_0.scnm": model, "g_interactions.json": b"[" * 100_000},
        "no list": {"g_model_0.scnm": model, "g_interactions.json": b"{}"},
        "no title": {"g_model_0.scnm": model, "g_interactions.json": rules.replace(b'"A"', b"7")},
        "type": {"g_model_0.scnm": model, "g_interactions.json": rules.replace(b'"type": 0', b'"type": 9')},
        "radius": {"g_model_0.scnm": model, "g_interactions.json": rules.replace(b"2.5", b"NaN")},
        "many": {f"g_model_{n}.scnm": b"" for n in range(300)},
    }
    for name, members in bad.items():
        path = group_file(tmp_path / f"{name}.scnmgroup", members)
        for words in (["info", str(path)], ["import", str(path), "-o", str(tmp_path / "p.aisproj")]):
            assert run(words) == 2, name
            said = capsys.readouterr().err
            assert f"{name}.scnmgroup" in said
            assert "Traceback" not in said
    assert not (tmp_path / "p.aisproj").exists()
    assert {path.suffix for path in tmp_path.iterdir()} == {".scnm", ".scnmgroup"}


def test_titles_and_members_cannot_lead_outside(tmp_path: Path) -> None:
    model = small_scnm(tmp_path / "ok.scnm", title="../../evil").read_bytes()
    path = group_file(tmp_path / "g.scnmgroup", {"../../../g_model_0.scnm": model})
    (tmp_path / "in").mkdir()
    found, _ = unpack_group(path, tmp_path / "in" / "group")
    assert [file.parent for file in found] == [tmp_path / "in" / "group"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["g.scnmgroup", "in", "ok.scnm"]


def test_one_bad_model_leaves_nothing_behind(tmp_path: Path) -> None:
    good = small_scnm(tmp_path / "good.scnm", title="A").read_bytes()
    bad = small_scnm(tmp_path / "bad.scnm", title="B", box_size=-1).read_bytes()
    path = group_file(tmp_path / "g.scnmgroup", {"g_model_0.scnm": good, "g_model_1.scnm": bad})
    assert run(["import", str(path), "-o", str(tmp_path / "p.aisproj")]) == 2
    assert not (tmp_path / "p.aisproj").exists()
    assert not (tmp_path / "g").exists() or not list((tmp_path / "g").iterdir())


def test_models_are_imported_once(tmp_path: Path) -> None:
    model = str(small_scnm(tmp_path / "a.scnm"))
    for _ in range(2):
        assert run(["import", model, "-o", str(tmp_path / "p.aisproj")]) == 0
    with Project.open(tmp_path / "p.aisproj") as project:
        assert [entry.name for entry in project.models()] == ["a"]


# In the window


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    made = Editor(tmp_path / "settings", nothing)
    yield made
    made.close()


def test_a_frame_is_dropped_on_the_window(editor: Editor, tmp_path: Path) -> None:
    path = volume(tmp_path / "TS_01.mrc")
    lone = write_frame(tmp_path / "lone.scns", simple_frame("D:\\data\\TS_02.mrc"))
    editor.open_paths([write_frame(tmp_path / "a.scns", simple_frame("D:\\data\\TS_01.mrc")), path])
    until(editor, lambda: editor.shown and editor.snapshot.features)
    settled(editor)
    assert [(entry.path, entry.missing) for entry in editor.snapshot.tomograms] == [(path, False)]
    assert [feature.name for feature in editor.snapshot.features] == ["Membrane"]
    assert "missing" not in said(editor)
    editor.open_paths([lone])
    until(editor, lambda: len(editor.snapshot.tomograms) == 2)
    settled(editor)
    assert "D:/data/TS_02.mrc, which is missing" in said(editor)
    editor.undo()
    until(editor, lambda: len(editor.snapshot.tomograms) == 1)


def test_a_hostile_frame_is_refused_in_the_window(editor: Editor, tmp_path: Path) -> None:
    path = tmp_path / "a.scns"
    path.write_bytes(frame_bytes(simple_frame("/x/a.mrc", transform=Call(os.system, f"touch {tmp_path / 'flag'}"))))
    editor.open_paths([path])
    until(editor, lambda: "system" in said(editor))
    settled(editor)
    assert not editor.snapshot.tomograms
    assert not (tmp_path / "flag").exists()


def test_a_volume_inside_needs_a_project_with_a_place(editor: Editor, tmp_path: Path) -> None:
    inside = Part(_data=np.zeros(SHAPE, np.float32))
    path = write_frame(tmp_path / "a.scns", simple_frame("/nowhere/TS_01.mrc", includes_map=True, map=inside))
    editor.open_paths([path])
    until(editor, lambda: "name the project first" in said(editor))
    editor.new_project(tmp_path / "work.aisproj", then=lambda: editor.open_paths([path]))
    until(editor, lambda: editor.snapshot.tomograms)
    settled(editor)
    assert editor.snapshot.tomograms[0].path == tmp_path / "work_tomograms" / "TS_01.mrc"


def test_a_group_segments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = {f"g_model_{n}.scnm": small_scnm(tmp_path / "m.scnm", title=t).read_bytes() for n, t in enumerate("AB")}
    rules = [interaction(type=1, radius=0.0, threshold=0.0)]  # B is kept where A is not, which is nowhere
    group = group_file(tmp_path / "g.scnmgroup", {**members, "g_interactions.json": json.dumps(rules).encode()})
    image, out = str(volume(tmp_path / "TS_01.mrc", (4, 32, 32))), tmp_path / "out"
    assert run(["segment", "-m", str(group), image, "-o", str(out)]) == 0
    found = {}
    for name in "AB":
        with Tomogram.open(out / f"TS_01__{name}.mrc") as tomogram:
            found[name] = tomogram.raw(0, 4)
    assert found["A"].any()
    assert not found["B"].any()
    assert sorted(path.name for path in (out / "g").iterdir()) == ["A.scnm", "B.scnm"]
    (tmp_path / "none.json").write_text("[]")
    words = ["segment", "-m", str(group), image, "-o", str(out), "--overwrite", "--rules", str(tmp_path / "none.json")]
    assert run(words) == 0
    with Tomogram.open(out / "TS_01__B.mrc") as tomogram:
        assert tomogram.raw(0, 4).any()
    # A call that fails leaves nothing.
    assert run(["segment", "-m", str(group), str(tmp_path / "gone.mrc"), "-o", str(tmp_path / "new")]) == 2
    assert run(["segment", "-m", str(tmp_path / "gone.scnmgroup"), image, "-o", str(tmp_path / "new")]) == 2
    assert not (tmp_path / "new").exists()
    capsys.readouterr()
