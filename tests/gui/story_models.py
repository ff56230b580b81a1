"""Models for stories: small networks whose output is spread over 0 to 1, made once and kept in the build folder.

A story's process must not load TensorFlow, so they are made in a process of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / "build" / "story-models"


@dataclass(frozen=True)
class StoryModel:
    """What a model for a story finds, and what its file says.

    Attributes
    ----------
    feature, features
        As in `ais.models.ModelInfo`.
    voxel_size
        In angstrom.
    seed
        Another one finds something else.
    training
        Record of the training.
    """

    feature: str
    features: tuple[str, ...] = ()
    voxel_size: float = 10.0
    seed: int = 0
    training: dict[str, Any] = field(default_factory=dict)


def make_models(folder: Path, *wanted: StoryModel) -> list[Path]:
    """Put a file ``FEATURE.aism`` for each model into a folder; the first time this takes seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = b"".join(path.read_bytes() for path in sorted((ROOT / "ais" / "models").glob("*.py")))
    text = json.dumps([asdict(model) for model in wanted], sort_keys=True)
    kept = KEPT / hashlib.sha256(sources + Path(__file__).read_bytes() + text.encode()).hexdigest()[:16]
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as made:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, __file__, f"{made}/models", text]
            subprocess.run(command, check=True, env=environment, capture_output=True)
            if not kept.exists():
                Path(made, "models").rename(kept)
    return [Path(shutil.copy(kept / f"{model.feature}.aism", folder)) for model in wanted]


def _make(folder: Path, wanted: list[dict[str, Any]]) -> None:
    import io

    import numpy as np
    from PIL import Image

    from ais.models import Model, ModelInfo, build, save_model

    folder.mkdir()
    for one in wanted:
        model = StoryModel(**{**one, "features": tuple(one["features"])})
        network = build("unet-s", 1, {"first_filters": 4}, seed=model.seed, features=max(len(model.features), 1))
        last = network.get_layer("logits")
        kernel, bias = last.get_weights()
        rng = np.random.default_rng(model.seed)
        last.set_weights([rng.normal(0, 4, kernel.shape).astype(np.float32), bias])
        info = ModelInfo(
            "unet-s",
            {"first_filters": 4},
            model.feature,
            model.voxel_size,
            32,
            1,
            features=model.features,
            training=model.training,
        )
        picture = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (64, 96, 3), dtype=np.uint8)).save(picture, "PNG")
        save_model(folder / f"{model.feature}.aism", Model(network, info), preview=picture.getvalue())


if __name__ == "__main__":
    _make(Path(sys.argv[1]), json.loads(sys.argv[2]))
