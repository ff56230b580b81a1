"""What the views are made of and needs no window: round lengths, planes that move together, saved pictures."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ais.errors import AisError
from ais.gui.display import PLANES, Placement, Plane
from ais.gui.lengths import length_text, pixels_text, round_length, scale_bar
from ais.gui.panels.notices import above
from ais.gui.saved_pictures import Mark, free_path, write_picture
from ais.gui.state import EditorState
from ais.gui.views.arrangement import Area, Arrangement
from ais.gui.views.linking import drawn_shape, fit_together, follow

SHAPE = (30, 200, 240)


@given(st.floats(1e-3, 1e7))
def test_a_round_length_is_the_largest_of_1_2_5_that_fits(most: float) -> None:
    found = round_length(most)
    assert found <= most * (1 + 1e-6)
    assert found * 2.5 > most * (1 - 1e-6)
    assert round(found / 10 ** math.floor(math.log10(found * (1 + 1e-9))), 6) in (1, 2, 5)


@pytest.mark.parametrize(
    ("pixels", "voxel_size", "units", "length", "text"),
    [
        (100, 10.0, "nm", 100.0, "100 nm"),
        (99, 10.0, "nm", 50.0, "50 nm"),
        (100, 13.48, "nm", 1000 / 13.48, "100 nm"),
        (30, 4.0, "A", 25.0, "100 A"),
        (500, 40.0, "nm", 500.0, "2 um"),
        (70, 0.0, "nm", 50.0, "50 px"),
        (0.3, 0.0, "nm", 1.0, "1 px"),
        (2, 1.0, "nm", 2.0, "0.2 nm"),
    ],
)
def test_scale_bars(pixels: float, voxel_size: float, units: str, length: float, text: str) -> None:
    found, words = scale_bar(pixels, voxel_size, units)
    assert found == pytest.approx(length)
    assert words == text


def test_lengths_are_written_with_units() -> None:
    assert pixels_text(9.3, 13.48, "nm") == "12.5 nm (9.30 px)"
    assert pixels_text(9.3, 0.0, "nm") == "9.30 px"
    assert length_text(123.4, "A") == "123 A"
    assert length_text(20_000, "nm") == "2.00 um"


placements = st.builds(Placement, st.floats(-50, 300), st.floats(-50, 300), st.floats(0.05, 30))


@given(st.sampled_from(PLANES), placements, st.floats(0, 29), st.floats(0, 199), st.floats(0, 239))
def test_planes_share_their_axes(leader: Plane, placement: Placement, z: float, y: float, x: float) -> None:
    views = EditorState().views
    areas, _ = Arrangement().divide(Area(10, 20, 900, 700), SHAPE, 4)
    for plane, area in areas.items():
        views[plane].origin, views[plane].size = (area.x, area.y), (area.width, area.height)
    views[leader].placement = placement
    follow(views, leader, SHAPE)
    follow(views, "xy", SHAPE)  # what follows can lead without moving anything
    xy, xz, yz = (views[plane] for plane in PLANES)
    assert xy.to_screen(y, x)[0] == pytest.approx(xz.to_screen(z, x)[0])
    assert xy.to_screen(y, x)[1] == pytest.approx(yz.to_screen(z, y)[1])
    assert {view.placement.scale for view in views.values() if view.placement is not None} == {placement.scale}
    assert yz.to_picture(*yz.to_screen(z, y)) == pytest.approx((z, y), abs=1e-6)


@given(st.floats(60, 3000), st.floats(60, 3000), st.tuples(*[st.integers(1, 4000)] * 3))
def test_planes_fill_the_room_and_are_seen_whole(width: float, height: float, shape: tuple[int, int, int]) -> None:
    views = EditorState().views
    areas, corner = Arrangement().divide(Area(0, 0, width, height), shape, 4)
    assert areas["xy"].width + 4 + areas["yz"].width == pytest.approx(width, abs=1)
    assert areas["xy"].height + 4 + areas["xz"].height == pytest.approx(height, abs=1)
    assert (corner.x, corner.y) == (areas["yz"].x, areas["xz"].y)
    for plane, area in areas.items():
        views[plane].size = area.width, area.height
    fit_together(views, PLANES, shape)
    for plane in PLANES:
        rows, columns = drawn_shape(plane, shape)
        placement = views[plane].placement
        assert placement is not None
        if placement.scale > 0.02:
            assert columns * placement.scale <= areas[plane].width * (1 + 1e-9)
            assert rows * placement.scale <= areas[plane].height * (1 + 1e-9)


def test_a_saved_picture_has_its_marks_where_they_belong(tmp_path: Path) -> None:
    marks = [
        Mark("box", 20.0, 30.0, 8.0, (1.0, 0.0, 0.0)),
        Mark("negative", 70.0, 30.0, 8.0, (0.0, 1.0, 0.0)),
        Mark("pick", 45.0, 80.0, 5.0, (0.0, 0.0, 1.0)),
    ]
    path = free_path(tmp_path, "slice")
    write_picture(path, np.zeros((100, 120, 3), np.uint8), marks, (20.0, "20 nm"))
    with Image.open(path) as saved:
        picture = np.array(saved)
    assert picture.shape == (100, 120, 3)
    assert picture[99 - 20, 30 - 8].tolist() == [255, 0, 0]
    assert picture[99 - 20, 30].tolist() == [0, 0, 0]
    assert picture[99 - 70, 30].tolist() == [0, 255, 0]
    assert picture[99 - 45, 80 + 5].tolist() == [0, 0, 255]
    white = (picture == 255).all(axis=2)
    assert max(white.sum(axis=1)) == 20
    assert free_path(tmp_path, "slice").name == "slice (2).png"


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "picture.png").mkdir()
    with pytest.raises(AisError, match="is a folder"):
        write_picture(tmp_path / "picture.png", np.zeros((10, 10, 3), np.uint8), [], None)
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


# Messages over the views


@given(
    bars=st.lists(st.tuples(*(st.integers(0, 1500),) * 2, st.integers(20, 300), st.integers(10, 60)), max_size=4),
    height=st.integers(20, 200),
    bottom=st.integers(300, 900),
)
def test_messages_go_up_until_they_cover_no_scale_bar(
    bars: list[tuple[int, int, int, int]], height: int, bottom: int
) -> None:
    left_free = [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h in bars]
    left, right, gap = 1000.0, 1400.0, 6.0
    low = above(left_free, (left, float(bottom - height), right, float(bottom)), gap)
    assert low <= bottom
    for x0, y0, x1, y1 in left_free:
        assert not (left < x1 and x0 < right and low - height < y1 and y0 < low)
    assert low == bottom or any(low == y0 - gap for _, y0, _, _ in left_free)
