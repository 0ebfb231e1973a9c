"""Settings of the service, from environment variables SHOPLOOP_*."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr

from components.core.config import Config, parse
from components.core.errors import ConfigError
from components.experiments.design import Experiment

PREFIX = "SHOPLOOP_"


class Settings(Config):
    """Everything the service can be told.

    release     serve this folder and ask no registry; None follows the champion in MLflow
    root        project folder: where MLflow's SQLite file lies, unless MLFLOW_TRACKING_URI says otherwise
    state       folder of the service's own files: events and exposures, and verified copies of releases
    state_url   a store that several machines share: postgresql://… or redis://…; None is SQLite in `state`
    workers     processes that answer; each holds the release in memory
    poll_s      seconds between two looks at the registry
    clock       time of an event that comes without one: "release" is the release's cut-off, right for a shop of the
                past such as the default data; "wall" is now, right for a live shop
    horizon_days  under the clock "release", a later event counts as if it were this long after the cut-off
    experiment  a running A/B test, as JSON
    max_body_kb largest request body
    """

    release: Path | None = None
    root: Path = Path()
    state: Path = Path("state")
    state_url: SecretStr | None = None
    workers: int = Field(default=1, ge=1, le=64)
    poll_s: float = Field(default=1.0, ge=0.1, le=60)
    clock: Literal["release", "wall"] = "release"
    horizon_days: int = Field(default=60, ge=1, le=3650)
    experiment: Experiment | None = None
    max_body_kb: int = Field(default=256, ge=1, le=10_000)


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment; an empty variable counts as not set.

    Raises ConfigError that names the variable, if a value is out of range or SHOPLOOP_EXPERIMENT is not JSON.
    """
    named = {name: environment.get(f"{PREFIX}{name.upper()}") for name in Settings.model_fields}
    values: dict[str, Any] = {name: value for name, value in named.items() if value}
    if "experiment" in values:
        try:
            values["experiment"] = json.loads(values["experiment"])
        except json.JSONDecodeError as e:
            raise ConfigError(f"{PREFIX}EXPERIMENT: not JSON: {e}.") from None
    return parse(Settings, values, f"environment {PREFIX}*")
