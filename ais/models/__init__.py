"""Networks: the architectures Ais knows, and the model file that holds a trained one."""

from __future__ import annotations

from ais.models.architecture import Architecture, Layers, Option
from ais.models.file import Model, load_model, model_hash, read_model_info, read_preview, save_model
from ais.models.info import ModelInfo
from ais.models.registry import (
    ARCHITECTURES,
    DEFAULT,
    all_architectures,
    architecture,
    build,
    new_user_architecture,
)

__all__ = [
    "ARCHITECTURES",
    "DEFAULT",
    "Architecture",
    "Layers",
    "Model",
    "ModelInfo",
    "Option",
    "all_architectures",
    "architecture",
    "build",
    "load_model",
    "model_hash",
    "new_user_architecture",
    "read_model_info",
    "read_preview",
    "save_model",
]
