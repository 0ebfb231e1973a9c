"""MLflow's registry over its REST API, with the standard library alone: MLflow's own import costs seconds.

Speaks only the few calls that components/tracking/registry.py makes, under the names of `MlflowClient`, so that either
can stand in its place: this one where a server answers, MLflow's own where the records are a SQLite file.
API  https://mlflow.org/docs/latest/rest-api.html, version 2.0
"""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import IO, Any

API = "api/2.0/mlflow/"
ARTIFACTS = "api/2.0/mlflow-artifacts/artifacts"
ANSWER_WITHIN_S = 10.0
LARGEST_ANSWER = 64 * 1024 * 1024  # bytes; a registry's list of versions is a few hundred kilobytes
PAGE = 1000
MISSING = "RESOURCE_DOES_NOT_EXIST"


class RestError(Exception):
    """The server refused; `error_code` is MLflow's own word for why, such as RESOURCE_DOES_NOT_EXIST."""

    def __init__(self, code: str, message: str):
        """Both as the server gave them."""
        super().__init__(f"{code}: {message}" if code else message)
        self.error_code = code


@dataclass(frozen=True)
class RestVersion:
    """A model version as MLflow's client gives it."""

    version: str
    source: str
    run_id: str
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RestModel:
    """A registered model as MLflow's client gives it."""

    aliases: dict[str, str]
    tags: dict[str, str]


class RestClient:
    """One registry's calls over HTTP. Credentials come from MLflow's environment variables, else from the address."""

    def __init__(self, uri: str):
        """uri: the tracking server's address, http or https."""
        address = urllib.parse.urlsplit(uri.rstrip("/"))
        named = (urllib.parse.unquote(part or "") for part in (address.username, address.password))
        self._named = ":".join(named) if address.username else None
        self.uri = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()

    def get_registered_model(self, name: str) -> RestModel:
        """The registered model of that name; RestError if there is none."""
        found = self._get("registered-models/get", name=name)["registered_model"]
        aliases = {a["alias"]: str(a["version"]) for a in found.get("aliases", ())}
        return RestModel(aliases, _tags(found))

    def search_model_versions(self, filter_string: str) -> list[RestVersion]:
        """All versions that a filter finds, page by page."""
        found, token = [], ""
        while True:
            page = self._get("model-versions/search", filter=filter_string, max_results=PAGE, page_token=token)
            found += [_version(raw) for raw in page.get("model_versions", ())]
            token = page.get("next_page_token", "")
            if not token:
                return found

    def get_model_version(self, name: str, version: str) -> RestVersion:
        """One version; RestError if there is none."""
        return _version(self._get("model-versions/get", name=name, version=version)["model_version"])

    def create_registered_model(self, name: str) -> None:
        """A new registered model."""
        self._send("POST", "registered-models/create", {"name": name})

    def create_model_version(self, name: str, source: str, run_id: str, tags: dict[str, str]) -> RestVersion:
        """A new version of a registered model."""
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        body = {"name": name, "source": source, "run_id": run_id, "tags": pairs}
        return _version(self._send("POST", "model-versions/create", body)["model_version"])

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version."""
        self._send("POST", "registered-models/alias", {"name": name, "alias": alias, "version": version})

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Take an alias away."""
        self._send("DELETE", "registered-models/alias", {"name": name, "alias": alias})

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        """Write a tag on the registered model."""
        self._send("POST", "registered-models/set-tag", {"name": name, "key": key, "value": value})

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Write a tag on a version."""
        body = {"name": name, "version": version, "key": key, "value": value}
        self._send("POST", "model-versions/set-tag", body)

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Take a tag off a version."""
        self._send("DELETE", "model-versions/delete-tag", {"name": name, "version": version, "key": key})

    def list_artifacts(self, run_id: str, path: str) -> list[str]:
        """Paths of a run's artifacts below `path`."""
        found = self._get("artifacts/list", run_id=run_id, path=path)
        return [entry["path"] for entry in found.get("files", ())]

    def list_folder(self, path: str) -> list[tuple[str, bool]]:
        """Names below a path of the server's artifact store, and whether each is a folder."""
        found = self._send("GET", f"?{urllib.parse.urlencode({'path': path})}", api=ARTIFACTS)
        return [(entry["path"].rpartition("/")[2], bool(entry.get("is_dir"))) for entry in found.get("files", ())]

    def open_artifact(self, path: str) -> IO[bytes]:
        """One file of the server's artifact store, to be read and closed."""
        request = self._request("GET", f"/{urllib.parse.quote(path)}", None, ARTIFACTS)
        try:
            return urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S)  # noqa: S310
        except urllib.error.HTTPError as e:
            raise _refused(e) from None

    def _get(self, call: str, **query: Any) -> dict[str, Any]:
        given = {key: value for key, value in query.items() if value != ""}
        return self._send("GET", f"{call}?{urllib.parse.urlencode(given)}")

    def _send(self, method: str, call: str, body: dict[str, Any] | None = None, api: str = API) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(self._request(method, call, body, api), timeout=ANSWER_WITHIN_S) as answer:  # noqa: S310
                return json.loads(answer.read(LARGEST_ANSWER) or b"{}")
        except urllib.error.HTTPError as e:
            raise _refused(e) from None

    def _request(self, method: str, call: str, body: dict[str, Any] | None, api: str) -> urllib.request.Request:
        headers = {"Content-Type": "application/json"} | self._credentials()
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(f"{self.uri}/{api}{call}", data, headers, method=method)  # noqa: S310 - http(s)

    def _credentials(self) -> dict[str, str]:
        token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
        if token:
            return {"Authorization": f"Bearer {token}"}
        named = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}" if user else self._named
        return {"Authorization": f"Basic {base64.b64encode(named.encode()).decode()}"} if named else {}


def _refused(error: urllib.error.HTTPError) -> RestError:
    said = error.read(LARGEST_ANSWER)
    try:
        told = json.loads(said)
        return RestError(str(told.get("error_code", "")), str(told.get("message", "")))
    except (ValueError, AttributeError):
        return RestError("", f"HTTP {error.code}")


def _version(raw: dict[str, Any]) -> RestVersion:
    return RestVersion(str(raw["version"]), raw.get("source", ""), raw.get("run_id", ""), _tags(raw))


def _tags(raw: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in raw.get("tags", ())}
