"""The part of the Models tab that sets rules between models: interactions and competition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as icons

from ais.gui.lengths import ANGSTROM_PER
from ais.gui.panels.layout import coloured, disabled, elided, em, faint, icon_button, label, section
from ais.gui.panels.swatch import swatch
from ais.gui.rule_edits import changed, found_features, moved, rest, with_new, with_side, without
from ais.gui.rule_words import interaction_words
from ais.gui.theme import Rgb
from ais.interactions import LARGEST_RADIUS_A, Interaction, InteractionType, Rules

if TYPE_CHECKING:
    from ais.gui.app import Window

MOVED = "ais rule"
NOTE = "Rules say where a feature may be, given another one. They act in their order, here and in exports."
NEEDS_TWO = "Rules are between two features: add models for both first."
COMPETITION = "Where two features claim the same place, the more probable one stays, and those that yield vanish."
SLIDER_RADIUS_A = 1000.0
KINDS = {InteractionType.AVOID: "Stays away from", InteractionType.COLOCALIZE: "Only near"}
LOGARITHMIC = int(imgui.SliderFlags_.logarithmic)
ROW_FLAGS = int(imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_overlap)


def draw(window: Window) -> None:
    """Draw this part of the Models tab."""
    window.part(RulesSection).draw(window)


class RulesSection:
    """Which rule is selected, and the rules while something of one is dragged."""

    def __init__(self) -> None:
        self._selected = 0
        self._preview: tuple[Rules, Rules] | None = None
        self._known: tuple[object, tuple[str, ...], dict[str, Rgb]] = (None, (), {})

    def draw(self, window: Window) -> None:
        """Draw the rules, and the selected one's fields."""
        models = window.editor.modelling.models
        count = len(models.rules.interactions)
        title = f"Rules between models ({count})" if count else "Rules between models"
        if not section(f"{title}###rules", window.theme):
            return
        problem = models.rules_problem or window.editor.modelling.live.rules_problem
        if problem:
            faint(problem, window.theme.danger)
        self._follow(window)
        features = self._known[1]
        rules = self._shown(models.rules)
        if len(features) < 2 and not rules.names:
            faint(NEEDS_TWO, window.theme.faint)
            return
        faint(NOTE, window.theme.faint)
        with disabled(window.editor.read_only):
            self._draw_interactions(window, rules)
            self._draw_competition(window, rules)

    def _follow(self, window: Window) -> None:
        models = window.editor.modelling.models
        if models.revision != self._known[0]:
            colours = {
                feature: rgb
                for model in reversed(models.models)
                for feature, rgb in zip(model.found, model.colours, strict=True)
            }
            self._known = models.revision, found_features(models.models), colours

    def _shown(self, saved: Rules) -> Rules:
        if self._preview is not None and self._preview[0] != saved:
            self._preview = None  # it was saved, or undone
        return saved if self._preview is None else self._preview[1]

    def _save(self, window: Window, rules: Rules) -> None:
        models = window.editor.modelling.models
        if rules != models.rules:
            models.set_rules(rules)

    def _draw_interactions(self, window: Window, rules: Rules) -> None:
        flags = imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit
        if rules.interactions:
            with (
                imgui_ctx.push_style_var(imgui.StyleVar_.cell_padding, ImVec2(em(0.2), em(0.1))),
                imgui_ctx.begin_table("rules", 2, flags) as table,
            ):
                if table:
                    imgui.table_setup_column("rule", imgui.TableColumnFlags_.width_stretch)
                    imgui.table_setup_column("state", imgui.TableColumnFlags_.width_fixed)
                    for at, rule in enumerate(rules.interactions):
                        imgui.push_id(at)
                        self._draw_row(window, rules, at, rule)
                        imgui.pop_id()
        at = self._at(rules)
        self._draw_buttons(window, rules, at)
        if at >= 0:
            self._draw_fields(window, rules, at)

    def _at(self, rules: Rules) -> int:
        """Which rule is selected, -1 without any; one that has just been added may not be there yet."""
        return min(self._selected, len(rules.interactions) - 1)

    def _draw_row(self, window: Window, rules: Rules, at: int, rule: Interaction) -> None:
        imgui.table_next_row()
        imgui.table_next_column()
        words = f"{at + 1}. {interaction_words(rule, window.editor.settings.units)}"
        problem = rest((rule.child, rule.parent), window.editor.modelling.models.models)
        imgui.push_style_var(imgui.StyleVar_.selectable_text_align, ImVec2(0, 0.5))
        with coloured(window.theme.faint if problem else window.theme.text):
            pressed, _ = imgui.selectable(
                f"{elided(words, imgui.get_content_region_avail().x)}###rule {at + 1}",
                at == self._at(rules),
                ROW_FLAGS,
                ImVec2(0, imgui.get_frame_height()),
            )
        imgui.pop_style_var()
        if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            imgui.set_tooltip(f"{words}\nDrag it to another place in the order")
        if pressed:
            self._selected = at
        if imgui.begin_drag_drop_source():
            imgui.set_drag_drop_payload_py_id(MOVED, at)
            imgui.text_unformatted(words)
            imgui.end_drag_drop_source()
        if imgui.begin_drag_drop_target():
            payload = imgui.accept_drag_drop_payload_py_id(MOVED)
            if payload is not None:
                self._move(window, rules, int(payload.data_id), at)
            imgui.end_drag_drop_target()
        imgui.table_next_column()
        if problem:
            imgui.align_text_to_frame_padding()
            with coloured(window.theme.accent):
                imgui.text_unformatted(icons.ICON_FA_CIRCLE_INFO)
            imgui.set_item_tooltip(problem)

    def _move(self, window: Window, rules: Rules, at: int, to: int) -> None:
        self._save(window, moved(rules, at, to))
        self._selected = to

    def _draw_buttons(self, window: Window, rules: Rules, at: int) -> None:
        features, count = self._known[1], len(rules.interactions)
        with disabled(len(features) < 2):
            if imgui.button("Add rule"):
                self._save(window, with_new(rules, features))
                self._selected = count
        if len(features) < 2 and imgui.is_item_hovered(imgui.HoveredFlags_.allow_when_disabled):
            imgui.set_tooltip(NEEDS_TWO)
        if not count:
            return
        imgui.same_line()
        with disabled(at <= 0):
            if icon_button(icons.ICON_FA_ARROW_UP, "Move rule up", "Let it act earlier"):
                self._move(window, rules, at, at - 1)
        imgui.same_line(0, em(0.3))
        with disabled(at >= count - 1):
            if icon_button(icons.ICON_FA_ARROW_DOWN, "Move rule down", "Let it act later"):
                self._move(window, rules, at, at + 1)
        imgui.same_line(0, em(0.3))
        if icon_button(icons.ICON_FA_TRASH, "Remove rule", "Remove the rule; undo brings it back"):
            self._save(window, without(rules, at))

    def _draw_fields(self, window: Window, rules: Rules, at: int) -> None:
        rule, units = rules.interactions[at], window.editor.settings.units
        label("Feature", "What the rule may erase")
        child = self._draw_feature("##child", rule.child)
        if child is not None:
            self._save(window, changed(rules, at, child=child))
        label("Rule")
        if imgui.begin_combo("##kind", KINDS[rule.type]):
            for kind, words in KINDS.items():
                if imgui.selectable(words, kind is rule.type)[0]:
                    self._save(window, changed(rules, at, type=kind))
            imgui.end_combo()
        label("Other feature", "Where this one is, the rule acts")
        parent = self._draw_feature("##parent", rule.parent)
        if parent is not None:
            self._save(window, changed(rules, at, parent=parent))
        scale = ANGSTROM_PER[units]
        label("Distance", "How far the other one's influence reaches; 0 is its own voxels")
        moved_it, radius = imgui.slider_float(
            "##distance", rule.radius / scale, 0, SLIDER_RADIUS_A / scale, f"%.1f {units}", LOGARITHMIC
        )
        if moved_it:
            self._preview_rule(window, rules, at, radius=min(max(radius * scale, 0.0), LARGEST_RADIUS_A))
        self._save_after(window)
        label("From", "Probability from which the other one counts as present")
        moved_it, threshold = imgui.slider_float("##from", rule.threshold, 0, 1, "%.2f")
        if moved_it:
            self._preview_rule(window, rules, at, threshold=threshold)
        self._save_after(window)
        problem = rest((rule.child, rule.parent), window.editor.modelling.models.models)
        if problem:
            faint(problem, window.theme.text)

    def _draw_feature(self, name: str, now: str) -> str | None:
        """Draw a list of all features; gives another one that was chosen."""
        chosen = None
        if imgui.begin_combo(name, elided(now, imgui.calc_item_width() - 2 * imgui.get_frame_height())):
            for feature in self._known[1]:
                if feature in self._known[2]:
                    swatch(self._known[2][feature])
                if imgui.selectable(feature.replace("##", "# #"), feature == now)[0] and feature != now:
                    chosen = feature
            imgui.end_combo()
        return chosen

    def _preview_rule(self, window: Window, rules: Rules, at: int, **properties: float) -> None:
        self._preview = window.editor.modelling.models.rules, changed(rules, at, **properties)

    def _save_after(self, window: Window) -> None:
        if imgui.is_item_deactivated_after_edit() and self._preview is not None:
            wanted = self._preview[1]
            if wanted == window.editor.modelling.models.rules:
                self._preview = None
            self._save(window, wanted)

    def _draw_competition(self, window: Window, rules: Rules) -> None:
        competition = rules.competition
        features = tuple(dict.fromkeys((*self._known[1], *competition.emit, *competition.absorb)))
        imgui.spacing()
        on = bool(competition.emit and competition.absorb)
        flags = imgui.TreeNodeFlags_.no_tree_push_on_open
        if on:
            flags |= imgui.TreeNodeFlags_.default_open
        if not imgui.tree_node_ex(f"Competition{', on' if on else ''}###competition", int(flags)):
            return
        faint(COMPETITION, window.theme.faint)
        table_flags = imgui.TableFlags_.no_pad_outer_x | imgui.TableFlags_.sizing_fixed_fit
        with imgui_ctx.begin_table("competition", 3, table_flags) as table:
            if not table:
                return
            imgui.table_setup_column("", imgui.TableColumnFlags_.width_stretch)
            imgui.table_setup_column("Claims")
            imgui.table_setup_column("Yields")
            imgui.table_headers_row()
            for feature in features:
                imgui.push_id(feature)
                self._draw_competitor(window, rules, feature)
                imgui.pop_id()

    def _draw_competitor(self, window: Window, rules: Rules, feature: str) -> None:
        imgui.table_next_row()
        imgui.table_next_column()
        if feature in self._known[2]:
            swatch(self._known[2][feature], in_frame=True)
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(elided(feature, imgui.get_content_region_avail().x))
        for side, tooltip in (
            ("emit", f"Where {feature} is the more probable one, others yield to it"),
            ("absorb", f"{feature} vanishes where one that claims is more probable"),
        ):
            imgui.table_next_column()
            pressed, on = imgui.checkbox(f"##{side}", feature in getattr(rules.competition, side))
            imgui.set_item_tooltip(tooltip)
            if pressed:
                self._save(window, with_side(rules, side, feature, on))
