"""Rules between models: read from a file, refused with a sentence, and applied as brute force does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from ais.errors import AisError
from ais.interactions import Competition, Interaction, InteractionType, Rules, apply_rules

FLOATS = NDArray[np.float32]


def avoid(radius: float = 0.0, threshold: float = 0.5, kind: str = "avoid") -> Rules:
    return Rules(interactions=(Interaction("child", "parent", InteractionType(kind), radius, threshold),))


def random_predictions(shape: tuple[int, ...], seed: int = 0, **density: float) -> dict[str, FLOATS]:
    rng = np.random.default_rng(seed)
    return {name: (rng.random(shape) ** (1 / share)).astype(np.float32) for name, share in density.items()}


def dilated_by_brute_force(mask: NDArray[np.bool_], radius_px: float) -> NDArray[np.bool_]:
    grid = np.stack(np.indices(mask.shape), axis=-1).astype(float)
    near = np.zeros(mask.shape, dtype=bool)
    for point in np.argwhere(mask):
        near |= ((grid - point) ** 2).sum(axis=-1) <= radius_px**2 + 1e-9
    return near


@pytest.mark.parametrize("kind", ["avoid", "colocalize"])
@pytest.mark.parametrize(
    ("radius", "voxel_size"), [(0.0, 10.0), (5.0, 10.0), (10.0, 10.0), (40.0, 13.48), (70.0, 10.0)]
)
def test_disc_equals_brute_force(kind: str, radius: float, voxel_size: float) -> None:
    values = random_predictions((3, 31, 40), child=0.5, parent=0.01)
    near = np.stack([dilated_by_brute_force(plane >= 0.5, radius / voxel_size) for plane in values["parent"]])
    expected = values["child"] * (near if kind == "colocalize" else ~near)
    assert 0 < near.mean() < 1
    result = apply_rules(values, avoid(radius, kind=kind), voxel_size)
    np.testing.assert_array_equal(result["child"], expected)


@pytest.mark.parametrize("edges", [(10.0, 10.0, 10.0), (20.0, 10.0, 10.0), (10.0, 7.0, 13.0)])
def test_ball_equals_scipy_distance(edges: tuple[float, float, float]) -> None:
    values = random_predictions((12, 20, 24), child=0.5, parent=0.003)
    near = ndimage.distance_transform_edt(values["parent"] < 0.5, sampling=edges) <= 45.0
    expected = values["child"] * ~near
    assert 0 < near.mean() < 1
    np.testing.assert_array_equal(apply_rules(values, avoid(45.0), edges, ball=True)["child"], expected)


def test_disc_stays_within_its_slice() -> None:
    values = {"child": np.ones((5, 9, 9), np.float32), "parent": np.zeros((5, 9, 9), np.float32)}
    values["parent"][2, 4, 4] = 1
    kept = apply_rules(values, avoid(300.0), 10.0)["child"]
    assert [int(plane.sum()) for plane in kept] == [81, 81, 0, 81, 81]


def test_radius_of_whole_voxels_survives_rounding() -> None:
    for voxels in range(1, 40):
        values = {"child": np.ones((1, 1, 99), np.float32), "parent": np.zeros((1, 1, 99), np.float32)}
        values["parent"][0, 0, 49] = 1
        apply_rules(values, avoid(voxels * 13.48), 13.48)
        assert int((values["child"] == 0).sum()) == 2 * voxels + 1


def test_radius_below_a_voxel_and_zero_are_the_parent_itself() -> None:
    for radius in (0.0, 3.0):
        values = random_predictions((2, 16, 16), child=0.5, parent=0.2)
        expected = np.where(values["parent"] >= 0.5, 0, values["child"])
        np.testing.assert_array_equal(apply_rules(values, avoid(radius), 10.0)["child"], expected)


def test_absent_parent() -> None:
    for kind, factor in (("avoid", 1), ("colocalize", 0)):
        values = {"child": np.full((2, 8, 8), 0.7, np.float32), "parent": np.zeros((2, 8, 8), np.float32)}
        np.testing.assert_array_equal(
            apply_rules(values, avoid(50.0, kind=kind), 10.0)["child"], np.full((2, 8, 8), 0.7 * factor, np.float32)
        )


def test_threshold_counts_itself() -> None:
    values = {"child": np.ones((1, 1, 3), np.float32), "parent": np.array([[[0.29, 0.3, 0.31]]], np.float32)}
    np.testing.assert_array_equal(apply_rules(values, avoid(threshold=0.3), 10.0)["child"], [[[1, 0, 0]]])


def test_competition_equals_brute_force() -> None:
    values = random_predictions((3, 10, 11), a=0.5, b=0.5, c=0.5, d=0.5)
    before = {name: array.copy() for name, array in values.items()}
    apply_rules(values, Rules(Competition(("a", "b"), ("b", "c"))), 0.0)
    strongest = np.maximum(before["a"], before["b"])
    for name in ("b", "c"):
        np.testing.assert_array_equal(values[name], np.where(before[name] < strongest, 0, before[name]))
    for name in ("a", "d"):
        np.testing.assert_array_equal(values[name], before[name])
    assert (values["b"] > 0).any()


def test_equals_survive_competition() -> None:
    values = {name: np.full((1, 2, 2), 0.4, np.float32) for name in ("a", "b")}
    apply_rules(values, Rules(Competition(("a",), ("b",))), 0.0)
    assert (values["b"] == np.float32(0.4)).all()


def test_rules_act_in_order_after_competition() -> None:
    def fresh() -> dict[str, FLOATS]:
        return {name: np.array([[p]], np.float32) for name, p in (("a", [0.9]), ("b", [0.8]), ("c", [0.7]))}

    b_avoids_a = Interaction("b", "a", InteractionType.AVOID)
    c_avoids_b = Interaction("c", "b", InteractionType.AVOID)
    first = apply_rules(fresh(), Rules(interactions=(b_avoids_a, c_avoids_b)), 0.0)
    assert first["c"][0, 0] == np.float32(0.7)
    second = apply_rules(fresh(), Rules(interactions=(c_avoids_b, b_avoids_a)), 0.0)
    assert second["c"][0, 0] == 0
    competing = Rules(Competition(("a",), ("b",)), (c_avoids_b,))
    assert apply_rules(fresh(), competing, 0.0)["c"][0, 0] == np.float32(0.7)


@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 80),
    st.sampled_from(["avoid", "colocalize"]),
    st.floats(0.05, 0.95),
)
@settings(max_examples=40, deadline=None)
def test_laws(seed: int, radius: float, kind: str, threshold: float) -> None:
    """Turned input gives turned output, slabs give what the whole gives, and the two types share out the child."""
    values = random_predictions((3, 17, 23), seed, child=0.5, parent=0.1)
    whole = {name: array.copy() for name, array in values.items()}
    rules = avoid(radius, threshold, kind)
    apply_rules(whole, rules, 10.0)
    turned = {name: np.ascontiguousarray(np.rot90(array, axes=(1, 2))) for name, array in values.items()}
    np.testing.assert_array_equal(apply_rules(turned, rules, 10.0)["child"], np.rot90(whole["child"], axes=(1, 2)))
    sliced = {name: array[1].copy() for name, array in values.items()}
    np.testing.assert_array_equal(apply_rules(sliced, rules, 10.0)["child"], whole["child"][1])
    other = {name: array.copy() for name, array in values.items()}
    apply_rules(other, avoid(radius, threshold, "avoid" if kind == "colocalize" else "colocalize"), 10.0)
    np.testing.assert_array_equal(whole["child"] + other["child"], values["child"])
    np.testing.assert_array_equal(whole["parent"], values["parent"])


def test_arrays_change_in_place() -> None:
    values = {"child": np.ones((2, 5, 5), np.float32)[:, ::-1], "parent": np.ones((2, 5, 5), np.float32)}
    child = values["child"]
    assert apply_rules(values, avoid(), 10.0)["child"] is child
    assert not child.any()


def test_wrong_predictions_are_refused() -> None:
    with pytest.raises(AisError, match='"parent".*among the features: child'):
        apply_rules({"child": np.ones((1, 2, 2), np.float32)}, avoid(), 10.0)
    with pytest.raises(AisError, match="differ in shape"):
        apply_rules({"child": np.ones((1, 2, 2), np.float32), "parent": np.ones((1, 2, 3), np.float32)}, avoid(), 10.0)
    for size in (0.0, -1.0, float("nan")):
        with pytest.raises(AisError, match="voxel size"):
            apply_rules({name: np.ones((1, 2, 2), np.float32) for name in ("child", "parent")}, avoid(9.0), size)


def test_file_is_read_and_written_back(tmp_path: Path) -> None:
    path = tmp_path / "Regeln für Träger.json"
    entries = [
        {"child": "membrane", "parent": "carbon", "type": "avoid", "radius": 100.0, "threshold": 0.25},
        {"competition": {"emit": ["a", "Vésicule"], "absorb": ["membrane"]}},
        {"child": "a", "parent": "membrane", "type": "colocalize"},
    ]
    path.write_text(json.dumps(entries), encoding="utf-8-sig")
    rules = Rules.read(path)
    assert rules.competition == Competition(("a", "Vésicule"), ("membrane",))
    assert rules.interactions == (
        Interaction("membrane", "carbon", InteractionType.AVOID, 100.0, 0.25),
        Interaction("a", "membrane", InteractionType.COLOCALIZE, 0.0, 0.5),
    )
    assert rules.names == ("a", "Vésicule", "membrane", "carbon")
    assert Rules.parse(json.loads(json.dumps(rules.content()))) == rules
    assert Rules.parse([]) == Rules()


GOOD = '{"child": "a", "parent": "b", "type": "avoid", "radius": 1, "threshold": 0.5}'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not a rules file"),
        ("{}", "list of rules"),
        ("[1]", "Rule 1 .* curly brackets"),
        (f"[{GOOD}, []]", "Rule 2 "),
        ("[{]", "in line 1"),
        ("[" * 100_000, "nested too deeply|not a rules file"),
        ('[{"child": "a", "parent": "b"}]', 'Rule 1 .* no "type"'),
        ('[{"child": "a", "parent": "a", "type": "avoid"}]', "two features"),
        ('[{"child": "", "parent": "a", "type": "avoid"}]', '"child" must be the name'),
        ('[{"child": 3, "parent": "a", "type": "avoid"}]', '"child" must be the name'),
        (f"[{GOOD}, {GOOD.replace('avoid', 'Avoid')}]", 'Rule 2 .*"type" must be'),
        (f"[{GOOD.replace('avoid', 'near')}]", '"type" must be'),
        ('[{"child": "a", "parent": "b", "type": [1]}]', '"type" must be'),
        (f"[{GOOD.replace('radius', 'raduis')}]", 'unknown key "raduis"'),
        (f"[{GOOD.replace('1,', '-1,')}]", '"radius" must be'),
        (f"[{GOOD.replace('1,', 'NaN,')}]", "NaN is not a number"),
        (f"[{GOOD.replace('1,', '1e999,')}]", '"radius" must be'),
        (f"[{GOOD.replace('1,', '1' + '0' * 400 + ',')}]", '"radius" must be'),
        (f"[{GOOD.replace('1,', 'true,')}]", '"radius" must be'),
        (f"[{GOOD.replace('0.5', '1.5')}]", '"threshold" must be a number from 0 to 1'),
        (f"[{GOOD.replace('0.5', 'null')}]", '"threshold" must be'),
        (f'[{GOOD[:-1]}, "child": "c"}}]', '"child" stands twice'),
        ('[{"competition": []}]', "curly brackets"),
        ('[{"competition": {"emit": ["a"]}}]', 'no "absorb"'),
        ('[{"competition": {"emit": "a", "absorb": []}}]', '"emit" must be a list'),
        ('[{"competition": {"emit": ["a", "a"], "absorb": []}}]', "twice"),
        ('[{"competition": {"emit": [], "absorb": []}, "child": "a"}]', 'unknown key "child"'),
        (
            '[{"competition": {"emit": [], "absorb": []}}, {"competition": {"emit": [], "absorb": []}}]',
            "2 competitions",
        ),
    ],
)
def test_faulty_files_are_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "rules.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AisError, match=sentence) as refused:
        Rules.read(path)
    assert "rules.json" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    noise = tmp_path / "noise.json"
    noise.write_bytes(np.random.default_rng(0).bytes(4096))
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (2 << 20))
    for path in (noise, large, tmp_path, tmp_path / "absent.json"):
        with pytest.raises(AisError) as refused:
            Rules.read(path)
        assert str(path) in str(refused.value)
