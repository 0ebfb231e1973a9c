"""An alias moved in MLflow's pages: seconds until the service answers with that release, there and back again.

python -m tests.faults.moved_in_ui [--times 3] [--project FOLDER]

A real MLflow server and a real service. The alias is moved by the very request that MLflow's page sends: to a release
that this service never loaded, or to the challenger that it has ready, and back to the one before. Each move must be
served, stand in the history as taken up, and leave nobody in doubt. With --project the releases are made of the
artifacts of that project, a shop that went through `make run`, in place of the small shop's.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from components.core import layout
from components.core.ports import HOST
from components.promotion.history import TAKEN_UP, History, trouble
from components.promotion.promotions import ANCHOR_NOTE, APPROVED_BY
from components.tracking.registry import NAME, ModelRegistry
from tests.faults import ground
from tests.load.lines import Line, told

VISIBLE_WITHIN_S = 5.0
GIVEN_UP_AFTER_S = 60
WHO = "ann"
OF_THE_PAGE = "ajax-api/2.0/mlflow/registered-models/alias"
READY = "the challenger, made ready, served after, s"
NEW, BACK = "slowest release never loaded, s", "slowest way back, s"


def main(times: int = 3, project: Path | None = None) -> dict[str, float]:
    """Print and return the figures."""
    with ground.folder() as root:
        home, *others = ground.shop(root, 1 + times, project and project / layout.ARTIFACTS)
        port, serving = ground.free_port(), ground.free_port()
        uri, url = f"http://{HOST}:{port}", f"http://{HOST}:{serving}"
        with ground.mlflow_server(root, port), ground.service(root, serving, MLFLOW_TRACKING_URI=uri) as service:
            ground.wait_until(lambda: _serves(url, home), GIVEN_UP_AFTER_S, "the first release is served")
            ground.wait_until(lambda: _has_ready(service, others[-1]), GIVEN_UP_AFTER_S, "the challenger is ready")
            seen = [(_moved(uri, url, other), _moved(uri, url, home)) for other in others]
            ground.wait_until(lambda: _nothing_wrong(url), GIVEN_UP_AFTER_S, "nobody is in doubt")
            written = _wrong_entries(root, ModelRegistry(uri), [v for other in others for v in (other, home)])
    figures = {
        READY: seen[-1][0],
        NEW: max((there for there, _ in seen[:-1]), default=0.0),
        BACK: max(back for _, back in seen),
        "moves that the history does not hold": float(written),
    }
    for name, value in figures.items():
        print(f"{name:<44} {value:.2f}")
    print(f"{times} times there and back; {ground.busy()}")
    return figures


def _moved(uri: str, url: str, version: str) -> float:
    """Seconds from the page's request to the first answer of that version."""
    body = {"name": NAME, "alias": "champion", "version": version}
    ModelRegistry(uri).tag(version, APPROVED_BY, WHO)
    began = time.monotonic()
    status, _ = ground.post(f"{uri}/{OF_THE_PAGE}", body)
    assert status == 200, f"MLflow answered {status}"
    ground.wait_until(lambda: _answers(url, version), GIVEN_UP_AFTER_S, f"version {version} answers")
    return time.monotonic() - began


def _answers(url: str, version: str) -> bool:
    status, answer = ground.post(f"{url}/recommend", {"user_id": "u00"})
    return status == 200 and answer["version"] == version


def _serves(url: str, version: str) -> bool:
    return (ground.get(f"{url}/release") or {}).get("version") == version


def _has_ready(service: ground.Program, version: str) -> bool:
    return f"challenger {version} is ready" in service.log.read_text(encoding="utf-8")


def _nothing_wrong(url: str) -> bool:
    return (ground.get(f"{url}/health") or {}).get("status") == "ok"


def _wrong_entries(root: Path, registry: ModelRegistry, moved: list[str]) -> int:
    """How many moves are not what the history says of them; all of them if its chain does not hold."""
    entries = History(root).entries()
    if trouble(entries, registry.standing().notes[ANCHOR_NOTE]) is not None:
        return len(moved)
    told = [entry.version if (entry.action, entry.by) == (TAKEN_UP, WHO) else None for entry in entries[-len(moved) :]]
    return sum(said != version for said, version in zip(told, moved, strict=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--project", type=Path)
    figures = main(**vars(parser.parse_args()))
    lines = dict.fromkeys((NEW, BACK, READY), VISIBLE_WITHIN_S) | {"moves that the history does not hold": 0}
    raise SystemExit(told(Line(name, figures[name], line) for name, line in lines.items()))
