"""A model gives the same probabilities on TensorFlow, JAX and torch; what is missing is said in a sentence."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray

from ais.cli.main import run
from ais.errors import AisError
from ais.models import ARCHITECTURES, Architecture, Model, ModelInfo, build, load_model, save_model
from ais.models.backend import BACKENDS, start
from ais.models.backends.base import Device, Gpu, mixed_if_able, quick_import, silenced_stderr
from ais.segmentation import Segmenter
from ais.tomogram import Tomogram
from ais.trainset import SampleRecord, TrainingSet

# JAX belongs to what the tests install; PyTorch is tested where a user has it.
OTHERS = ["jax", *(["torch"] if importlib.util.find_spec("torch") else [])]
OF_TWO_FEATURES = ("unet-s", "resnet")
NAMES = [architecture.name for architecture in ARCHITECTURES]
SCRIPT = Path(__file__).with_name("compute_on_backend.py")
QUICK_COMPILER = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def save_small_model(folder: Path, number: int, chosen: Architecture) -> None:
    """A model with few filters, as if trained: biases and moving averages are not where they started."""
    low, high = chosen.depths
    depth = low if number % 2 == 0 else min(high, low + 2)
    filters = {option.name: option.minimum for option in chosen.options if "filters" in option.name}
    features = 2 if chosen.name in OF_TWO_FEATURES else 1
    network = build(chosen.name, depth, filters, features=features, blank=True)
    rng = np.random.default_rng(number)
    network.set_weights([plausible(rng, values) for values in network.get_weights()])
    names = ("membrane", "ribosome")[:features] if features > 1 else ()
    info = ModelInfo(
        architecture=chosen.name,
        arguments=chosen.arguments(filters),
        feature="membrane",
        voxel_size=10.0,
        box_size=64,
        depth=depth,
        features=names,
    )
    save_model(folder / f"{chosen.name}.aism", Model(network, info))
    side = max(2 * chosen.stride, 48)
    np.save(
        folder / f"{chosen.name}.images.npy", rng.normal(size=(1, side, side + chosen.stride, depth)).astype(np.float32)
    )


def plausible(rng: np.random.Generator, start: NDArray[Any]) -> NDArray[Any]:
    if start.ndim == 1:
        return start + rng.uniform(0.05, 0.2, start.shape)
    return rng.normal(0, np.sqrt(2 / np.prod(start.shape[:-1])), start.shape)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for number, chosen in enumerate(ARCHITECTURES):
        save_small_model(folder, number, chosen)
    rng = np.random.default_rng(0)
    for name, slices in (("tomo", 5), ("other", 3)):
        with mrcfile.new(folder / f"{name}.mrc", data=rng.normal(size=(slices, 60, 72)).astype(np.float32)) as file:
            file.voxel_size = 10.0
    return folder


@pytest.fixture(scope="module")
def expected(models: Path) -> dict[str, NDArray[np.float32]]:
    """What TensorFlow gives, from each network as it is trained."""
    found = {}
    for name in NAMES:
        network = load_model(models / f"{name}.aism").network
        found[name] = np.asarray(network(np.load(models / f"{name}.images.npy")))
    return found


@pytest.fixture(scope="module", params=OTHERS)
def found(request: pytest.FixtureRequest, models: Path) -> dict[str, Any]:
    """What a process on another backend has made of the models; see `compute_on_backend`."""
    backend = request.param
    output = models / backend
    output.mkdir()
    # Keras' own settings, in a file and in the environment, would have it otherwise.
    settings = {"backend": "tensorflow", "floatx": "float16", "image_data_format": "channels_first"}
    (output / "keras.json").write_text(json.dumps(settings))
    environment = os.environ | {"KERAS_HOME": str(output), "KERAS_BACKEND": "tensorflow"}
    environment |= {"AIS_BACKEND": backend, "XLA_FLAGS": QUICK_COMPILER}
    words = [sys.executable, str(SCRIPT), str(models), str(output)]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        request.getfixturevalue("expected")  # made meanwhile
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    return {"backend": backend, "output": output, **json.loads((output / "found.json").read_text())}


@pytest.mark.parametrize("name", NAMES)
def test_same_probabilities_as_tensorflow(
    name: str, expected: dict[str, NDArray[np.float32]], found: dict[str, Any]
) -> None:
    assert np.ptp(expected[name]) > 0.01
    probabilities = np.load(found["output"] / f"{name}.float32.npy")
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, expected[name], atol=1e-4)


@pytest.mark.parametrize("name", ["unet-s", "vggnet-m"])
def test_16_bits_are_close_to_32(name: str, found: dict[str, Any]) -> None:
    exact, mixed = (np.load(found["output"] / f"{name}.{dtype}.npy") for dtype in ("float32", "mixed_bfloat16"))
    assert 0 < np.abs(exact - mixed).mean() < 0.01


def test_tensorflow_is_not_loaded(found: dict[str, Any]) -> None:
    assert found["backend"] in found["modules"]
    assert "tensorflow" not in found["modules"]  # which would take seconds
    assert found["keras"] == found["backend"]


def test_segment_command_gives_the_same_volume(models: Path, found: dict[str, Any]) -> None:
    code, out, errors = found["segment"]
    assert (code, errors) == (0, "")
    with Tomogram.open(models / "tomo.mrc") as tomogram:
        expected = Segmenter(load_model(models / "unet-s.aism"), precision="float32").predict_slices(tomogram, 0, 5)
    names = ("membrane", "ribosome")
    assert out.split() == [str(found["output"] / f"tomo__{feature}.mrc") for feature in names]
    for feature, values in zip(names, expected, strict=True):
        volume = mrcfile.read(found["output"] / f"tomo__{feature}.mrc").astype(np.float32)
        assert np.ptp(volume) > 2
        np.testing.assert_allclose(volume, values * 255, atol=1 if found["backend"] == "jax" else 4)


def test_few_sizes_are_compiled(found: dict[str, Any]) -> None:
    counts = found.get("compilations")
    if counts is None:
        assert found["backend"] == "torch"  # which compiles nothing
        return
    assert counts.pop("first slice") > 0
    # A pair of slices is another size than one, and so is a crop; all else is not.
    assert counts == {"browsing": 0, "slabs of 2, 2 and 1": 1, "slabs of 2 and 1": 0, "a crop": 1, "other crops": 0}


def test_lack_of_memory_is_the_same_error(found: dict[str, Any]) -> None:
    assert found["exhausted"].startswith("MemoryError: ")


def test_doctor_tells_the_backend(found: dict[str, Any]) -> None:
    code, out, _ = found["doctor"]
    state = json.loads(out)
    assert code == 0
    assert state["backend"] == found["backend"]
    assert state[found["backend"]] == importlib.metadata.version(found["backend"])
    assert isinstance(state["cpu_bfloat16"], bool)
    assert state["precision"] in ("float32", "mixed_bfloat16", "mixed_float16")


def test_gpus_that_are_not_there(found: dict[str, Any]) -> None:
    if json.loads(found["doctor"][1])["gpus"]:
        pytest.skip("there is a GPU")
    title = {"jax": "JAX", "torch": "PyTorch"}[found["backend"]]
    for device in ("gpu", "gpu:0,1"):
        assert found[device].startswith(f"A GPU was asked for but {title} finds none: use --device cpu")


class TwoGpus(type(BACKENDS[0])):  # type: ignore[misc]
    def gpus(self) -> list[Gpu]:
        return [Gpu("small", "float32"), Gpu("large", "mixed_float16")]

    def gpu(self, wanted: tuple[int, ...]) -> Device:
        return Device("gpu", str(wanted), self.gpus()[wanted[0]].fast_dtype)


def test_gpus_are_chosen_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ais.models.backend.BACKENDS", (TwoGpus(),))
    assert start("cpu").kind == "cpu"
    assert start("auto") == start("gpu") == Device("gpu", "(0, 1)", "float32")
    assert start("gpu:1") == Device("gpu", "(1,)", "mixed_float16")
    with pytest.raises(AisError, match="GPU 2 was asked for but TensorFlow finds 2, counted from 0"):
        start("gpu:0,2")


@pytest.mark.parametrize(("capability", "policy"), [((6, 1), "float32"), ((7, 0), "mixed_float16"), ((), "float32")])
def test_16_bits_need_tensor_cores(capability: tuple[int, ...], policy: str) -> None:
    assert mixed_if_able(capability) == policy


def segment_words(models: Path, output: Path) -> list[str]:
    return ["segment", "-m", str(models / "unet-s.aism"), str(models / "tomo.mrc"), "-o", str(output)]


def test_unknown_backend(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIS_BACKEND", "theano")
    assert run(segment_words(models, tmp_path)) == 2
    said = capsys.readouterr().err
    assert said == "ais: AIS_BACKEND is 'theano', which Ais does not know: set it to one of tensorflow, torch, jax.\n"


def test_backend_that_is_not_installed(models: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from ais.cli.main import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *segment_words(models, tmp_path)],
        env={**os.environ, "AIS_BACKEND": "torch"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == "ais: PyTorch is not installed: pip install torch, or set AIS_BACKEND to another.\n"


def test_keras_cannot_change_its_backend(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start("cpu")
    monkeypatch.setenv("AIS_BACKEND", "jax")
    assert run(segment_words(models, tmp_path)) == 2
    assert "Keras runs on tensorflow in this process already" in capsys.readouterr().err


def test_training_needs_tensorflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIS_BACKEND", "jax")
    record = SampleRecord("0" * 16, "tomo", "", "membrane", 0, 8, 8, 16, 16, False)
    samples = TrainingSet(
        images=np.zeros((1, 1, 16, 16), np.float32),
        labels=np.ones((1, 16, 16), np.uint8),
        records=[record],
        features=["membrane"],
        voxel_size=10.0,
    )
    samples.write(tmp_path / "set.scnt")
    assert run(["train", str(tmp_path / "set.scnt"), "-o", str(tmp_path / "model.aism")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("ais: Networks are trained with TensorFlow only, and AIS_BACKEND is jax:")
    assert said.count("\n") == 1


def test_quick_import_hides_packages_from_its_thread_only() -> None:
    imported = []
    sys.modules.pop("colorsys", None)
    assert gc.isenabled()
    with quick_import(frozenset({"colorsys"})):
        assert not gc.isenabled()
        with pytest.raises(ModuleNotFoundError, match="colorsys"):
            importlib.import_module("colorsys")
        other = threading.Thread(target=lambda: imported.append(importlib.import_module("colorsys")))
        other.start()
        other.join()
    assert [module.__name__ for module in imported] == ["colorsys"]
    assert gc.isenabled()
    assert importlib.import_module("colorsys") is imported[0]


def test_threads_that_silence_stderr_leave_it_as_it_was() -> None:
    def silence() -> None:
        for _ in range(20):
            with silenced_stderr():
                time.sleep(0.0005)

    before = os.fstat(2)
    threads = [threading.Thread(target=silence) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.path.samestat(os.fstat(2), before)
