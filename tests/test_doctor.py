"""`ais doctor` where things are amiss: what is missing is named, nothing hangs, nothing private leaves."""

from __future__ import annotations

import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.cli import doctor
from ais.cli.main import run
from ais.cli.opengl import OpenGL, find_opengl
from ais.gui.log_file import LONGEST, kept_log
from ais.installation import graphics_cards, machine, places, software
from ais.installation.graphics_cards import Machine, explain
from ais.installation.probes import Finding, Probe, examine_all
from ais.installation.redaction import Redaction

HERE = Path(__file__).parent
QUICK_S = 3.0


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def bad(name: str, *arguments: str, limit_s: float = 30.0) -> Probe:
    return Probe(name, f"the {name}", f"hostile_probes:{name}", arguments, limit_s)


@pytest.mark.usefixtures("hostile")
def test_a_check_that_hangs_or_crashes_says_so_and_the_rest_goes_on() -> None:
    began = time.monotonic()
    names = ("dies", "raises", "leaves")
    found = examine_all([bad("hangs", limit_s=QUICK_S), bad("fine", "it"), *map(bad, names)])
    assert time.monotonic() - began < 25
    assert list(found) == ["hangs", "fine", *names]
    assert found["fine"] == Finding({"word": "it"}, ["Do this."])
    assert found["hangs"].advice == ["The check of the hangs has not ended within 3 s; nothing is known of it."]
    assert "has crashed (exit code 3)" in found["leaves"].failure
    assert "the driver is upside down" in found["raises"].advice[0]
    if sys.platform != "win32":
        assert "SIGSEGV" in found["dies"].failure


@pytest.mark.usefixtures("hostile")
def test_the_report_is_whole_whichever_check_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proper = doctor.probes()
    keys = doctor.put_together({probe.name: Finding() for probe in proper}, OpenGL()).keys()
    broken = [replace(probe, function="hostile_probes:leaves", arguments=()) for probe in proper]
    monkeypatch.setattr(doctor, "probes", lambda: broken)
    monkeypatch.setattr(doctor, "find_opengl", lambda _: OpenGL())
    assert run(["doctor", "--json"]) == 0
    state = json.loads(capsys.readouterr().out)
    assert state.keys() == keys
    assert state["failed"].keys() == {probe.name for probe in proper}
    assert len(state["advice"]) == len(proper)
    assert "None" not in "\n".join(doctor.described(state))
    for probe in proper:
        module, _, name = probe.function.partition(":")
        assert callable(getattr(sys.modules[module], name))


def test_keys_that_scripts_read_stay() -> None:
    state = doctor.put_together({probe.name: Finding() for probe in doctor.probes()}, OpenGL())
    stable = {"ais", "python", "system", "cores", "memory", "disk_free", "backend", "gpus", "cpu_bfloat16", "precision"}
    assert stable | {"opengl", "advice", *doctor.BACKENDS, *doctor.PARTS, "dask"} <= state.keys()


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use stays")
def test_a_current_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    probes = [probe for probe in doctor.probes() if probe.name != "networks"]
    assert "current" not in [probe.name for probe in probes]
    found = examine_all(probes) | {"networks": Finding()}
    state = doctor.put_together(found, OpenGL())
    assert state["failed"] == {}
    assert doctor.GONE in state["advice"]
    assert "crashes" not in find_opengl().advice


def test_without_networks_it_is_quick() -> None:
    others = [probe for probe in doctor.probes() if probe.name != "networks"]
    began = time.monotonic()
    found = examine_all(others)
    assert time.monotonic() - began < 10
    assert not [finding.failure for finding in found.values() if finding.failure]


def fake_tool(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


@pytest.mark.skipif(sys.platform == "win32", reason="the tool is a script here")
def test_what_nvidias_tool_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert graphics_cards.ask_driver() == ("missing", "", [], "")
    fake_tool(tmp_path, monkeypatch, "echo 'NVIDIA-SMI has failed: no driver.'; exit 9")
    assert graphics_cards.ask_driver() == ("failed", "NVIDIA-SMI has failed: no driver", [], "")
    fake_tool(tmp_path, monkeypatch, "echo 'NVIDIA RTX A5000, 550.54.14, 24564'")
    assert graphics_cards.ask_driver() == ("fine", "", ["NVIDIA RTX A5000, 24 GiB"], "550.54.14")
    monkeypatch.setattr(graphics_cards, "SMI_LIMIT_S", 0.3)
    fake_tool(tmp_path, monkeypatch, "exec sleep 20")
    began = time.monotonic()
    assert graphics_cards.ask_driver()[0] == "silent"
    assert time.monotonic() - began < 10


@pytest.mark.skipif(sys.platform == "win32", reason="the tool is a script here")
def test_the_report_names_a_driver_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_tool(tmp_path, monkeypatch, "echo 'Failed to initialize NVML: Driver/library version mismatch' >&2; exit 18")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    asked = [probe for probe in doctor.probes() if probe.name == "cards"]
    networks = Finding({"backend": "tensorflow", "gpus": [], "gpu_build": True, "failure": ""})
    others = {probe.name: Finding() for probe in doctor.probes()}
    found = others | examine_all(asked) | {"networks": networks}
    found["cards"].figures["container"] = ""  # where the test itself runs in one
    advice = doctor.put_together(found, OpenGL())["advice"]
    assert any("updated while it was in use: restart the computer (sudo reboot)" in sentence for sentence in advice)


WORKING = Machine(("NVIDIA",), "fine", "", ("RTX A5000, 24 GiB",), "550.54.14", True, system="ubuntu")


@pytest.mark.parametrize(
    ("there", "backend", "build", "said"),
    [
        (Machine(), "tensorflow", True, "No GPU found: networks run on the CPU, more slowly."),
        (Machine(("Intel",)), "tensorflow", True, "more slowly."),
        (Machine(("AMD",)), "tensorflow", True, "The AMD card is not used by this version."),
        (
            Machine(("NVIDIA",), system="ubuntu"),
            "tensorflow",
            True,
            "no driver of NVIDIA's: sudo ubuntu-drivers install.",
        ),
        (
            Machine(("NVIDIA",), container="docker"),
            "tensorflow",
            True,
            "not in this container: start it with --gpus all",
        ),
        (Machine(("NVIDIA",), container="apptainer"), "jax", True, "start it with --nv."),
        (Machine(("NVIDIA",), "silent"), "tensorflow", True, "does not answer (nvidia-smi, 5 s): restart the computer"),
        (Machine((), "failed", "Driver/library version mismatch"), "torch", True, "sudo reboot"),
        (Machine((), "failed", "No devices were found"), "torch", True, "--gres=gpu:1"),
        (
            Machine(("NVIDIA",), "failed", "it could not"),
            "tensorflow",
            True,
            "does not run (it could not): install NVIDIA",
        ),
        (replace(WORKING, hidden="-1"), "tensorflow", True, "unset CUDA_VISIBLE_DEVICES"),
        (replace(WORKING, system="windows"), "tensorflow", False, "set AIS_BACKEND=torch, or use WSL2"),
        (replace(WORKING, system="windows"), "torch", False, "this PyTorch was built without GPUs: python -m pip"),
        (WORKING, "tensorflow", False, "uninstall -y tensorflow-cpu tensorflow, then"),
        (WORKING, "jax", False, 'python -m pip install "jax[cuda13]"'),
        (replace(WORKING, has_libcuda=False), "tensorflow", True, "sudo apt-get install libnvidia-compute-550"),
        (replace(WORKING, has_libcuda=False, container="docker"), "tensorflow", True, "NVIDIA_DRIVER_CAPABILITIES"),
        (replace(WORKING, denied=("/dev/nvidia0",)), "tensorflow", True, "may not open /dev/nvidia0: sudo usermod"),
        (
            replace(WORKING, missing=("nvidia-cudnn-cu12",)),
            "tensorflow",
            True,
            "lacks nvidia-cudnn-cu12: python -m pip",
        ),
        (
            replace(WORKING, driver="470.82.01", runtimes=("nvidia-cuda-runtime-cu12",)),
            "tensorflow",
            True,
            "than 525.60",
        ),
        (replace(WORKING, runtimes=("nvidia-cuda-runtime-cu12",)), "tensorflow", True, "this says why: python -c"),
    ],
)
def test_the_piece_that_keeps_a_gpu_from_use(there: Machine, backend: str, build: bool | None, said: str) -> None:
    sentence = explain(there, backend, build)
    assert said in sentence
    assert sentence.startswith("No GPU found")


def test_a_silent_driver_matters_more_than_what_hides_it() -> None:
    assert "does not answer" in explain(Machine(("NVIDIA",), "silent", hidden=""), "tensorflow", True)


def test_cards_and_device_files(tmp_path: Path) -> None:
    for name, kind, vendor in (("a", "0x030000", "0x8086"), ("b", "0x030200", "0x10de"), ("c", "0x020000", "0x1002")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "class").write_text(f"{kind}\n")
        (tmp_path / name / "vendor").write_text(f"{vendor}\n")
    assert graphics_cards.cards_on_bus(tmp_path) == ["NVIDIA", "Intel"]
    assert graphics_cards.cards_on_bus(tmp_path / "none") == []
    assert graphics_cards.denied_devices(tmp_path) == []
    assert [graphics_cards.hidden_by(value) for value in (None, "0", "", "-1", "1,0")] == [None, None, "", "-1", None]


def test_packages_that_are_missing_too_old_or_too_new() -> None:
    stated = [
        "numpy>=2.1",
        "keras<4,>=3.10",
        "scipy>=1.15",
        "colorama; sys_platform == 'nonsense'",
        'dask>=2025.1; extra == "cluster"',
        'ruff; extra == "test"',
    ]
    versions = {"numpy": "1.26.4", "keras": "4.1"}
    problems = software.unfit(tuple(software.requirements(stated)), versions.get)
    assert [problem.sentence for problem in problems] == [
        'numpy 1.26.4 does not fit (>=2.1 is needed): python -m pip install "numpy>=2.1"',
        'keras 4.1 does not fit (<4,>=3.10 is needed): python -m pip install "keras<4,>=3.10"',
        'scipy is missing: python -m pip install "scipy>=1.15"',
    ]
    assert [one.name for one in software.requirements(stated, "cluster")] == ["dask"]


def test_what_stands_in_brackets_is_asked_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = {"dask": ['distributed>=2025.1; extra == "distributed"', 'pandas; extra == "dataframe"']}
    monkeypatch.setattr(software.importlib.metadata, "requires", stated.get)
    (one,) = software.requirements(['dask[distributed]>=2025.1; extra == "cluster"'], "cluster")
    assert [inner.name for inner in software.within(one)] == ["distributed"]


def test_packages_of_this_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = software.examine_packages()
    assert sound.figures["packages"]["numpy"]
    assert not [sentence for sentence in sound.advice if "does not fit" in sentence or "is missing" in sentence]
    monkeypatch.setattr(software, "version_of", lambda name: None if name == "vtk" else "0.0.1")
    advice = software.examine_packages().advice
    assert any(sentence.startswith("vtk is missing: python -m pip install") for sentence in advice)
    assert any(sentence.startswith("numpy 0.0.1 does not fit") for sentence in advice)
    monkeypatch.setattr(software, "DISTRIBUTION", "ais-that-is-not-there")
    assert software.examine_packages().advice[0].startswith("Ais itself is not installed")


def test_a_package_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "damaged_package.py").write_text("raise ImportError('undefined symbol: spam')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(software, "LOADED", ("numpy", "damaged_package", "package_that_is_not_there"))
    found = software.examine_loading()
    assert found.figures == {"broken": ["damaged_package"]}
    assert (
        "damaged_package is installed but cannot be loaded (undefined symbol: spam): python -m pip" in found.advice[0]
    )


def test_the_processor() -> None:
    text = "processor\t: 0\nmodel name\t: Fast 9000\nflags\t\t: fpu avx avx2 avx512_bf16\n\nprocessor\t: 1\n"
    assert machine.described(text) == ("Fast 9000", ["avx", "avx2", "avx512_bf16"])
    assert machine.described("") == ("", None)
    assert "crashes" in machine.processor_advice("x86_64", ["sse4_2"])[0]
    assert machine.processor_advice("x86_64", ["avx"]) == machine.processor_advice("x86_64", None) == []
    assert machine.processor_advice("aarch64", []) == []


def test_memory_that_a_container_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "slurm" / "job_7" / "step_0"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (inner.parent / "memory.max").write_text(f"{4 << 30}\n")
    (tmp_path / "memory.max").write_text(f"{64 << 30}\n")
    assert machine.memory_limit("0::/slurm/job_7/step_0\n", tmp_path) == 4 << 30
    assert machine.memory_limit("0::/elsewhere\n", tmp_path) == 64 << 30
    old = tmp_path / "memory" / "docker" / "abc"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text(f"{6 << 30}")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712")
    assert machine.memory_limit("5:cpu:/x\n4:hugetlb,memory:/docker/abc\n", tmp_path) == 6 << 30
    assert machine.memory_limit("4:memory:/\n", tmp_path) is None
    assert machine.memory_limit("", tmp_path) is None
    monkeypatch.setattr(machine, "memory_limit", lambda *_: 2 << 30)
    monkeypatch.setattr(machine, "_memory", lambda: (64 << 30, 50 << 30))
    found = machine.examine_memory()
    assert (found.figures["memory"], found.figures["memory_total"]) == (2, 64)
    assert "may use 2.0 of the machine's 64.0 GiB" in found.advice[0]


def test_kinds_of_drives(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    lines = ["/dev/sda / ext4 rw 0 0", "server:/d /data nfs4 rw 0 0", r"//nas/x /mnt/my\040share cifs rw 0 0"]
    lines += ["none /data/fast tmpfs rw 0 0", "lustre /data/fast lustre rw 0 0", "odd"]
    table.write_text("\n".join(lines))
    kinds = [places.kind_of(Path(name), table) for name in ("/data/a", "/data/fast/b", "/database", "/mnt/my share/c")]
    assert kinds == ["nfs4", "lustre", "ext4", "cifs"]
    assert places.kind_of(Path("/data"), tmp_path / "none") is None


def test_projects_on_network_drives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"server:/d {tmp_path} nfs rw 0 0")
    monkeypatch.setattr(places, "kind_of", lambda folder, table=table, known=places.kind_of: known(folder, table))
    found = places.examine_place("current", str(tmp_path))
    assert found.figures["current"]["network"] == "NFS"
    assert any("lies on NFS: locking works" in sentence for sentence in found.advice)
    assert [path.name for path in tmp_path.iterdir()] == ["mounts"]
    monkeypatch.setattr(places, "lock_problem", lambda _: "database is locked")
    advice = places.examine_place("current", str(tmp_path)).advice
    assert any("files cannot be locked (database is locked)" in sentence for sentence in advice)
    assert "damaged" in places.network_advice("SSHFS", "")[0]
    assert not places.examine_place("temporary", str(tmp_path)).advice


def test_a_database_can_be_locked_or_says_why_not(tmp_path: Path) -> None:
    assert places.lock_problem(tmp_path) == ""
    assert "No such file" in places.lock_problem(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="users and modes of POSIX")
def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    code = "import os, sys; from ais.installation.places import Path, write_problem\n"
    code += "if not os.getuid(): os.setuid(65534)\n"  # root may write anywhere
    code += "for name in sys.argv[1:]: print(write_problem(Path(name)))"
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        folders = []
        for name, mode in (("open", 0o777), ("closed", 0o555)):
            folders.append(Path(made) / name)
            folders[-1].mkdir()
            folders[-1].chmod(mode)
        words = [sys.executable, "-c", code, *map(str, folders)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=HERE.parent)
    assert done.stdout == "\npermission denied\n", done.stderr
    (tmp_path / "file").write_text("")
    found = places.examine_place("settings", str(tmp_path / "file" / "ais"))
    assert not found.figures["settings"]["writable"]
    assert "The settings folder cannot be written (file is a file)" in found.advice[0]
    assert places.examine_place("settings", str(tmp_path / "new" / "ais")).advice == []


SECRETS = ("jdoe", "beamline7", "Unpublished", "secret")
PRIVATE = Redaction("/home/jdoe", "jdoe", ("beamline7.lab.org", "beamline7"), (("/opt/ais/ais", "<ais>"),))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("cannot read /data/secret/Unpublished work/secret 1.mrc: damaged", "cannot read <path>: damaged"),
        ("'/home/jdoe/Unpublished/secret virus' is gone", "'<path>' is gone"),
        (r"C:\Users\jdoe\secret\x.aisproj is gone", "<path> is gone"),
        (r"\\beamline7\secret\x.rec is gone", "<path> is gone"),
        ("jdoe@beamline7: ok on BEAMLINE7.lab.org", "<user>@<computer>: ok on <computer>"),
        ("secret_3.mrc has no voxel size", "<file>.mrc has no voxel size"),
        ('File "/opt/ais/ais/gui/app.py", line 7', 'File "<ais>/gui/app.py", line 7'),
        ("OpenGL 4.6, NVIDIA RTX/PCIe/SSE2", "OpenGL 4.6, NVIDIA RTX/PCIe/SSE2"),
        ("see https://pytorch.org/get-started", "see https://pytorch.org/get-started"),
        ("may not open /dev/nvidia0", "may not open /dev/nvidia0"),
    ],
)
def test_private_words_are_taken_out(text: str, clean: str) -> None:
    assert PRIVATE.log(text) == clean
    assert not [word for word in SECRETS if word.lower() in PRIVATE.log(text).lower()]


@given(st.lists(st.sampled_from(["secret", "Unpublished data", "a.b", "jdoe"]), min_size=1), st.sampled_from(["", "~"]))
def test_no_path_survives(parts: list[str], begin: str) -> None:
    path = "/".join([begin, *parts, "secret tilt.mrc"])
    for line in (f"could not read {path}", f"{path} is damaged", f"'{path}' and then", f"({path}: gone)"):
        assert not [word for word in SECRETS if word in PRIVATE.log(line)], line


def test_the_bundle_holds_nothing_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user, host = "jdoe", "beamline7"
    home = tmp_path / "home" / user
    settings = home / ".config" / "ais-cryoet"
    settings.mkdir(parents=True)
    kept = {"theme": "light", "recent_files": [f"{home}/Unpublished/secret.mrc"], "last_folder": str(home)}
    (settings / "settings.json").write_text(json.dumps(kept))
    for name in ("LOGNAME", "USER", "USERNAME", "LNAME"):
        monkeypatch.setenv(name, user)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setattr(platform, "node", lambda: f"{host}.lab.org")
    monkeypatch.setattr(doctor, "default_settings_folder", lambda: settings)
    monkeypatch.chdir(home)
    with kept_log(settings):
        log = logging.getLogger("ais.gui.window")
        log.warning("%s could not be read on %s", home / "Unpublished" / "secret.mrc", host)
        try:
            Path("/data/secret/Unpublished/x.mrc").read_bytes()
        except OSError:
            log.exception("unexpected error in the panel Slices")
    shared = [replace(probe) for probe in doctor.probes() if probe.name != "networks"]
    found = examine_all(shared) | {"networks": Finding({"failure": "x"}, [f"{home}/lib on {host} is damaged."])}
    monkeypatch.setattr(doctor, "examine", lambda *_: doctor.put_together(found, OpenGL()))
    assert run(["doctor", "--bundle", "report.zip"]) == 0
    data = zipfile.ZipFile("report.zip")
    texts = {name: data.read(name).decode() for name in data.namelist()}
    assert texts.keys() == {"README.txt", "doctor.json", "doctor.txt", "packages.txt", "settings.json", "log.txt"}
    for name, text in texts.items():
        for word in (*SECRETS, user, host, str(home), str(tmp_path)):
            assert word.lower() not in text.lower(), f"{word} is in {name}"
    state: dict[str, Any] = json.loads(texts["doctor.json"])
    assert state["numpy"]
    assert state["places"]["current"]["free"] > 0
    assert json.loads(texts["settings.json"]) == {"theme": "light"}
    assert "unexpected error in the panel Slices" in texts["log.txt"]
    assert "FileNotFoundError" in texts["log.txt"]
    assert "numpy==" in texts["packages.txt"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("there.zip", "exists already"), ("report.txt", "not the name of a .zip"), ("no/report.zip", "not a folder")],
)
def test_a_bundle_in_a_wrong_place_is_refused_before_anything_is_examined(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.zip").write_text("mine")
    monkeypatch.setattr(doctor, "examine", lambda *_: pytest.fail("examined"))
    assert run(["doctor", "--bundle", name]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["there.zip"]
    assert Path("there.zip").read_text() == "mine"


def test_the_windows_log_stays_short_and_does_without_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "ais.log"
    path.write_text("x" * (LONGEST + 1))
    with kept_log(tmp_path):
        logging.getLogger("ais.gui").warning("the setting was ignored")
    assert path.read_text().endswith("WARNING ais.gui: the setting was ignored\n")
    assert path.stat().st_size < 200
    with kept_log(path / "no folder"):
        logging.getLogger("ais.gui").warning("said all the same")
    assert not logging.getLogger("ais").handlers
