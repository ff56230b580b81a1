"""What the Models tab reads and writes without drawing: facts of a model's file, and rules while they are edited."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.annotation.entries import ModelEntry
from ais.gui.model_facts import UNKNOWN, facts, score_of
from ais.gui.model_files import ModelFile
from ais.gui.model_use import ModelUse
from ais.gui.project_models import ProjectModel
from ais.gui.rule_edits import changed, found_features, moved, rest, with_new, with_side, without
from ais.interactions import Interaction, InteractionType, Rules
from ais.models import ModelInfo

INFO = ModelInfo("unet-s", {}, "membrane", 13.48, 64, 1)
NAMES = st.sampled_from(["membrane", "carbon", "ribosome"])
PAIRS = st.tuples(NAMES, NAMES).filter(lambda pair: pair[0] != pair[1])
INTERACTIONS = st.builds(
    lambda pair, kind, radius, threshold: Interaction(*pair, kind, radius, threshold),
    PAIRS,
    st.sampled_from(InteractionType),
    st.floats(0, 1e5),
    st.floats(0, 1),
)
RULES = st.builds(lambda rules: Rules(interactions=tuple(rules)), st.lists(INTERACTIONS, min_size=1, max_size=5))


def project_model(number: int, info: ModelInfo, *, active: bool = True) -> ProjectModel:
    entry = ModelEntry(number, info.feature, None, {}, False)  # type: ignore[arg-type]
    return ProjectModel(entry, ModelUse(active=active), ModelFile(info, "hash"))


def test_facts_of_a_trained_model() -> None:
    record = {
        **{"set": "June", "samples": 40, "positive_samples": 30, "epochs": 50, "kept_epoch": 41},
        **{"validation_samples": 8, "results": {"dice": 0.834}, "date": "2026-06-01T10:00:00+00:00"},
    }
    info = replace(INFO, training=record, preprocessing="Gaussian, 1 px", ais_version="0.1.0")
    told = dict(facts(info))
    assert told == {
        "Network": "UNet S",
        "Parameters": told["Parameters"],
        "Voxel size": "13.48 A",
        "Box": "64 x 64 px, 1 slice",
        "Filtering": "Gaussian, 1 px",
        "Training set": "June, 40 samples, 30 positive",
        "Epochs": "50, the best was 41",
        "Dice": "0.83 of 8 held-out samples",
        "Made": "2026-06-01, Ais 0.1.0",
    }
    assert score_of(info) == 0.834


def test_the_number_of_parameters_is_that_of_the_network() -> None:
    from ais.models import build

    assert dict(facts(INFO))["Parameters"] == f"{build('unet-s', 1, {}).count_params():,}"
    assert "Parameters" not in dict(facts(replace(INFO, arguments={"first_filters": 4})))


@pytest.mark.parametrize(
    "record",
    [{}, {"results": 3, "epochs": "many", "samples": True, "set": 4, "date": 5}, {"results": {"dice": "good"}}],
)
def test_a_record_that_says_nothing_is_no_fault(record: dict[str, Any]) -> None:
    told = dict(facts(replace(INFO, training=record)))
    assert {told[name] for name in ("Training set", "Epochs", "Dice", "Filtering")} == {UNKNOWN}


@given(RULES, st.integers(0, 4), st.integers(-2, 7))
def test_moving_keeps_all_rules(rules: Rules, at: int, to: int) -> None:
    at = min(at, len(rules.interactions) - 1)
    after = moved(rules, at, to).interactions
    assert after[min(max(to, 0), len(after) - 1)] == rules.interactions[at]
    assert sorted(map(repr, after)) == sorted(map(repr, rules.interactions))
    assert without(rules, at).interactions == rules.interactions[:at] + rules.interactions[at + 1 :]


@given(RULES, st.fixed_dictionaries({}, optional={"child": NAMES, "parent": NAMES, "radius": st.floats(-1, 1e9)}))
def test_whatever_is_changed_is_a_rule_that_can_be_read_back(rules: Rules, properties: dict[str, Any]) -> None:
    after = changed(rules, 0, **properties)
    assert Rules.parse(after.content()) == after
    for name, value in properties.items():
        if name != "radius" and len(properties.keys() & {"child", "parent"}) == 1:
            assert getattr(after.interactions[0], name) == value


def test_new_rules_and_sides() -> None:
    models = [project_model(1, INFO), project_model(2, replace(INFO, feature="two", features=("carbon", "membrane")))]
    assert found_features(models) == ("membrane", "carbon")
    rules = with_new(Rules(), found_features(models))
    assert Rules.parse(rules.content()) == rules
    rules = with_side(with_side(rules, "emit", "carbon", True), "absorb", "membrane", True)
    assert Rules.parse(rules.content()) == rules
    assert with_side(rules, "emit", "carbon", False).competition.emit == ()


def test_why_a_rule_does_not_act() -> None:
    models = [project_model(1, INFO), project_model(2, replace(INFO, feature="carbon"), active=False)]
    assert rest(("membrane",), models) == ""
    assert rest(("membrane", "carbon"), models) == "It rests, as no model that finds carbon is active."
    assert rest(("gold",), models) == "No model of the project finds gold: add one, or choose another feature."
    assert rest(("gold",), [*models, replace(models[0], file=None)]) == ""
