"""The registry against a real MLflow on SQLite."""

import base64

import pytest

from components.core.errors import RegistryError, ReleaseError
from components.tracking.location import answering
from components.tracking.registry import CHAMPION, DIGEST_TAG, ModelRegistry
from components.tracking.rest import RestClient
from components.tracking.runs import tracked


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    with tracked("release", root=root) as run:
        registry = ModelRegistry(root=root)
        for name in "ab":
            registry.register((root / name).as_uri(), run.run_id, {"name": name, DIGEST_TAG: name})
    return registry


def test_find_gives_the_newest_version_with_a_tag(registry):
    assert registry.find("name", "a").version == "1"
    assert registry.find("name", "it's not there") is None


@pytest.mark.parametrize("name", ["7", "one", "../1"])
def test_an_unknown_version_names_the_known_ones(registry, name):
    with pytest.raises(ReleaseError, match="known: 1, 2"):
        registry.version(name)


def test_an_alias_is_set_moved_and_taken_away(registry):
    registry.set_alias(CHAMPION, "1")
    registry.set_alias(CHAMPION, "2")
    assert registry.aliases() == {CHAMPION: "2"}
    registry.clear_alias(CHAMPION)
    assert registry.at_alias(CHAMPION) is None


def test_a_registry_without_a_release_is_empty(registry):
    assert ModelRegistry(registry.uri, "another").standing().aliases == {}


def test_an_mlflow_that_is_away_is_said_in_one_line_with_a_remedy():
    with pytest.raises(RegistryError, match=r"MLflow at http://127\.0\.0\.1:9 did not answer.*make up") as caught:
        ModelRegistry("http://127.0.0.1:9").version("1")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_an_mlflow_that_is_away_is_named_without_its_user_and_password():
    with pytest.raises(RegistryError, match=r"MLflow at http://…@127\.0\.0\.1:9 did not answer") as caught:
        ModelRegistry("http://shop:s3cr3t@127.0.0.1:9").version("1")
    assert "s3cr3t" not in str(caught.value)


def test_what_a_database_s_driver_says_of_its_address_is_masked():
    uri = "postgresql://shop:s3cr3t@db:5432/mlflow?password=s3cr3t"
    with pytest.raises(RegistryError) as caught, answering(uri):
        raise ConnectionError(f"cannot connect to '{uri}'")
    assert "MLflow at postgresql://…@db:5432/mlflow did not answer" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_the_address_s_user_and_password_are_sent_as_mlflow_s_own_client_does(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN", raising=False)
    client = RestClient("http://shop:p%40ss@127.0.0.1:9/")
    assert client.uri == "http://127.0.0.1:9"
    assert client._credentials() == {"Authorization": f"Basic {base64.b64encode(b'shop:p@ss').decode()}"}
