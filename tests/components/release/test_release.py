"""A release answers known and unknown users, respects filters, and is refused when anything is not as it was made."""

import json
import shutil

import numpy as np
import pytest

from components.core import bundle
from components.core.errors import ConfigError, ReleaseError
from components.release.assemble import assemble
from components.release.catalogue import Filters
from components.release.load import CATALOGUE, GOLDEN, load
from components.release.release import POPULAR, Event, Question


@pytest.fixture(scope="module")
def release(trained_shop, tmp_path_factory):
    root = tmp_path_factory.mktemp("assembled") / "project"
    shutil.copytree(trained_shop, root)
    return assemble(root, "shop", {"git_commit": "abc"}), root


def names(release, answer):
    return release.hybrid.items.decode(answer.items).tolist()


def test_equal_parts_give_the_same_digest_whatever_the_commit(release):
    first, root = release
    second = assemble(root, "shop", {"git_commit": "def"})
    assert second.digest == first.digest
    assert second.facts["provenance"] == {"git_commit": "def"}


def test_a_known_user_gets_k_items_of_its_own(release):
    release, _ = release
    answers = [release.recommend(Question(user_id=u, k=7)) for u in ("u00", "u01")]
    assert [a.fallback for a in answers] == [None, None]
    assert all(len(set(a.items.tolist())) == 7 for a in answers)
    assert names(release, answers[0]) != names(release, answers[1])


@pytest.mark.parametrize("question", [Question(user_id="stranger"), Question(history=("nothing", "known")), Question()])
def test_who_has_no_history_gets_what_is_popular_and_is_told_so(release, question):
    release, _ = release
    answer = release.recommend(question)
    assert answer.fallback == POPULAR
    assert len(answer.items) == 10
    assert (np.diff(answer.scores) <= 0).all()


def test_a_history_in_the_question_is_answered_personally(release):
    release, _ = release
    assert release.recommend(Question(history=("i03", "i06"))).fallback is None


def test_filters_hold_for_every_item_and_shorten_the_list_rather_than_break(release):
    release, _ = release
    filters = Filters(categories=("CHEESE",), min_price=2.0, max_price=4.0)
    for question in (Question(user_id="u00", k=60, filters=filters), Question(k=60, filters=filters)):
        items = release.recommend(question).items.tolist()
        assert items
        for item in items:
            words = release.catalogue.describe(item)
            assert words["category"] == "cheese"
            assert 2.0 <= words["price"] <= 4.0
    assert len(release.recommend(Question(filters=Filters(categories=("shoes",)))).items) == 0


def test_seen_items_can_be_left_out(release):
    release, _ = release
    history = release.history(Question(user_id="u00"))
    answer = release.recommend(Question(user_id="u00", exclude_seen=True))
    assert not set(answer.items.tolist()) & set(history.items.tolist())


def test_an_event_enters_the_history_and_time_moves_on(release):
    release, _ = release
    now = release.known.now
    events = (Event("i05", now + 60), Event("unknown", now + 61), Event("i04", now - 60))
    history = release.history(Question(user_id="u00", events=events))
    before = release.history(Question(user_id="u00"))
    assert len(history.items) == len(before.items) + 1  # older ones are in the release already
    assert history.items[-1] == release.hybrid.items.index("i05")
    assert history.now == now + 61


def test_purchases_of_one_second_stay_in_the_order_in_which_they_were_told(release):
    release, _ = release
    bought = ("i09", "i02", "i30", "i01")
    events = tuple(Event(item, release.known.now) for item in bought)
    history = release.history(Question(user_id="u00", events=events))
    assert release.hybrid.items.decode(history.items[-4:]).tolist() == list(bought)


def test_a_model_of_the_release_can_answer_alone(release):
    release, _ = release
    answer = release.recommend(Question(user_id="u00", policy="household_recency", k=60))
    assert len(answer.items) == len(release.hybrid.items)  # what was never bought follows by popularity
    assert (np.diff(answer.scores) <= 0).all()
    with pytest.raises(ConfigError, match="item_knn"):
        release.recommend(Question(policy="nonsense"))


def test_similar_never_names_the_item_itself(release):
    release, _ = release
    answer = release.similar("i03", 5, Filters())
    assert len(answer.items) == 5
    assert "i03" not in names(release, answer)
    assert release.similar("nothing", 5, Filters()).fallback == POPULAR


def test_the_catalogue_says_the_median_price_paid(release):
    release, _ = release
    item = release.hybrid.items.index("i12")
    assert release.catalogue.describe(item) == {
        "title": "cheese 12", "department": "food", "category": "cheese", "brand": "Private", "price": 2.2,
    }  # fmt: skip


def test_one_altered_byte_is_refused(release, tmp_path):
    _, root = release
    copy = shutil.copytree(root / "artifacts/release", tmp_path / "copy")
    at = copy / CATALOGUE
    content = bytearray(at.read_bytes())
    content[len(content) // 2] ^= 1
    at.write_bytes(content)
    with pytest.raises(ReleaseError, match="altered"):
        load(copy)


def test_golden_answers_that_are_not_reproduced_are_refused(release, tmp_path):
    _, root = release
    copy = shutil.copytree(root / "artifacts/release", tmp_path / "copy")
    golden = json.loads((copy / GOLDEN).read_text())
    golden[0]["answer"]["items"].reverse()
    bundle.write_json(copy / GOLDEN, golden)
    bundle.seal(copy, {})
    with pytest.raises(ReleaseError, match="not reproduced"):
        load(copy)


@pytest.mark.parametrize(
    ("name", "content"),
    [("release.json", b"[]"), ("hybrid/models/item_knn/arrays.safetensors", b"x"), (CATALOGUE, b"PAR1")],
)
def test_whatever_a_part_fails_with_it_is_a_refusal_with_its_reason(release, tmp_path, name, content):
    _, root = release
    copy = shutil.copytree(root / "artifacts/release", tmp_path / "copy")
    at = copy / name
    at.write_bytes(content)
    for folder in (at.parent, copy):
        if (folder / bundle.MANIFEST).exists():
            bundle.seal(folder, {})
    with pytest.raises(ReleaseError, match=r"the release cannot be used(:| \(\w+)"):
        load(copy)


def test_a_sealed_folder_that_is_no_release_is_refused(tmp_path):
    bundle.write_json(tmp_path / "release.json", {"kind": "poem"})
    bundle.seal(tmp_path, {})
    with pytest.raises(ReleaseError, match="not a release of format 1"):
        load(tmp_path)
