"""Run in a process of its own by `test_backends`: networks and commands on the backend that AIS_BACKEND names.

Usage: python compute_on_backend.py FOLDER OUTPUT, with models and tomograms in FOLDER. Writes probabilities,
``<model>.<dtype>.npy``, and what else it has found, ``found.json``, into OUTPUT.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from ais.cli.main import run
from ais.errors import AisError
from ais.models import load_model
from ais.models.backend import load_backend, start
from ais.models.fewer_products import with_fewer_products
from ais.segmentation import Segmenter
from ais.tomogram import Tomogram


def networks(folder: Path, output: Path) -> None:
    device = start("cpu")
    backend = load_backend()
    for path in sorted(folder.glob("*.aism")):
        images = np.load(path.with_suffix(".images.npy"))
        model = load_model(path)
        for dtype in ("float32", "mixed_bfloat16"):
            if dtype == "float32" or "unet-s" in path.name or "vggnet-m" in path.name:
                with backend.scope(device):
                    compute = backend.compiled(with_fewer_products(model.network_as(dtype)), device)
                np.save(output / f"{path.stem}.{dtype}.npy", compute(images))


def compilations(folder: Path) -> dict[str, int]:
    """How many programs are compiled by what a user does one after another."""
    with (
        counted() as count,
        Tomogram.open(folder / "tomo.mrc") as tomogram,
        Tomogram.open(folder / "other.mrc") as other,
    ):
        segmenter = Segmenter(load_model(folder / "unet-s.aism"), batch_size=2)
        steps = {
            "first slice": lambda: segmenter.predict_slices(tomogram, 0, 1),
            "browsing": lambda: [segmenter.predict_slices(tomogram, z, z + 1) for z in (3, 1, 4)],
            "slabs of 2, 2 and 1": lambda: list(segmenter.iter_slabs(tomogram)),
            "slabs of 2 and 1": lambda: list(segmenter.iter_slabs(other)),
            "a crop": lambda: segmenter.predict_slices(tomogram, 0, 1, crop=(0, 20, 0, 20)),
            "other crops": lambda: [
                segmenter.predict_slices(tomogram, z, z + 1, crop=(z, 20 + z, 2 * z, 20 + 2 * z)) for z in range(5)
            ],
        }
        found = {}
        for name, step in steps.items():
            before = len(count)
            step()
            found[name] = len(count) - before
    return found


@contextmanager
def counted() -> Iterator[list[str]]:
    import jax

    count: list[str] = []

    def listen(event: str, *_: Any, **__: Any) -> None:
        if event.endswith("backend_compile_duration"):
            count.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield count


def exhausted(backend: Any) -> str:
    """Which error comes of a network for which the memory does not suffice."""

    class Network:
        trainable_variables = non_trainable_variables = ()

        def eval(self) -> None:
            pass

        def stateless_call(self, *_: Any, **__: Any) -> None:
            import jax

            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 10 bytes")

        def __call__(self, *_: Any, **__: Any) -> None:
            import torch

            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    compute = backend.compiled(Network(), start("cpu"))
    try:
        compute(np.zeros((1, 8, 8, 1), np.float32))
    except MemoryError as error:
        return f"MemoryError: {error}"
    return "nothing"


def said(*words: str) -> tuple[int, str, str]:
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        code = run(words)
    return code, out.getvalue(), errors.getvalue()


def main() -> None:
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    networks(folder, output)
    backend = load_backend()
    found: dict[str, Any] = {
        "modules": sorted({"tensorflow", "torch", "jax"} & set(sys.modules)),
        "keras": os.environ["KERAS_BACKEND"],
        "exhausted": exhausted(backend),
        "segment": said("segment", "-m", f"{folder}/unet-s.aism", f"{folder}/tomo.mrc", "-o", f"{output}"),
        "doctor": said("doctor", "--json"),
    }
    if backend.compiles_each_size:
        found["compilations"] = compilations(folder)
    for device in ("gpu", "gpu:0,1"):
        try:
            found[device] = start(device).kind
        except AisError as error:
            found[device] = str(error)
    (output / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
