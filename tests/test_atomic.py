"""Files appear whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ais.errors import AisError
from ais.formats.atomic import atomic_path, write_text
from ais.formats.record import Identity, describe_input, is_finished, read_record, record_path, recorded_output

STALL = """
import sys, time
from ais.formats.atomic import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_file_appears_only_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "ü.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert os.listdir(target.parent) == ["ü.txt"]
    assert target.read_text() == "whole"


def test_what_a_killed_writer_left_is_removed_by_the_next_and_a_living_one_is_not(tmp_path: Path) -> None:
    target = tmp_path / "out.mrc"
    writer = subprocess.Popen([sys.executable, "-c", STALL, str(target)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    write_text(target, "second writer")
    assert len(list(tmp_path.glob(".out.mrc.*.tmp"))) == 1
    writer.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    writer.wait()
    writer.stdout.close()
    write_text(target, "third writer")
    assert os.listdir(tmp_path) == ["out.mrc"]


def test_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.txt").mkdir()
    with pytest.raises(AisError, match="is a folder"):
        write_text(tmp_path / "out.txt", "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(AisError):
        write_text(tmp_path / "file" / "out.txt", "x")


def test_records_decide_what_is_kept(tmp_path: Path) -> None:
    source, output = tmp_path / "in.mrc", tmp_path / "out.star"
    source.write_text("input")
    identity = Identity("pick", [describe_input(source)], {"threshold": 128, "names": ("a", "b")})
    assert not is_finished(output, identity)
    with recorded_output(output, identity) as made:
        made.path.write_text("picks")
        made.result["picks"] = 3
    assert is_finished(output, identity)
    assert not is_finished(output, identity, overwrite=True)
    record = read_record(output)
    assert record is not None
    assert record["result"] == {"picks": 3}
    with pytest.raises(AisError, match="other input or settings"):
        is_finished(output, Identity("pick", identity.inputs, {"threshold": 100}))
    output.write_text("edited by hand")
    with pytest.raises(AisError, match="--overwrite"):
        is_finished(output, identity)


def test_an_output_that_cannot_be_replaced_keeps_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out.star"
    with recorded_output(output, Identity("pick", [], {"threshold": 1})) as made:
        made.path.write_text("first")
    before = record_path(output).read_bytes()
    replace = os.replace

    def busy(source: Path, target: Path) -> None:
        if Path(target) == output:
            raise PermissionError(13, "open in another program")
        replace(source, target)

    monkeypatch.setattr(os, "replace", busy)
    with pytest.raises(AisError), recorded_output(output, Identity("pick", [], {"threshold": 2})) as made:
        made.path.write_text("second")
    assert (output.read_text(), record_path(output).read_bytes()) == ("first", before)
    assert len(os.listdir(tmp_path)) == 2


def test_a_failed_output_leaves_no_record(tmp_path: Path) -> None:
    output = tmp_path / "out.star"
    with pytest.raises(RuntimeError), recorded_output(output, Identity("pick", [], {})) as made:
        made.path.write_text("half")
        raise RuntimeError
    assert os.listdir(tmp_path) == []
    assert not record_path(output).exists()


def test_the_fingerprint_of_a_large_file_sees_a_change_in_size_and_in_its_ends(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(9 << 20))
    first = describe_input(path)["fingerprint"]
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    assert describe_input(path)["fingerprint"] != first


def test_what_a_killed_writer_within_a_writer_left_is_removed(tmp_path: Path) -> None:
    """As of a star file that is written whole into the temporary file of an output with a record."""
    target = tmp_path / "picks.star"
    outer, inner = "0123456789abcdef" * 2, "f" * 32
    for name in (f".picks.star.{outer}.tmp", f"..picks.star.{outer}.tmp.{inner}.tmp"):
        (tmp_path / name).touch()
    (tmp_path / f".other.star.{outer}.tmp").touch()
    write_text(target, "data_\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".other.star.{outer}.tmp", "picks.star"]
