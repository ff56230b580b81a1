"""What the editor remembers of its user, its colours, its keys, and how commands are found."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.errors import AisError
from ais.gui import untitled
from ais.gui.commands import COMMANDS, MENUS
from ais.gui.keys import parse, readable
from ais.gui.lengths_of_time import clock
from ais.gui.palette import likeness, remember, search
from ais.gui.settings import MAX_RECENT, Settings, SettingsFile
from ais.gui.theme import THEMES, Rgb, mix
from ais.project import Project

ROOT = Path(__file__).resolve().parent.parent
READABLE = 4.5


def luminance(colour: Rgb) -> float:
    """Relative luminance by WCAG 2."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: Rgb, other: Rgb) -> float:
    """Contrast of two colours by WCAG 2, from 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert contrast((119 / 255,) * 3, (1, 1, 1)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", THEMES)
def test_letters_can_be_read_in_every_theme(name: str) -> None:
    theme = THEMES[name]
    for back in (theme.panel, theme.field, theme.raised, mix(theme.panel, theme.accent, 0.3)):
        assert contrast(theme.text, back) >= READABLE
    for back in (theme.panel, theme.field, mix(theme.panel, theme.raised, 0.7)):
        assert contrast(theme.faint, back) >= READABLE
    assert contrast(theme.on_accent, theme.accent) >= READABLE
    assert contrast(theme.on_danger, theme.danger) >= READABLE
    assert contrast(theme.danger, theme.panel) >= READABLE
    # A card that says what went wrong.
    assert contrast(theme.text, mix(theme.raised, theme.danger, 0.18)) >= READABLE
    # What is not text but has to be seen.
    assert contrast(theme.accent, theme.panel) >= 3


paths = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(
    st.sampled_from(sorted(THEMES)),
    st.floats(0.75, 2.0),
    st.dictionaries(
        st.sampled_from([command.name for command in COMMANDS]), st.sampled_from(["K", "ctrl+shift+F5", ""])
    ),
    st.lists(paths, max_size=5),
)
def test_settings_are_read_as_they_were_written(
    theme: str, scale: float, shortcuts: dict[str, str], recent: list[str]
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        written = Settings(theme=theme, font_scale=scale, shortcuts=shortcuts, recent_projects=recent)
        SettingsFile(Path(folder)).save(written)
        assert SettingsFile(Path(folder)).load() == written


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"theme": 3}', '{"window_size": [1]}', '{"shortcuts": []}', "\x00\xff", '{"font_scale": "x"}'],
)
def test_damaged_settings_are_set_aside(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.json").write_text(text, encoding="utf-8")
    assert SettingsFile(tmp_path).load() == Settings()
    assert (tmp_path / "settings.json.bad").read_text(encoding="utf-8") == text
    assert not (tmp_path / "settings.json").exists()


def test_settings_of_another_version_and_out_of_range(tmp_path: Path) -> None:
    values = {"theme": "pink", "font_scale": 9, "unknown": 1, "units": "A"}
    (tmp_path / "settings.json").write_text(json.dumps(values), encoding="utf-8")
    assert SettingsFile(tmp_path).load() == Settings(font_scale=2.0, units="A")


def test_settings_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file is in the way", encoding="utf-8")
    with pytest.raises(AisError, match="could not be written"):
        SettingsFile(tmp_path / "folder").save(Settings())


def test_settings_saved_by_several_threads_are_whole(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path)
    threads = [
        threading.Thread(target=file.save, args=(replace(Settings(), window_size=(number, number)),))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    width, height = SettingsFile(tmp_path).load().window_size
    assert width == height
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]


def test_recent_projects_are_few_and_each_is_there_once() -> None:
    settings = Settings()
    for number in (*range(30), 29, 5):
        settings.remember_project(Path(f"/data/{number}.aisproj"))
    assert len(settings.recent_projects) == MAX_RECENT == len(set(settings.recent_projects))
    assert settings.recent_projects[:2] == ["/data/5.aisproj", "/data/29.aisproj"]


# Commands, keys and the palette


def test_every_command_is_whole_and_its_keys_are_its_own() -> None:
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    taken: dict[object, str] = {}
    for command in COMMANDS:
        assert command.menu.split("/")[0] in MENUS, command.name
        assert command.text[0].isupper(), command.text
        assert not command.text.endswith("." * 4)
        for part in command.shortcut.split():
            shortcut = parse(part)
            assert shortcut not in taken, f"{part} belongs to {taken.get(shortcut)} and {command.name}"
            taken[shortcut] = command.name
    items = [(command.menu, command.text) for command in COMMANDS]
    assert len(set(items)) == len(items), "two items of a menu have the same text"


def test_keys_are_read_and_shown() -> None:
    assert parse("ctrl+shift+P") == parse("shift+ctrl+p")
    assert parse("[") != parse("]")
    assert readable("ctrl+shift+P") == "Ctrl+Shift+P"
    assert readable("ctrl+shift+Z ctrl+Y") == "Ctrl+Shift+Z"
    assert readable("pageup") == "Page up"
    assert readable("") == ""
    for wrong in ("", "ctrl+", "hyper+A", "AB", "ctrl"):
        with pytest.raises(AisError, match="no shortcut"):
            parse(wrong)


def test_the_page_of_keys_is_current() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_shortcut_reference import reference
    finally:
        sys.path.remove(str(ROOT / "docs"))
    written = (ROOT / "docs" / "reference" / "shortcuts.md").read_text(encoding="utf-8")
    assert written == reference(), "run: .venv/bin/python docs/make_shortcut_reference.py"


@given(st.text(max_size=8), st.text(max_size=30))
def test_likeness_is_0_exactly_where_letters_do_not_come_in_order(letters: str, text: str) -> None:
    found = likeness(letters, text)
    assert 0 <= found <= 1
    rest = iter(text.casefold())
    assert (found > 0) == all(letter in rest for letter in letters.casefold())


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("next slice", "view.slice_on"),
        ("slice next", "view.slice_on"),
        ("nxt slc", "view.slice_on"),
        ("undo", "edit.undo"),
        ("opent", "file.open_tomogram"),
        ("SETTINGS", "edit.settings"),
        ("quit", "file.leave"),
        ("demo", "file.demo"),
    ],
)
def test_the_palette_finds_what_is_meant(typed: str, expected: str) -> None:
    assert search(typed, [])[0].name == expected


def test_each_command_is_found_by_its_own_text() -> None:
    for command in COMMANDS:
        if command.name != "edit.palette":
            found = search(command.text, [])
            assert command.text == found[0].text or command.text in [other.text for other in found[:3]], command.text


def test_recent_commands_come_first_and_the_palette_is_quick() -> None:
    recent = ["view.invert", "file.save"]
    assert [command.name for command in search("", recent)[:2]] == recent
    assert remember("file.save", recent) == ["file.save", "view.invert"]
    assert not search("qqqqzz", recent)
    start = time.thread_time()
    for text in ("s", "sl", "sli", "slice", "next slice"):
        search(text, recent)
    assert (time.thread_time() - start) / 5 < 0.02


def test_lengths_of_time() -> None:
    assert [clock(seconds) for seconds in (0, 4.4, 41, 725, 3723)] == ["0 s", "4 s", "0:41", "12:05", "1:02:03"]


# Projects without a name


def test_projects_without_a_name_are_counted_and_removed(tmp_path: Path) -> None:
    from ais.annotation import AddFeature

    with untitled.create_untitled(tmp_path) as first:
        first.apply(AddFeature("membrane"))
        first.apply(AddFeature("ribosome"))
    broken = untitled.untitled_folder(tmp_path) / "Untitled broken.aisproj"
    broken.write_bytes(b"no database")
    found = {item.path: item for item in untitled.recovered(tmp_path)}
    assert (found[first.path].tomograms, found[first.path].edits) == (0, 2)
    assert found[broken].changed == 0
    assert not untitled.recovered(tmp_path / "never")
    with Project.open(first.path):
        assert {item.path for item in untitled.recovered(tmp_path, but=first.path)} == {broken}
    untitled.remove(first.path)
    untitled.remove(broken)
    assert not list(untitled.untitled_folder(tmp_path).iterdir())
