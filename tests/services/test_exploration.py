"""A place given away is told, logged with its probability, and given away again when the request is replayed."""

import shutil

import pytest

from components.core import schema
from components.ranking.exploration import ExplorationConfig
from components.ranking.list_policy import ListPolicyConfig
from components.release.assemble import assemble
from components.release.release import Question
from services.desk import Desk
from services.messages import RecommendRequest
from services.release_cache import serving
from services.settings import Settings
from services.state import State

OFTEN = ExplorationConfig(share=0.5, most_buyers=10_000, first=2, last=4, pool=3)  # everybody is little known here
WISHES = ListPolicyConfig(pins=[{"item_id": "i07", "position": 2}], bans=["i01"])


@pytest.fixture(scope="module")
def now(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("drawn") / "shop")
    return serving(assemble(root, "shop", {}, wishes=WISHES, exploration=OFTEN), None)


def test_what_is_drawn_is_told_logged_and_drawn_again_in_a_replay(now, tmp_path):
    desk = Desk(Settings(state=tmp_path), State(tmp_path))
    desk.check(now.release)
    replies = [desk.recommend(RecommendRequest(user_id="u00", k=5), now) for _ in range(40)]
    drawn = [reply for reply in replies if any(item.explored for item in reply.items)]
    assert drawn
    question = Question(user_id="u00", k=5)
    for reply in replies:
        listed, at = [item.item_id for item in reply.items], [item.explored for item in reply.items]
        assert len(set(listed)) == 5 and "i01" not in listed
        assert listed[1] == "i07", "a pin keeps its place"
        again = now.release.explore(question, now.release.recommend(question), reply.request_id)
        assert now.release.hybrid.items.decode(again.items).tolist() == listed
        rows = [dict(zip(schema.EXPOSURES, row, strict=True)) for row in desk.state.store.answer(reply.request_id)]
        assert [row[schema.ITEM_ID] for row in rows] == listed
        # Places 3 and 4 are free: each is given away with 1/4, to one of three items.
        kept = [1, 1, 0.75, 0.75, 1]
        wanted = [0.25 / 3 if is_drawn else chance for is_drawn, chance in zip(at, kept, strict=True)]
        assert [row[schema.PROPENSITY] for row in rows] == pytest.approx(wanted)


def test_the_pool_is_of_the_persons_own_categories(now):
    release = now.release
    question = Question(user_id="u00", k=5)
    history = release.history(question)
    category = release.explorer._group
    pool = release.explorer.pool(history, release.recommend(question).items, None)
    assert len(pool) and set(category[pool]) <= set(category[history.items])
    assert not set(pool.tolist()) & set(history.items.tolist())
