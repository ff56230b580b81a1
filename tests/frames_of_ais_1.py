"""Annotated tomograms as Ais 1.x pickled them, for tests: stand-ins by its names, and dill's way with arrays."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Frame:
    """Stands for SEFrame: made with a path, then given its state."""

    def __init__(self, path: str, **state: Any) -> None:
        self.__dict__ = {"path": path, "features": [], **state}

    def __reduce__(self) -> Any:
        return type(self), (self.__dict__["path"],), self.__dict__


class Part:
    """Stands for Segmentation and for MrcFile: nothing but a state."""

    def __init__(self, **state: Any) -> None:
        self.__dict__ = state


def _create_array(make: Any, arguments: Any, state: Any, attributes: Any = None) -> Any:
    raise AssertionError("nothing in a file is run")


def _create_filehandle(*arguments: Any) -> Any:
    raise AssertionError("nothing in a file is run")


class Handle:
    """Stands for the open file of a map."""

    def __reduce__(self) -> Any:
        return _create_filehandle, ("/data/map.mrc", "rb", 0, False, io.open, False, 0, "")


class _Pickler(pickle.Pickler):
    dill = True

    def reducer_override(self, obj: Any) -> Any:
        if self.dill and isinstance(obj, np.ndarray):
            make, arguments, state = obj.__reduce__()
            return _create_array, (make, arguments, state, None)
        return NotImplemented


@contextmanager
def _named_as(package: str) -> Iterator[None]:
    """Let pickle find the stand-ins where Ais 1.x, dill and mrcfile have the real ones."""
    places: dict[str, dict[str, Any]] = {
        f"{package}.core.se_frame": {"SEFrame": Frame, "Segmentation": Part},
        "dill._dill": {"_create_array": _create_array, "_create_filehandle": _create_filehandle},
    }
    before = dict(sys.modules)
    try:
        for module, things in places.items():
            names = module.split(".")
            for end in range(1, len(names) + 1):
                sys.modules[".".join(names[:end])] = ModuleType(".".join(names[:end]))
            for name, thing in things.items():
                setattr(sys.modules[module], name, thing)
                thing.__module__, thing.__qualname__ = module, name
                thing.__name__ = name
        yield
    finally:
        for module in [name for name in sys.modules if name not in before]:
            del sys.modules[module]
        sys.modules.update(before)


def frame_bytes(frame: Any, package: str = "Ais", protocol: int = 4, dill: bool = True) -> bytes:
    """A frame as it lies in a file of this generation."""
    stream = io.BytesIO()
    with _named_as(package):
        pickler = _Pickler(stream, protocol)
        pickler.dill = dill
        pickler.dump(frame)
    return stream.getvalue()


def membrane(mask: NDArray[np.uint8], z: int = 3, **state: Any) -> Part:
    """A feature painted in one slice, with the keys that every generation has."""
    values = {"title": "Membrane", "colour": (1.0, 0.5, 0.0), "alpha": 0.75, "brush_size": 7.0, "box_size": 32}
    values |= {"slices": {z: mask, 5: None}, "boxes": {z: [[4, 9]], 5: []}, "hide": False, "contour": False}
    return Part(**{**values, **state})


def simple_frame(path: str | Path, shape: tuple[int, int, int] = (8, 16, 24), **state: Any) -> Frame:
    """A frame with one feature; a row, a column and a corner tell all flips apart."""
    mask = np.zeros(shape[1:], np.uint8)
    mask[2, 5:20] = mask[2:9, 5] = 1
    sides: dict[str, Any] = dict(zip(("n_slices", "height", "width"), shape, strict=True))
    frame = Frame(str(path), **{"title": "t", **sides, "pixel_size": np.float64(1.348), **state})
    if "features" not in state:
        frame.__dict__["features"] = [membrane(mask, parent=frame)]
    return frame


def write_frame(path: Path, frame: Any, change: Callable[[bytes], bytes] = bytes, **how: Any) -> Path:
    """A ``.scns`` file."""
    path.write_bytes(change(frame_bytes(frame, **how)))
    return path
