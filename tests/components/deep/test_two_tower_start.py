"""From one department or shop to another: what two towers take over, must not know, and foretell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from components.cf.ease import Ease, EaseConfig
from components.core.content import ItemContent
from components.core.dataset import DAY_S, Dataset
from components.core.errors import DataError
from components.core.vocabulary import Vocabulary
from components.deep._two_tower_start import begun_from, by_their_buyers, start_from
from components.deep.content_mlp import ContentMlp
from components.deep.two_tower import TwoTower, TwoTowerConfig
from tests.components.deep.test_two_tower import BRANDS, NOW, TINY


def two_departments(n_users: int, seed: int, *, both: bool) -> Dataset:
    """Food of four tastes, three items each, which everybody buys; and toys of as many, where `both`.

    Whoever has a taste in food has it in toys: an even user bought a toy of it last. No attribute tells of tastes.
    """
    draw = np.random.default_rng(seed)
    ids = {dept: [f"{dept}{taste}{item}" for taste in range(BRANDS) for item in range(3)] for dept in ("food", "toy")}
    items = Vocabulary.fit([*ids["food"], *(ids["toy"] if both else [])])
    events = []
    for user in range(n_users):
        bought = ["food"] * 5 + ["toy" if both and user // BRANDS % 2 == 0 else "food"]
        events += [
            (user, items.index(f"{dept}{user % BRANDS}{draw.integers(3)}"), NOW - (7 - at) * DAY_S)
            for at, dept in enumerate(bought)
        ]
    user, item, times = np.array(events).T
    users = Vocabulary.fit([f"u{number:03}" for number in range(n_users)])
    data = Dataset.indexed(users, items, user, item, times, NOW)
    departments = np.array(["food" if key.startswith("food") else "toy" for key in items.ids])
    names, codes = np.unique(departments, return_inverse=True)
    content = ItemContent(
        np.zeros((len(items), 0), np.float32), {"department": codes.astype(np.int32)}, labels={"department": names}
    )
    return replace(data, content=content)


def share_of_own_taste(model: TwoTower, data: Dataset) -> float:
    """Share of the first three places that toys of the own taste take, for users who never bought a toy."""
    rows = np.flatnonzero(np.arange(len(data.users)) // BRANDS % 2)
    ranked = model.recommend(data.histories.take(rows), 3)
    return float(
        np.mean(
            [
                [data.items.ids[at].startswith(f"toy{u % BRANDS}") for at in row]
                for u, row in zip(rows, ranked, strict=True)
            ]
        )
    )


@pytest.mark.slow
def test_what_users_did_in_one_department_foretells_what_they_do_in_another(tmp_path: Path) -> None:
    options = TINY | {"validation_share": 0, "targets": {"department": ["toy"]}}
    TwoTower(TwoTowerConfig(**TINY)).fit(two_departments(120, 0, both=False), np.random.default_rng(0)).save(
        tmp_path / "food"
    )
    data = two_departments(24, 1, both=True)  # a toy was bought by twelve users
    shares = {}
    for start in (None, str(tmp_path / "food")):
        model = TwoTower(TwoTowerConfig(**options, start_from=start)).fit(data, np.random.default_rng(0))
        shares[start is not None] = share_of_own_taste(model, data)
    assert shares[True] > max(shares[False], 1 / BRANDS)


def tower_of(items: list[str], vectors: list[list[float]], has_id: list[bool], now: int = NOW) -> TwoTower:
    """A model of two dimensions whose user is the mean of both pools of its history."""
    size = 2
    model = TwoTower(TwoTowerConfig(embedding_size=size, hidden_size=1))
    model.items = Vocabulary.fit(items)
    pools = len(model.config.basket_decays)
    model.restore(
        {
            "tower_vectors": np.array(vectors, np.float32),
            "item_biases": np.zeros(len(items), np.float32),
            "user_linear.kernel": np.tile(np.eye(size, dtype=np.float32), (pools, 1)) / pools,
            "user_hidden.kernel": np.zeros((pools * size, 1), np.float32),
            "user_hidden.bias": np.zeros(1, np.float32),
            "user_out.kernel": np.zeros((1, size), np.float32),
            "user_out.bias": np.zeros(size, np.float32),
            "known_until": np.array([now]),
            "has_id": np.array(has_id),
        }
    )
    return model


def bought(*histories: str, fold: str = "", now: int = NOW) -> Dataset:
    """Users who bought these items, of one letter each, one a day."""
    events = [
        (f"u{user}", item, NOW - (9 - at) * DAY_S)
        for user, line in enumerate(histories)
        for at, item in enumerate(line)
    ]
    user, item, times = (np.array(column) for column in zip(*events, strict=True))
    return replace(Dataset.from_events(user, item, times, now), fold=fold)


def test_an_item_that_nobody_bought_there_is_placed_where_its_buyers_stand() -> None:
    other = tower_of(["a", "b", "d"], [[3, 0], [0, 1], [0, 2]], [True, True, False])
    data = bought("ac", "aac", "bd", "e")  # d stood in the old catalogue without a buyer, c and e did not
    assert data.items.ids.tolist() == ["a", "b", "c", "d", "e"]
    vectors, items = by_their_buyers(other, data.histories, known=np.array([0, 1, -1, -1, -1]))
    assert [data.items.ids[at] for at in items] == ["c", "d"], "whoever bought e bought nothing the model knows"
    np.testing.assert_allclose(vectors, [[2, 0], [0, 2]], rtol=1e-5)  # as long as the old vectors are on average


@pytest.mark.parametrize("one_cutoff", [True, False])  # where each user's last turn is held out, all folds end alike
def test_each_fold_starts_from_a_model_that_knows_nothing_it_is_asked(tmp_path: Path, one_cutoff: bool) -> None:
    nows = {"validation": NOW - DAY_S if one_cutoff else NOW, "test": NOW}
    tower, whole = TwoTower(TwoTowerConfig(embedding_size=2)), tmp_path / "whole"
    for fold, now in nows.items():
        tower_of(["a", "b"], [[1, len(fold)], [0, 1]], [True, True], now).save(whole / fold, fold=fold)
    for fold, now in nows.items():
        for folder in (whole, whole / fold):
            begun = begun_from(tower, folder, bought("ab", fold=fold, now=now))
            assert begun.weights["tower_vectors"][0, 1] == len(fold)
    earlier = {"fold": "validation", "now": nows["validation"]}
    with pytest.raises(DataError, match="fitted on events that the validation fold must not know"):
        begun_from(tower, whole / "test", bought("ab", **earlier))
    begun_from(tower, whole / "test", bought("xy", **earlier))  # a shop of other items may know more


def test_a_start_of_another_kind_is_refused_in_words(tmp_path: Path) -> None:
    Ease(EaseConfig()).fit(bought("ab", "ba"), np.random.default_rng(0)).save(tmp_path / "ease")
    with pytest.raises(DataError, match=r"two_tower: start_from: .*ease is no two_tower"):
        begun_from(TwoTower(TwoTowerConfig()), tmp_path / "ease", bought("ab"))


@pytest.mark.slow
@pytest.mark.parametrize("model", [TwoTower, ContentMlp])
def test_only_targets_are_foretold_and_nothing_else_has_any_evidence(model: type[TwoTower]) -> None:
    data = two_departments(24, 1, both=True)
    options = TINY | {"epochs": 1, "temperature": 1, "targets": {"department": ["toy"]}}
    fitted = model(model.Config(**options)).fit(data, np.random.default_rng(0))
    toys = data.content.having({"department": ["toy"]})
    scores = fitted.score(data.histories)
    assert scores[:, toys].min() > 0 and not scores[:, ~toys].any()
    by_vectors = fitted.queries(data.histories) @ fitted.item_vectors().T
    assert by_vectors[:, toys].min() > by_vectors[:, ~toys].max()


def test_targets_that_nobody_has_or_that_teach_nothing_are_refused_in_words() -> None:
    data = two_departments(24, 1, both=True)

    def refusal(data: Dataset, **targets: list[str]) -> str:
        with pytest.raises(DataError) as e:
            TwoTower(TwoTowerConfig(targets=targets)).fit(data, np.random.default_rng(0))
        return str(e.value)

    misspelt = "two_tower: targets: no item has department toys; department is one of toy, food."
    assert refusal(data, department=["toys"]) == misspelt
    assert "no item has brand Ours; what is known of items is their department." in refusal(data, brand=["Ours"])
    assert "nothing is known of the items" in refusal(replace(data, content=None), department=["toy"])
    toys = data.content.having({"department": ["toy"]})[data.histories.items]
    for events in (~toys, toys):
        part = replace(data, histories=data.histories.keep(events))
        assert "nobody bought any of the 12 items to be foretold after something else" in refusal(
            part, department=["toy"]
        )
    with pytest.raises(ValueError, match="at least 1 item"):
        TwoTowerConfig(targets={"department": []})


def test_a_user_s_network_is_taken_whole_or_not_at_all() -> None:
    other = tower_of(["a", "b"], [[1, 0], [0, 1]], [True, True])
    other.weights["user_out.bias"] = np.array([3, 4], np.float32)
    for decays, taken in (((0.3, 0.9), True), ((0.5,), False)):
        tower = TwoTower(TwoTowerConfig(embedding_size=2, hidden_size=1, basket_decays=decays))
        trainer = tower.trainer(bought("ab", "ba"), np.random.default_rng(0))
        start_from(trainer.towers, bought("ab", "ba"), trainer.content, other)
        (bias,) = [v for v in trainer.towers.user.trainable_variables if v.path.endswith("user_out/bias")]
        assert (bias.numpy().tolist() == [3, 4]) == taken
