"""Draws a section of the tabs Annotate and Render: fluorescence images over the tomogram, and how they look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.fluorescence import BLENDS, Blend, Overlay
from ais.fluorescence.overlay import PROJECTIONS, Projection
from ais.gui.commands import command
from ais.gui.fluorescence import TOOLS
from ais.gui.panels import fluorescence_placing
from ais.gui.panels.bare_button import eye_button
from ais.gui.panels.colour_choice import colour_popup, colour_square
from ais.gui.panels.command_button import command_button, flowing_buttons
from ais.gui.panels.layout import coloured, elided, em, faint, heading, label, section
from ais.gui.panels.menu import run_item
from ais.gui.reveal import reveal
from ais.gui.theme import GRAB_SHARE, colour, mix

if TYPE_CHECKING:
    from ais.gui.app import Window

EMPTY = "Lay an image of a light microscope over this tomogram: add it here, or drop it on the window."
BLEND_NAMES: dict[Blend, str] = {"sum": "Sum", "colourize": "Colourize", "mask": "Mask", "overlay": "Cover"}
BLEND_TOOLTIP = (
    "Sum: its light is added.\nColourize: the tomogram takes its colour where there is light.\n"
    "Mask: the tomogram is seen only where there is light.\nCover: its light covers the tomogram."
)
PROJECTION_NAMES: dict[Projection, str] = {"maximum": "Brightest of all planes", "first": "First plane"}
COLOUR_CHANNELS = ("Red", "Green", "Blue")
MENU = (
    *("fluorescence.show", "fluorescence.duplicate", "fluorescence.relink", ""),
    *("fluorescence.flip_horizontally", "fluorescence.flip_vertically", "fluorescence.reset", ""),
    "fluorescence.remove",
)
EYE_EM = 1.5
TABLE_FLAGS = int(imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit | imgui.TableFlags_.row_bg)
ROW_FLAGS = int(imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_overlap)


def draw(window: Window) -> None:
    """Draw the section."""
    editor = window.editor
    fluorescence = editor.fluorescence
    listed = fluorescence.listed
    asked_for, fluorescence.unfold = fluorescence.unfold, False
    if asked_for:
        imgui.set_next_item_open(True)
    count = f": {len(listed)}" if listed else ""
    is_open = section(f"Fluorescence{count}###fluorescence", window.theme)
    # Whoever begins to place an image needs the words about it, which large letters push out of sight.
    is_placed = window.editor.state.tool in TOOLS
    if asked_for and not is_placed:
        imgui.set_scroll_here_y(0.0)
    if not is_open:
        return
    if not listed:
        faint(EMPTY, window.theme.faint)
        command_button(window, "fluorescence.add")
        return
    _draw_table(window, listed)
    overlay = fluorescence.at_hand
    if overlay is None:
        return
    if problem := fluorescence.problem(overlay.key):
        with coloured(window.theme.accent):
            imgui.text_wrapped(problem)
        flowing_buttons(
            window,
            ("fluorescence.relink", "Relink..."),
            ("fluorescence.remove", "Remove"),
            ("fluorescence.add", "Add images..."),
        )
        return
    if note := fluorescence.note(overlay.key):
        faint(note, window.theme.faint)
    _draw_look(window, overlay)
    fluorescence_placing.draw(window, overlay, to_top=asked_for and is_placed)
    heading("Images")
    flowing_buttons(
        window,
        ("fluorescence.add", "Add images..."),
        ("fluorescence.duplicate", "Duplicate"),
        ("fluorescence.remove", "Remove"),
    )


def slid(window: Window, overlay: Overlay, changed: bool, words: str, **properties: Any) -> None:
    """Take over what the field before says: seen at once, saved when it is let go."""
    fluorescence = window.editor.fluorescence
    if changed:
        fluorescence.preview(overlay.key, **properties)
    if imgui.is_item_deactivated_after_edit():
        fluorescence.save_preview(overlay.key, f"Change {words} of {overlay.name}")


def _draw_table(window: Window, listed: list[Overlay]) -> None:
    row = imgui.get_frame_height()
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.cell_padding, ImVec2(em(0.2), em(0.07))),
        imgui_ctx.begin_table("images", 4, TABLE_FLAGS) as table,
    ):
        if not table:
            return
        imgui.table_setup_column("colour", imgui.TableColumnFlags_.width_fixed, row * 0.8)
        imgui.table_setup_column("name", imgui.TableColumnFlags_.width_stretch)
        imgui.table_setup_column("state", imgui.TableColumnFlags_.width_fixed)
        imgui.table_setup_column("shown", imgui.TableColumnFlags_.width_fixed, em(EYE_EM))
        for overlay in listed:
            with imgui_ctx.push_id(overlay.key):
                _draw_row(window, overlay)


def _draw_row(window: Window, overlay: Overlay) -> None:
    editor, theme, height = window.editor, window.theme, imgui.get_frame_height()
    fluorescence = editor.fluorescence
    imgui.table_next_row()
    imgui.table_next_column()
    if colour_square(overlay.colour):
        fluorescence.selected = overlay.key
    title = f"Change colour of {overlay.name}"
    colour_popup(
        overlay.colour,
        lambda ink: fluorescence.change(overlay.key, title, colour=ink),
        lambda ink: fluorescence.preview(overlay.key, colour=ink),
        lambda: fluorescence.save_preview(overlay.key, title),
        read_only=editor.read_only,
    )
    imgui.table_next_column()
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5)),
        coloured(theme.text if overlay.visible and not overlay.missing else theme.faint),
    ):
        text = elided(_row_name(window, overlay), imgui.get_content_region_avail().x)
        pressed, _ = imgui.selectable(
            f"{text}###{overlay.name}", fluorescence.selected == overlay.key, ROW_FLAGS, ImVec2(0, height)
        )
    if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
        imgui.set_tooltip(str(overlay.path))
    if pressed or imgui.is_item_clicked(1):
        fluorescence.selected = overlay.key
    if imgui.begin_popup_context_item("menu"):
        _draw_menu(window, overlay)
        imgui.end_popup()
    imgui.table_next_column()
    imgui.align_text_to_frame_padding()
    if problem := fluorescence.problem(overlay.key):
        imgui.text_colored(colour(theme.accent), icons.ICON_FA_TRIANGLE_EXCLAMATION)
        imgui.set_item_tooltip(problem)
    elif fluorescence.reading(overlay.key):
        imgui.text_colored(colour(theme.faint), icons.ICON_FA_HOURGLASS_HALF)
        imgui.set_item_tooltip("It is being read")
    imgui.table_next_column()
    tooltip = "Show or hide it over the slices and in the scene"
    if eye_button(theme, f"Show {overlay.name}", tooltip, shown=overlay.visible):
        fluorescence.selected = overlay.key
        verb = "Hide" if overlay.visible else "Show"
        fluorescence.change(overlay.key, f"{verb} image {overlay.name}", visible=not overlay.visible)


def _row_name(window: Window, overlay: Overlay) -> str:
    facts = window.editor.fluorescence.facts(overlay.key)
    if overlay.channel is None or (facts is not None and facts.channels < 2):
        return overlay.name
    return f"{overlay.name}, {_channel_name(overlay.channel, facts is not None and facts.in_colour).lower()}"


def _channel_name(channel: int, in_colour: bool) -> str:
    return COLOUR_CHANNELS[channel] if in_colour and channel < len(COLOUR_CHANNELS) else f"Channel {channel + 1}"


def _draw_menu(window: Window, overlay: Overlay) -> None:
    for name in MENU:
        if name:
            run_item(window, command(name))
        else:
            imgui.separator()
    path = overlay.path
    if imgui.menu_item_simple("Show in folder"):
        window.editor.background.run(lambda _: reveal(path))
    if imgui.menu_item_simple("Copy path"):
        imgui.set_clipboard_text(str(path))


def _draw_look(window: Window, overlay: Overlay) -> None:
    heading(elided(overlay.name, imgui.get_content_region_avail().x * 0.7))
    _draw_source(window, overlay)
    label("Blend", BLEND_TOOLTIP)
    changed, chosen = imgui.combo("##blend", BLENDS.index(overlay.blend), [BLEND_NAMES[blend] for blend in BLENDS])
    if changed:
        window.editor.fluorescence.change(overlay.key, f"Change blending of {overlay.name}", blend=BLENDS[chosen])
    grab = mix(window.theme.field, overlay.colour, GRAB_SHARE)
    with (
        imgui_ctx.push_style_color(imgui.Col_.slider_grab, colour(grab)),
        imgui_ctx.push_style_color(imgui.Col_.slider_grab_active, colour(overlay.colour)),
    ):
        label("Opacity", "Of the image")
        changed, percent = imgui.slider_float("##image opacity", 100 * overlay.opacity, 0, 100, "%.0f %%")
        slid(window, overlay, changed, "opacity", opacity=min(max(percent / 100, 0.0), 1.0))
    _draw_limits(window, overlay)
    _draw_slices(window, overlay)


def _draw_source(window: Window, overlay: Overlay) -> None:
    """Which channel and which planes, where there is a choice."""
    fluorescence = window.editor.fluorescence
    facts = fluorescence.facts(overlay.key)
    if facts is None:
        return
    if facts.channels > 1:
        first = ["All colours"] if facts.in_colour else []
        names = [*first, *(_channel_name(number, facts.in_colour) for number in range(facts.channels))]
        now = (overlay.channel + len(first)) if overlay.channel is not None else 0
        label("Channel", "Which one is shown; duplicate the image to show another one as well")
        changed, chosen = imgui.combo("##channel", min(now, len(names) - 1), names)
        if changed:
            channel = chosen - len(first) if chosen >= len(first) else None
            fluorescence.change(overlay.key, f"Change channel of {overlay.name}", channel=channel, low=None, high=None)
    if facts.planes > 1:
        label("Stack", f"What is seen of its {facts.planes} planes")
        names = [PROJECTION_NAMES[projection] for projection in PROJECTIONS]
        changed, chosen = imgui.combo("##projection", PROJECTIONS.index(overlay.projection), names)
        if changed:
            title = f"Change projection of {overlay.name}"
            fluorescence.change(overlay.key, title, projection=PROJECTIONS[chosen], low=None, high=None)


def _draw_limits(window: Window, overlay: Overlay) -> None:
    fluorescence = window.editor.fluorescence
    limits = fluorescence.limits(overlay.key)
    if limits is None:
        return
    low, high = limits
    lowest, highest = fluorescence.extent(overlay.key)
    speed = max((highest - lowest) / 500, 1e-9)
    label("Limits", "Values of the image that are dark, and in full colour; drag, or double-click to type")
    gap, auto = em(0.3), "Auto"
    button = imgui.calc_text_size(auto).x + 2 * imgui.get_style().frame_padding.x
    width = (imgui.get_content_region_avail().x - button - 2 * gap) / 2
    imgui.set_next_item_width(width)
    changed, value = imgui.drag_float("##dark", low, speed, 0, 0, "%.4g")
    slid(window, overlay, changed and value < high, "limits", low=value, high=high)
    imgui.set_item_tooltip("Up to this value the image is dark")
    imgui.same_line(0, gap)
    imgui.set_next_item_width(width)
    changed, value = imgui.drag_float("##bright", high, speed, 0, 0, "%.4g")
    slid(window, overlay, changed and value > low, "limits", low=low, high=value)
    imgui.set_item_tooltip("From this value on the image has its full colour")
    imgui.same_line(0, gap)
    if imgui.button(f"{auto}###Auto limits"):
        fluorescence.change(overlay.key, f"Measure limits of {overlay.name}", low=None, high=None)
    imgui.set_item_tooltip("Measured: a quarter of the pixels is dark, 0.2 % in full colour")


def _draw_slices(window: Window, overlay: Overlay) -> None:
    shown = window.editor.shown
    if shown is None:
        return
    count = shown.shape[0]
    first, end = overlay.z_range or (0, count)
    label("Slices", "Over which it lies; the first and the last one")
    whole = "all, to" if overlay.z_range is None else "to"
    changed, low, high = imgui.drag_int_range2(
        "##slices", first, end - 1, 0.3, 0, max(count - 1, 0), "%d", f"{whole} %d"
    )
    low, high = min(max(low, 0), count - 1), min(max(high, 0), count - 1)
    wanted = None if (low, high) == (0, count - 1) else (low, high + 1)
    slid(window, overlay, changed and low <= high, "slices", z_range=wanted)
