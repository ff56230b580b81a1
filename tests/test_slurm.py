"""The script for sbatch: its head, that bash reads it, and that its tasks do what was asked with any names."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_project import make_model, make_project

from ais.cli.main import run
from ais.cli.slurm import ArraySettings, array_script

HOSTILE = "größe 'a' \"b\" $HOME `id` \\ ; é\n#SBATCH --array=0-99"
SHOWN = "import json, sys; print(json.dumps(sys.argv[1:]))"
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
needs_bash = pytest.mark.skipif(os.name == "nt", reason="SLURM is not for Windows, nor is its shell")


def in_bash(script: str, task: int) -> subprocess.CompletedProcess[str]:
    """What a task of the array does."""
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(task)}
    call = ["bash", "-c", script]
    return subprocess.run(call, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120)


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["slurm", *words]) == 0
    return capsys.readouterr().out


SEGMENT = ["-m", "m.aism", "in/*.mrc", "-o", "out", "--tta", "4"]


def test_the_head_says_what_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--jobs", "3", "--partition", "gpu", "--gpus", "a100:2", "--time", "1-12:00:00", "--account", "lab"]
    script = printed([*words, "--memory", "32G", "--cpus", "6", *SEGMENT], capsys)
    asked = set(re.findall(r"^#SBATCH (.*)$", script, re.MULTILINE))
    assert asked >= {
        *("--array=0-2", "--partition=gpu", "--gres=gpu:a100:2", "--time=1-12:00:00", "--account=lab"),
        *("--mem=32G", "--cpus-per-task=6", "--ntasks=1"),
    }
    assert script.startswith("#!/bin/bash\n#SBATCH")
    last = shlex.split(script.splitlines()[-1])
    assert last == ["exec", sys.executable, "-m", "ais.cli", "segment", "--shard", "${SLURM_ARRAY_TASK_ID}/3", *SEGMENT]


def test_what_is_not_asked_is_left_to_slurm(capsys: pytest.CaptureFixture[str]) -> None:
    script = printed(SEGMENT, capsys)
    assert not re.search(r"--(partition|gres|time|account|mem)=", script)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "site.toml",
            'jobs = 5\ngpus = 1\npartition = "long"\nsetup = ["module load cuda"]\noptions = ["--qos=high"]\n',
        ),
        (
            "site.json",
            '{"jobs": 5, "gpus": 1, "partition": "long", "setup": "module load cuda", "options": ["--qos=high"]}',
        ),
    ],
)
def test_a_file_says_the_same_and_options_come_first(
    name: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    script = printed(["--config", str(tmp_path / name), "--partition", "short", *SEGMENT], capsys)
    for line in ("#SBATCH --array=0-4", "#SBATCH --gres=gpu:1", "#SBATCH --partition=short", "#SBATCH --qos=high"):
        assert line in script.splitlines()
    assert script.splitlines().index("module load cuda") > script.splitlines().index("#SBATCH --qos=high")


@needs_bash
def test_bash_reads_any_script(tmp_path: Path) -> None:
    script = array_script([HOSTILE], ArraySettings(), tmp_path / HOSTILE, ["ais"])
    subprocess.run(["bash", "-n"], input=script, encoding="utf-8", check=True)
    head = script.split("\n\n")[0]
    assert "0-99" not in head, "sbatch reads its options only before the first command"


@needs_bash
@settings(deadline=None, max_examples=25)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_every_word_arrives_as_it_was(words: list[str]) -> None:
    script = array_script(words, ArraySettings(jobs=7), Path("/"), [sys.executable, "-S", "-c", SHOWN])
    done = in_bash(script, 6)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["segment", "--shard", "6/7", *words]


@needs_bash
def test_a_task_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "Zellen – größe 'x' $HOME"
    folder.mkdir()
    make_project(folder)
    make_model(folder, "mein Modell.aism")
    monkeypatch.chdir(folder)
    capsys.readouterr()
    script = printed(["--jobs", "2", "-m", "mein Modell.aism", "tomo.mrc", "-o", "aus gabe"], capsys)
    monkeypatch.chdir(tmp_path)
    done = in_bash(script, 1)
    assert done.returncode == 0, done.stderr
    assert len(list((folder / "aus gabe").glob("tomo__*.mrc"))) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "Missing argument"),
        (["a.mrc", "-m", "m.aism"], "-o"),
        ([*SEGMENT, "--nonsense"], "--nonsense"),
        ([*SEGMENT, "--shard", "0/2"], "--shard"),
        ([*SEGMENT, "--overwrite"], "--overwrite"),
        (["--jobs", "0", *SEGMENT], "--jobs"),
        (["--partition", "a b", *SEGMENT], "--partition"),
        (["--time", "1:00\n#SBATCH --qos=x", *SEGMENT], "--time"),
        (["--config", "missing.toml", *SEGMENT], "missing.toml"),
        (["--config", "bad.toml", *SEGMENT], "bad.toml"),
        (["--config", "unknown.toml", *SEGMENT], "queue"),
        (["--config", "kind.toml", *SEGMENT], "jobs"),
        (["--config", "list.json", *SEGMENT], "list.json"),
        (["--config", "option.json", *SEGMENT], "no option of sbatch"),
    ],
)
def test_wrong_use_in_one_sentence(
    words: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_bytes(b"jobs = \xff")
    (tmp_path / "unknown.toml").write_text('queue = "x"')
    (tmp_path / "kind.toml").write_text('jobs = "many"')
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "option.json").write_text('{"options": ["rm -rf"]}')
    assert run(["slurm", *words]) == 2
    out, errors = capsys.readouterr()
    assert not out
    assert expected in errors
    assert errors.count("\n") == 1
