"""The report as one HTML page that needs nothing else: its pictures, charts and style are inside."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from ais.report.charts import css_colour, loss_chart, seconds_text, time_chart
from ais.report.contents import DemoResult, FeatureResult, SliceView, Step
from ais.report.pictures import WRONG_COLOUR
from ais.report.style import STYLE

SCORE_COLUMNS = (
    ("dice", "Dice"),
    ("cldice", "clDice"),
    ("iou", "IoU"),
    ("precision", "Precision"),
    ("recall", "Recall"),
)
NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
A3_PER_NM3 = 1000.0
MISSING = "–"


def report_page(result: DemoResult, pictures: Mapping[str, bytes]) -> str:
    """The whole page.

    Parameters
    ----------
    result
        What is shown.
    pictures
        PNG files by name: ``surfaces``, ``picks`` and for each slice ``slice_<z>_tomogram``, ``_truth`` and
        ``_segmentation``; what is missing is left out.
    """
    sections = [
        _scores(result),
        _slices(result, pictures),
        _picks(result, pictures),
        _training(result),
        _counts(result),
        _settings(result),
        _commands(result),
    ]
    title = f"Ais demo: {result.tomogram}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"{_header(result, pictures)}\n<main>\n{''.join(sections)}</main>\n{_footer()}\n</body>\n</html>\n"
    )


def _header(result: DemoResult, pictures: Mapping[str, bytes]) -> str:
    version = result.versions.get("Ais", "")
    nz, ny, nx = result.shape
    count = len(result.features)
    annotated = len(result.annotated_slices)
    size = f"{nx} × {ny} × {nz} voxels of {_number(result.voxel_size)} Å"
    lede = (
        f"A tomogram of {size} was simulated. {_words(count).capitalize()} {_plural('feature', count)} "
        f"{'was' if count == 1 else 'were'} annotated on {_words(annotated)} of its {nz} slices, a network was trained "
        "for each, and the whole volume was segmented, turned into particles and surfaces, and compared with the "
        "ground truth."
    )
    hero = ""
    if "surfaces" in pictures:
        hero = (
            f'<figure class="hero">{_image(pictures["surfaces"], "Surfaces of the segmented features")}'
            f"{_legend(result.features)}<figcaption>Surfaces of what was segmented, in the whole volume of "
            f"{_extent(result)}.</figcaption></figure>"
        )
    kicker = " · ".join(part for part in (f"Ais {version}".strip(), result.date) if part)
    return (
        f'<header>\n<p class="kicker">{escape(kicker)}</p>\n'
        f"<h1>From a few painted slices to surfaces</h1>\n"
        f'<p class="lede">{lede}</p>\n{hero}{_key_figures(result)}\n</header>'
    )


def _key_figures(result: DemoResult) -> str:
    dice = [value for f in result.features if math.isfinite(value := f.scores.get("dice", math.nan))]
    figures = [
        (f"{len(result.annotated_slices)} of {result.shape[0]}", "slices annotated"),
        (_score(sum(dice) / len(dice) if dice else math.nan), "mean Dice on slices held out"),
    ]
    if result.picks is not None:
        figures.append((_score(result.picks.f1), f"F1 of the {result.picks.feature} picks"))
    figures.append((seconds_text(result.seconds), "from nothing to this report"))
    entries = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for value, name in figures)
    return f'<dl class="figures">{entries}</dl>'


def _scores(result: DemoResult) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for _, name in SCORE_COLUMNS)
    rows = []
    for feature in result.features:
        cells = "".join(f"<td>{_score(feature.scores.get(key, math.nan))}</td>" for key, _ in SCORE_COLUMNS)
        distance = feature.scores.get("surface_distance", math.nan)
        cells += f"<td>{f'{distance:.1f} Å' if math.isfinite(distance) else MISSING}</td>"
        rows.append(f'<tr><th scope="row">{_named(feature)}</th>{cells}</tr>')
    held_out = result.shape[0] - len(result.annotated_slices)
    return _section(
        "Scores against the ground truth",
        f"<p>Over the {held_out} slices that were not annotated. All scores but the distance lie between 0 and 1, and "
        "1 is best.</p>"
        f'<div class="wide"><table><thead><tr><th scope="col">Feature</th>{head}'
        '<th scope="col">Surface distance</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="note" style="margin-top: 0.8rem">Dice and IoU measure overlap; precision is the share of what was '
        "found that is right, recall the share of what is there that was found. clDice compares centre lines, so it "
        "tells whether thin structures stay connected (Shit et al., CVPR 2021). The surface distance is the mean "
        "distance between the two surfaces. The missing wedge hides membranes that lie flat in a slice, so not all of "
        "the ground truth can be seen.</p>",
    )


def _slices(result: DemoResult, pictures: Mapping[str, bytes]) -> str:
    blocks = [_slice_block(view, pictures) for view in result.slices]
    return _section(
        "Slices",
        "<p>The tomogram, what is really there, and what the networks found.</p>"
        + "".join(blocks)
        + _legend(result.features),
    )


def _slice_block(view: SliceView, pictures: Mapping[str, bytes]) -> str:
    panels = []
    for key, name in (("tomogram", "Tomogram"), ("truth", "Ground truth"), ("segmentation", "Segmentation")):
        content = pictures.get(f"slice_{view.z:03d}_{key}")
        if content is not None:
            panels.append(f"<div>{_image(content, f'{name}, slice {view.z}')}<span>{name}</span></div>")
    seen = "annotated" if view.annotated else "held out: its annotation was not used"
    return (
        f'<div class="slice"><h3>Slice {view.z} <em>· {seen}</em></h3><div class="panels">{"".join(panels)}</div></div>'
    )


def _picks(result: DemoResult, pictures: Mapping[str, bytes]) -> str:
    picks = result.picks
    if picks is None or "picks" not in pictures or result.pick_slice is None:
        return ""
    colour = next((css_colour(f.colour) for f in result.features if f.name == picks.feature), "currentColor")
    facts = (
        ("Particles in the tomogram", str(len(picks.truth))),
        ("Picked", str(len(picks.positions))),
        ("Correct", str(int(picks.correct.sum()))),
        ("Precision", _score(picks.precision)),
        ("Recall", _score(picks.recall)),
        ("F1", _score(picks.f1)),
    )
    cross = f'<path d="M6 6 14 14M14 6 6 14" stroke="{css_colour(WRONG_COLOUR)}" stroke-width="2"/>'
    marks = (
        f'<ul class="marks"><li>{_ring(colour)}a particle, picked</li>'
        f"<li>{_ring('#fff', dashed=True)}a particle that was missed</li>"
        f"<li>{_mark(cross)}"
        "a pick where there is none</li></ul>"
    )
    caption = f"Slice {result.pick_slice.z} with what lies within {_number(picks.radius / 10)} nm above or below it."
    return _section(
        "Particles",
        '<div class="halves"><figure>'
        f"{_image(pictures['picks'], f'Picks on slice {result.pick_slice.z}')}<figcaption>{caption}</figcaption>"
        f"</figure><div><p>{escape(picks.feature.capitalize())} picks, compared with the true centres. A pick is "
        f"correct within {_number(picks.radius / 10)} nm of a particle that no other pick has taken.</p>"
        f"{marks}{_facts(facts)}</div></div>",
    )


def _ring(colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="2.7 2"' if dashed else ""
    return _mark(f'<circle cx="10" cy="10" r="6" fill="none" stroke-width="2" stroke="{colour}"{dashes}/>')


def _mark(drawing: str) -> str:
    """A mark as it looks on the grey of a slice."""
    return (
        f'<svg viewBox="0 0 20 20" aria-hidden="true"><rect width="20" height="20" rx="2" fill="#666"/>{drawing}</svg>'
    )


def _training(result: DemoResult) -> str:
    chart = loss_chart(result.features)
    return _section(
        "Training and time",
        f'<div class="halves"><div><h3>Training loss</h3><figure>{chart}</figure></div>'
        f"<div><h3>Time of each step</h3><figure>{time_chart(result.steps)}</figure></div></div>",
    )


def _counts(result: DemoResult) -> str:
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Annotated slices", "Boxes", "Background boxes", "Training", "Objects", "Volume", "Triangles")
    )
    rows = []
    for feature in result.features:
        values = (
            str(len(feature.annotated_slices)),
            str(feature.boxes),
            str(feature.background_boxes),
            seconds_text(feature.training_seconds),
            _thousands(feature.surfaces),
            f"{_thousands(round(feature.volume / A3_PER_NM3))} nm³",
            _thousands(feature.triangles),
        )
        cells = "".join(f"<td>{value}</td>" for value in values)
        rows.append(f'<tr><th scope="row">{_named(feature)}</th>{cells}</tr>')
    return _section(
        "What was annotated and found",
        f'<div class="wide"><table><thead><tr><th scope="col">Feature</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>",
    )


def _settings(result: DemoResult) -> str:
    return _section(
        "Settings and versions",
        f'<div class="halves">{_facts(result.settings.items())}{_facts(result.versions.items())}</div>',
    )


def _commands(result: DemoResult) -> str:
    groups: dict[str, list[Step]] = {}
    for step in result.steps:
        if step.commands:
            groups.setdefault(step.title.split()[0], []).append(step)
    items = []
    for verb, steps in groups.items():
        title = steps[0].title if len(steps) == 1 else verb
        code = "".join(f"<code>{_command(line)}\n</code>" for step in steps for line in step.commands)
        items.append(f"<li><h3>{escape(title)}</h3><pre>{code}</pre></li>")
    return _section(
        "Do it with your own tomograms",
        "<p>These commands do the same, seen from the demo's folder. Put your tomograms, your masks and names of your "
        "own in their place: Ais never replaces a finished file unasked. <code>ais COMMAND --help</code> explains "
        "the options of each.</p>"
        f'<ol class="steps">{"".join(items)}</ol>',
    )


def _command(line: str) -> str:
    """A command line whose options are not broken at their hyphens."""
    words = (escape(word) for word in line.split(" "))
    return " ".join(f"<span>{word}</span>" if word.startswith("-") else word for word in words)


def _footer() -> str:
    return (
        '<footer><p class="note">The tomogram is simulated, so the truth about it is known voxel by voxel. Scores on '
        "real tomograms depend on their quality and on the annotation.</p></footer>"
    )


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>\n"


def _image(content: bytes, text: str) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(content).decode()}" alt="{escape(text)}">'


def _legend(features: Sequence[FeatureResult]) -> str:
    return f'<ul class="legend">{"".join(f"<li>{_named(feature)}</li>" for feature in features)}</ul>'


def _named(feature: FeatureResult) -> str:
    return f'<span class="swatch" style="background: {css_colour(feature.colour)}"></span>{escape(feature.name)}'


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return f'<dl class="facts">{"".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts)}</dl>'


def _extent(result: DemoResult) -> str:
    nz, ny, nx = (length * result.voxel_size / 10 for length in result.shape)
    return f"{nx:.0f} × {ny:.0f} × {nz:.0f} nm"


def _score(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else MISSING


def _number(value: float) -> str:
    return f"{value:.4g}"


def _thousands(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def _words(count: int) -> str:
    return NUMBER_WORDS[count] if count < len(NUMBER_WORDS) else str(count)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
