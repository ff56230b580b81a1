"""Movies, written frame by frame: MP4 for talks and the web, GIF and animated PNG where a picture is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ais.errors import AisError
from ais.formats.atomic import atomic_path

MOVIE_FORMATS = ("mp4", "gif", "png")
QUALITY = "18"
"""Of x264: 18 cannot be told from the original."""
PICTURE_LIMIT = 2 << 30
"""GIF and animated PNG are put together in memory."""
BT_709, LIMITED_RANGE = 1, 1
CODECS = ("libx264", "libopenh264", "mpeg4")

Frame = NDArray[np.uint8]
"""(height, width, 3 or 4), red, green, blue, alpha; row 0 at the top."""


class Movie(Protocol):
    """What frames are given to."""

    def add(self, frame: Frame) -> None:
        """Write the next frame; all have one size."""


@contextmanager
def movie(path: Path | str, frames_per_second: float) -> Iterator[Movie]:
    """A movie that appears when the block ends well, and not at all if it does not.

    Parameters
    ----------
    path
        Its ending says the format: .mp4 (H.264; an odd row or column at the edge is left out, as it must), .gif or
        .png.
    frames_per_second
        Above 0.

    Yields
    ------
    Movie
        To add frames to, one at least.

    Raises
    ------
    AisError
        If the format is unknown, no frame was added, or the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in MOVIE_FORMATS:
        raise AisError(f"Movies cannot be written as {path.suffix!r}: choose .mp4, .gif or .png (animated).")
    if not 0 < frames_per_second <= 240:
        raise AisError(f"{frames_per_second:g} frames a second cannot be written: choose 1 to 240.")
    with atomic_path(path) as temporary:
        writer: _Video | _Animation = (
            _Video(temporary, frames_per_second) if kind == "mp4" else _Animation(temporary, kind, frames_per_second)
        )
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


class _Video:
    def __init__(self, path: Path, frames_per_second: float) -> None:
        import av

        self._av = av
        self._rate = frames_per_second
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
        self._stream: Any = None

    def add(self, frame: Frame) -> None:
        height, width = (length - length % 2 for length in frame.shape[:2])
        if self._stream is None:
            if min(height, width) < 2:
                raise AisError("A movie must be at least 2 x 2 pixels large.")
            self._stream = self._begin(width, height)
        even = np.ascontiguousarray(opaque(frame)[:height, :width])
        picture = self._av.VideoFrame.from_ndarray(even, format="rgb24")
        narrow = picture.reformat(
            format="yuv420p", dst_colorspace="ITU709", src_color_range="JPEG", dst_color_range="MPEG"
        )
        for packet in self._stream.encode(narrow):
            self._file.mux(packet)

    def finish(self) -> None:
        if self._stream is None:
            raise AisError("A movie needs a frame at least.")
        for packet in self._stream.encode():
            self._file.mux(packet)

    def close(self) -> None:
        self._file.close()

    def _begin(self, width: int, height: int) -> Any:
        from fractions import Fraction

        name = next((name for name in CODECS if name in self._av.codecs_available), None)
        if name is None:
            raise AisError("This installation cannot write MP4: choose GIF or animated PNG.")
        stream: Any = self._file.add_stream(name, rate=Fraction(self._rate).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if name == "libx264":
            stream.options = {"crf": QUALITY, "preset": "veryfast"}
        else:
            stream.bit_rate = round(0.25 * width * height * self._rate)
        # A player that is not told how colours became brightness and tint guesses, by the size of the picture.
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT_709
        context.color_range = LIMITED_RANGE
        return stream


class _Animation:
    def __init__(self, path: Path, kind: str, frames_per_second: float) -> None:
        self._path, self._kind = path, kind
        self._milliseconds = round(1000 / frames_per_second)
        self._frames: list[Any] = []
        self._bytes = 0

    def add(self, frame: Frame) -> None:
        from PIL import Image

        self._bytes += frame.nbytes
        if self._bytes > PICTURE_LIMIT:
            raise AisError("So many frames of this size do not fit into a GIF or a PNG: choose MP4 or a smaller size.")
        picture = opaque(frame) if self._kind == "gif" else frame
        image = Image.fromarray(np.ascontiguousarray(picture))
        self._frames.append(image.quantize(dither=Image.Dither.NONE) if self._kind == "gif" else image)

    def finish(self) -> None:
        if not self._frames:
            raise AisError("A movie needs a frame at least.")
        first, rest = self._frames[0], self._frames[1:]
        options: dict[str, Any] = {"disposal": 1} if self._kind == "png" else {"optimize": False}
        first.save(
            self._path,
            self._kind.upper(),
            save_all=True,
            append_images=rest,
            duration=self._milliseconds,
            loop=0,
            **options,
        )

    def close(self) -> None:
        self._frames.clear()


def opaque(frame: Frame, background: tuple[int, int, int] = (0, 0, 0)) -> Frame:
    """(height, width, 3): a picture without alpha, or laid over a background."""
    if frame.shape[2] == 3:
        return frame
    alpha = frame[..., 3:].astype(np.float32) / 255
    if alpha.min(initial=1.0) == 1.0:
        return frame[..., :3]
    mixed = frame[..., :3] * alpha + np.array(background, np.float32) * (1 - alpha)
    return np.rint(mixed).astype(np.uint8)
