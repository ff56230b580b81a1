"""The slice on the screen, as far as it matters to networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ais.interactions import Rules

if TYPE_CHECKING:
    from ais.gui.editor import Editor

Region = tuple[int, int, int, int]
"""(x0, x1, y0, y1), half open."""


@dataclass(frozen=True)
class LiveView:
    """The slice on the screen, as far as it matters to networks.

    Attributes
    ----------
    path
        Of the tomogram.
    shape
        Its (nz, ny, nx).
    voxel_size
        In angstrom, where the user has corrected the file's; else None.
    voxel_sizes
        (z, y, x) in angstrom, with that correction.
    normalization
        (center, scale), None if they are not known yet.
    z
        The slice.
    crop
        ((z0, z1), (y0, y1), (x0, x1)) that is worked on; None for all of it.
    """

    path: str
    shape: tuple[int, int, int]
    voxel_size: float | None
    voxel_sizes: tuple[float, float, float]
    normalization: tuple[float, float] | None
    z: int
    crop: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None = None

    @property
    def plane(self) -> Region:
        """The part of the slice that is worked on."""
        _, ny, nx = self.shape
        if self.crop is None:
            return 0, nx, 0, ny
        (y0, y1), (x0, x1) = (
            (max(low, 0), min(high, n)) for (low, high), n in zip(self.crop[1:], (ny, nx), strict=True)
        )
        return x0, x1, y0, y1

    @property
    def slices(self) -> range:
        """The slices that are worked on."""
        z0, z1 = (0, self.shape[0]) if self.crop is None else self.crop[0]
        return range(max(z0, 0), min(z1, self.shape[0]))

    def arguments(self, z: int, region: Region) -> dict[str, Any]:
        """What the tasks ``live`` and ``watch_slice`` are told of it."""
        _, ny, nx = self.shape
        return {
            "tomogram": self.path,
            "voxel_size": self.voxel_size,
            "normalization": None if self.normalization is None else list(self.normalization),
            "z": z,
            "crop": None if region == (0, nx, 0, ny) else list(region),
        }


def view_of(editor: Editor) -> LiveView | None:
    """The slice on the screen; None while there is none."""
    shown, crop = editor.shown, editor.snapshot.crop
    if shown is None:
        return None
    tomogram, known = shown.tomogram, shown.entry.normalization
    corrected = tomogram.voxel_sizes != tomogram.info.voxel_sizes
    return LiveView(
        str(tomogram.path),
        tomogram.shape,
        tomogram.voxel_size if corrected else None,
        tomogram.voxel_sizes,
        None if known is None else (known.center, known.scale),
        editor.state.z,
        None if crop is None else (crop.z, crop.y, crop.x),
    )


def grown(view: LiveView, rules: Rules) -> Region:
    """The part that is worked on, grown as far as rules reach, so that what lies beside it counts."""
    x0, x1, y0, y1 = view.plane
    if view.crop is None or view.voxel_sizes[2] <= 0:
        return x0, x1, y0, y1
    _, ny, nx = view.shape
    reach = rules.reach(view.voxel_sizes[2])
    return max(0, x0 - reach), min(nx, x1 + reach), max(0, y0 - reach), min(ny, y1 + reach)
