"""Networks: the architectures Ais knows, and the model file that holds a trained one."""

from __future__ import annotations

from ais.models.architecture import Architecture, Layers, Option
from ais.models.exported import save_scnm, save_scnmgroup
from ais.models.file import (
    Model,
    load_model,
    model_hash,
    read_model_info,
    read_preview,
    save_classic_model,
    save_model,
)
from ais.models.group import Group, is_group, new_among, read_group, unpack_group, write_group
from ais.models.info import ModelInfo
from ais.models.library import LibraryModel, add_to_library, library_folder, scan_library, search_library
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
    "Group",
    "Layers",
    "LibraryModel",
    "Model",
    "ModelInfo",
    "Option",
    "add_to_library",
    "all_architectures",
    "architecture",
    "build",
    "is_group",
    "library_folder",
    "load_model",
    "model_hash",
    "new_among",
    "new_user_architecture",
    "read_group",
    "read_model_info",
    "read_preview",
    "save_classic_model",
    "save_model",
    "save_scnm",
    "save_scnmgroup",
    "scan_library",
    "search_library",
    "unpack_group",
    "write_group",
]
