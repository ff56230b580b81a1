"""The feature library: what was remembered comes back, also when its file has suffered."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ais.annotation import AddFeature, Feature
from ais.errors import AisError
from ais.feature_library import MAX_ENTRIES, FeatureLibrary, as_operation
from ais.project import Project

MEMBRANE = Feature(3, "membrane", (0.1, 0.25, 1.0), 48, 7.5, 0.25, True, False, 99.5, 1e6)


@pytest.fixture
def library(tmp_path: Path) -> FeatureLibrary:
    return FeatureLibrary(tmp_path / "settings" / "features.json")


def test_a_remembered_feature_comes_back_in_another_project(library: FeatureLibrary, tmp_path: Path) -> None:
    assert library.entries() == []
    with Project.create(tmp_path / "a.aisproj") as project:
        added = project.apply(AddFeature("Ribosom ä", (0.5, 0.25, 0.125), 96, 3.5, 0.75, 200.0, 5e5))
        library.remember(added)
    with Project.create(tmp_path / "b.aisproj") as project:
        project.apply(AddFeature("other"))
        entry = FeatureLibrary(library.path).entry("RIBOSOM Ä")
        assert entry is not None
        assert replace(project.apply(as_operation(entry)), id=added.id) == added


def test_the_last_used_comes_first_and_names_are_kept_once(library: FeatureLibrary) -> None:
    for name in ("membrane", "ribosome", "actin", "Membrane"):
        library.remember(replace(MEMBRANE, name=name))
    assert [entry.name for entry in library.entries()] == ["Membrane", "actin", "ribosome"]
    library.remember(replace(MEMBRANE, name="actin", box_size=128))
    first = library.entries()[0]
    assert (first.name, first.box_size) == ("actin", 128)
    library.remove("MEMBRANE")
    library.remove("nothing")
    assert [entry.name for entry in library.entries()] == ["actin", "ribosome"]


def test_nothing_is_written_when_nothing_changed(library: FeatureLibrary) -> None:
    library.remember(MEMBRANE)
    before = library.path.stat().st_mtime_ns, library.path.stat().st_ino
    library.remember(replace(MEMBRANE, id=9, visible=False))
    assert (library.path.stat().st_mtime_ns, library.path.stat().st_ino) == before


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format": "other"}', '{"format": "Ais feature library", "version": 1}', "\x00\xff"],
)
def test_a_damaged_file_is_kept_aside(library: FeatureLibrary, text: str) -> None:
    library.path.parent.mkdir()
    library.path.write_text(text, encoding="latin-1")
    assert library.entries() == []
    aside = library.path.with_name("features.json.damaged")
    assert aside.read_text(encoding="latin-1") == text
    assert library.notice.endswith(".")
    assert str(library.path) in library.notice
    library.remember(MEMBRANE)
    assert [entry.name for entry in FeatureLibrary(library.path).entries()] == ["membrane"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_of_a_file_changed_by_hand_the_good_entries_remain(library: FeatureLibrary, data: st.DataObject) -> None:
    library.path.unlink(missing_ok=True)
    for name in ("membrane", "ribosome"):
        library.remember(replace(MEMBRANE, name=name))
    value = json.loads(library.path.read_text())
    key = data.draw(st.sampled_from(sorted(value["features"][0])))
    strange = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.floats())
    )
    value["features"][0][key] = data.draw(strange)
    library.path.write_text(json.dumps(value))
    found = library.entries()
    assert found[0].name == "ribosome"
    with Project.create(library.path.with_name(f"{len(list(library.path.parent.iterdir()))}.aisproj")) as project:
        for entry in found:
            project.apply(as_operation(entry))


def test_a_newer_file_is_left_alone(library: FeatureLibrary) -> None:
    library.remember(MEMBRANE)
    text = library.path.read_text().replace('"version": 1', '"version": 2')
    library.path.write_text(text)
    for call in (library.entries, lambda: library.remember(MEMBRANE), lambda: library.remove("membrane")):
        with pytest.raises(AisError, match="newer"):
            call()
    assert library.path.read_text() == text


def test_a_file_that_cannot_be_read_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "features.json").mkdir()
    with pytest.raises(AisError):
        FeatureLibrary(tmp_path / "features.json").entries()


def test_threads_lose_nothing_and_old_entries_go_at_last(library: FeatureLibrary) -> None:
    def work(first: int) -> None:
        for number in range(first, first + 5):
            library.remember(replace(MEMBRANE, name=f"f{number}"))

    threads = [threading.Thread(target=work, args=(5 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.name for entry in library.entries()} == {f"f{n}" for n in range(20)}
    value = json.loads(library.path.read_text())
    value["features"] = [{**value["features"][0], "name": f"g{n}"} for n in range(MAX_ENTRIES)]
    library.path.write_text(json.dumps(value))
    library.remember(MEMBRANE)
    names = [entry.name for entry in library.entries()]
    assert (len(names), names[0], names[-1]) == (MAX_ENTRIES, "membrane", "g1")
