"""/search keeps to the list policy of the release that serves, as /recommend does."""

import shutil
import threading

import pytest

from components.core import layout
from components.ranking.list_policy import ListPolicyConfig
from components.release.assemble import assemble
from components.release.load import load
from components.steps.index import IndexConfig, index
from services.desk import Desk
from services.messages import RecommendRequest
from services.release_cache import serving
from services.search_desk import SearchDesk
from services.search_messages import SearchRequest, SuggestRequest
from services.settings import Settings
from services.state import State

BANNED, PINNED = "i06", "i17"


@pytest.fixture(scope="module")
def desks(trained_shop, tmp_path_factory):
    """Policy or none → a desk's answer to a search, over the same index."""
    folder = tmp_path_factory.mktemp("policy")
    root = shutil.copytree(trained_shop, folder / "project")
    index(IndexConfig(vectors=False), root, 1)
    desk = Desk(Settings(state=folder), State(folder))
    searcher = SearchDesk(desk)
    wishes = {
        "plain": None,
        "bans": ListPolicyConfig(bans=[BANNED]),
        "band": ListPolicyConfig(price_max=2.0),  # item i costs 1 + i / 10
        "pins": ListPolicyConfig(pins=[{"item_id": PINNED, "position": 2}]),
    }
    out = {}
    for name, wished in wishes.items():
        assemble(root, "shop", {}, wishes=wished)
        shutil.copytree(root / layout.RELEASE, folder / name)
        out[name] = serving(load(folder / name), None)
        desk.check(out[name].release)
    return desk, searcher, out


def found(desks, policy, query="cheese bread tea", limit=100, **body):
    _, searcher, served = desks
    return searcher.search(SearchRequest(query=query, limit=limit, **body), served[policy])


def ids(answer):
    return [item.item_id for item in answer.items]


def test_a_banned_items_title_is_no_completion(desks):
    _, searcher, served = desks
    offered = {
        policy: [s.text for s in searcher.suggest(SuggestRequest(text="cheese ", limit=20), served[policy]).suggestions]
        for policy in ("plain", "bans", "band")
    }
    assert "cheese 6" in offered["plain"]
    assert "cheese 6" not in offered["bans"]
    assert set(offered["plain"]) - {"cheese 6"} <= set(offered["bans"])
    cheap = {"cheese 0", "cheese 3", "cheese 6", "cheese 9"}  # titles of items up to a price of 2
    assert set(offered["band"]) == cheap | {"cheese", "cheese 1"}  # and names of categories


def test_a_banned_item_is_found_by_nobody_and_counted_nowhere(desks):
    plain, held = (found(desks, policy, facets=10) for policy in ("plain", "bans"))
    assert BANNED in ids(plain)
    assert ids(held) == [item for item in ids(plain) if item != BANNED]
    assert held.total == plain.total - 1
    counts = [{v.value: v.count for v in answer.facets["category"]} for answer in (plain, held)]
    assert sum(counts[0].values()) > sum(counts[1].values())


def test_a_list_that_bans_shorten_is_filled_from_further_down(desks):
    first = ids(found(desks, "plain", "cheese", limit=5))
    assert BANNED in ids(found(desks, "plain", "cheese", limit=30))
    assert len(ids(found(desks, "bans", "cheese", limit=len(first)))) == len(first)


def test_the_price_band_holds_as_in_recommendations(desks):
    desk, _, served = desks
    shown = {item.item_id for item in desk.recommend(RecommendRequest(history=[], k=100), served["band"]).items}
    listed = set(ids(found(desks, "band")))
    assert listed and listed <= shown
    assert all(int(item[1:]) <= 10 for item in listed)
    assert set(ids(found(desks, "plain"))) - listed


def test_a_pinned_item_stands_at_its_place_where_it_is_found_and_nowhere_else(desks):
    plain = ids(found(desks, "plain", limit=100))
    assert plain.index(PINNED) != 1
    for body in ({}, {"history": ["i02", "i05", "i08"]}):
        assert ids(found(desks, "pins", limit=3, **body))[1] == PINNED
    others = ids(found(desks, "plain", "cheese", limit=100))
    word = "cheese" if PINNED not in others else "tea"
    assert ids(found(desks, "pins", word, limit=100)) == ids(found(desks, "plain", word, limit=100))


def test_what_a_policy_leaves_of_an_index_is_made_before_the_first_search_and_once(desks):
    desk, _, served = desks
    searcher = SearchDesk(desk)
    for name in ("plain", "bans", "band"):
        searcher.check(served[name].release)
    made = dict(searcher.policies)
    assert set(made) == {served[name].release for name in ("bans", "band")}
    for name in ("bans", "band", "bans"):
        searcher.search(SearchRequest(query="cheese", limit=5), served[name])
        searcher.suggest(SuggestRequest(text="ch"), served[name])
    searcher.check(served["bans"].release)
    assert dict(searcher.policies) == made


def test_two_first_searches_at_once_make_a_policy_once(desks):
    desk, _, served = desks
    searcher, made = SearchDesk(desk), []
    both = threading.Barrier(2)

    def ask():
        both.wait()
        searcher.search(SearchRequest(query="cheese", limit=5), served["bans"])
        made.append(searcher.policies[served["bans"].release])

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made[0] is made[1]
