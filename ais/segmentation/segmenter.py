"""A model made ready to segment: slices in, probabilities out, whole or in tiles, in bounded memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError, memory_errors
from ais.models.backend import compute_dtype, load_backend, start
from ais.models.fewer_products import with_fewer_products
from ais.models.file import Model
from ais.models.info import ModelInfo
from ais.models.memory import peak_bytes_per_pixel
from ais.models.reach import reach
from ais.models.registry import architecture
from ais.progress import SILENT, Progress
from ais.segmentation.network_grid import Axis, Span, Window
from ais.segmentation.symmetries import check_count, inverse_transform, transform
from ais.tomogram import Tomogram

MARGIN_PX = 32
VOXEL_SIZE_TOLERANCE = 0.05
LARGEST_RESCALING = 16.0
MEMORY_BYTES = 1 << 30
LARGEST_BATCH = 32
NETWORK_BYTES = 16 << 20
NETWORK_BYTES_PER_PARAMETER = 8
"""Two copies of the weights in float32."""
Crop = tuple[int, int, int, int]
Windows = tuple[list[Window], list[Window]]  # of rows, of columns
log = logging.getLogger(__name__)


class Segmenter:
    """A model made ready to segment slices; make one and use it for many tomograms.

    A slice is seen whole, or in overlapping windows where it does not fit in memory; both give the same result. It is
    reflected at its borders as far as the network sees, or 32 pixels, whichever is less; there it ends for the network
    too. Where the model's voxel size differs by more than 5 % the slice is rescaled before, and the
    result afterwards.

    Parameters
    ----------
    model
        From `ais.models.load_model`.
    batch_size
        Slices, or windows of slices, computed together; ``"auto"`` takes what fits in `memory`.
    tta
        Test-time augmentation: the average over this many rotations and flips of the slice, 1 to 8, or 1 to 16 for a
        model that sees several slices.
    precision, device
        As in `ais.models.backend`.
    memory
        Bytes that the network may use for its intermediate images.
    in_training
        Whether the network is one that goes on learning: each result is then of its weights at that moment, in the
        precision in which it is trained.

    Raises
    ------
    AisError
        For settings out of range, or a GPU that is not there.
    """

    def __init__(
        self,
        model: Model,
        *,
        batch_size: int | Literal["auto"] = "auto",
        tta: int = 1,
        precision: str = "auto",
        device: str = "auto",
        memory: int = MEMORY_BYTES,
        in_training: bool = False,
    ) -> None:
        check_count(tta, model.info.depth)
        if batch_size != "auto" and batch_size < 1:
            raise AisError(f"--batch-size must be auto or a whole number from 1, not {batch_size}.")
        self.model = model
        self.tta = tta
        self.batch_size = batch_size
        self.memory = memory
        self._device = start(device)
        self._backend = load_backend()
        seen = reach(model.network)
        self._stride = seen.stride
        self._halo = _round_up(seen.radius, seen.stride)
        self._margin = min(self._halo, _round_up(MARGIN_PX, seen.stride))
        self._volumetric = architecture(model.info.architecture).volumetric
        self._features = model.info.found
        self._in_training = in_training
        trained_in = model.network.dtype_policy.name
        self._prepare(trained_in if in_training else compute_dtype(precision, self._device))

    @property
    def info(self) -> ModelInfo:
        """What the model's file says."""
        return self.model.info

    @property
    def nbytes(self) -> int:
        """About how much memory it keeps."""
        return NETWORK_BYTES + NETWORK_BYTES_PER_PARAMETER * int(self.model.network.count_params())

    @property
    def dtype(self) -> str:
        """The Keras policy it computes in: ``float32``, ``mixed_bfloat16``, or ``mixed_float16``."""
        return self._dtype

    def predict_slices(
        self, tomogram: Tomogram, z0: int, z1: int, crop: Crop | None = None, *, progress: Progress = SILENT
    ) -> NDArray[np.float32]:
        """Probabilities of slices z0 to z1 - 1.

        Parameters
        ----------
        tomogram
            Where they come from.
        z0, z1
            Half-open range.
        crop
            (x0, x1, y0, y1): compute only there, half open, y being the array's row. What lies around it is still
            seen, so the result is the same part of the whole slice's result.
        progress
            Told the slices done, after every few of them.

        Returns
        -------
        ndarray
            (z1 - z0, ny, nx) float32 from 0 to 1, with the tomogram's, or the crop's, ny and nx; of a model that finds
            several features (features, z1 - z0, ny, nx).

        Raises
        ------
        AisError
            If the range or the crop is outside the tomogram, its values are not finite, or memory does not suffice.
        Cancelled
            If `progress` asks to stop.
        """
        parts = [part for _, part in self.iter_slabs(tomogram, z0, z1, crop, progress=progress)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-3)

    def iter_slabs(
        self,
        tomogram: Tomogram,
        z0: int = 0,
        z1: int | None = None,
        crop: Crop | None = None,
        *,
        progress: Progress = SILENT,
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The same in slabs of a few slices, so that a volume never has to be in memory.

        Parameters are those of `predict_slices`; `progress` is told after each slab, in slices.

        Yields
        ------
        z, probabilities
            First slice of the slab, and (n, ny, nx) float32, or (features, n, ny, nx).

        Raises
        ------
        AisError
            As `predict_slices`.
        Cancelled
            If `progress` asks to stop.
        """
        z1, (x0, x1, y0, y1) = tomogram.part(z0, z1, crop)
        rows = self._axis(tomogram, 1, y0, y1)
        columns = self._axis(tomogram, 2, x0, x1)
        z = z0
        while z < z1:
            windows = self._windows(rows, columns)
            together = self._slices_together(*windows)
            count = min(together, z1 - z)
            try:
                # A few slices more are seconds less than another number of them, where each is compiled anew.
                computed = together if self._backend.compiles_each_size and count > 1 else count
                slab = self._slab(tomogram, z, z + count, computed, rows, columns, windows)
            except MemoryError as error:
                self._use_less_memory(error)
                continue
            z += count
            yield z - count, slab if len(self._features) > 1 else slab[0]
            progress.report(z - z0, z1 - z0, f"{tomogram.name}: {self.model.info.feature}")

    def _axis(self, tomogram: Tomogram, axis: int, first: int, last: int) -> Axis:
        stored, seen = tomogram.shape[axis], tomogram.shape[axis]
        voxel_size, wanted = tomogram.voxel_sizes[axis], self.model.info.voxel_size
        if voxel_size > 0 and wanted > 0:
            factor = voxel_size / wanted
            if not 1 / LARGEST_RESCALING <= factor <= LARGEST_RESCALING:
                raise AisError(
                    f"{tomogram.path} has a voxel size of {voxel_size:g} A and the model {self.model.info.feature} was "
                    f"trained at {wanted:g} A: correct it, for example --voxel-size {wanted:g}."
                )
            if abs(factor - 1) > VOXEL_SIZE_TOLERANCE + 1e-6:
                seen = max(round(stored * factor), 1)
        return Axis(stored, seen, first, last, self._stride, self._halo, self._margin)

    def _pixels_that_fit(self) -> int:
        return int(self.memory / self._bytes_per_pixel)

    def _windows(self, rows: Axis, columns: Axis) -> Windows:
        # All at once if that fits, else as many equal windows as it takes.
        few_lengths = self._backend.compiles_each_size
        fitting = self._pixels_that_fit()
        whole = rows.windows(few_lengths=few_lengths), columns.windows(few_lengths=few_lengths)
        if _pixels(*whole) <= fitting:
            return whole
        longest = int(fitting**0.5)
        return rows.windows(longest, few_lengths=few_lengths), columns.windows(longest, few_lengths=few_lengths)

    def _slices_together(self, rows: list[Window], columns: list[Window]) -> int:
        further = self.memory / _pixels(rows, columns) - self._bytes_per_pixel
        fitting = min(1 + max(int(further / self._bytes_per_further_slice), 0), LARGEST_BATCH)
        return fitting if self.batch_size == "auto" else min(fitting, self.batch_size)

    def _slab(
        self, tomogram: Tomogram, z0: int, z1: int, computed: int, rows: Axis, columns: Axis, windows: Windows
    ) -> NDArray[np.float32]:
        row_windows, column_windows = windows
        top, left = rows.core[0], columns.core[0]
        row_span, column_span = _all_seen(row_windows), _all_seen(column_windows)
        planes = self._seen_planes(tomogram, z0, z1, rows, columns, row_span, column_span)
        found = np.empty((len(self._features), z1 - z0, _length(rows.core), _length(columns.core)), np.float32)
        for row in row_windows:
            for column in column_windows:
                y, x = _shifted(row.seen, row_span[0]), _shifted(column.seen, column_span[0])
                output = self._probabilities(self._stacked(planes[:, y, x], z0, computed))[:, : z1 - z0]
                y, x = _shifted(row.kept, top), _shifted(column.kept, left)
                found[..., y, x] = output[..., row.inside, column.inside]
        probabilities = columns.stored_values(rows.stored_values(found, 2), 3)
        return np.clip(probabilities, 0, 1, out=probabilities)

    def _seen_planes(
        self,
        tomogram: Tomogram,
        z0: int,
        z1: int,
        rows: Axis,
        columns: Axis,
        row_span: Span,
        column_span: Span,
    ) -> NDArray[np.float32]:
        # Normalised slices with their neighbours in z, over spans that may reach outside the slice.
        reach = self.model.info.depth // 2
        first, last = max(z0 - reach, 0), min(z1 + reach, tomogram.shape[0])
        y, x = slice(*rows.read_span(row_span)), slice(*columns.read_span(column_span))
        if self.model.info.normalization == "slice":
            values = tomogram.normalised_by_slice(first, last, y, x)
        else:
            normalization = tomogram.normalization
            values = normalization.apply(tomogram.slab(first, last, y, x))
        return columns.seen_values(rows.seen_values(values, 1, row_span), 2, column_span)

    def _stacked(self, planes: NDArray[np.float32], z0: int, count: int) -> NDArray[np.float32]:
        # What the network takes for slices from z0, of those that `_seen_planes` has read: (n, H, W, depth), or for one
        # that slides along z (1, H, W, n + depth - 1). Beyond the first and last of them these are repeated.
        reach_z = self.model.info.depth // 2
        if self._volumetric:
            index = np.arange(z0 - reach_z, z0 + count + reach_z)[None]
        else:
            index = np.arange(z0, z0 + count)[:, None] + np.arange(-reach_z, reach_z + 1)
        index = (index - max(z0 - reach_z, 0)).clip(0, len(planes) - 1)
        return np.moveaxis(planes[index], 1, 3)

    def _probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        # From `_stacked` to (features, n, H, W), averaged over the symmetries asked for.
        total: NDArray[np.float32] | None = None
        for index in range(self.tta):
            output = self._computed(np.ascontiguousarray(transform(images, index)))
            if self._volumetric and index & 8:
                output = output[..., ::-1]  # what slides along z gives its slices in the order in which it saw them
            output = inverse_transform(output, index)
            total = output if total is None else total + output
        assert total is not None
        if self._volumetric:
            return np.moveaxis(total, 3, 1) / np.float32(self.tta)
        several = len(self._features) > 1
        return np.moveaxis(total[..., 1:] if several else total, 3, 0) / np.float32(self.tta)

    def _computed(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        output = self._function(images)
        if np.isfinite(output).all():
            return output
        if self._dtype == "float32" or self._in_training:
            raise AisError(f"The model {self.model.info.feature} gives values that are not numbers: train it again.")
        log.warning("The model %s overflows in 16 bits and is computed in float32.", self.model.info.feature)
        self._prepare("float32")
        return self._computed(images)

    def _prepare(self, dtype: str) -> None:
        self._dtype = dtype
        with self._backend.scope(self._device), memory_errors():
            network = self.model.network if self._in_training else self.model.network_as(dtype)
            self._bytes_per_pixel = peak_bytes_per_pixel(network)
            used = network if self._in_training else with_fewer_products(network)
            self._function = self._backend.compiled(used, self._device)
        # Slices of a network that slides along z share their neighbours.
        most = peak_bytes_per_pixel(network, LARGEST_BATCH) - self._bytes_per_pixel
        self._bytes_per_further_slice = most / (LARGEST_BATCH - 1)

    def _use_less_memory(self, error: BaseException) -> None:
        self.memory //= 2
        if self._pixels_that_fit() < (2 * self._halo + self._stride) ** 2:
            raise AisError("There is not enough memory to segment even a small tile: close other programs.") from error
        log.warning("Memory ran out; going on with half of it (%d MiB).", self.memory >> 20)


def to_uint8(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Probabilities 0 to 1 as 0 to 255, rounded."""
    rounded: NDArray[np.uint8] = np.rint(probabilities * np.float32(255)).astype(np.uint8)
    return rounded


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _pixels(rows: list[Window], columns: list[Window]) -> int:
    return rows[0].length * columns[0].length


def _all_seen(windows: list[Window]) -> Span:
    return windows[0].seen[0], windows[-1].seen[1]


def _shifted(span: Span, origin: int) -> slice:
    return slice(span[0] - origin, span[1] - origin)


def _length(span: Span) -> int:
    return span[1] - span[0]
