"""What tests let Keras 2.15 do, in a process and an environment of its own: nothing of Ais is imported here.

Called with a folder: each ``NAME.h5`` in it is opened and given ``NAME.npy``; what comes out goes to
``NAME.out.npy``, and the names of the layers to ``NAME.json``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np


def answer(folder: Path) -> None:
    for path in sorted(folder.glob("*.h5")):
        model = keras.models.load_model(path, compile=False)
        given = np.load(path.with_suffix(".npy"))
        np.save(path.with_suffix(".out.npy"), np.asarray(model(given, training=False)))
        path.with_suffix(".json").write_text(json.dumps([layer.name for layer in model.layers]))


assert keras.__version__.startswith("2.15."), keras.__version__
answer(Path(sys.argv[1]))
