"""MLflow is killed for a minute, and the service is restarted meanwhile: no failed request, up again within 15 s.

python -m tests.faults.mlflow_away [--seconds 60]

Requests go on all the time. Those of the restart itself are not counted as failed while no service listens (one process
cannot answer while it does not exist; several behind a balancer can); how long that takes is the second figure.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from components.core.ports import HOST
from tests.faults import ground
from tests.load.lines import Line, told

PAUSE_S, UP_WITHIN_S = 0.05, 15.0


def main(seconds: float = 60) -> dict[str, float]:
    """Print and return the figures."""
    with ground.folder() as root:
        version = ground.shop(root, 1)[0]
        port, serving = ground.free_port(), ground.free_port()
        settings = {"MLFLOW_TRACKING_URI": f"http://{HOST}:{port}"}
        url = f"http://{HOST}:{serving}"
        with ground.mlflow_server(root, port) as mlflow:
            with ground.service(root, serving, **settings):
                ground.wait_until(lambda: (ground.get(f"{url}/release") or {}).get("version") == version, 30, "served")
                mlflow.kill()
                killed = time.monotonic()
                before = _ask(url, version, seconds / 2)
            started = time.monotonic()
            with ground.service(root, serving, **settings):
                again = time.monotonic() - started
                after = _ask(url, version, max(killed + seconds - time.monotonic(), 1))
                noticed = _says_so(url)
                figures = _back(root, port, url) | {"service up again, s": again}
    figures |= {
        "requests while MLflow was away": float(len(before) + len(after)),
        "failed requests": float(sum(not good for good in before + after)),
        "said that the registry is away": float(noticed),
    }
    for name, value in figures.items():
        print(f"{name:<32} {value:.1f}")
    print(f"MLflow was away for {seconds:g} s; {ground.busy()}")
    return figures


def _ask(url: str, version: str, seconds: float) -> list[bool]:
    """Whether each of the requests of so many seconds was answered by the version."""
    answers, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        status, answer = ground.post(f"{url}/recommend", {"user_id": "u00"})
        answers.append(status == 200 and answer["version"] == version)
        time.sleep(PAUSE_S)
    return answers


def _says_so(url: str) -> bool:
    return bool((ground.get(f"{url}/health") or {}).get("registry_error"))


def _back(root: Path, port: int, url: str) -> dict[str, float]:
    """Seconds from a new MLflow server's first answer until the service is content again."""
    with ground.mlflow_server(root, port):
        return {"content again, s": ground.wait_until(lambda: not _says_so(url), 60, "the registry is seen again")}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    figures = main(**vars(parser.parse_args()))
    lines = {"failed requests": 0, "service up again, s": UP_WITHIN_S}
    raise SystemExit(told(Line(name, figures[name], line) for name, line in lines.items()))
