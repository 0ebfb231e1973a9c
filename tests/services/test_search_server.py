"""A shop's own search server: a release is served only when its index is whole there, and before anybody asks."""

import shutil

import pytest

from components.core import layout
from components.release.assemble import assemble
from components.search.engines.elasticsearch import EngineError
from components.search.items import read_items
from components.search.load import load as load_index
from components.search.push import NotPushedError, push
from components.steps.index import IndexConfig, index
from components.steps.register import RegisterConfig, register
from components.tracking.registry import CHAMPION, ModelRegistry
from services.desk import Desk
from services.release_cache import serving
from services.release_ledger import SERVICE_TAG
from services.search_desk import SearchDesk
from services.search_messages import SearchRequest
from services.settings import Settings
from services.state import State
from tests.search_server import search_server
from tests.services.test_starting import serve


@pytest.fixture(scope="module")
def root(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("engine") / "project")
    index(IndexConfig(), root, 1)
    return root


@pytest.fixture(scope="module")
def release(root):
    return assemble(root, "shop", {"data_digest": "d"})


@pytest.fixture
def server():
    with search_server() as server:
        yield server


def push_as_told(root, server):
    """As docs/search.md says: the index that the step made, with the items it was made of."""
    return push(load_index(root / layout.SEARCH), read_items(root / layout.CLEAN, {}), server.url)


def desk_of(tmp_path, url):
    desk = Desk(Settings(state=tmp_path, search_engine=url), State(tmp_path))
    desk.state.open()
    return SearchDesk(desk)


def test_a_release_is_refused_until_its_index_is_whole_on_the_server(root, release, server, tmp_path):
    desk = desk_of(tmp_path, server.url)
    for first in (True, False):
        with pytest.raises(NotPushedError, match="push it first"):
            desk.check(release, first=first)
    name = push_as_told(root, server)
    desk.check(release)
    lost = server.indices[name].popitem()
    with pytest.raises(NotPushedError, match="push it first"):
        desk.check(release)
    server.indices[name] |= [lost]
    desk.check(release)
    assert desk.search(SearchRequest(query="cheese", limit=3), serving(release, None)).items


def test_a_server_that_is_away_keeps_nobody_from_starting_or_going_back_but_from_what_it_was_not_seen_to_hold(
    root, release, tmp_path
):
    with search_server() as server:
        push_as_told(root, server)
        seen, unseen = (desk_of(tmp_path, server.url) for _ in range(2))
        seen.check(release)
    seen.check(release)
    unseen.check(release, first=True)
    with pytest.raises(EngineError, match="is the server up"):
        unseen.check(release)
    with pytest.raises(EngineError, match="is the server up"):
        unseen.search(SearchRequest(query="cheese"), serving(release, None))


def test_half_an_index_is_not_asked_after_a_start_without_the_server(root, release, server, tmp_path):
    desk = desk_of(tmp_path, server.url)
    server.indices[push_as_told(root, server)].popitem()
    with pytest.raises(NotPushedError, match="push it first"):
        desk.search(SearchRequest(query="cheese"), serving(release, None))


def test_a_start_without_the_index_on_the_server_ends_with_one_line(root, release, server, tmp_path):
    for where in (("--release", root / layout.RELEASE), ("--search", root / layout.SEARCH, "--search-only")):
        code, said = serve(tmp_path, *map(str, where), SHOPLOOP_SEARCH_ENGINE=server.url)
        assert (code, len(said.splitlines())) == (2, 1), said
        assert "push it first" in said


def register_another(project, config):
    """A version with an index of its own."""
    index(config, project, 1)
    register(RegisterConfig(), project, 1)


@pytest.mark.slow
def test_a_promotion_without_a_push_is_refused_and_after_it_served(root, server, start, tmp_path):
    project = shutil.copytree(root, tmp_path / "project")
    push_as_told(project, server)
    register(RegisterConfig(), project, 1)
    register_another(project, IndexConfig(chinese="bigrams"))
    registry = ModelRegistry(root=project)
    with start(tmp_path, SHOPLOOP_ROOT=str(project), SHOPLOOP_SEARCH_ENGINE=server.url) as service:
        served = lambda: service.get("/release").json()["version"]  # noqa: E731
        refused = lambda: service.get("/health").json()["refused"]  # noqa: E731
        service.wait_until(lambda: served() == "1", 20)
        registry.set_alias(CHAMPION, "2")
        service.wait_until(refused, 20)
        assert "push it first" in refused()["reason"]
        assert service.post("/search", query="tea").json()["version"] == "1"
        service.wait_until(lambda: registry.aliases()[CHAMPION] == "1", 20)  # moved by hand, it goes back
        assert "push it first" in registry.version("2").tags[SERVICE_TAG]
        service.wait_until(lambda: service.get("/health").json()["status"] == "ok", 20)

        push_as_told(project, server)
        registry.set_alias(CHAMPION, "2")
        service.wait_until(lambda: served() == "2", 20)
        assert service.post("/search", query="tea").json()["version"] == "2"

        register_another(project, IndexConfig(chinese="words"))
        push_as_told(project, server)
        server.shutdown()
        server.server_close()
        registry.set_alias(CHAMPION, "3")
        service.wait_until(refused, 20)
        assert "is the server up" in refused()["reason"]
        assert SERVICE_TAG not in registry.version("3").tags  # it says nothing about the release
        assert (served(), registry.aliases()[CHAMPION]) == ("2", "3")
        registry.set_alias(CHAMPION, "1")
        service.wait_until(lambda: served() == "1", 20)  # it was whole there when it served
