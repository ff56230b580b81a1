"""Where an OME-Zarr volume lies: a folder, a .zip, or an address, and which of its levels is meant.

``TS_001.zarr`` is the whole volume, ``TS_001.zarr/1`` its second level, ``TS_001.zarr/labels/membrane`` a label image;
the same holds for ``TS_001.zarr.zip`` and for ``https://host/TS_001.zarr``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".ome.zarr.zip", ".zarr.zip", ".ozx", ".ome.zarr", ".zarr")
ZIPPED = (".zip", ".ozx")
_ADDRESS = re.compile(r"^(https?|s3):/+(?=[^/])", re.IGNORECASE)
_COPICK = re.compile(
    r"(?:^|/)ExperimentRuns/([^/]+)/(?:(VoxelSpacing[0-9.]+/[^/]+)|Segmentations/[0-9.]+_[^/_]+_[^/_]+_([^/]+))\.zarr$"
)
_FILE_ENDING = re.compile(r"\.[A-Za-z]{2,8}$")


@dataclass(frozen=True)
class ZarrPath:
    """A path taken apart.

    Attributes
    ----------
    root
        The folder, the .zip file, or the address of the store, without a slash at its end.
    inside
        The group or array inside it, with slashes; empty for the whole.
    suffix
        The ending of the root, in lower case.
    """

    root: str
    inside: str
    suffix: str

    @property
    def stem(self) -> str:
        """The root's name without ending; a label image's name follows after ``__``.

        A tomogram of copick, ``ExperimentRuns/<run>/VoxelSpacing10.000/wbp.zarr``, is called by its run, and a
        segmentation in it ``<run>__<name>``, since names of the files are the same in all runs.
        """
        run = _COPICK.search(self.root)
        if run is not None:
            name = run[1] if run[2] else f"{run[1]}__{run[3].removesuffix('-multilabel')}"
        else:
            name = re.split(r"[/\\]", self.root)[-1][: -len(self.suffix)]
        parts = self.inside.split("/")
        return f"{name}__{parts[1]}" if len(parts) >= 2 and parts[0] == "labels" else name

    @property
    def zipped(self) -> bool:
        """Whether the root is one file."""
        return self.suffix.endswith(ZIPPED)


def remote_address(path: Path | str) -> str | None:
    """The address that a path stands for, such as ``https://host/TS_001.zarr``; None for a path of this computer.

    `pathlib` makes one slash of two, and on Windows backslashes: both are undone.
    """
    text = str(path).replace("\\", "/")
    found = _ADDRESS.match(text)
    return f"{found[1].lower()}://{text[found.end() :]}" if found else None


def zarr_path(path: Path | str) -> ZarrPath | None:
    """Take the path of an OME-Zarr volume, or of something in it, apart; None for anything else."""
    text = remote_address(path) or Path(path).as_posix()
    head, *parts = text.split("/")
    for count in range(len(parts), -1, -1):
        name = parts[count - 1] if count else head
        suffix = next((end for end in SUFFIXES if name.lower().endswith(end) and len(name) > len(end)), "")
        if suffix:
            inside = [part for part in parts[count:] if part]
            if any(part.startswith(".") for part in inside) or (inside and _FILE_ENDING.search(inside[-1])):
                return None
            return ZarrPath("/".join([head, *parts[:count]]), "/".join(inside), suffix)
    return None
