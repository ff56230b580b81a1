"""Choosing files where the system has no dialog of its own, and with the dialogs of the system."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.errors import AisError
from ais.gui.background import Background
from ais.gui.dialogs import ALL_FILES, Dialogs, FileKind
from ais.gui.dropped import files_in
from ais.gui.file_browser import FileBrowser, list_folder, natural_order, with_ending

TOMOGRAMS = FileKind("Tomograms", (".mrc", ".tif"))
PROJECTS = FileKind("Projects", (".aisproj",))


@pytest.fixture
def background() -> Iterator[Background]:
    made = Background(lambda: None, lambda sentence: pytest.fail(sentence))
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b10.mrc", "b2.mrc", "B1.MRC", "é ü.tif", "notes.txt", ".hidden.mrc", "two words.mrc"):
        (tmp_path / name).write_bytes(b"x" * 10)
    (tmp_path / "zoo").mkdir()
    (tmp_path / "Ape").mkdir()
    return tmp_path


def until(background: Background, condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit
        background.poll()
        time.sleep(0.002)


def opened(dialogs: Dialogs) -> FileBrowser:
    """The list, once the folder has been read."""
    browser = dialogs.browser
    assert browser is not None
    until(dialogs.background, lambda: not browser.reading)
    return browser


def names(browser: FileBrowser) -> list[str]:
    return [entry.name for entry in browser.shown]


@given(st.lists(st.text(st.sampled_from("ab12 _-."), max_size=6)))
def test_the_natural_order_is_an_order_that_counts(texts: list[str]) -> None:
    ordered = sorted(texts, key=natural_order)
    assert sorted(ordered, key=natural_order) == ordered
    assert sorted(["t10", "t9", "T1"], key=natural_order) == ["T1", "t9", "t10"]


def test_folders_come_first_and_kinds_and_hidden_files_can_be_chosen(background: Background, folder: Path) -> None:
    dialogs = Dialogs(background, folder=folder)
    dialogs.open_files("Open tomogram", (TOMOGRAMS, ALL_FILES), lambda _: None)
    browser = opened(dialogs)
    assert names(browser) == ["Ape", "zoo", "B1.MRC", "b2.mrc", "b10.mrc", "two words.mrc", "é ü.tif"]
    browser.kind = 1
    browser.narrow()
    assert "notes.txt" in names(browser)
    browser.kind, browser.hidden = 0, True
    browser.narrow()
    assert ".hidden.mrc" in names(browser)
    browser.hidden, browser.search_text = False, "WORDS"
    browser.narrow()
    assert names(browser) == ["two words.mrc"]
    assert browser.can_accept, "what was searched is selected"


def test_several_files_are_chosen(background: Background, folder: Path) -> None:
    chosen: list[Path] = []
    dialogs = Dialogs(background, folder=folder)
    dialogs.open_files("Open tomogram", (TOMOGRAMS,), chosen.extend)
    browser = opened(dialogs)
    assert not browser.can_accept
    browser.click(2)
    browser.click(4, range_=True)
    browser.click(6, add=True)
    browser.click(3, add=True)
    browser.accept()
    assert [path.name for path in chosen] == ["B1.MRC", "b10.mrc", "é ü.tif"]
    assert dialogs.browser is None
    assert dialogs.folder == folder


def test_the_first_question_begins_at_what_is_open(background: Background, folder: Path) -> None:
    places = [("Home", folder), ("gone", folder / "gone"), ("zoo", folder / "zoo")]
    dialogs = Dialogs(background, places=lambda: places)
    dialogs.open_files("Import mask", (TOMOGRAMS,), lambda _: None)
    assert opened(dialogs).folder == folder / "zoo"


def test_one_file_where_one_is_asked_for(background: Background, folder: Path) -> None:
    chosen: list[Path] = []
    dialogs = Dialogs(background, folder=folder)
    dialogs.open_files("Open", (TOMOGRAMS,), chosen.extend, many=False)
    browser = opened(dialogs)
    browser.click(2)
    browser.click(4, add=True)
    browser.click(5, range_=True)
    assert browser.chosen == {"two words.mrc"}
    browser.activate(5)
    assert [path.name for path in chosen] == ["two words.mrc"]


def test_keys_move_and_go_in_and_out(background: Background, folder: Path) -> None:
    dialogs = Dialogs(background, folder=folder)
    dialogs.open_files("Open", (TOMOGRAMS,), lambda _: None)
    browser = opened(dialogs)
    browser.move(1)
    browser.move(1)
    assert browser.chosen == {"zoo"}
    browser.accept()
    until(background, lambda: not browser.reading)
    assert browser.folder == folder / "zoo"
    assert browser.shown == ()
    browser.up()
    until(background, lambda: not browser.reading)
    assert browser.chosen == {"zoo"}, "where one came from is selected"
    browser.move(-100)
    assert browser.chosen == {"Ape"}
    browser.move(100)
    assert browser.chosen == {"é ü.tif"}
    browser.cancel()
    assert dialogs.browser is None


def test_a_path_can_be_typed_or_pasted(background: Background, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[Path] = []
    monkeypatch.setenv("HOME", str(folder))
    dialogs = Dialogs(background, folder=folder / "zoo")
    dialogs.open_files("Open", (TOMOGRAMS,), chosen.extend)
    browser = opened(dialogs)
    for text, expected in (
        ("~", folder),
        ("Ape", folder / "Ape"),
        (f" '{folder}' ", folder),
        ("zoo/..", folder / "zoo" / ".."),
    ):
        browser.path_text = text
        browser.enter_path()
        assert browser.folder == expected
        browser.go(folder)
    for wrong in ("nowhere", "/nowhere/at/all", "a\0b", "x" * 5000):
        browser.path_text = wrong
        browser.enter_path()
        assert "does not exist" in browser.problem
        assert dialogs.browser is browser
    browser.path_text = str(folder / "notes.txt")
    browser.enter_path()
    assert chosen == [folder / "notes.txt"]


def test_a_folder_that_cannot_be_read_is_said(background: Background, folder: Path) -> None:
    assert str(folder / "b2.mrc") in list_folder(folder / "b2.mrc").problem
    dialogs = Dialogs(background, folder=folder)
    dialogs.open_files("Open", (TOMOGRAMS,), lambda _: None)
    browser = opened(dialogs)
    (folder / "zoo").rmdir()
    browser.activate(names(browser).index("zoo"))
    until(background, lambda: not browser.reading)
    assert str(folder / "zoo") in browser.problem
    browser.up()
    until(background, lambda: not browser.reading)
    assert not browser.problem


def test_a_huge_folder_is_read_in_a_thread(background: Background, tmp_path: Path) -> None:
    for number in range(5000):
        (tmp_path / f"TS_{number}.mrc").touch()
    dialogs = Dialogs(background, folder=tmp_path)
    start = time.thread_time()
    dialogs.open_files("Open", (TOMOGRAMS,), lambda _: None)
    assert time.thread_time() - start < 0.05
    browser = opened(dialogs)
    assert len(browser.shown) == 5000
    start = time.thread_time()
    browser.search_text = "99"
    browser.narrow()
    assert time.thread_time() - start < 0.05
    assert names(browser)[0] == "TS_99.mrc"


def test_a_name_gets_its_ending_and_replacing_is_asked(background: Background, folder: Path) -> None:
    written: list[Path] = []
    dialogs = Dialogs(background, folder=folder)

    def ask(name: str) -> FileBrowser:
        dialogs.save_file("Save", Path("Project.aisproj"), (PROJECTS,), written.append)
        browser = opened(dialogs)
        assert browser.name_text == "Project.aisproj"
        browser.name_text = name
        return browser

    ask("neu é").accept()
    assert written == [folder / "neu é.aisproj"]
    (folder / "old.aisproj").write_bytes(b"")
    ask("old").accept()
    assert "old.aisproj exists already" in dialogs.confirmations[-1].text
    dialogs.answer_confirmation(False)
    assert len(written) == 1
    assert dialogs.browser is not None
    dialogs.browser.accept()
    dialogs.answer_confirmation(True)
    assert written[1] == folder / "old.aisproj"
    assert dialogs.browser is None
    browser = ask("zoo/deep")
    browser.accept()
    until(background, lambda: not browser.reading)
    assert browser.folder == folder / "zoo"
    assert browser.name_text == "deep"
    browser.accept()
    assert written[2] == folder / "zoo" / "deep.aisproj"
    browser = ask("  ")
    browser.accept()
    assert not browser.can_accept
    assert len(written) == 3
    browser.cancel()


@given(st.text(st.sampled_from("abc.é"), min_size=1, max_size=8))
def test_an_ending_is_added_once(name: str) -> None:
    once = with_ending(name, (PROJECTS,))
    assert once.endswith(".aisproj")
    assert with_ending(once, (PROJECTS,)) == once
    assert with_ending(name, (ALL_FILES,)) == name


def test_a_folder_is_chosen(background: Background, folder: Path) -> None:
    chosen: list[Path] = []
    dialogs = Dialogs(background, folder=folder)
    dialogs.choose_folder("Choose", chosen.append)
    browser = opened(dialogs)
    assert names(browser) == ["Ape", "zoo"]
    browser.accept()
    dialogs.choose_folder("Choose", chosen.append)
    browser = opened(dialogs)
    browser.click(1)
    browser.accept()
    assert chosen == [folder, folder / "zoo"]


def test_scripts_answer_in_advance_and_one_question_waits_for_the_other(background: Background, folder: Path) -> None:
    chosen: list[Path] = []
    dialogs = Dialogs(background, folder=folder, answers=[[folder / "b2.mrc"], []])
    dialogs.open_files("Open", (TOMOGRAMS,), chosen.extend)
    dialogs.open_files("Open", (TOMOGRAMS,), chosen.extend)
    assert chosen == [folder / "b2.mrc"]
    assert not dialogs.open
    dialogs.open_files("Open", (TOMOGRAMS,), chosen.extend)
    first = dialogs.browser
    dialogs.open_files("Open another", (TOMOGRAMS,), chosen.extend)
    assert dialogs.browser is first


def test_what_a_dropped_folder_stands_for(folder: Path) -> None:
    assert [path.name for path in files_in(folder)] == ["B1.MRC", "b10.mrc", "b2.mrc", "two words.mrc", "é ü.tif"]
    (folder / "one.aisproj").touch()
    assert files_in(folder) == [folder / "one.aisproj"]
    (folder / "two.aisproj").touch()
    assert len(files_in(folder)) == 5
    assert files_in(folder / "zoo") == []
    with pytest.raises(AisError):
        files_in(folder / "nowhere")


ASKING = """
import sys
from pathlib import Path
from ais.gui import native_dialogs
from ais.gui.background import Work
from ais.gui.file_browser import FileKind, FileQuestion, Wanted
assert native_dialogs.available()
kinds = (FileKind("Tomograms", (".mrc",)),)
for wanted in (Wanted.FILES, Wanted.NEW_FILE, Wanted.FOLDER):
    print([str(path) for path in native_dialogs.ask(FileQuestion("Title", wanted, kinds, Path.home(), ""), Work())])
"""
PROGRAM = """#!/bin/sh
echo "$@" >> "$SEEN"
case "$*" in
*--save*) echo "/data/new" ;;
*--directory*) exit 1 ;;
*) printf '/data/one.mrc\\n/data/zwei ä.mrc\\n' ;;
esac
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have dialogs of their own")
def test_the_dialogs_of_the_desktop_are_asked(tmp_path: Path) -> None:
    program = tmp_path / "zenity"
    program.write_text(PROGRAM, encoding="utf-8")
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "SEEN": str(tmp_path / "seen"),
        "DISPLAY": ":0",
    }
    done = subprocess.run([sys.executable, "-c", ASKING], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['/data/one.mrc', '/data/zwei ä.mrc']", "['/data/new.mrc']", "[]"]
    assert "*.mrc" in (tmp_path / "seen").read_text(encoding="utf-8")
