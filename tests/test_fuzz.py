"""Damaged files of every kind: none of them crashes, hangs, fills the memory, or makes a reader write or run a thing.

A minute's worth each time; `make fuzz` takes ten, with other files each time (`AIS_FUZZ_SECONDS`, `AIS_FUZZ_SEED`).
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image
from small_project import make_model, make_project, make_training_set

from ais.formats import coordinates as co
from ais.formats.registry import write_volume

SECONDS = float(os.environ.get("AIS_FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("AIS_FUZZ_SEED", "0"))
LARGEST = 4 << 20
FOLDERS = (
    "ais1",
    "formats",
    "star/cryoet-alignment_MIT",
    "star/cylindra_BSD3/cylindra_builtins/relion/tests/test_jobs/Picks",
)
ENDINGS = (".scns", ".mod", ".star", ".mrc", ".map", ".csv", ".scnm", ".scnt", ".scnmgroup")
ALIKE = (
    "Ribosome.scnm",
    "points_with_header.csv",
    "segmask.mrc",
    "semantic_mask.mrc",
    "small_probability_map.mrc",
    "job.star",
)
FUZZER = Path(__file__).with_name("fuzz_readers.py")


def particles() -> co.Coordinates:
    generator = np.random.default_rng(0)
    columns = {"rlnClassNumber": ["1", "2", "3", "1"], "myOwn": ["a b", "", "x", "'"]}
    return co.Coordinates(
        generator.uniform(0, 40, (4, 3)), ["TS_1"] * 4, generator.uniform(0, 90, (4, 3)), None, columns
    )


def make_seeds(seeds: Path, work: Path, test_data: Path) -> None:
    """One small file of each kind that Ais reads, made here, and those that other programs wrote."""
    make_project(work)
    make_training_set(work)
    make_model(work)
    for name in ("work.aisproj", "set.scnt", "model.aism"):
        shutil.copy(work / name, seeds / name)
    volume = np.arange(3 * 5 * 7, dtype=np.float32).reshape(3, 5, 7)
    for name in ("a.mrc", "a.tif", "a.ome.tif"):
        write_volume(seeds / name, volume, voxel_sizes=10.0)
    light = np.arange(30 * 40 * 3).astype(np.uint8).reshape(30, 40, 3)
    Image.fromarray(light).save(seeds / "a.png")
    Image.fromarray(light[:, :, 0]).save(seeds / "a.jpg")
    tifffile.imwrite(seeds / "channels.tif", np.moveaxis(light, 2, 0), imagej=True, metadata={"axes": "CYX"})
    (seeds / "b.mrc.gz").write_bytes(gzip.compress((seeds / "a.mrc").read_bytes()))
    (seeds / "a.em").write_bytes(
        bytes([6, 0, 0, 5]) + np.array([7, 5, 3], "<i4").tobytes() + bytes(496) + volume.tobytes()
    )
    with h5py.File(seeds / "a.hdf", "w") as file:
        file.create_dataset("MDF/images/0/image", data=volume)
    for number, dialect in enumerate(co.DIALECTS):
        arguments = {"voxel_size": 10.0, "shape": (40, 40, 40), "tilt_series_pixel_size": 1.5}
        co.write_coordinates(seeds / f"{number}.star", particles(), dialect=dialect, **arguments)
    for name in ("a.tbl", "a.mod", "a.cbox", "a.csv", "a.txt", "a.tsv"):
        co.write_coordinates(seeds / name, particles())
    co.write_coordinates(seeds / "ais_1_blob.json", co.Coordinates(particles().positions, []), voxel_size=10.0)
    objects = [{"name": "blob", "is_particle": True, "label": 1, "color": [1, 2, 3, 4], "radius": 50}]
    (seeds / "copick.json").write_text(json.dumps({"pickable_objects": objects, "overlay_root": "local:///nowhere"}))
    (seeds / "seg.mrc.json").write_text(json.dumps({"program": "Ais", "settings": {"threshold": 1.0}, "figures": {}}))
    zarr = test_data / "formats/portal/sample_tomos/input_omezarr.zarr"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(zarr.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(zarr).as_posix())
    (seeds / "a.zarr").write_bytes(stream.getvalue())  # unpacked for each reading
    (seeds / "a.ome.zarr.zip").write_bytes(stream.getvalue())
    chosen = [path for place in FOLDERS for path in sorted((test_data / place).rglob("*"))]
    for path in chosen:
        if path.suffix in ENDINGS and path.stat().st_size < LARGEST and path.name not in ALIKE:
            shutil.copyfile(path, seeds / path.name)


@pytest.mark.skipif(sys.platform != "linux", reason="memory and time of a process are limited as Linux does it")
def test_no_damaged_file_does_any_harm(tmp_path: Path, test_data: Path) -> None:
    seeds, work, found = tmp_path / "seeds", tmp_path / "work", tmp_path / "found"
    seeds.mkdir()
    work.mkdir()
    make_seeds(seeds, work, test_data)
    words = [sys.executable, str(FUZZER), str(seeds), str(found), str(SECONDS), str(SEED)]
    with (tmp_path / "said").open("wb") as said:
        ended = subprocess.run(words, stdout=subprocess.PIPE, stderr=said, timeout=SECONDS + 300, check=False)
    assert ended.returncode == 0, (tmp_path / "said").read_text(errors="replace")[-3000:]
    report = json.loads(ended.stdout)
    assert set(report["tried"]) == {path.name for path in seeds.iterdir()}
    (tmp_path / "report.json").write_bytes(ended.stdout)
    print(f"{sum(report['tried'].values())} damaged files, made of {len(report['tried'])}")  # noqa: T201 - for make fuzz
    assert not report["failures"], "\n\n".join(f"{f['file']}\n{f['problem']}" for f in report["failures"])
