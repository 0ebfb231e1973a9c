"""The ranker's parts on a small planted shop, and the whole hybrid through disk."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from components.core import rng
from components.core.content import ItemContent
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.errors import DataError
from components.core.registry import MODELS
from components.evaluation.protocol import NEW, lists
from components.features.graph_embedding import knowledge_vectors
from components.features.history import Groups
from components.features.knowledge_graph import KnowledgeGraphConfig
from components.ranking.buy_again import BuyAgainConfig
from components.ranking.calibration import Calibration
from components.ranking.candidates import Candidates, propose
from components.ranking.consensus import Consensus
from components.ranking.context import Context, bare_context
from components.ranking.hybrid import Hybrid
from components.ranking.lambdamart import APART, Lambdamart, LambdamartConfig
from components.ranking.list_policy import ListPolicy, ListPolicyConfig, Shelf
from components.ranking.reasons import reasons
from components.ranking.training import RankConfig, buy_again, held_out_queries, training_table
from components.retrieval.evidence import Dense

USERS, ITEMS, DAYS = 60, 20, 40
SIDES = ("scores", "ranks", "strengths")


@pytest.fixture(scope="module")
def shop():
    """Even users buy items 0-9, odd ones 10-19, each three times a shuffled half of them."""
    draw = np.random.default_rng(5)
    events = [
        (f"u{u:02}", f"i{item:02}", int(day * DAY_S))
        for u in range(USERS)
        for item in draw.choice(10, 6, replace=False) + 10 * (u % 2)
        for day in draw.choice(DAYS, 3, replace=False)
    ]
    users, items, times = (np.array(column) for column in zip(*events, strict=True))
    return Dataset.from_events(users, items, times, DAYS * DAY_S)


@pytest.fixture(scope="module")
def hybrid(shop):
    models = {
        name: MODELS.get(name)().fit(shop, rng.stream(1, name)) for name in ("popularity", "household", "item_knn")
    }
    n = len(shop.items)
    context = Context(
        shop.items,
        shop.users,
        ["price"],
        np.ones((n, 1), np.float32),
        ["user_price"],
        np.vstack([np.ones((len(shop.users), 1)), [[np.nan]]]).astype(np.float32),
        np.eye(n, 4, dtype=np.float32),
        [Groups("category", (np.arange(n) // 10).astype(np.int32))],
    )
    fresh = Hybrid(models, context, None, 5)
    table = training_table(fresh, shop.histories, bought(shop), config(), rng.stream(1, "table"))
    held_out = held_out_queries(table.groups, 0.2, rng.stream(1, "held out"))
    fitted = Lambdamart(LambdamartConfig(trees=20)).fit(
        table.features, table.labels, table.groups, held_out, table.names, 1
    )
    return Hybrid(models, context, fitted, 5)


def config(**more):
    return RankConfig(candidates=["popularity"], candidates_per_model=5, **more)


def bought(shop):
    """Every user goes on to buy all ten items of its own half."""
    own = np.array([[item // 10 == int(user[1:]) % 2 for item in range(ITEMS)] for user in shop.users.ids])
    return sp.csr_matrix(own.astype(np.float32))


def test_candidates_are_the_best_of_each_model_once_among_all_and_once_among_new(shop, hybrid):
    one = shop.histories.take([0])
    found = propose(hybrid.evidence(one), one, ITEMS, 2)
    alone = {name: model.recommend(one, 2)[0] for name, model in hybrid.models.items() if name != "household"}
    assert set(np.concatenate(list(alone.values()))) <= set(found.items)
    assert (~found.seen).any()


def test_filters_reach_the_candidates_and_change_nothing_about_those_that_stay(shop, hybrid):
    allowed = np.arange(ITEMS) % 2 == 0
    told = hybrid.evidence(shop.histories)
    free, held = (propose(told, shop.histories, ITEMS, 3, allowed=only) for only in (None, allowed))
    assert allowed[held.items].all()
    known = {(r, i): rank for r, i, rank in zip(free.rows, free.items, free.ranks["item_knn"], strict=True)}
    found = zip(held.rows, held.items, held.ranks["item_knn"], strict=True)
    stayed = [(known[r, i], rank) for r, i, rank in found if (r, i) in known]
    assert stayed
    assert all(before == after for before, after in stayed)


def test_ties_at_the_border_go_to_the_first_items_on_every_machine():
    history = Histories.of([[]], [[]], 1)
    found = propose({"m": Dense(np.array([[1.0, 2.0, 1.0, 1.0, 1.0]], dtype=np.float32))}, history, 5, 3)
    assert found.items.tolist() == [0, 1, 2]
    assert found.ranks["m"].tolist() == [2, 1, 2]


def test_what_is_evaluated_as_new_is_what_a_request_without_seen_items_gets(shop, hybrid):
    evaluated = lists(hybrid.score(shop.histories), shop.histories, 5)[NEW]
    served, _ = hybrid.recommend(shop.histories, 5, exclude_seen=True)
    assert np.array_equal(evaluated, served)


def test_training_queries_come_in_two_views_and_keep_every_positive(shop, hybrid):
    table = training_table(hybrid, shop.histories, bought(shop), config(negatives_per_user=1), rng.stream(1, "t"))
    assert (np.diff(table.groups) >= 0).all()
    for group in np.unique(table.groups):
        assert (table.labels[table.groups == group] == 0).sum() <= 1
    seen = table.features[:, table.names.index("bought")] > 0
    assert not seen[table.groups % 2 == 1].any(), "the second view holds only new items"


def test_the_weights_of_a_query_add_up_to_its_candidates(shop, hybrid):
    few, all_ = (
        training_table(hybrid, shop.histories, bought(shop), config(negatives_per_user=n), rng.stream(1, "t"))
        for n in (1, 1000)
    )
    assert (all_.weights == 1).all()
    for group in np.unique(few.groups):
        if (few.labels[few.groups == group] == 0).any():
            assert few.weights[few.groups == group].sum() == pytest.approx((all_.groups == group).sum())


def test_where_nothing_is_shown_twice_each_user_gives_one_query(shop, hybrid):
    table = training_table(hybrid, shop.histories, bought(shop), config(), rng.stream(1, "t"), views=(NEW,))
    assert (table.groups % 2 == 1).all()
    assert not table.features[:, table.names.index("bought")].any()


def test_the_contributions_of_the_features_add_up_to_the_score(shop, hybrid):
    one = shop.histories.take([0])
    candidates = hybrid.propose(one)
    _, features = hybrid.features(one, candidates)
    rest = hybrid.ranker.predict(features) - hybrid.ranker.contributions(features).sum(axis=1)
    assert rest == pytest.approx(np.full(len(rest), rest[0]), abs=1e-4)


def test_a_reason_names_own_items_that_lead_to_it(shop, hybrid):
    one = shop.histories.take([0])  # buys items 0-9 only
    ranked, _ = hybrid.recommend(one, 3)
    found = reasons(hybrid, one, ranked[0])
    assert [r.item for r in found] == ranked[0].tolist()
    for reason in found:
        assert reason.because and set(reason.because) <= set(one.items.tolist()) - {reason.item}
        assert reason.features and all(added > 0 for _, added in reason.features)
        assert [added for _, added in reason.features] == sorted((a for _, a in reason.features), reverse=True)


def test_nobody_without_a_past_is_given_a_reason_of_theirs(shop, hybrid):
    nobody = Histories.of([[]], [[]], shop.now)
    assert all(not reason.because for reason in reasons(hybrid, nobody, np.array([1, 2])))


def test_a_policy_reaches_the_lists_and_keeps_to_the_filters(shop, hybrid):
    category = hybrid.context.groups[0].of
    shelf = Shelf(hybrid.context.vectors, {"category": category}, np.full(ITEMS, 1 / ITEMS))
    index = {item: at for at, item in enumerate(shop.items.ids.tolist())}
    wishes = ListPolicyConfig(max_per_group={"category": 2}, bans=["i00"], pins=[{"item_id": "i13", "position": 1}])
    ranked, scores = hybrid.recommend(shop.histories, 4, policy=ListPolicy(wishes, shelf, index))
    assert (ranked[:, 0] == 13).all()
    assert not (ranked == 0).any()
    assert all((np.bincount(category[row[1:]], minlength=2) <= 2).all() for row in ranked)
    assert np.isfinite(scores).all()
    plain, _ = hybrid.recommend(shop.histories, 4, policy=ListPolicy(ListPolicyConfig(), shelf, index))
    assert np.array_equal(plain, hybrid.recommend(shop.histories, 4)[0])


def test_held_out_users_take_both_their_views_along():
    groups = np.repeat(np.arange(40), 3)
    held_out = held_out_queries(groups, 0.25, np.random.default_rng(0))
    assert held_out.sum() == 5 * 2 * 3
    assert all(held_out[groups == g].all() == held_out[groups == g ^ 1].all() for g in range(40))


def test_of_one_user_nobody_can_be_held_out_and_left_to_learn_from():
    alone = np.array([6, 6, 7, 7])
    with pytest.raises(DataError, match=r"ranker: 1 of the users to learn from .* 2 are needed"):
        held_out_queries(alone, 0.15, np.random.default_rng(0))
    for share in (0.15, 0.95):
        assert held_out_queries(np.array([0, 0, 2, 2]), share, np.random.default_rng(0)).sum() == 2


def test_without_patience_all_trees_are_grown_on_all_users(shop, hybrid):
    table = training_table(hybrid, shop.histories, bought(shop), config(), rng.stream(1, "table"))
    everybody = np.zeros(len(table.labels), dtype=bool)
    grown = Lambdamart(LambdamartConfig(trees=30, patience=None)).fit(
        table.features, table.labels, table.groups, everybody, table.names, 1
    )
    assert grown.trees == 30
    assert grown.curve == []
    assert hybrid.ranker.trees < 20, "with patience, halves this plain are learnt early"


def test_several_ensembles_score_by_their_mean_also_after_save_and_load(tmp_path, shop, hybrid):
    table = training_table(hybrid, shop.histories, bought(shop), config(), rng.stream(1, "table"))
    held_out = held_out_queries(table.groups, 0.2, rng.stream(1, "held out"))

    def fitted(seed, ensembles=1):
        ranker = Lambdamart(LambdamartConfig(trees=20, patience=None, ensembles=ensembles))
        return ranker.fit(table.features, table.labels, table.groups, held_out, table.names, seed)

    alone = [fitted(1 + APART * n) for n in range(3)]
    together = fitted(1, ensembles=3)
    scores = together.predict(table.features)
    assert together.trees == 60
    assert not np.allclose(alone[0].predict(table.features), alone[1].predict(table.features))
    assert np.allclose(scores, np.mean([ranker.predict(table.features) for ranker in alone], axis=0))
    assert np.allclose(together.curve, np.mean([ranker.curve for ranker in alone], axis=0))
    rest = scores - together.contributions(table.features).sum(axis=1)
    assert np.allclose(rest, rest[0], atol=1e-4)
    together.save(tmp_path / "ranker")
    back = Lambdamart.load(tmp_path / "ranker")
    assert np.array_equal(back.predict(table.features), scores)
    assert back.importance() == together.importance()


def test_without_tables_groups_are_what_the_content_names(shop):
    n = len(shop.items)
    sides = np.where(np.arange(n) == 0, -1, np.arange(n) // 10).astype(np.int32)
    content = ItemContent(np.zeros((n, 0), np.float32), {"brand": sides, "category": sides})
    (group,) = bare_context(replace(shop, content=content)).groups
    assert (group.name, group.size) == ("category", 3), "an item of no category is in none of the two"
    assert not bare_context(shop).groups


def test_lines_to_log_odds_want_users_that_the_trees_did_not_see(shop, hybrid):
    table = training_table(hybrid, shop.histories, bought(shop), config(), rng.stream(1, "table"))
    nobody = np.zeros(len(table.labels), dtype=bool)
    with pytest.raises(ValueError, match="there are none"):
        buy_again(BuyAgainConfig(model="popularity"), hybrid.ranker, table, nobody)
    assert buy_again(None, hybrid.ranker, table, nobody) is None


def test_the_ranker_learns_the_planted_halves(shop, hybrid):
    ranked, _ = hybrid.recommend(shop.histories, 8)
    own = np.array([int(user[1:]) % 2 for user in shop.users.ids])
    assert np.mean(ranked // 10 == own[:, None]) > 0.95


def test_lists_are_full_distinct_and_keep_to_the_filters(shop, hybrid):
    ranked, scores = hybrid.recommend(shop.histories, ITEMS)
    assert all(sorted(row) == list(range(ITEMS)) for row in ranked.tolist())
    assert (np.diff(scores, axis=1) <= 0).all()
    new, _ = hybrid.recommend(shop.histories, 5, exclude_seen=True)
    for row in range(len(shop.histories)):
        assert not set(new[row]) & set(shop.histories.of_user(row)[0])


def test_unknown_users_and_empty_histories_get_full_lists(hybrid):
    ranked, scores = hybrid.recommend(Histories.of([[], [3]], [[], [1]], DAYS * DAY_S), 6)
    assert (ranked >= 0).all()
    assert np.isfinite(scores).all()


def test_similar_items_come_from_the_same_half_and_never_the_item_itself(hybrid):
    ranked, _ = hybrid.similar(3, 5)
    assert 3 not in ranked
    assert (ranked < 10).sum() >= 4


def test_batch_equals_one_by_one(shop, hybrid):
    together, _ = hybrid.recommend(shop.histories, 5)
    alone = [hybrid.recommend(shop.histories.take([row]), 5)[0][0] for row in range(12)]
    assert together[:12].tolist() == np.array(alone).tolist()


def test_the_hybrid_answers_the_same_after_save_and_load(tmp_path, shop, hybrid):
    hybrid.save(tmp_path / "hybrid")
    back = Hybrid.load(tmp_path / "hybrid")
    for ours, theirs in zip(hybrid.recommend(shop.histories, 5), back.recommend(shop.histories, 5), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("users", "items"),
    [("uvvwwww", "aababca"), ("uuuvvvwww", "abcabcabc"), ("uvvw", "aaaa"), ("u", "a"), ("uuuuvvvv", "aabbaabb")],
    ids=["a user with one event", "all users alike", "one item", "one event", "everything twice"],
)
def test_the_ranker_lives_with_meagre_data(users, items):
    data = Dataset.from_events(np.array(list(users)), np.array(list(items)), np.arange(len(users)), 100)
    models = {name: MODELS.get(name)().fit(data, rng.stream(1, name)) for name in ("popularity", "item_knn")}
    fresh = Hybrid(models, bare_context(data), None, 5)
    bought = sp.csr_matrix(np.ones((len(data.users), len(data.items)), np.float32))
    table = training_table(fresh, data.histories, bought, config(), rng.stream(1, "table"))
    nobody = np.zeros(len(table.labels), dtype=bool)  # one user alone cannot be held out and learnt from
    ranker = Lambdamart(LambdamartConfig(trees=3, patience=None)).fit(
        table.features, table.labels, table.groups, nobody, table.names, 1
    )
    ranked, scores = replace(fresh, ranker=ranker).recommend(data.histories, 3)
    assert (np.sort(ranked[:, : len(data.items)], axis=1) == np.arange(min(3, len(data.items)))).all()
    assert np.isfinite(scores[:, : len(data.items)]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_no_number_is_a_missing_one_in_learning_and_in_asking(bad):
    draw = np.random.default_rng(0)
    features = draw.normal(size=(400, 3)).astype(np.float32)
    labels, groups = (features[:, 0] > 0).astype(np.int8), np.repeat(np.arange(40), 10)
    features[::7, 1], features[:, 2] = bad, np.nan
    ranker = Lambdamart(LambdamartConfig(trees=5)).fit(features, labels, groups, groups > 30, list("abc"), 1)
    missing = np.where(np.isfinite(features), features, np.nan).astype(np.float32)
    scores = ranker.predict(features)
    assert np.isfinite(scores).all() and np.array_equal(scores, ranker.predict(missing))
    assert scores[labels > 0].mean() > scores[labels == 0].mean() + 0.1
    assert np.isfinite(ranker.contributions(features)).all()


@pytest.mark.parametrize("way", ["transe", "rotate"])
def test_the_ranker_is_told_how_near_an_item_is_in_the_knowledge_graph_to_what_a_user_buys(shop, hybrid, way):
    kind = np.array([item // 10 for item in range(ITEMS)], dtype=np.int32)
    facts = ItemContent(np.zeros((ITEMS, 0), np.float32), {"kind": kind})
    graph = KnowledgeGraphConfig(way=way, embedding_size=8, epochs=60, batch_size=8, margin=2)
    vectors = knowledge_vectors(facts, graph, np.random.default_rng(0))
    known = replace(hybrid, context=replace(hybrid.context, vectors=vectors), ranker=None)
    one = shop.histories.take([0])
    both = Candidates(np.zeros(2, np.int64), np.array([5, 15]), np.zeros(2, bool), {}, {}, {})
    names, matrix = known.features(one, replace(both, **{side: {"m": np.ones(2, np.float32)} for side in SIDES}))
    own, other = matrix[:, names.index("text_affinity")]
    assert kind[one.items].max() == 0 and own > other + 0.5


def test_a_ranker_that_gave_way_lists_what_its_model_lists(shop, hybrid):
    one = hybrid.models["item_knn"]
    ranker = copy(hybrid.ranker)
    ranker.consensus, ranker.buy_again = Consensus.only("item_knn", "popularity"), None
    told = replace(hybrid, ranker=ranker).recommend(shop.histories, 3)[0]
    scores = one.score(shop.histories)
    best = np.sort(scores, axis=1)[:, :-4:-1]
    assert scores[np.arange(len(told))[:, None], told] == pytest.approx(best, rel=1e-3)


def test_the_lowest_candidate_keeps_its_probability_and_what_fills_a_list_has_none(hybrid, shop):
    ranker = copy(hybrid.ranker)
    ranker.calibration = Calibration(np.array([-9.0, 9.0]), np.array([0.1, 0.9]))
    calibrated = replace(hybrid, ranker=ranker)
    for first in range(0, ITEMS, 4):
        allowed = np.isin(np.arange(ITEMS), np.arange(first, first + 4))
        candidates = calibrated.propose(shop.histories, allowed)
        told = np.isfinite(calibrated.lists(shop.histories, 4, allowed=allowed).probabilities).sum(axis=1)
        assert told.tolist() == np.bincount(candidates.rows, minlength=USERS).tolist()
