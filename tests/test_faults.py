"""Every command with every kind of bad input: one sentence, exit code 2, nothing written, never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from small_project import make_model, make_project, make_training_set

from ais.cli.main import run
from ais.formats.registry import write_volume

SHAPE = (6, 96, 96)
NOISE = np.random.default_rng(0).bytes(20_000)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good files of every kind, from which each test takes copies."""
    made = tmp_path_factory.mktemp("made")
    make_project(made)
    make_training_set(made)
    make_model(made)
    # Moved, so that copies of the project find their tomogram beside them and not here.
    return made.rename(made.with_name("stock"))


@pytest.fixture
def good(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "good files"
    shutil.copytree(stock, folder)
    monkeypatch.chdir(folder)
    return folder


def truncated(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def noise(path: Path) -> None:
    path.write_bytes(NOISE)


def text(path: Path) -> None:
    path.write_text("This is not the file you are looking for.\n" * 100)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def missing(path: Path) -> None:
    path.unlink()


def absurd_dimensions(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0:12] = np.array([2_000_000_000, 1_000_000, -5], "<i4").tobytes()
    path.write_bytes(data)


def huge_dimensions(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0:12] = np.array([100_000, 100_000, 100_000], "<i4").tobytes()
    path.write_bytes(data)


def complex_numbers(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[12:16] = (4).to_bytes(4, "little")
    path.write_bytes(data)


def not_a_number(path: Path) -> None:
    with mrcfile.open(path) as file:
        values = np.array(file.data, "f4")
    values[3, 40:60, 40:60] = np.nan
    write_volume(path, values, voxel_sizes=10.0)


def infinite(path: Path) -> None:
    with mrcfile.open(path) as file:
        values = np.array(file.data, "f4")
    values[3, 40:60, 40:60] = np.inf
    write_volume(path, values, voxel_sizes=10.0)


def no_voxel_size(path: Path) -> None:
    with mrcfile.open(path, "r+") as file:
        file.voxel_size = 0.0


FILE_FAULTS = (truncated, empty, noise, text, folder, missing)
VOLUME_FAULTS = (*FILE_FAULTS, absurd_dimensions, huge_dimensions, complex_numbers)
VALUE_FAULTS = (not_a_number, infinite)
PROJECT = "work.aisproj"

# (command line, the file that is made bad, the faults)
CASES: list[tuple[list[str], str, tuple[Callable[[Path], None], ...]]] = [
    (["info", "tomo.mrc"], "tomo.mrc", VOLUME_FAULTS),
    (["info", PROJECT], PROJECT, FILE_FAULTS),
    (["info", "set.scnt"], "set.scnt", FILE_FAULTS),
    (["info", "model.aism"], "model.aism", FILE_FAULTS),
    (["info", "picks.star"], "picks.star", (empty, noise, text, folder, missing)),
    (["import", "tomo.mrc", "-o", "new.aisproj"], "tomo.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS, no_voxel_size)),
    (["import", "tomo.mrc", "-o", PROJECT], PROJECT, (truncated, noise, text, folder)),
    (["import", "model.aism", "-o", PROJECT], "model.aism", FILE_FAULTS),
    (["import", "picks.star", "-o", PROJECT], "picks.star", (empty, noise, text, folder, missing)),
    (
        ["annotate", PROJECT, "tomo", "-f", "blob", "--mask", "mask.mrc", "--slices", "2,3", "--boxes", "auto:5"],
        "mask.mrc",
        (*VOLUME_FAULTS, *VALUE_FAULTS),
    ),
    (["annotate", PROJECT, "tomo", "-f", "blob", "--mask", "mask.mrc"], PROJECT, FILE_FAULTS),
    (
        ["annotate", PROJECT, "tomo", "-f", "blob", "--mask", "mask.mrc", "--boxes", "boxes.txt"],
        "boxes.txt",
        (empty, noise, text, folder, missing),
    ),
    (["extract", PROJECT, "-f", "blob", "-o", "new.scnt"], PROJECT, FILE_FAULTS),
    (["extract", PROJECT, "-f", "blob", "-o", "new.scnt"], "tomo.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS)),
    (["train", "set.scnt", "-o", "new.aism", "--epochs", "1"], "set.scnt", FILE_FAULTS),
    (["train", "set.scnt", "-o", "new.aism", "--continue", "model.aism"], "model.aism", FILE_FAULTS),
    (["train", "set.scnt", "-o", "new.aism", "--config", "config.json"], "config.json", FILE_FAULTS),
    (
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out"],
        "tomo.mrc",
        (*VOLUME_FAULTS, *VALUE_FAULTS, no_voxel_size),
    ),
    (["segment", "-m", "model.aism", "tomo.mrc", "-o", "out"], "model.aism", FILE_FAULTS),
    (["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--rules", "rules.json"], "rules.json", FILE_FAULTS),
    (["pick", "seg__blob.mrc", "-o", "out"], "seg__blob.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS, no_voxel_size)),
    (["mesh", "seg__blob.mrc", "-o", "out"], "seg__blob.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS, no_voxel_size)),
    (["analyze", "seg__blob.mrc", "-o", "out"], "seg__blob.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS, no_voxel_size)),
    (
        ["analyze", "seg__blob.mrc", "-o", "out", "--threshold", "0", "--image", "tomo.mrc"],
        "tomo.mrc",
        (*VOLUME_FAULTS, *VALUE_FAULTS),
    ),
    (["evaluate", "seg__blob.mrc", "mask.mrc"], "seg__blob.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS, no_voxel_size)),
    (["evaluate", "seg__blob.mrc", "mask.mrc"], "mask.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS)),
    (
        ["evaluate", "picks.star", "boxes.txt", "--picks", "--radius", "50", "--tomogram", "tomo.mrc"],
        "picks.star",
        (empty, noise, text, folder, missing),
    ),
    *(
        (["filter", "tomo.mrc", "-o", "new.mrc", *words], "tomo.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS, no_voxel_size))
        for words in (["--invert"], ["--gaussian", "20"], ["--bin", "2"])
    ),
    *(
        (["filter", "tomo.mrc", "-o", "new.mrc", how, "mask.mrc"], "mask.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS))
        for how in ("--match", "--mask")
    ),
    (["convert", "tomo.mrc", "new.tif"], "tomo.mrc", (*VOLUME_FAULTS, *VALUE_FAULTS)),
    (
        ["convert", "picks.star", "new.tsv", "--tomogram", "tomo.mrc"],
        "picks.star",
        (empty, noise, text, folder, missing),
    ),
    (["convert", "set.scnt", "new.scnt"], "set.scnt", FILE_FAULTS),
]
FLAT = [(words, name, fault) for words, name, faults in CASES for fault in faults]


def named(case: object) -> str:
    if callable(case):
        return case.__name__
    return "-".join(case[:2]) if isinstance(case, list) else str(case)


def listing(path: Path) -> dict[str, int]:
    return {str(p.relative_to(path)): p.stat().st_size for p in path.rglob("*") if p.is_file()}


def complaint(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail; its last sentence."""
    code = run(words)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert code == 2, captured.err + captured.out
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert lines
    assert lines[-1].startswith("ais: ")
    return lines[-1]


@pytest.mark.parametrize(("words", "name", "fault"), FLAT, ids=named)
def test_a_bad_file_ends_in_one_sentence(
    good: Path, capsys: pytest.CaptureFixture[str], words: list[str], name: str, fault: Callable[[Path], None]
) -> None:
    fault(good / name)
    before = listing(good)
    sentence = complaint(words, capsys)
    assert Path(name).name in sentence or "voxel size" in sentence or "no tomogram" in sentence, sentence
    after = listing(good)
    assert {p: s for p, s in after.items() if p in before} == before
    assert not [p for p in after if p not in before], "a call that exits with 2 writes nothing"


@pytest.mark.parametrize(
    "words",
    [
        ["segment", "-m", "model.aism", "tomo.mrc"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--tta", "99"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--range", "3:99"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--range", "5:2"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--crop", "0:9999,0:5"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--crop", "nonsense"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--batch-size", "0"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--dtype", "int64"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--device", "toaster"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--voxel-size", "-3"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--shard", "2/2"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--shard", "0/2", "--overwrite"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--cluster", "local:0"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--cluster", "tcp://127.0.0.1:1"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--cluster", "local:2", "--shard", "0/2"],
        ["segment", "-m", "model.aism", "tomo.mrc", "-o", "out", "--cluster-config", "cluster.toml"],
        ["segment", "-m", "model.aism", "-m", "model.aism", "tomo.mrc", "-o", "out"],
        ["segment", "-m", "model.aism", "empty folder", "-o", "out"],
        ["segment", "-m", "model.aism", "*.nothing", "-o", "out"],
        ["segment", "-m", "model.aism", "tomo.mrc", "again/tomo.mrc", "-o", "out"],
        ["pick", "seg__blob.mrc", "-o", "out", "--threshold", "300"],
        ["pick", "seg__blob.mrc", "-o", "out", "--min-volume", "-1"],
        ["pick", "seg__blob.mrc", "-o", "out", "--star", "relion9"],
        ["pick", "seg__blob.mrc", "-o", "out", "--star", "relion4"],
        ["pick", "seg__blob.mrc", "-o", "out", "--filaments", "--step", "0"],
        ["pick", "seg__blob.mrc", "-o", "out", "--filaments", "--min-length", "-1"],
        ["pick", "seg__blob.mrc", "-o", "out", "--orient", "sideways"],
        ["pick", "seg__blob.mrc", "-o", "out", "--spacing", "nan"],
        ["mesh", "seg__blob.mrc", "-o", "out", "--format", "docx"],
        ["mesh", "seg__blob.mrc", "-o", "out", "--level", "0"],
        ["mesh", "seg__blob.mrc", "-o", "out", "--bin", "0"],
        ["analyze", "seg__blob.mrc", "-o", "out", "--threshold", "300"],
        ["analyze", "seg__blob.mrc", "-o", "out", "--min-volume", "-1"],
        ["analyze", "seg__blob.mrc", "-o", "out", "--image", "other.mrc"],
        ["analyze", "seg__blob.mrc", "-o", "out", "--to", "nobody"],
        ["evaluate", "seg__blob.mrc", "other.mrc"],
        ["evaluate", "picks.star", "boxes.txt", "--picks"],
        ["train", "set.scnt", "-o", "new.aism", "--architecture", "unet-xxl"],
        ["train", "set.scnt", "-o", "new.aism", "--option", "first_filters=pink"],
        ["train", "set.scnt", "-o", "new.aism", "--epochs", "0"],
        ["train", "set.scnt", "-o", "new.aism", "--batch-size", "0"],
        ["train", "set.scnt", "-o", "new.aism", "--validation", "2"],
        ["train", "set.scnt", "-o", "new.aism", "--learning-rate", "-1"],
        ["train", "set.scnt", "-o", "new.aism", "--augment", "lots"],
        ["train", "set.scnt", "-o", "new.txt"],
        ["train", "set.scnt", "-o", "model.aism"],
        ["extract", PROJECT, "-f", "unknown", "-o", "new.scnt"],
        ["extract", PROJECT, "-f", "blob", "-o", "new.scnt", "--depth", "2"],
        ["extract", PROJECT, "-f", "blob", "-o", "new.scnt", "--box-size", "0"],
        ["extract", PROJECT, "-f", "blob", "-o", "set.scnt"],
        ["annotate", PROJECT, "nobody", "-f", "blob", "--mask", "mask.mrc"],
        ["annotate", PROJECT, "tomo", "-f", "blob", "--mask", "other.mrc"],
        ["annotate", PROJECT, "tomo", "-f", "blob", "--mask", "mask.mrc", "--slices", "1,900"],
        ["annotate", PROJECT, "tomo", "-f", "blob", "--mask", "mask.mrc", "--boxes", "auto:none"],
        ["annotate", PROJECT, "tomo", "-f", "new", "--mask", "mask.mrc", "--label", "7"],
        ["annotate", PROJECT, "tomo", "-f", "blob", "--mask", "mask.mrc", "--boxes", "auto:3", "--seed", "-1"],
        ["extract", PROJECT, "-f", "blob", "-o", "new.scnt", "--seed", "-1"],
        ["train", "set.scnt", "-o", "new.aism", "--seed", "-1"],
        ["train", "set.scnt", "-o", "new.aism", "--config", "null.json"],
        ["import", "picks.star", "-o", "new.aisproj"],
        ["annotate", "missing.aisproj", "tomo", "-f", "blob", "--mask", "mask.mrc"],
        ["filter", "tomo.mrc", "-o", "new.mrc"],
        ["filter", "tomo.mrc", "-o", "new.mrc", "--bin", "2", "--invert"],
        ["filter", "tomo.mrc", "-o", "tomo.mrc", "--invert", "--overwrite"],
        ["convert", "tomo.mrc", "new.docx"],
        ["convert", "tomo.mrc", "mask.mrc"],
        ["convert", "model.aism", "new.mrc"],
        ["simulate", "-o", "new", "--size", "2x2x2"],
        ["simulate", "-o", "new", "--count", "0"],
        ["compare", "set.scnt", "-o", "new", "--architecture", "nonsense"],
        ["compare", "set.scnt", "-o", "new", "--test", "tomo.mrc"],
        ["compare", "set.scnt", "-o", "new", "--truth", "mask.mrc"],
        ["compare", "missing.scnt", "-o", "new"],
        ["stages", "new"],
        ["info", "--nonsense"],
        ["info"],
        ["frobnicate"],
        ["--frobnicate"],
        [],
    ],
    ids=lambda words: "-".join(words) or "nothing",
)
def test_wrong_use_ends_in_one_sentence(good: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    (good / "empty folder").mkdir()
    (good / "null.json").write_text('{"validation": null}')
    (good / "again").mkdir()
    shutil.copy(good / "tomo.mrc", good / "again" / "tomo.mrc")
    write_volume(good / "other.mrc", np.zeros((2, 5, 7), "f4"), voxel_sizes=10.0)
    before = listing(good), sorted(good.rglob("*"))
    complaint(words, capsys)
    assert (listing(good), sorted(good.rglob("*"))) == before


WRITING = [
    ["import", "tomo.mrc", "-o", "OUT/new.aisproj"],
    ["extract", PROJECT, "-f", "blob", "-o", "OUT/new.scnt"],
    ["train", "set.scnt", "-o", "OUT/new.aism", "--epochs", "1", "--copies", "1", "--option", "first_filters=4"],
    ["segment", "-m", "model.aism", "tomo.mrc", "-o", "OUT"],
    ["pick", "seg__blob.mrc", "-o", "OUT"],
    ["mesh", "seg__blob.mrc", "-o", "OUT"],
    ["analyze", "seg__blob.mrc", "-o", "OUT"],
    ["filter", "tomo.mrc", "-o", "OUT/new.mrc", "--invert"],
    ["convert", "tomo.mrc", "OUT/new.tif"],
    ["simulate", "-o", "OUT", "--size", "16x48x48"],
    ["stages", "tomo.mrc", "-m", "model.aism", "-o", "OUT"],
]


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder in which nobody can write")
@pytest.mark.parametrize("words", WRITING, ids=lambda words: words[0])
def test_a_folder_that_cannot_be_written(good: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    # /sys refuses new files to everybody, root included, as a read-only folder does to a user.
    sentence = complaint([word.replace("OUT", "/sys/kernel/ais") for word in words], capsys)
    assert "/sys/kernel" in sentence


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
from ais.cli.main import run
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on file sizes")
@pytest.mark.parametrize("words", WRITING, ids=lambda words: words[0])
def test_a_full_disk(good: Path, words: list[str]) -> None:
    # No file may grow beyond this size, which the system reports as it reports a full disk.
    limit = "300" if words[0] == "pick" else "12000"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, limit, *(word.replace("OUT", "out") for word in words)],
        capture_output=True,
        text=True,
        cwd=good,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "space" in done.stderr.splitlines()[-1], done.stderr
    assert listing(good / "out") == {} if (good / "out").exists() else True


def test_names_with_blanks_and_letters_of_any_alphabet(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {"tomo.mrc": "Томо 1 é.mrc", "model.aism": "модель é.aism", "mask.mrc": "маска é.mrc"}
    for old, new in names.items():
        (good / old).rename(good / new)
    project, training_set = "проект é.aisproj", "набор é.scnt"
    lines = [
        ["info", names["tomo.mrc"], names["model.aism"]],
        ["import", names["tomo.mrc"], "-o", project],
        ["annotate", project, "Томо 1 é", "-f", "плёнка é", "--mask", names["mask.mrc"], "--boxes", "auto:4"],
        ["extract", project, "-f", "плёнка é", "-o", training_set, "--box-size", "32"],
        ["train", training_set, "-o", "сеть é.aism", "--epochs", "1", "--copies", "1", "--option", "first_filters=4"],
        ["segment", "-m", "сеть é.aism", names["tomo.mrc"], "-o", "вывод é"],
        ["pick", "вывод é/Томо 1 é__плёнка é.mrc", "-o", "вывод é"],
        ["mesh", "вывод é/Томо 1 é__плёнка é.mrc", "-o", "вывод é", "--level", "1"],
        ["analyze", "вывод é/Томо 1 é__плёнка é.mrc", "-o", "вывод é"],
        ["evaluate", "вывод é/Томо 1 é__плёнка é.mrc", names["mask.mrc"]],
        ["convert", names["tomo.mrc"], "копия é.tif"],
        ["filter", names["tomo.mrc"], "-o", "копия é.mrc", "--invert"],
    ]
    for words in lines:
        assert run(words) == 0, (words, capsys.readouterr().err)
    assert (good / "вывод é" / "Томо 1 é__плёнка é_coords.star").exists()


def test_a_missing_input_of_several_does_not_stop_the_others(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["pick"], ["mesh"], ["analyze"], ["segment", "-m", "model.aism"]):
        assert run([*words, "seg__blob.mrc", "nowhere.mrc", "-o", words[0]]) == 1
        assert "nowhere.mrc does not exist" in capsys.readouterr().err


def test_one_bad_input_of_several_does_not_stop_the_others(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (good / "bad.mrc").write_bytes(NOISE)
    assert run(["segment", "-m", "model.aism", "bad.mrc", "tomo.mrc", "-o", "out"]) == 1
    assert "bad.mrc" in capsys.readouterr().err
    assert (good / "out" / "tomo__blob.mrc").exists()
    for words in (["pick", "bad.mrc", "seg__blob.mrc", "-o", "out"], ["mesh", "bad.mrc", "seg__blob.mrc", "-o", "out"]):
        assert run(words) == 1
        assert "bad.mrc" in capsys.readouterr().err
    assert run(["import", "bad.mrc", "tomo.mrc", "-o", "new.aisproj"]) == 1
    assert run(["info", "bad.mrc", "tomo.mrc"]) == 1
