"""Records of every output, and `ais repeat`: each command run again from its record, and records that lie."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_project import SHAPE, make_model, make_project, make_training_set

from ais import __version__
from ais.cli.main import COMMANDS, run
from ais.cli.recording import RECORDED
from ais.formats.registry import open_volume, write_volume

MADE = {
    "extract": ("extract work.aisproj -f blob -o made/set.scnt --box-size 32", "set.scnt"),
    "train": (
        "train set.scnt -o made/new.aism --epochs 1 --copies 1 --architecture unet-s --option first_filters=4",
        "new.aism",
    ),
    "classic": ("classic sheet --feature membrane --option width=80 -o made/sheet.aism", "sheet.aism"),
    "segment": ("segment -m blob.aism tomo.mrc -o made --range 1:5 --crop 0:90,6:90", "tomo__blob.mrc"),
    "pick": ("pick seg__blob.mrc -o made --max 2 --spacing 30 --star warp", "seg__blob_coords.star"),
    "pick a surface": ("pick seg__blob.mrc -o made --surface mask.mrc --surface-level 1", "seg__blob_coords.star"),
    "mesh": ("mesh seg__blob.mrc -o made --format ply --smooth 2 --bin 2", "seg__blob.ply"),
    "mesh a scene": ("mesh seg__blob.mrc -o made --scene all.glb", "all.glb"),
    "analyze": ("analyze seg__blob.mrc -o made --image tomo.mrc --no-lengths", "seg__blob_instances.mrc"),
    "filter": ("filter tomo.mrc -o made/smooth.mrc --gaussian 20", "smooth.mrc"),
    "filter by a reference": ("filter tomo.mrc -o made/matched.mrc --match mask.mrc", "matched.mrc"),
    "filter by a reference of another size": (
        "filter tomo.mrc -o made/matched.mrc --match mask.mrc --reference-voxel-size 12",
        "matched.mrc",
    ),
    "filter in 3D": ("filter tomo.mrc -o made/median.mrc --median 3 --cube --voxel-size 9", "median.mrc"),
    "convert": ("convert tomo.mrc made/tomo.tif", "tomo.tif"),
    "convert coordinates": ("convert boxes.txt made/boxes.star --tomogram tomo.mrc --star relion5", "boxes.star"),
    "convert to Zarr": ("convert tomo.mrc made/tomo.zarr", "tomo.zarr"),
    "convert to labels": ("convert seg__blob.mrc made/blob.zarr --labels", "blob.zarr"),
    "simulate": ("simulate -o made --count 2 --seed 4 --size 16x48x48", "sim_006.mrc"),
}
"""What makes an output in the folder ``made``, and its name."""

Figures = dict[str, Any]


def typed(words: str) -> int:
    """Run a command as it is typed; its exit code."""
    return run(words.split())


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project with everything in `MADE`."""
    folder = tmp_path_factory.mktemp("repeat")
    make_project(folder)
    make_training_set(folder)
    make_model(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert typed("classic threshold --feature blob -o blob.aism --option polarity=dark") == 0
        for name, (words, output) in MADE.items():
            assert typed(words) == 0, name
            Path(f"made/{output}.json").rename("kept.json")
            folder_of_it = Path("each", name)
            folder_of_it.mkdir(parents=True)
            Path("kept.json").rename(folder_of_it / f"{output}.json")
            Path("made", output).rename(folder_of_it / output)
            shutil.rmtree("made")
    return folder


@pytest.fixture
def work(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to try things in; the inputs lie in another."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def repeat(work: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Figures, str]]:
    """Runs ais repeat --json: exit code, what it says on stdout, what on stderr."""

    def repeated(*words: str | Path) -> tuple[int, Figures, str]:
        capsys.readouterr()
        code = run(["repeat", *map(str, words), "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else {}, said.err

    return repeated


@pytest.fixture
def random() -> np.random.Generator:
    """The same numbers in every run."""
    return np.random.default_rng(8)


def changed(stock: Path, target: Path, name: str, change: Callable[[Figures], object]) -> Path:
    """The record of one of `MADE`, changed by hand, alone in a folder."""
    content = json.loads((stock / "each" / name / f"{MADE[name][1]}.json").read_text())
    change(content)
    target.write_text(json.dumps(content))
    return target


@pytest.mark.parametrize("name", list(MADE))
def test_every_output_has_a_record_that_makes_it_again(
    name: str, stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]
) -> None:
    output = MADE[name][1]
    first = stock / "each" / name / output
    record = json.loads(first.with_name(f"{output}.json").read_text())
    assert record["version"] == __version__
    assert {"inputs", "settings", "finished", "seconds", "host", "python", "packages", "output"} <= record.keys()
    assert all(Path(one["path"]).is_absolute() and one["fingerprint"] for one in record["inputs"])
    code, said, told = repeat(first, "-o", "again")
    assert code == 0, told
    assert said["same_content"]
    assert said["identical"] or name in ("train", "convert to labels")  # whose files say when they were made
    again = work / "again" / output
    assert Path(said["output"]) == Path("again", output)
    if again.is_file() and name != "train":
        assert again.read_bytes() == first.read_bytes()
    second = json.loads(again.with_name(f"{output}.json").read_text())
    ours, theirs = ({key: one[key] for key in ("command", "settings", "inputs", "result")} for one in (record, second))
    if name == "pick a surface":
        ours["settings"]["surface"] = theirs["settings"]["surface"]  # as a path now
    if name != "train":
        assert ours == theirs


def test_what_is_recorded_by_the_command_line_is_a_command() -> None:
    assert {name.split()[0] for name in RECORDED} <= set(COMMANDS)


def test_labels_carry_their_record(stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]) -> None:
    shutil.copytree(stock / "each" / "convert to Zarr" / "tomo.zarr", "tomo.zarr")
    assert typed(f"convert {stock}/seg__blob.mrc tomo.zarr/labels/blob") == 0
    assert typed(f"segment tomo.zarr -m {stock}/blob.aism -o seg --labels beside --label-threshold 100") == 0
    for labels, made in (("tomo.zarr/labels/blob", "blob.zarr"), ("seg/tomo__blob.zarr", "tomo__blob.zarr")):
        code, said, told = repeat(labels, "-o", "again")
        assert (code, said["same_content"], said["output"]) == (0, True, f"again/{made}"), told
        first, second = (open_volume(path) for path in (labels, f"again/{made}"))
        np.testing.assert_array_equal(first.read(0, SHAPE[0]), second.read(0, SHAPE[0]))


def test_rules_and_several_models(stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]) -> None:
    assert typed("classic threshold --feature other -o other.aism") == 0
    rule = {"child": "blob", "parent": "other", "type": "avoid", "radius": 20.0, "threshold": 0.5}
    Path("rules.json").write_text(json.dumps([{"competition": {"emit": ["other"], "absorb": ["blob"]}}, rule]))
    words = f"segment {stock}/tomo.mrc -m {stock}/blob.aism -m other.aism -o seg --rules rules.json --dtype float32"
    assert typed(words) == 0
    Path("rules.json").unlink()
    code, said, told = repeat("seg/tomo__blob.mrc.json")
    assert (code, said["identical"], said["output"]) == (0, True, "seg/repeat/tomo__blob.mrc"), told
    Path("other.aism").unlink()
    code, _, told = repeat("seg/tomo__blob.mrc.json", "-o", "more")
    assert (code, "other.aism does not exist" in told, Path("more").exists()) == (2, True, False)


def test_inputs_that_have_been_moved(stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]) -> None:
    for name in ("seg__blob.mrc", "tomo.mrc"):
        shutil.copy(stock / name, name)
    assert typed("analyze seg__blob.mrc -o out --image tomo.mrc") == 0
    Path("elsewhere").mkdir()
    for name in ("seg__blob.mrc", "tomo.mrc"):
        Path(name).rename(Path("elsewhere", name))
    record = Path("out/seg__blob_instances.mrc.json")
    code, _, told = repeat(record)
    assert (code, "seg__blob.mrc does not exist" in told, "1 more is wrong" in told) == (2, True, True)
    code, said, told = repeat(
        record, "--input", "seg__blob.mrc=elsewhere", "--input", f"{work}/tomo.mrc=elsewhere/tomo.mrc"
    )
    assert (code, said["identical"]) == (0, True), told
    code, _, told = repeat(record, "--input", "nothing=elsewhere")
    assert (code, "must be OLD=NEW" in told) == (2, True)
    for name in ("seg__blob.mrc", "tomo.mrc"):  # beside the record, or the folder above, needs no option
        Path("elsewhere", name).rename(Path("out", name) if name == "tomo.mrc" else Path(name))
    assert repeat(record, "--overwrite")[0] == 0


def test_inputs_that_have_changed(stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]) -> None:
    shutil.copy(stock / "tomo.mrc", "tomo.mrc")
    assert typed("filter tomo.mrc -o out.mrc --invert") == 0
    values = open_volume("tomo.mrc").read(0, SHAPE[0]).copy()
    values[3, 4, 5] += 1
    write_volume("tomo.mrc", values, voxel_sizes=10.0)
    code, _, told = repeat("out.mrc")
    assert (code, told.count("\n"), "tomo.mrc has changed since the record was made" in told) == (2, 1, True)
    code, _, told = repeat("out.mrc", "--input", f"tomo.mrc={stock}/mask.mrc")
    assert (code, "its content differs" in told) == (2, True)
    assert not Path("repeat").exists()
    assert repeat("out.mrc", "--input", f"tomo.mrc={stock}/tomo.mrc")[0] == 0


def test_a_result_that_differs_is_told(
    stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]
) -> None:
    shutil.copytree(stock / "each" / "filter", "made")
    record = changed(stock, Path("made/smooth.mrc.json"), "filter", lambda one: one["settings"].update(gaussian=25.0))
    code, said, _ = repeat(record)
    assert (code, said["identical"], said["same_content"]) == (1, False, False)
    first, second = (open_volume(path).read(0, SHAPE[0]) for path in ("made/smooth.mrc", "made/repeat/smooth.mrc"))
    assert f"in {np.count_nonzero(first != second)} of {first.size} voxels" in said["text"]
    assert f"at most {np.abs(first.astype('f8') - second).max():.4g} " in said["text"]
    Path("made/smooth.mrc").unlink()
    code, said, _ = repeat(record, "--overwrite")
    assert (code, said["same_content"], "not there to tell how" in said["text"]) == (1, None, True)


def test_values_are_compared_where_bytes_differ(
    stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]
) -> None:
    from ais.formats.record import content_of

    shutil.copytree(stock / "each" / "filter", "made")
    data = bytearray(Path("made/smooth.mrc").read_bytes())
    data[224:234] = b"Older Ais "  # a label of the header
    Path("made/smooth.mrc").write_bytes(data)
    found = content_of(Path("made/smooth.mrc"))
    record = changed(stock, Path("made/smooth.mrc.json"), "filter", lambda one: one["output"].update(found))
    code, said, _ = repeat(record)
    assert (code, said["identical"], said["same_content"]) == (0, False, True)
    assert "holds the same values" in said["text"]


def test_nothing_is_overwritten_unasked(
    stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]
) -> None:
    shutil.copytree(stock / "each" / "mesh", "made")
    before = Path("made/seg__blob.ply").read_bytes()
    assert repeat("made/seg__blob.ply")[0] == 0
    code, _, told = repeat("made/seg__blob.ply")
    assert (code, "exists" in told) == (2, True)
    assert repeat("made/seg__blob.ply", "--overwrite")[0] == 0
    for words in (["-o", "made"], ["-o", "made", "--overwrite"]):
        code, _, told = repeat("made/seg__blob.ply", *words)
        assert (code, "is what the record is about" in told) == (2, True)
    assert Path("made/seg__blob.ply").read_bytes() == before


LIES: dict[str, Callable[[Figures], object]] = {
    "an output above the folder": lambda one: one["output"].update(name="../stolen.mrc"),
    "an output anywhere": lambda one: one["output"].update(name="/tmp/stolen.mrc"),
    "an output of Windows": lambda one: one["output"].update(name="C:\\stolen.mrc"),
    "an output without a name": lambda one: one["output"].update(name=".."),
    "an output that is a number": lambda one: one["output"].update(name=7),
    "no output": lambda one: one.pop("output"),
    "no content": lambda one: one["output"].pop("fingerprint"),
    "a path of its own to write to": lambda one: one["settings"].update(output="/tmp/stolen.mrc"),
    "leave to overwrite": lambda one: one["settings"].update(overwrite=True),
    "a mask among the settings": lambda one: one["settings"].update(mask="/etc/passwd"),
    "an unknown setting": lambda one: one["settings"].update(run="rm"),
    "a setting like an option": lambda one: one["settings"].update({"gaussian": None, "swap_axes": "--help"}),
    "a number that is text": lambda one: one["settings"].update(gaussian="$(touch stolen)"),
    "a number that is a list": lambda one: one["settings"].update(gaussian=[1, 2]),
    "a number that is none": lambda one: one["settings"].update(gaussian=float("nan")),
    "a truth that is text": lambda one: one["settings"].update(invert="yes"),
    "settings that are a list": lambda one: one.update(settings=[]),
    "another command": lambda one: one.update(command="import"),
    "itself as a command": lambda one: one.update(command="repeat"),
    "a command that does not exist": lambda one: one.update(command="\x1b[2Jrm -rf"),
    "a command that is a list": lambda one: one.update(command=["filter"]),
    "inputs without content": lambda one: one["inputs"][0].pop("fingerprint"),
    "inputs that are text": lambda one: one.update(inputs=["tomo.mrc"]),
    "an input with no letters": lambda one: one["inputs"][0].update(path="a\0b"),
    "an input with half a letter": lambda one: one["inputs"][0].update(path="\ud800"),
    "an endless name": lambda one: one["inputs"][0].update(path="/" + "a" * 100_000),
    "a pipe as input": lambda one: one["inputs"][0].update(path="/dev/stdin"),
    "an address as input": lambda one: one["inputs"][0].update(path="https://127.0.0.1:9/tomo.zarr"),
    "the same input twice": lambda one: one["inputs"].append(one["inputs"][0]),
    "no inputs": lambda one: one.update(inputs=[]),
    "models that are a number": lambda one: one.update(models=3),
    "a model without a hash": lambda one: one.update(models=[{"path": "model.aism"}]),
}


@pytest.mark.parametrize("lie", list(LIES))
def test_records_that_lie_give_one_sentence(
    lie: str, stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]
) -> None:
    record = changed(stock, work / "smooth.mrc.json", "filter", LIES[lie])
    code, said, told = repeat(record, "-o", "again")
    lines = [line for line in told.splitlines() if not line.startswith("ais: Running")]
    assert (code, said, len(lines)) == (2, {}, 1), told
    assert "Traceback" not in told
    assert "\x1b" not in told
    assert not Path("again").exists()
    assert sorted(path.name for path in work.iterdir()) == ["smooth.mrc.json"]


JUNK = [
    None,
    True,
    -1,
    1e308,
    float("inf"),
    10**400,
    "",
    "x",
    "../..",
    "--overwrite",
    "\0",
    "\ud800",
    [],
    [[]],
    {},
    {"a": 1},
]


@pytest.mark.parametrize("name", ["filter", "segment", "pick", "mesh", "analyze", "convert coordinates", "simulate"])
def test_any_part_of_a_record_may_be_junk(
    name: str, stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]], random: np.random.Generator
) -> None:
    output = MADE[name][1]
    folder = work / "made"
    folder.mkdir()

    def spoil(content: Figures) -> None:
        places = [(content, key) for key in ("command", "inputs", "settings", "output", "models", "result")]
        for part in ("settings", "output"):
            places += [(content[part], key) for key in content[part]] * 3
        places += [(one, key) for part in ("inputs", "models") for one in content.get(part, []) for key in one]
        part, key = places[random.integers(len(places))]
        part[key] = JUNK[random.integers(len(JUNK))]

    for attempt in range(12):
        record = changed(stock, folder / f"{output}.json", name, spoil)
        code, _, told = repeat(record, "-o", "again")
        assert code in (0, 1, 2), (attempt, told)
        assert "Traceback" not in told
        assert {path.name for path in work.iterdir()} <= {"made", "again"}, record.read_text()
        assert [path.name for path in folder.iterdir()] == [record.name]
        shutil.rmtree("again", ignore_errors=True)


def test_files_that_are_no_records(stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]) -> None:
    for name, text in (("a.json", "{"), ("b.json", "[]"), ("c.json", '{"program": "Ais"}'), ("d.json", "[" * 100_000)):
        Path(name).write_text(text)
        code, _, told = repeat(name)
        assert (code, told.count("\n"), "is not a record" in told) == (2, 1, True)
    code, _, told = repeat(stock / "rules.json")
    assert (code, "is not a record" in told) == (2, True)
    code, _, told = repeat(stock / "tomo.mrc")
    assert (code, "has no record beside it" in told) == (2, True)
    code, _, told = repeat("gone.json")
    assert (code, "does not exist" in told) == (2, True)


def test_a_stage_says_what_to_do_instead(
    stock: Path, work: Path, repeat: Callable[..., tuple[int, Figures, str]]
) -> None:
    record = changed(stock, work / "x.mrc.json", "filter", lambda one: one.update(command="stages assemble"))
    code, _, told = repeat(record)
    assert (code, "run ais stages again" in told) == (2, True)


def test_info_tells_what_made_a_file(stock: Path, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def info(*words: str) -> Any:
        capsys.readouterr()
        assert run(["info", *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    shutil.copytree(stock / "each" / "segment", "made")
    record = info("made/tomo__blob.mrc.json")
    assert (record["kind"], record["command"], record["state"]) == ("record", "segment", "as it was made")
    assert record["inputs"][0]["path"] == str(stock / "tomo.mrc")
    assert record["models"][0]["path"] == str(stock / "blob.aism")
    assert (record["settings"]["range"], record["version"]) == ([1, 5], __version__)
    assert info("made/tomo__blob.mrc")["made"]["state"] == "as it was made"
    with open("made/tomo__blob.mrc", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    assert info("made/tomo__blob.mrc")["made"]["state"] == "changed since"
    assert "made" not in info(str(stock / "tomo.mrc"))
    Path("made/tomo__blob.mrc").unlink()
    assert info("made/tomo__blob.mrc.json")["state"] == "missing"
    capsys.readouterr()
    assert run(["info", "made/tomo__blob.mrc.json"]) == 0
    assert "command  segment" in capsys.readouterr().out


def test_a_converted_segmentation_is_still_one(stock: Path, work: Path) -> None:
    from ais.segmented_volumes import is_segmentation

    shutil.copy(stock / "each" / "segment" / "tomo__blob.mrc", "tomo__blob.mrc")
    assert typed("convert tomo__blob.mrc copy__blob.mrc") == 0
    assert is_segmentation(Path("copy__blob.mrc"))
    assert typed(f"convert {stock}/tomo.mrc copy.mrc") == 0
    assert not is_segmentation(Path("copy.mrc"))
