"""The report is one page that needs nothing else, and shows what it was given."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ais.report import DemoResult, FeatureResult, PickResult, SliceView, Step, report_files, write_report
from ais.report.charts import loss_chart, time_chart
from ais.report.pictures import grey_picture, overlay_picture, picks_picture

ORANGE, BLUE = (0.902, 0.624, 0.0), (0.337, 0.706, 0.914)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks that elements are nested, and collects text, images and addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.alternatives: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data", "xlink:href")]
        self.alternatives += [value or "" for name, value in attrs if tag == "img" and name == "alt"]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


def feature(name: str, colour: tuple[float, float, float], dice: float) -> FeatureResult:
    scores = {"dice": dice, "iou": 0.61, "precision": 0.87, "recall": 0.72, "cldice": 0.93, "surface_distance": 23.45}
    return FeatureResult(name, colour, (2, 6), 40, 20, (0.6, 0.31, 0.2), 12.3, scores, 17, 123456, 2.5e6)


def view(z: int, annotated: bool, random: np.random.Generator) -> SliceView:
    masks = {"membrane": np.zeros((48, 64), bool), "ribosome": np.zeros((48, 64), bool)}
    masks["ribosome"][10:20, 30:42] = True
    return SliceView(z, annotated, random.normal(size=(48, 64)).astype(np.float32), masks, masks)


@pytest.fixture
def result(tmp_path: Path) -> DemoResult:
    random = np.random.default_rng(0)
    picks = PickResult(
        "ribosome",
        np.array([[20.0, 20.0, 3.0], [50.0, 30.0, 3.0]]),
        np.array([True, False]),
        np.array([[21.0, 20.0, 3.0], [40.0, 10.0, 4.0], [5.0, 5.0, 2.0]]),
        np.array([True, False, False]),
        60.0,
        0.5,
        1 / 3,
        0.4,
    )
    return DemoResult(
        tmp_path,
        "sim_001",
        (8, 48, 64),
        10.0,
        (feature("membrane", BLUE, 0.8123), feature("ribosome", ORANGE, 0.7456)),
        picks,
        (view(2, True, random), view(4, False, random)),
        view(3, False, random),
        random.integers(0, 256, (30, 40, 4), dtype=np.uint8),
        (Step("Simulate", 1.24, ("ais simulate -o 'a & b' --size <8x48x64>",)), Step("Train membrane", 61.4)),
        {"Seed": "7"},
        {"Ais": "9.9.9", "numpy": "2.0"},
        "1 May 2030",
    )


def written(result: DemoResult) -> tuple[str, Page]:
    report = write_report(result).report
    assert report is not None
    html = report.read_text(encoding="utf-8")
    return html, Page(html)


def test_page_needs_nothing_else(result: DemoResult) -> None:
    html, page = written(result)
    assert page.open == []
    assert {"script", "link", "iframe", "object", "base"}.isdisjoint(page.tags)
    own_words = re.sub(r"base64,[\w+/=]+", "", html)
    assert not re.search(r"https?:|file:|//[a-z]|@import|url\(", own_words)
    assert len(page.addresses) == 2 + 3 * 2
    for address in page.addresses:
        kind, _, content = address.partition(",")
        assert kind == "data:image/png;base64"
        Image.open(io.BytesIO(base64.b64decode(content, validate=True))).load()
    assert all(page.alternatives)
    assert len(page.alternatives) == len(page.addresses)


def test_page_follows_the_reader_and_the_printer(result: DemoResult) -> None:
    html, _ = written(result)
    assert '<html lang="en">' in html
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert 'name="viewport"' in html


def test_page_shows_what_was_measured(result: DemoResult) -> None:
    html, page = written(result)
    text = re.sub(r"\s+", " ", page.text)
    for shown in ("0.81", "0.75", "0.93", "0.61", "0.87", "0.72", "23.4 Å", "2\u202f500 nm³", "123\u202f456"):
        assert shown.replace("\u202f", " ") in text.replace("\u202f", " "), shown
    for shown in ("64 × 48 × 8 voxels", "of 10 Å", "two of its 8 slices", "64 × 48 × 8 nm", "2 of 8", "6 slices"):
        assert shown in text, shown
    for shown in ("9.9.9", "1 May 2030", "Seed", "Slice 2", "Slice 4", "held out", "1.2 s", "61 s", "63 s", "6 nm"):
        assert shown in text, shown
    assert "0.50" in text
    assert "0.40" in text
    assert "ais simulate -o 'a & b' --size <8x48x64>" in text
    assert "<8x48x64>" not in html
    assert "#e69f00" in html


def test_pictures_lie_beside_the_page(result: DemoResult) -> None:
    written(result)
    files = report_files(result)
    assert [path.name for path in files] == [
        "report.html",
        "slice_002.png",
        "slice_004.png",
        "surfaces.png",
        "picks.png",
    ]
    assert sorted(path for path in result.folder.rglob("*") if path.is_file()) == sorted(files)
    with Image.open(result.folder / "pictures" / "surfaces.png") as picture:
        assert np.array_equal(np.asarray(picture), result.surface_picture)
    with Image.open(result.folder / "pictures" / "slice_002.png") as picture:
        assert picture.height == 6 * 48
        assert picture.width > 3 * 6 * 64


def test_what_is_missing_is_left_out(result: DemoResult) -> None:
    unknown = replace(result.features[0], scores={"dice": float("nan")}, losses=())
    bare = replace(
        result, features=(unknown,), picks=None, pick_slice=None, surface_picture=None, slices=(), steps=(), versions={}
    )
    _, page = written(bare)
    assert "nan" not in page.text.lower()
    assert "–" in page.text
    assert "Particles" not in page.text
    assert page.addresses == []
    assert page.open == []


def test_row_0_is_drawn_at_the_bottom() -> None:
    image = np.zeros((40, 40), np.float32)
    image[0] = 1.0
    picture = grey_picture(image, 10.0)
    assert picture.shape == (400, 400, 3)
    assert picture[-3:, 300].min() == 255
    assert picture[:300].max() == 0


def test_overlays_colour_the_mask_and_nothing_else() -> None:
    image = np.random.default_rng(0).normal(size=(100, 100)).astype(np.float32)
    mask = np.zeros((100, 100), bool)
    mask[20:40, 60:90] = True
    plain = overlay_picture(image, {}, {}).astype(int)
    coloured = overlay_picture(image, {"membrane": mask}, {"membrane": BLUE}).astype(int)
    changed = np.abs(coloured - plain).max(axis=2) > 0
    inside = np.kron(mask[::-1], np.ones((4, 4), bool))
    assert changed[inside].mean() > 0.95
    away = inside.copy()
    for shift in range(-2, 3):
        for axis in (0, 1):
            away |= np.roll(inside, shift, axis)
    assert not changed[~away].any()
    edge = coloured[4 * 100 - 4 * 20 - 1, 4 * 75]
    assert np.allclose(edge, np.array(BLUE) * 255, atol=40)


def test_picks_are_ringed_where_they_are(result: DemoResult) -> None:
    assert result.picks is not None
    assert result.pick_slice is not None
    view, picks, factor = result.pick_slice, result.picks, 6
    drawn = picks_picture(view, picks, ORANGE, 10.0).astype(int)
    grey = grey_picture(view.image, 10.0).astype(int)
    changed = np.abs(drawn - grey).max(axis=2) > 0
    rows, columns = np.nonzero(changed)
    x, y = (columns + 0.5) / factor - 0.5, (grey.shape[0] - rows - 0.5) / factor - 0.5
    marks = [(20.0, 20.0, "ring"), (50.0, 30.0, "cross"), (40.0, 10.0, "ring"), (5.0, 5.0, "ring")]
    owner = np.argmin([np.hypot(x - a, y - b) for a, b, _ in marks], axis=0)
    for number, (a, b, kind) in enumerate(marks):
        distance = np.hypot(x - a, y - b)[owner == number]
        assert distance.size > 100
        if kind == "ring":
            assert 5 < distance.min() <= distance.max() < 7
        else:
            assert distance.max() < 6
    ring = drawn[grey.shape[0] - round(20.5 * factor), round(26.5 * factor)]
    assert np.allclose(ring, np.array(ORANGE) * 255, atol=60)


def test_charts_place_values_to_scale() -> None:
    chart = loss_chart([feature("membrane", BLUE, 0.8)])
    points = re.search(r'points="([^"]+)"', chart)
    assert points is not None
    x, y = np.array([pair.split(",") for pair in points[1].split()], float).T
    assert np.allclose(np.diff(x), np.diff(x)[0], atol=0.1)
    assert (y[1] - y[0]) / (y[2] - y[1]) == pytest.approx((0.6 - 0.31) / (0.31 - 0.2), rel=0.01)
    widths = re.findall(r'width="([\d.]+)" height', time_chart([Step("a", 10.0), Step("b", 40.0)]))
    assert float(widths[1]) == pytest.approx(4 * float(widths[0]), rel=0.01)


@pytest.mark.parametrize("losses", [(), (float("nan"),), (0.5,), (0.0, 0.0), (1e-7, 3e-8), (1e5, 2.0)])
def test_any_losses_make_a_chart_or_none(losses: tuple[float, ...]) -> None:
    chart = loss_chart([replace(feature("membrane", BLUE, 0.8), losses=losses)])
    assert "nan" not in chart
    assert bool(chart) == any(np.isfinite(losses))
