"""What tests let Keras 2.15 do, in a process and an environment of its own: nothing of Ais is imported here.

Called with a folder: each ``NAME.h5`` in it is opened and given ``NAME.npy``; what comes out goes to
``NAME.out.npy``, and the names of the layers to ``NAME.json``. In ``made/`` it writes networks of its own, most of them
3D ones with Lambda layers, as ``NAME.h5`` with ``NAME.npy`` and ``NAME.out.npy``.
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
import tensorflow as tf
from keras import backend, layers


def answer(folder: Path) -> None:
    for path in sorted(folder.glob("*.h5")):
        model = keras.models.load_model(path, compile=False)
        given = np.load(path.with_suffix(".npy"))
        np.save(path.with_suffix(".out.npy"), np.asarray(model(given, training=False)))
        path.with_suffix(".json").write_text(json.dumps([layer.name for layer in model.layers]))


def middle(x, depth):
    x = layers.Conv3D(1, 1, activation="sigmoid")(x)
    return layers.Lambda(lambda x: x[:, :, :, depth // 2, :])(x)


def planar_end(x, depth):
    x = layers.Conv3D(4, (3, 3, depth), activation="relu")(layers.ZeroPadding3D((1, 1, 0))(x))
    x = layers.Conv2D(3, 3, padding="same", activation="relu")(layers.Lambda(lambda x: backend.squeeze(x, -2))(x))
    return layers.Conv2D(1, 1, activation="sigmoid")(x)


def channels_away(x, depth):
    x = layers.Lambda(lambda x: tf.squeeze(x, axis=-1))(layers.Conv3D(1, 1, activation="sigmoid")(x))
    return layers.Lambda(lambda x: x[..., depth // 2 : depth // 2 + 1])(x)


def volumetric(depth, pool, end, side=16):
    image = layers.Input((side, side, depth))
    x = layers.Lambda(lambda x: tf.expand_dims(x, axis=-1))(image)
    fine = layers.Conv3D(4, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling3D((2, 2, pool))(fine)
    x = layers.BatchNormalization()(layers.Conv3D(6, 3, padding="same", use_bias=False)(x))
    x = layers.Dropout(0.2)(layers.Activation("relu")(x))
    x = layers.AveragePooling3D((3, 3, 3), 1, padding="same")(x)
    x = layers.Conv3DTranspose(5, (4, 4, 2 + pool), strides=(2, 2, pool), padding="same", activation="relu")(x)
    x = layers.LeakyReLU(0.1)(layers.UpSampling3D((1, 1, 1))(x))
    x = layers.Concatenate()([x, layers.Cropping3D(((0, 0), (0, 0), (0, depth % pool)))(fine)])
    return keras.Model(image, end(x, x.shape[3]))


def planar():
    image = layers.Input((None, None, 3))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(image)
    first = layers.ReLU()(layers.BatchNormalization()(x))
    inner = keras.Sequential([layers.SeparableConv2D(6, 3, strides=2, padding="same"), layers.BatchNormalization()])
    x = layers.PReLU(shared_axes=[1, 2])(layers.LeakyReLU()(inner(first)))
    x = layers.Dropout(0.2)(layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="selu")(x))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="swish")(x)
    x = layers.UpSampling2D(2)(layers.AveragePooling2D(3, 2, padding="same")(x))
    x = layers.Concatenate()([layers.ELU()(x), first])
    x = layers.Cropping2D(1)(layers.ZeroPadding2D(1)(x))
    x = layers.Average()([x, layers.MaxPooling2D(3, 1, padding="same")(x)])
    model = keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid")(x))
    model.compile(loss="binary_crossentropy", optimizer="adam")
    return model


def make(folder: Path) -> None:
    folder.mkdir()
    keras.utils.set_random_seed(1)
    made = {"middle": volumetric(5, 1, middle), "planar_end": volumetric(3, 1, planar_end)}
    made |= {"pooled_in_z": volumetric(7, 2, channels_away), "planar": planar()}
    rng = np.random.default_rng(0)
    for name, model in made.items():
        weights = model.get_weights()
        model.set_weights([v + abs(rng.normal(0, 0.2, v.shape)) if v.ndim == 1 else 1.5 * v for v in weights])
        model.save(folder / f"{name}.h5")
        given = rng.normal(size=(2, 16, 16, model.input_shape[3])).astype(np.float32)
        np.save(folder / f"{name}.npy", given)
        np.save(folder / f"{name}.out.npy", np.asarray(model(given, training=False)))


assert keras.__version__.startswith("2.15."), keras.__version__
answer(Path(sys.argv[1]))
make(Path(sys.argv[1]) / "made")
