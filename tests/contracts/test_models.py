"""The one contract, held by every registered model and by what options make of it.

A new file in components/cf or components/deep joins by itself; a loss or a network that is an option joins in VARIANTS.
"""

from __future__ import annotations

import pickletools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from components.core.bundle import MANIFEST
from components.core.config import parse
from components.core.content import ItemContent
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.errors import BundleError, ConfigError, DataError
from components.core.forms import SparseModel, VectorModel
from components.core.model import Model, load
from components.core.registry import MODELS
from components.core.rng import stream
from components.core.vocabulary import Vocabulary
from components.splits.store import save_dataset

ROOT = Path(__file__).parents[2]
NOW = 400 * DAY_S
GROUPS, USERS, ITEMS, BASKETS, BASKET_SIZE = 2, 24, 15, 12, 3  # users and items per group

# Options under which a fit on the planted data takes a second or two.
_TINY_SEQUENCES = {
    "embedding_size": 16,
    "max_length": 16,
    "dropout": 0.0,
    "learning_rate": 0.02,
    "batch_size": 16,
    "queries": 64,
    "negatives": 30,
    "epochs": 20,
    "patience": 20,
}
_TINY_CATALOGUE = {
    "embedding_size": 16,
    "dropout": 0.1,
    "learning_rate": 0.02,
    "batch_size": 16,
    "negatives": 30,
    "epochs": 15,
    "patience": 15,
}
_TINY_PAIRS = _TINY_CATALOGUE | {"batch_size": 64, "epochs": 6}
CONTRACT_PARAMS = {
    "als": {"embedding_size": 8},
    "category_popularity": {"group": "brand"},
    "bpr": {"embedding_size": 8, "epochs": 60},
    "pure_svd": {"embedding_size": 2},
    "slim": {"l2": 1, "sweeps": 500, "tolerance": 1e-6},
    "tifu_knn": {"neighbours": 10},
    "gru4rec": _TINY_SEQUENCES,
    "sasrec": _TINY_SEQUENCES,
    "multi_vae": _TINY_CATALOGUE | {"hidden_size": 16},
    "light_gcn": _TINY_CATALOGUE | {"batch_size": 128},
    "fm": _TINY_PAIRS,
    "deep_fm": _TINY_PAIRS,
    "neumf": _TINY_PAIRS,
    "bert4rec": _TINY_CATALOGUE
    | {"max_length": 16, "epochs": 25, "validation_share": 0, "blocks": 1, "learning_rate": 0.01},
    "two_tower": _TINY_PAIRS | {"hidden_size": 16},
    "content_mlp": _TINY_PAIRS | {"hidden_size": 16, "item_hidden_size": 8},
    "content_cnn": _TINY_PAIRS | {"hidden_size": 16},
}
# What one option makes another network or another loss of: name → component, its options beside those above.
VARIANTS = {
    "lstm": ("gru4rec", {"cell": "lstm"}),
    "rnn": ("gru4rec", {"cell": "rnn"}),
    "sasrec_full_softmax": ("sasrec", {"negatives": 0}),
    "sasrec_contrast": ("sasrec", {"contrast_epochs": 2}),
    "sasrec_cosine": ("sasrec", {"temperature": 0.1, "best_by": "last", "schedule": "cosine", "repeat_weight": 1}),
    "light_gcn_bpr": ("light_gcn", {"objective": "bpr"}),
    "fm_bce": ("fm", {"objective": "bce"}),
    "ease_tail": ("ease", {"max_items": 0, "tail_neighbours": 20}),
}
NAMES = (*MODELS.names(), *VARIANTS)

# What a model cannot do, and why: (claim, model) → reason. Strict: a gap that closes must leave this table.
_SEEDED_BY_INDEX = "starts from seeded random numbers dealt out by item index, and ends near them"
GAPS = {
    ("test_relabelling_items_permutes_the_scores_and_nothing_else", name): _SEEDED_BY_INDEX
    for name in (
        "bpr",
        "gru4rec",
        "sasrec",
        "multi_vae",
        "light_gcn",
        "fm",
        "deep_fm",
        "neumf",
        "two_tower",
        "bert4rec",
    )
}

KNOW_ITEMS_BY_CONTENT = {"content_mlp", "content_cnn", "category_popularity"}
# What these take grows with the events alone, which are in memory already.
NO_MORE_THAN_THE_EVENTS = {"popularity", "category_popularity", "household", "user_knn"}

FORMATS = {".json", ".safetensors", ".parquet"}
SCORE_IN_A_FRESH_PROCESS = """
import sys
import numpy as np
from pathlib import Path
from components.core.model import load
from components.splits.store import load_dataset
folder = Path(sys.argv[1])
for path in (folder / "models").iterdir():
    np.save(folder / f"{path.name}.npy", load(path).score(load_dataset(folder / "data").histories), allow_pickle=False)
"""


def component_of(name: str) -> str:
    """What a variant is a variant of; a registered model is itself."""
    return VARIANTS.get(name, (name,))[0]


def room_of(name: str) -> str:
    """Folder of components/ where the model lives."""
    return Path(MODELS.file(component_of(name))).parent.name


def for_every_model(claim: Callable) -> Callable:
    """Run a claim for every registered model and variant; deep ones are slow, gaps are strict expected failures."""

    def case(name: str) -> object:
        marks = [pytest.mark.slow] if room_of(name) == "deep" else []
        if reason := GAPS.get((claim.__name__, component_of(name))):
            marks.append(pytest.mark.xfail(strict=True, reason=reason))
        return pytest.param(name, marks=marks)

    return pytest.mark.parametrize("name", [case(name) for name in NAMES])(claim)


def events(seed: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """User, item and time of a checkerboard: users of a group buy items of that group, all but one, week by week."""
    draw = np.random.default_rng(seed)
    rows = []
    for user in range(GROUPS * USERS):
        group, never = user % GROUPS, user // GROUPS % ITEMS
        own = np.setdiff1d(np.arange(ITEMS), [never]) * GROUPS + group
        for basket in range(BASKETS):
            at = NOW - (BASKETS - basket) * 7 * DAY_S + user
            rows += [(user, item, at) for item in draw.choice(own, BASKET_SIZE, replace=False)]
    user, item, at = np.array(rows).T
    return user, item, at


def checkerboard(labels: np.ndarray | None = None) -> Dataset:
    """The data set of `events`; item i is called by the number labels[i]."""
    user, item, at = events()
    labels = np.arange(GROUPS * ITEMS) if labels is None else labels
    item_ids = np.char.add("i", np.char.zfill(labels[item].astype(np.str_), 3))
    return Dataset.from_events(np.char.add("u", np.char.zfill(user.astype(np.str_), 3)), item_ids, at, NOW)


@cache
def a_shop_of(n: int) -> Dataset:
    """n users, n items, one event each."""
    ids = np.char.zfill(np.arange(n).astype(np.str_), 6)
    return Dataset.from_events(ids, ids, np.full(n, NOW - DAY_S), NOW)


def fit(name: str, data: Dataset, model: Model | None = None) -> Model:
    """A model fitted with the contract's own options and seed."""
    if name in KNOW_ITEMS_BY_CONTENT:
        data = replace(data, content=content_of_groups(data))
    return (model or unfitted(name)).fit(data, stream(1, "contract", name))


def content_of_groups(data: Dataset) -> ItemContent:
    """A brand that says which group an item's buyers are of, and a title of two words that says it again."""
    group = np.zeros(len(data.items), np.int32)
    group[data.histories.items] = group_of(data.histories.rows)
    words = np.stack((group + 1, np.full(len(group), 3)), axis=1).astype(np.int32)
    return ItemContent(np.zeros((len(group), 0), np.float32), codes={"brand": group}, words=words)


def unfitted(name: str) -> Model:
    component, options = VARIANTS.get(name, (name, {}))
    cls = MODELS.get(component)
    return cls(parse(cls.Config, CONTRACT_PARAMS.get(component, {}) | options, "contract"))


@cache
def fitted(name: str) -> Model:
    """One fit per model, shared by the claims that only ask it."""
    return fit(name, checkerboard())


def group_of(users_or_items: np.ndarray) -> np.ndarray:
    return np.asarray(users_or_items) % GROUPS


def alike(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal up to float32 rounding, on the scale of the scores."""
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-5 * max(np.abs(a).max(initial=0), 1e-12))


def one_history(items: list[int], days_ago: list[float], seconds: list[int] | None = None) -> Histories:
    """History of one unknown user."""
    times = [int(NOW - d * DAY_S) + s for d, s in zip(days_ago, seconds or [0] * len(items), strict=True)]
    return Histories.of([items], [times], NOW)


@pytest.mark.parametrize("name", MODELS.names())
def test_default_config_round_trips_and_refuses_unknown_keys(name: str) -> None:
    config = MODELS.get(name).Config
    assert parse(config, config().model_dump(mode="json"), "here") == config()
    with pytest.raises(ConfigError, match="here: unknown parameter 'no_such_option'"):
        parse(config, {"no_such_option": 1}, "here")


@pytest.mark.parametrize("name", MODELS.names())
def test_a_fit_beyond_the_memory_there_is_gets_refused_before_it_starts_with_what_helps(name: str) -> None:
    model, data = MODELS.get(name)(), checkerboard()
    if name in NO_MORE_THAN_THE_EVENTS:
        assert model.memory(data) == []
        return
    model.memory_gb = 1e-6
    with pytest.raises(
        ConfigError, match=rf"{name}: the fit needs about .* of memory and 0.001 MB are left; use "
    ) as e:
        model.fit(data, stream(1, "contract", name))
    named = str(e.value).split("use ", 1)[1].split("(")[0]
    assert name == "tifu_knn" or set(named.split()) & set(MODELS.get(name).Config.model_fields), named


@pytest.mark.parametrize("name", sorted(set(MODELS.names()) - NO_MORE_THAN_THE_EVENTS))
def test_the_memory_foretold_grows_with_the_shop(name: str) -> None:
    small, large = (sum(p.bytes for p in MODELS.get(name)().memory(a_shop_of(n))) for n in (2_000, 100_000))
    assert large >= 1.5 * small


@for_every_model
def test_fit_twice_equals_fit_once_and_the_same_seed_gives_the_same_scores(name: str) -> None:
    data = checkerboard()
    others = Dataset(Vocabulary(data.users.ids[:10]), data.items, data.histories.take(np.arange(10)))
    twice = fit(name, data, fit(name, others))
    assert np.array_equal(twice.score(data.histories), fitted(name).score(data.histories))


@for_every_model
def test_the_data_set_is_left_unchanged(name: str) -> None:
    data, untouched = checkerboard(), checkerboard()
    fit(name, data).score(data.histories)
    for field in ("indptr", "items", "times", "users"):
        assert np.array_equal(getattr(data.histories, field), getattr(untouched.histories, field))
    assert (data.users, data.items, data.now) == (untouched.users, untouched.items, untouched.now)


@for_every_model
def test_scores_have_the_declared_shape_and_type(name: str) -> None:
    scores = fitted(name).score(checkerboard().histories)
    assert scores.shape == (GROUPS * USERS, GROUPS * ITEMS) and scores.dtype == np.float32
    assert np.isfinite(scores).all()


@for_every_model
def test_a_batch_is_scored_as_its_users_one_by_one(name: str) -> None:
    histories = checkerboard().histories.take(np.array([3, 0, 7, 12]))
    singly = np.concatenate([fitted(name).score(one) for one in histories.blocks(1)])
    assert alike(fitted(name).score(histories), singly)


@for_every_model
def test_what_a_model_says_in_its_form_is_its_score(name: str) -> None:
    model, histories = fitted(name), checkerboard().histories
    scores = model.score(histories)
    if isinstance(model, SparseModel):
        assert np.array_equal(model.evidence(histories).toarray(), scores)
    elif isinstance(model, VectorModel):
        products = model.queries(histories) @ model.item_vectors().T
        shares = np.exp(products - np.logaddexp.reduce(products, axis=1)[:, None])
        assert alike(np.log1p(model.n_items * shares) if model.softmax else products, scores)
    else:
        assert component_of(name) in {"popularity", "tifu_knn", "deep_fm", "fm", "neumf"}, (
            "asked for the whole catalogue"
        )


@for_every_model
def test_planted_groups_are_recovered(name: str) -> None:
    model, histories = fitted(name), checkerboard().histories
    if not model.capabilities.personal:
        assert len(np.unique(model.score(histories), axis=0)) == 1, "declared to be the same for everyone"
        return
    # What is left for a user of his own group: the item he never bought, or what he bought where nothing else scores.
    ranked = model.recommend(histories, 1, exclude_seen=model.capabilities.scores_unseen)[:, 0]
    assert (group_of(ranked) == group_of(histories.users)).mean() >= 0.95


@for_every_model
def test_relabelling_items_permutes_the_scores_and_nothing_else(name: str) -> None:
    labels = np.random.default_rng(3).permutation(GROUPS * ITEMS)
    relabelled = checkerboard(labels)
    scores = fit(name, relabelled).score(relabelled.histories)
    assert alike(scores[:, labels], fitted(name).score(checkerboard().histories))


@for_every_model
def test_planted_groups_are_recovered_under_other_labels(name: str) -> None:
    model = unfitted(name)
    if not model.capabilities.personal:
        return
    labels = np.random.default_rng(3).permutation(GROUPS * ITEMS)
    data = checkerboard(labels)
    ranked = fit(name, data, model).recommend(data.histories, 1, exclude_seen=model.capabilities.scores_unseen)[:, 0]
    assert (group_of(np.argsort(labels)[ranked]) == group_of(data.histories.users)).mean() >= 0.95


@for_every_model
def test_seen_items_are_excluded_and_only_allowed_ones_come(name: str) -> None:
    histories = checkerboard().histories
    ranked = fitted(name).recommend(histories, GROUPS * ITEMS, exclude_seen=True)
    for row in range(len(histories)):
        assert not set(ranked[row]) & set(histories.of_user(row)[0])
    allowed = np.arange(GROUPS * ITEMS) < 4
    assert fitted(name).recommend(histories, 4, allowed=allowed).max() < 4


@for_every_model
def test_a_cutoff_beyond_the_catalogue_is_filled_with_minus_one(name: str) -> None:
    ranked = fitted(name).recommend(checkerboard().histories, GROUPS * ITEMS + 5)
    assert (np.sort(ranked[:, :-5]) == np.arange(GROUPS * ITEMS)).all()
    assert (ranked[:, -5:] == -1).all()


@for_every_model
def test_unknown_users_and_empty_histories_get_finite_scores(name: str) -> None:
    unknown = Histories.of([[], [0, 2, 4]], [[], [NOW - 3 * DAY_S, NOW - 2 * DAY_S, NOW - DAY_S]], NOW)
    scores = fitted(name).score(unknown)
    assert scores.shape == (2, GROUPS * ITEMS) and np.isfinite(scores).all()
    assert fitted(name).score(unknown.take(np.array([], dtype=int))).shape == (0, GROUPS * ITEMS)


@for_every_model
def test_a_new_user_is_served_as_well_as_a_fitted_one(name: str) -> None:
    histories = checkerboard().histories
    model = fitted(name)
    if model.capabilities.personal:
        strangers = replace(histories, users=np.full(len(histories), -1, dtype=np.int32))
        ranked = model.recommend(strangers, 1, exclude_seen=model.capabilities.scores_unseen)[:, 0]
        assert (group_of(ranked) == group_of(histories.users)).mean() >= 0.95


@pytest.fixture(scope="session")
def scored_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder with <name>.npy: the scores of every saved model of one folder of components/, from one new process."""

    @cache
    def scored(room: str) -> Path:
        folder = tmp_path_factory.mktemp("fresh")
        save_dataset(folder / "data", checkerboard())
        for name in NAMES:
            if room_of(name) == room:
                fitted(name).save(folder / "models" / name)
        subprocess.run([sys.executable, "-c", SCORE_IN_A_FRESH_PROCESS, folder], cwd=ROOT, check=True, timeout=120)
        return folder

    return scored


@for_every_model
def test_a_saved_model_gives_equal_scores_in_a_fresh_process(
    name: str, scored_elsewhere: Callable[[str], Path]
) -> None:
    scores = np.load(scored_elsewhere(room_of(name)) / f"{name}.npy")
    assert alike(scores, fitted(name).score(checkerboard().histories))


@for_every_model
def test_no_file_of_a_saved_model_is_a_pickle_or_an_archive(name: str, tmp_path: Path) -> None:
    fitted(name).save(tmp_path / "model")
    files = sorted((tmp_path / "model").iterdir())
    assert {file.suffix for file in files} <= FORMATS
    for content in (file.read_bytes() for file in files):
        assert content[:2] not in {b"\x80" + bytes([protocol]) for protocol in range(1, 6)}
        assert content[:2] != b"PK"
        with pytest.raises(ValueError):
            list(pickletools.genops(content))


@for_every_model
def test_one_flipped_byte_is_refused(name: str, tmp_path: Path) -> None:
    fitted(name).save(tmp_path / "model")
    load(tmp_path / "model")
    for file in sorted((tmp_path / "model").iterdir()):
        good = file.read_bytes()
        middle = good.index(b'"files"') + 20 if file.name == MANIFEST else len(good) // 2
        file.write_bytes(good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])
        with pytest.raises(BundleError):
            load(tmp_path / "model")
        file.write_bytes(good)


@for_every_model
def test_order_matters_if_declared_and_only_then(name: str) -> None:
    items = [0, 2, 4, 6, 1, 3, 5, 7]  # first one group, then the other; seconds apart, so that age cannot matter
    forth = one_history(items, [1] * 8, seconds=list(range(8)))
    back = one_history(items[::-1], [1] * 8, seconds=list(range(8)))
    same = alike(fitted(name).score(forth), fitted(name).score(back))
    assert same != fitted(name).capabilities.uses_order


@for_every_model
def test_age_matters_if_declared_and_only_then(name: str) -> None:
    items = [0, 2, 4, 1, 3, 5]
    near, far = one_history(items, [6, 5, 4, 3, 2, 1]), one_history(items, [206, 205, 204, 3, 2, 1])
    same = alike(fitted(name).score(near), fitted(name).score(far))
    assert same != fitted(name).capabilities.uses_time


@for_every_model
def test_unseen_items_get_a_signal_if_declared_and_only_then(name: str) -> None:
    histories = checkerboard().histories
    scores = fitted(name).score(histories)
    scores[histories.rows, histories.items] = 0
    assert (scores > 0).any(axis=1).all() == fitted(name).capabilities.scores_unseen


# Data that a shop may well have on its first day: (user ids, item ids) of events, one day apart.
MEAGRE = {
    "a user with one event": ("uvvwwww", "aababca"),
    "all users alike": ("uuuvvvwww", "abcabcabc"),
    "one item": ("uvvw", "aaaa"),
    "one event": ("u", "a"),
    "everything twice": ("uuuuvvvvww", "aabbaaccbb"),
}


# What learns from what follows what needs two baskets of somebody: exactly these refuse exactly these.
NEEDS_A_FOLLOWER = ("bert4rec", "deep_fm", "fm", "gru4rec", "neumf", "sasrec", "two_tower")
NEEDS_A_FOLLOWER += ("content_cnn", "content_mlp")
NOTHING_FOLLOWS = ("one item", "one event")


@pytest.mark.parametrize("case", MEAGRE)
@for_every_model
def test_meagre_data_give_finite_scores_or_are_refused_in_words(name: str, case: str) -> None:
    users, items = (np.array(list(ids)) for ids in MEAGRE[case])
    times = NOW - (np.arange(len(users), 0, -1) // 2) * DAY_S - 1  # in twos, so that some events are one basket
    data = Dataset.from_events(users, items, times, NOW)
    if component_of(name) in NEEDS_A_FOLLOWER and case in NOTHING_FOLLOWS:
        with pytest.raises(DataError, match="bring more history"):
            fit(name, data)
        return
    model = fit(name, data)
    scores = model.score(data.histories)
    assert scores.shape == (len(data.users), len(data.items)) and np.isfinite(scores).all()
    assert np.isfinite(model.score(Histories.of([[]], [[]], NOW))).all()
