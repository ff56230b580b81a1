"""OME-Zarr labels: zarr-python finds them where the specification says, over the image that they belong to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_project import make_model

from ais.cli.main import run
from ais.errors import AisError
from ais.export import SegmentSettings, segment
from ais.formats.ome_zarr_labels import is_label_image, write_labels
from ais.formats.record import describe_input
from ais.formats.registry import find_volumes, open_volume, write_volume
from ais.label_images import LabelWish
from ais.pick_tables import surface_volume

MASK = (np.random.default_rng(5).random((20, 140, 150)) > 0.7).astype(np.uint8)
CELL = np.random.default_rng(6).normal(size=MASK.shape).astype(np.float32)


def image(path: Path, version: str = "0.4", axes: str = "zyx", **attributes: Any) -> Path:
    """An image of two levels, the second of which halves y and x only, as zarr-python writes it."""
    v3 = version == "0.5"
    group = zarr.open_group(str(path), mode="w", zarr_format=3 if v3 else 2)
    stored = CELL.transpose(["zyx".index(axis) for axis in axes if axis in "zyx"])
    stored = stored[None] if axes[0] == "c" else stored
    for name, level in (("full", stored), ("half", stored[..., ::2, ::2])):
        group.create_array(name, shape=level.shape, dtype="f4", chunks=(1, 16, 64, 64)[-level.ndim :])[:] = level
    scale = [1.0] * (len(axes) - 3)
    multiscale = {
        "axes": [{"name": axis, **({"type": "space", "unit": "nanometer"} if axis in "zyx" else {})} for axis in axes],
        "datasets": [
            {
                "path": "full",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [*scale, 1.2, 1.0, 1.0]},
                    {"type": "translation", "translation": [*scale, 5.0, 6.0, 7.0]},
                ],
            },
            {"path": "half", "coordinateTransformations": [{"type": "scale", "scale": [*scale, 1.2, 2.0, 2.0]}]},
        ],
        "coordinateTransformations": [{"type": "scale", "scale": [*scale, 1.0, 1.0, 1.0]}],
    }
    if v3:
        group.attrs["ome"] = {"version": version, "multiscales": [multiscale], **attributes}
    else:
        group.attrs["multiscales"] = [{"version": version, **multiscale}]
    return path


def write(path: Path, mask: np.ndarray = MASK) -> None:
    write_labels(path, [mask[:7], mask[7:]], mask.shape, mask.dtype, voxel_sizes=(10.0, 10.0, 10.0))


def attributes(group: Any) -> dict[str, Any]:
    given = dict(group.attrs)
    return given.get("ome", given)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["zyx", "czyx"])
def test_labels_inside_an_image_have_its_levels_and_places(tmp_path: Path, version: str, axes: str) -> None:
    path = image(tmp_path / "TS.zarr", version, axes)
    write(path / "labels" / "membrane")
    write(path / "labels" / "ribosome", 1 - MASK)
    root = zarr.open_group(str(path), mode="r")
    assert attributes(root["labels"])["labels"] == ["membrane", "ribosome"]
    group = root["labels/membrane"]
    facts = attributes(group)
    (mine,) = facts["multiscales"]
    (its,) = attributes(root)["multiscales"]
    assert facts["image-label"]["source"] == {"image": "../../"}
    assert [axis["name"] for axis in mine["axes"]] == list("zyx")
    assert mine["axes"] == its["axes"][-3:]
    for one, other in zip(mine["datasets"], its["datasets"], strict=True):
        for step, same in zip(one["coordinateTransformations"], other["coordinateTransformations"], strict=True):
            assert step[step["type"]] == same[step["type"]][-3:]
    assert mine["coordinateTransformations"][0]["scale"] == [1.0, 1.0, 1.0]
    assert (facts if version == "0.5" else mine)["version"] == version
    np.testing.assert_array_equal(group["0"][:], MASK)
    assert group["0"].dtype == np.uint8
    # The nearest voxel: a half-sized one lies between two, of which the latter is taken.
    np.testing.assert_array_equal(group["1"][:], MASK[:, 1::2, 1::2])
    # and we read them as other programs' labels
    volume = open_volume(path / "labels" / "membrane")
    assert volume.info.voxel_sizes == (12.0, 10.0, 10.0)
    assert volume.info.origin == (70.0, 60.0, 50.0)
    np.testing.assert_array_equal(volume.read(0, 20), MASK)
    volume.close()


def test_labels_of_a_smaller_level(tmp_path: Path) -> None:
    path = image(tmp_path / "TS.zarr")
    small = np.ascontiguousarray(MASK[:, ::2, ::2])
    write(path / "labels" / "membrane", small)
    group = zarr.open_group(str(path / "labels" / "membrane"), mode="r")
    (mine,) = group.attrs["multiscales"]
    assert len(mine["datasets"]) == 1
    assert mine["datasets"][0]["coordinateTransformations"] == [{"type": "scale", "scale": [1.2, 2.0, 2.0]}]
    np.testing.assert_array_equal(group["0"][:], small)
    with pytest.raises(AisError, match="levels of 20 x 140 x 150, 20 x 70 x 75 voxels"):
        write(path / "labels" / "other", MASK[:5])
    assert not (path / "labels" / "other").exists()


@pytest.mark.parametrize("ending", [".zarr", ".zarr.zip"])
def test_labels_of_their_own(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"TS__membrane{ending}"
    instances = np.arange(MASK.size, dtype=np.uint16).reshape(MASK.shape) % 1000
    write(path, instances)
    store = zarr.storage.ZipStore(path, mode="r") if path.is_file() else str(path)
    group = zarr.open_group(store, mode="r")
    np.testing.assert_array_equal(group["0"][:], instances)
    np.testing.assert_array_equal(group["1"][:], instances[1::2, 1::2, 1::2])
    (mine,) = group.attrs["multiscales"]
    assert mine["datasets"][1]["coordinateTransformations"] == [
        {"type": "scale", "scale": [20.0, 20.0, 20.0]},
        {"type": "translation", "translation": [5.0, 5.0, 5.0]},
    ]
    assert "image-label" in group.attrs
    if isinstance(store, zarr.storage.ZipStore):
        store.close()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_metadata_put_together_by_zarr_knows_the_labels(tmp_path: Path, version: str) -> None:
    path = image(tmp_path / "TS.zarr", version)
    zarr.consolidate_metadata(str(path))
    write(path / "labels" / "membrane")
    write(path / "labels" / "membrane")
    group = zarr.open_consolidated(str(path), zarr_format=2 if version == "0.4" else 3)
    np.testing.assert_array_equal(group["labels/membrane/0"][:], MASK)
    assert attributes(group["labels"])["labels"] == ["membrane"]
    np.testing.assert_array_equal(group["full"][:], CELL)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(*[st.integers(1, 300)] * 3).filter(lambda s: s[0] * s[1] * s[2] < 300_000), slabs=st.integers(1, 9)
)
def test_every_level_holds_only_labels_of_where_it_lies(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[int, int, int], slabs: int
) -> None:
    values = np.random.default_rng(sum(shape)).integers(0, 60_000, shape).astype(np.uint16)
    path = tmp_path_factory.mktemp("labels") / "a.zarr"
    write_labels(path, np.array_split(values, slabs), shape, values.dtype)
    group = zarr.open_group(str(path), mode="r")
    for level in group.attrs["multiscales"][0]["datasets"]:
        stored = group[level["path"]][:]
        z, y, x = (
            np.minimum(((2 * np.arange(few) + 1) * many) // (2 * few), many - 1)
            for few, many in zip(stored.shape, shape, strict=True)
        )
        np.testing.assert_array_equal(stored, values[np.ix_(z, y, x)])


# --- what goes wrong -------------------------------------------------------------------------------------------


def test_labels_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    path = image(tmp_path / "TS.zarr")

    def broken() -> Iterator[np.ndarray]:
        yield MASK[:3]
        raise AisError("enough")

    with pytest.raises(AisError, match="enough"):
        write_labels(path / "labels" / "a", broken(), MASK.shape, MASK.dtype)
    assert not (path / "labels").exists()
    write(path / "labels" / "a")
    with pytest.raises(AisError, match="enough"):
        write_labels(path / "labels" / "a", broken(), MASK.shape, MASK.dtype)
    np.testing.assert_array_equal(zarr.open_array(str(path / "labels" / "a" / "0"), mode="r")[:], MASK)
    assert sorted(entry.name for entry in (path / "labels").iterdir()) == [".zattrs", ".zgroup", "a"]


def test_what_a_killed_writer_left_is_put_back_or_taken_away(tmp_path: Path) -> None:
    path = image(tmp_path / "TS.zarr") / "labels" / "a"
    write(path)
    kept = path.with_name(f".a.{'0' * 32}.old")
    path.rename(kept)  # killed between two renames
    half = path.with_name(f".a.{'1' * 32}.tmp")
    half.mkdir()
    (half / "zarr.json").write_bytes(b"x")
    with pytest.raises(AisError, match="levels"):
        write(path, MASK[:3])
    np.testing.assert_array_equal(zarr.open_array(str(path / "0"), mode="r")[:], MASK) if path.exists() else None
    write(path, 1 - MASK)
    np.testing.assert_array_equal(zarr.open_array(str(path / "0"), mode="r")[:], 1 - MASK)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".zattrs", ".zgroup", "a"]


BAD_PLACES = {
    "a/TS.mrc": "name labels as",
    "https://host/TS.zarr/labels/a": "name labels as",
    "TS.zarr/1": "name labels as",
    "none.zarr/labels/a": "does not exist",
    "TS.zarr.zip/labels/a": r"is a \.zip",
}


@pytest.mark.parametrize("place", BAD_PLACES)
def test_places_that_take_no_labels(tmp_path: Path, place: str) -> None:
    image(tmp_path / "TS.zarr")
    with pytest.raises(AisError, match=BAD_PLACES[place]):
        write(Path(place) if "://" in place else tmp_path / place)


def test_old_images_other_axes_and_damage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AisError, match=r"OME-Zarr 0\.3, which has no place"):
        write(image(tmp_path / "old.zarr", "0.3") / "labels" / "a")
    with pytest.raises(AisError, match="stores its axes as x y z"):
        write(image(tmp_path / "turned.zarr", axes="xyz") / "labels" / "a")
    path = image(tmp_path / "TS.zarr")
    (path / ".zattrs").write_text("{")
    with pytest.raises(AisError, match="not JSON"):
        write(path / "labels" / "a")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(AisError, match="multiscales metadata is missing"):
        write(tmp_path / "empty.zarr" / "labels" / "a")


def test_an_image_that_cannot_be_written_to(tmp_path: Path) -> None:
    path = image(tmp_path / "TS.zarr")
    (path / "labels").write_text("in the way")
    with pytest.raises(AisError, match="labels"):
        write(path / "labels" / "a")


# --- the commands ----------------------------------------------------------------------------------------------


@pytest.fixture
def tomogram(tmp_path: Path, test_data: Path) -> Path:
    make_model(tmp_path)
    path = tmp_path / "TS_001.zarr"
    assert run(["convert", str(test_data / "cell_sim_small" / "tomogram.mrc"), str(path)]) == 0
    return path


def command(folder: Path, source: Path, *words: str) -> list[str]:
    return [
        "segment",
        str(source),
        "-m",
        str(folder / "model.aism"),
        "-o",
        str(folder / "out"),
        "--range",
        "30:34",
        *words,
    ]


def labelled(path: Path) -> np.ndarray:
    return zarr.open_array(str(path / "0"), mode="r")[:]


def test_segment_writes_labels_beside(tmp_path: Path, tomogram: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threshold = "100"
    words = command(tmp_path, tomogram, "--labels", "beside", "--label-threshold", threshold)
    capsys.readouterr()
    assert run([*words, "--json"]) == 0, capsys.readouterr().err
    (facts,) = json.loads(capsys.readouterr().out)
    volume, labels = Path(facts["outputs"]["blob"]), Path(facts["labels"]["blob"])
    assert labels == tmp_path / "out" / "TS_001__blob.zarr"
    opened = open_volume(volume)
    values = opened.read(0, opened.info.shape[0])
    opened.close()
    np.testing.assert_array_equal(labelled(labels), values >= 100)
    assert 0 < labelled(labels).sum() < values.size
    group = zarr.open_group(str(labels), mode="r")
    assert group.attrs["image-label"]["properties"] == [{"label-value": 1, "name": "blob"}]
    assert group.attrs["image-label"]["source"] == {"image": "../../TS_001.zarr"}
    assert (labels / group.attrs["image-label"]["source"]["image"]).resolve() == tomogram
    (colour,) = group.attrs["image-label"]["colors"]
    assert all(0 <= part <= 255 for part in colour["rgba"])
    # Finished labels are kept, as volumes are; a folder given to another command has each volume once.
    before = (labels / ".zattrs").stat().st_mtime_ns
    assert run(words) == 0
    assert (labels / ".zattrs").stat().st_mtime_ns == before
    assert find_volumes(tmp_path / "out") == [volume]
    assert is_label_image(labels)
    assert run(["pick", str(tmp_path / "out"), "-o", str(tmp_path / "picks"), "--min-volume", "0"]) == 0
    assert run(["pick", str(tmp_path / "out" / "*r[cr]"), "-o", str(tmp_path / "picks"), "--min-volume", "0"]) == 0
    assert surface_volume(tmp_path / "out" / "TS_001__other.mrc", "blob") == volume
    # Others are not replaced unasked, and a volume that is made again makes its labels again.
    assert run(command(tmp_path, tomogram, "--labels", "beside")) == 2
    assert "was made otherwise" in capsys.readouterr().err
    assert run(command(tmp_path, tomogram, "--labels", "beside", "--overwrite")) == 0
    np.testing.assert_array_equal(labelled(labels), values >= 128)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_segment_writes_labels_into_the_image(
    tmp_path: Path, tomogram: Path, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if version == "0.5":
        tomogram = image(tmp_path / "other.zarr", "0.5")
    before = describe_input(tomogram)
    words = command(tmp_path, tomogram, "--labels", "inside")
    words[words.index("30:34")] = "3:6"
    assert run(words) == 0, capsys.readouterr().err
    root = zarr.open_group(str(tomogram), mode="r")
    assert attributes(root["labels"])["labels"] == ["blob"]
    volume = open_volume(tmp_path / "out" / f"{tomogram.stem}__blob.mrc")
    np.testing.assert_array_equal(root["labels/blob/0"][:], volume.read(0, volume.info.shape[0]) >= 128)
    volume.close()
    # The image is the same input as before, so what is finished is known again.
    assert describe_input(tomogram)["fingerprint"] == before["fingerprint"]
    capsys.readouterr()
    assert run(words) == 0
    assert "(kept)" in capsys.readouterr().out
    listing = tomogram / "labels" / ("zarr.json" if version == "0.5" else ".zattrs")
    listing.unlink()  # killed before they were listed
    assert run(words) == 0
    assert attributes(zarr.open_group(str(tomogram), mode="r")["labels"])["labels"] == ["blob"]


def test_labels_for_which_there_is_no_place_are_told_before_anything_is_computed(
    tmp_path: Path, tomogram: Path, test_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = test_data / "cell_sim_small" / "tomogram.mrc"
    assert run(command(tmp_path, plain, "--labels", "inside")) == 2
    assert "write them beside" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    for words in (["--labels", "elsewhere"], ["--labels", "beside", "--label-threshold", "300"]):
        assert run(command(tmp_path, tomogram, *words)) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_labels_of_another_program_are_never_replaced_unasked(tmp_path: Path, tomogram: Path) -> None:
    write_volume(tmp_path / "other.zarr", np.ones((64, 128, 128), np.uint8), voxel_sizes=10.0)
    (tomogram / "labels").mkdir()
    shutil.copytree(tmp_path / "other.zarr", tomogram / "labels" / "blob")
    result = segment(
        [tomogram],
        [tmp_path / "model.aism"],
        tmp_path / "out",
        SegmentSettings(z_range=(30, 32), labels=LabelWish("inside")),
    )[0]
    assert result.status == "failed"
    assert "was made otherwise" in result.error
    assert (labelled(tomogram / "labels" / "blob") == 1).all()


def test_convert_makes_labels(
    tmp_path: Path, tomogram: Path, test_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = test_data / "cell_sim_small" / "labels.mrc"
    opened = open_volume(source)
    values = opened.read(0, opened.info.shape[0])
    opened.close()
    inside = tomogram / "labels" / "classes"
    assert run(["convert", str(source), str(inside)]) == 0, capsys.readouterr().err
    np.testing.assert_array_equal(labelled(inside), values)
    assert attributes(zarr.open_group(str(tomogram), mode="r")["labels"])["labels"] == ["classes"]
    assert run(["convert", str(source), str(inside)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    own = tmp_path / "own.zarr"
    bytes_ = tmp_path / "bytes.mrc"
    write_volume(bytes_, values.astype(np.uint8), voxel_sizes=10.0)
    assert run(["convert", str(bytes_), str(own), "--label-threshold", "2", "--labels"]) == 0
    np.testing.assert_array_equal(labelled(own), values >= 2)
    fractions = tmp_path / "fractions.mrc"
    write_volume(fractions, (values > 1).astype(np.float32), voxel_sizes=10.0)
    assert run(["convert", str(fractions), str(tmp_path / "f.zarr"), "--labels"]) == 2
    assert "--label-threshold" in capsys.readouterr().err
    assert not (tmp_path / "f.zarr").exists()
    assert run(["convert", str(source), str(tmp_path / "b.mrc"), "--labels"]) == 2
    assert "name labels as" in capsys.readouterr().err
