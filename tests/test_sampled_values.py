"""Mean and median of numbers that come in parts against NumPy's of all of them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ais import sampled_values, tomogram
from ais.formats.registry import write_volume
from ais.sampled_values import mean_of, median_of
from ais.tomogram import Tomogram

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**120), max_value=2.0**120)


@settings(max_examples=150, deadline=None)
@given(
    values=arrays.arrays(np.float32, st.integers(1, 60), elements=FINITE | st.sampled_from([0.0, -0.0, 1.0, -1.0])),
    step=st.integers(1, 61),
    at_once=st.integers(1, 61),
)
def test_they_are_those_of_all_numbers_together(
    values: np.ndarray[tuple[int], np.dtype[np.float32]], step: int, at_once: int
) -> None:
    def parts() -> list[np.ndarray[tuple[int], np.dtype[np.float32]]]:
        return [values[start : start + step] for start in range(0, values.size, step)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampled_values, "LOOKED_AT", at_once)
        assert median_of(parts) == np.median(values)
    largest = float(np.abs(values).max())
    assert mean_of(parts) == pytest.approx(float(values.mean(dtype=np.float64)), rel=1e-12, abs=1e-12 * largest)


def test_a_very_wide_tomogram_is_normalised_as_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without holding the values it is normalised by, which take 32 times 4 bytes for each pixel of a slice."""
    random = np.random.default_rng(4)
    volume = random.normal(-3, 20, (32, 500, 500)).round().astype(np.float32)
    write_volume(tmp_path / "wide.mrc", volume, voxel_sizes=10.0)
    monkeypatch.setattr(sampled_values, "LOOKED_AT", 1 << 15)
    peaks, found = [], []
    for limit in (tomogram.SAMPLE_LIMIT, 0):
        monkeypatch.setattr(tomogram, "SAMPLE_LIMIT", limit)
        with Tomogram.open(tmp_path / "wide.mrc") as wide:
            tracemalloc.start()
            found.append(wide.normalization)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert found[1].scale == found[0].scale
    assert found[1].center == pytest.approx(found[0].center, rel=1e-12)
    sampled = 32 * 372 * 372 * 4
    assert peaks[0] < 1.3 * sampled, "one copy"
    assert peaks[1] < 0.4 * sampled
