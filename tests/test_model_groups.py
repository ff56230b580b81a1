"""Model groups and the local model library: what goes in comes out, and files that are none are refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from unittest import mock

import pytest
from small_project import make_model

from ais.errors import AisError
from ais.interactions import Rules
from ais.models import (
    add_to_library,
    is_group,
    model_hash,
    read_group,
    scan_library,
    search_library,
    unpack_group,
    write_group,
)
from ais.models import group as group_module

RULES = [
    {"competition": {"emit": ["blob"], "absorb": ["carbon"]}},
    {"child": "blob", "parent": "carbon", "type": "avoid", "radius": 50.0, "threshold": 0.5},
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    make_model(folder, "blob ä.aism", "blob", seed=1)
    make_model(folder, "carbon.aism", "carbon", seed=2)
    return [folder / "blob ä.aism", folder / "carbon.aism"]


def test_a_group_gives_back_models_and_rules(models: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "all.aisgroup"
    write_group(path, models, RULES)
    assert is_group(path)
    assert read_group(path).models == ("blob ä.aism", "carbon.aism")
    found, rules = unpack_group(path, tmp_path / "new" / "folder")
    assert [file.name for file in found] == ["blob ä.aism", "carbon.aism"]
    assert [model_hash(file) for file in found] == [model_hash(file) for file in models]
    assert Rules.parse(rules).content() == RULES
    again, _ = unpack_group(path, tmp_path / "new" / "folder")
    assert again == found, "what is there already is not written twice"


def test_the_same_group_is_the_same_file(models: list[Path], tmp_path: Path) -> None:
    for name in ("a.aisgroup", "b.aisgroup"):
        write_group(tmp_path / name, models, RULES)
    assert (tmp_path / "a.aisgroup").read_bytes() == (tmp_path / "b.aisgroup").read_bytes()


def test_models_of_one_name_are_numbered(models: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "Carbon.aism"
    other.write_bytes(models[0].read_bytes())
    write_group(tmp_path / "two.aisgroup", [models[1], other])
    assert read_group(tmp_path / "two.aisgroup").models == ("carbon.aism", "Carbon 2.aism")
    target = tmp_path / "there"
    target.mkdir()
    (target / "carbon.aism").write_bytes(b"something else of the user")
    found, _ = unpack_group(tmp_path / "two.aisgroup", target)
    assert [model_hash(file) for file in found] == [model_hash(models[1]), model_hash(other)]
    assert (target / "carbon.aism").read_bytes() == b"something else of the user"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["../evil.aism"], "evil"),
        (["/etc/evil.aism"], "evil"),
        ([".hidden.aism"], "hidden"),
        (["run.py"], "run.py"),
        ([], "no models"),
        (["a.aism", "A.AISM"], "twice"),
    ],
)
def test_what_is_no_group_is_refused(names: list[str], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.aisgroup"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rules.json", "[]")
        for name in names:
            archive.writestr(name, b"x")
    with pytest.raises(AisError, match=reason):
        unpack_group(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rules", ["{", "{}", "[1]", "[" * 100_000])
def test_rules_that_make_no_sense_are_refused(rules: str, models: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "bad.aisgroup"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rules.json", rules)
        archive.write(models[0], "a.aism")
    with pytest.raises(AisError, match="damaged"):
        read_group(path)


def test_a_group_with_a_damaged_model_leaves_nothing_behind(models: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "bad.aisgroup"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rules.json", json.dumps(RULES))
        archive.write(models[0], "a.aism")
        archive.writestr("b.aism", b"not a model")
    with pytest.raises(AisError, match=r"b\.aism"):
        unpack_group(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_member_that_unpacks_to_too_much_is_refused(models: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "bomb.aisgroup"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.aism", bytes(1 << 20))
    with (
        mock.patch.object(group_module, "MAX_MODEL_BYTES", 1 << 10),
        pytest.raises(AisError, match="too large"),
    ):
        unpack_group(path, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"text"])
def test_other_files_are_no_groups(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.aisgroup"
    path.write_bytes(content)
    with pytest.raises(AisError, match=r"x\.aisgroup"):
        read_group(path)
    with pytest.raises(AisError, match=r"missing\.aisgroup"):
        read_group(tmp_path / "missing.aisgroup")
    with pytest.raises(AisError, match="at least one"):
        write_group(path, [])


def test_the_library_is_searched_by_words_and_voxel_size(models: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "library"
    assert scan_library(folder) == []
    first = add_to_library(models[0], folder)
    assert add_to_library(models[0], folder) == first
    add_to_library(models[1], folder)
    (folder / "older").mkdir()
    (folder / "older" / "broken.aism").write_bytes(b"x")
    (folder / "own.py").write_text("raise SystemExit")
    found = scan_library(folder)
    assert [model.path.name for model in found] == ["blob ä.aism", "carbon.aism", "broken.aism"]
    assert "broken.aism" in found[2].problem
    assert [model.path.name for model in search_library(found, "CARBON unet-s")] == ["carbon.aism"]
    assert search_library(found, "carbon vggnet") == []
    nearest = search_library(found, voxel_size=10.0)
    assert nearest[-1].info is None, "those without a voxel size come last"
    with pytest.raises(AisError):
        add_to_library(folder / "own.py", folder)
