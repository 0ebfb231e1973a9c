"""What the shop wants of its lists goes into the release and holds in every answer, or is refused at once."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import bundle, layout, schema
from components.core.errors import ConfigError, ReleaseError
from components.ranking.list_policy import ListPolicyConfig
from components.release.assemble import assemble
from components.release.catalogue import Filters
from components.release.load import GOLDEN, load
from components.release.release import POPULAR, Question

WISHES = ListPolicyConfig(
    max_per_group={"category": 2},
    price_max=6.5,  # item i costs 1 + i / 10
    pins=[{"item_id": "i48", "position": 2}, {"item_id": "gone", "position": 1}],
    bans=["i00", "never"],
)
EVERYBODY = [
    Question(user_id="u00", k=6),
    Question(user_id="u00", k=6, policy="household_recency"),
    Question(user_id="u00", k=6, exclude_seen=True, diversity=0.5),
    Question(user_id="stranger", k=6),
]


@pytest.fixture(scope="module")
def root(trained_shop, tmp_path_factory):
    """The trained shop, which says of one item that there is none at hand."""
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("wishes") / "project")
    at = root / layout.CLEAN / "items.parquet"
    items = pq.read_table(at)
    stock = [0.0 if item == "i03" else None if item == "i06" else 5.0 for item in items[schema.ITEM_ID].to_pylist()]
    pq.write_table(items.append_column(schema.STOCK, pa.array(stock, pa.float64())), at)
    return root


@pytest.fixture(scope="module")
def plain(root):
    return assemble(root, "shop", {})


@pytest.fixture(scope="module")
def release(root, plain):
    return assemble(root, "shop", {}, wishes=WISHES)


def names(release, answer):
    return release.hybrid.items.decode(answer.items).tolist()


@pytest.mark.parametrize("question", EVERYBODY)
def test_bans_band_caps_and_pins_hold_for_the_ranker_a_plain_model_and_strangers(release, question):
    answer = release.recommend(question)
    listed = names(release, answer)
    assert "i00" not in listed
    assert all(release.catalogue.describe(int(item))["price"] <= 6.5 for item in answer.items)
    kinds = [int(item[1:]) % 3 for item in listed if item != "i48"]
    assert max(kinds.count(kind) for kind in range(3)) <= 2
    seen = set(release.hybrid.items.decode(release.history(question).items).tolist())
    if not (question.exclude_seen and "i48" in seen):
        assert listed[1] == "i48"
    assert np.isfinite(answer.scores).all()


def test_a_pin_stands_in_no_list_whose_filters_leave_it_out(release):
    answer = release.recommend(Question(user_id="u00", k=6, filters=Filters(categories=("bread",))))
    assert names(release, answer)
    assert "i48" not in names(release, answer)


def test_the_facts_tell_the_policy_and_the_names_that_the_catalogue_does_not_know(release, plain):
    assert release.facts["list_policy"] == WISHES.model_dump(mode="json", exclude_defaults=True)
    assert release.facts["list_policy_unknown_items"] == ["gone", "never"]
    assert plain.facts["list_policy"] == {}
    assert release.digest != plain.digest


def test_the_model_card_says_that_its_figures_are_of_lists_without_the_policy(release, root):
    card = (root / layout.RELEASE / "model_card.md").read_text()
    assert (
        'Served lists follow a list policy that was not judged: max_per_group: {"category": 2}; price_max: 6.5' in card
    )


def test_golden_answers_are_those_of_the_policy(release, root, tmp_path):
    golden = bundle.read_json(root / layout.RELEASE / GOLDEN)
    assert all(asked["answer"]["items"][1] == "i48" for asked in golden if "exclude_seen" not in asked["question"])
    without = shutil.copytree(root / layout.RELEASE, tmp_path / "without")
    facts = json.loads((without / "release.json").read_text()) | {"list_policy": {}}
    bundle.write_json(without / "release.json", facts)
    bundle.seal(without, {})
    with pytest.raises(ReleaseError, match="not reproduced"):
        load(without)


def test_what_is_out_of_stock_stands_in_no_list_and_unknown_stock_does(root):
    release = assemble(root, "shop", {}, wishes=ListPolicyConfig(in_stock=True))
    listed = names(release, release.recommend(Question(user_id="u00", k=60)))
    assert "i03" not in listed
    assert "i06" in listed


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"max_per_group": {"colour": 1}}, "register.list_policy: .*colour.*groups: department, category"),
        ({"price_min": 1000}, "leave no item"),
    ],
)
def test_a_policy_that_cannot_hold_is_refused_and_the_release_before_it_stays(root, plain, wishes, words):
    before = bundle.digest(root / layout.RELEASE)
    with pytest.raises(ConfigError, match=words):
        assemble(root, "shop", {}, wishes=ListPolicyConfig(**wishes))
    assert bundle.digest(root / layout.RELEASE) == before


def test_a_request_s_novelty_brings_the_little_known_up_and_zero_is_the_ranker_s_list(plain):
    def known(question):
        return plain.list_policy.shelf.popularity[plain.recommend(question).items].mean()

    assert known(Question(user_id="u00", novelty=0.9)) < known(Question(user_id="u00"))
    as_ranked = names(plain, plain.recommend(Question(user_id="u00")))
    assert names(plain, plain.recommend(Question(user_id="u00", diversity=0.0, novelty=0.0))) == as_ranked


def test_probabilities_are_told_for_what_the_ranker_ordered_only(plain):
    answer = plain.recommend(Question(user_id="u00", k=60))
    known = ~np.isnan(answer.probabilities)
    assert plain.hybrid.ranker.calibration is not None
    assert known[0]
    assert not known[-1]  # the shop has 60 items; those behind the candidates only fill the list
    assert (np.diff(answer.probabilities[known]) <= 0).all()
    assert ((answer.probabilities[known] >= 0) & (answer.probabilities[known] <= 1)).all()
    for question in (Question(user_id="stranger"), Question(user_id="u00", policy="popularity")):
        assert np.isnan(plain.recommend(question).probabilities).all()


def test_reasons_are_the_ranker_s_and_nobody_else_s(plain):
    question = Question(user_id="u00", k=5, filters=Filters(categories=("cheese",)))
    answer = plain.recommend(question)
    found = plain.reasons(question, answer)
    bought = set(plain.history(question).items.tolist())
    assert [reason.item for reason in found] == answer.items.tolist()
    assert all(set(reason.because) <= bought for reason in found)
    assert found[0].because
    assert found[0].features
    stranger = plain.recommend(Question(user_id="stranger"))
    assert stranger.fallback == POPULAR
    assert not any(r.because or r.features for r in plain.reasons(Question(user_id="stranger"), stranger))
