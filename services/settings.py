"""Settings of the service, from environment variables SHOPLOOP_*."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from components.core.addresses import server_address
from components.core.config import Config, parse
from components.core.errors import ConfigError
from components.core.ports import HOST
from components.experiments.design import Experiment
from components.promotion.canary import Lines

PREFIX = "SHOPLOOP_"
AS_JSON = ("experiment", "canary_lines")
ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@]+/?")
LISTS = frozenset({"hosts", "origins"})


class Settings(Config):
    """Everything the service can be told.

    release     serve this folder and ask no registry; None follows the champion in MLflow
    search      folder of a search index that serves with every release; None takes the release's own
    search_only  there is an index and no release, and none is looked for: /search and /suggest answer, nothing else
    search_engine  address of an Elasticsearch or OpenSearch that `shoploop search push` filled; None: in the process
    root        project folder: where MLflow's SQLite file lies, unless MLFLOW_TRACKING_URI says otherwise
    state       folder of the service's own files: events and exposures, and verified copies of releases
    state_url   a store that several machines share: postgresql://… or redis://…; None is SQLite in `state`
    workers     processes that answer; each holds the release in memory
    threads     answers that one worker works at, at once; more than two share one interpreter and get in each other's
                way (numpy and XGBoost let go of it while they compute), but help where the store of events is far away
    poll_s      seconds between two looks at the registry
    clock       time of an event that comes without one: "release" is the release's cut-off, right for a shop of the
                past such as the default data; "wall" is now, right for a live shop
    horizon_days  under the clock "release", a later event counts as if it were this long after the cut-off
    experiment  a running A/B test, as JSON
    canary_share  share of the users whom the version at the alias canary answers; 0: nobody
    canary_lines  what switches it off, as JSON: {"max_errors": 0.02}; components/promotion/canary.py has them all
    auto_rollback  whether a champion that crosses one of these lines in its first window_s goes back to the one before
    prepare     load and verify the canary, else the challenger, before it is promoted: the promotion then shows
                sooner, for the memory of one release more while a challenger waits
    shadow_share  share of the recommendations that the version at the alias shadow is asked too, unseen; 0: none
    shadow_room   questions that may wait for the shadow; more are left out
    max_slowdown  a new release may take so many times as long for its golden questions as the one that serves
    max_body_kb largest request body
    body_within_s  a body that is not there by then is refused
    bodies      bodies under way to one worker; where more come, the one that takes longest is refused
    queue       requests that one worker has in the house at most, waiting and working; more are refused
    host        address to listen on
    admin_port  port of its own for /metrics, /health and /release, which the public port then does not have
    keys        "auto" asks for a key wherever the service is reached from another machine, "always" everywhere
    hosts       names the service answers to, separated by commas; empty: loopback's names, or any behind keys. On the
                admin port whoever shows a key may call it by any name
    log_share   share of the requests that get a line in the log; errors always have one, unless it is 0
    traces      OpenTelemetry's spans: off, console, or otlp (OTEL_EXPORTER_OTLP_ENDPOINT says where to)
    origins     web pages that may call, as https://shop.example, separated by commas; empty: none
    """

    release: Path | None = None
    search: Path | None = None
    search_only: bool = False
    search_engine: str | None = Field(default=None, max_length=300)
    root: Path = Path()
    state: Path = Path("state")
    state_url: SecretStr | None = None
    workers: int = Field(default=1, ge=1, le=64)
    threads: int = Field(default=2, ge=1, le=64)
    poll_s: float = Field(default=1.0, ge=0.1, le=60)
    clock: Literal["release", "wall"] = "release"
    horizon_days: int = Field(default=60, ge=1, le=3650)
    experiment: Experiment | None = None
    canary_share: float = Field(default=0.0, ge=0, le=1)
    canary_lines: Lines = Lines()
    auto_rollback: bool = True
    prepare: bool = True
    shadow_share: float = Field(default=1.0, ge=0, le=1)
    shadow_room: int = Field(default=64, ge=1, le=10_000)
    max_slowdown: float = Field(default=5.0, gt=1, le=1000)
    max_body_kb: int = Field(default=256, ge=1, le=10_000)
    body_within_s: float = Field(default=5.0, ge=0.1, le=60)
    bodies: int = Field(default=128, ge=1, le=10_000)
    queue: int = Field(default=32, ge=1, le=10_000)
    host: str = HOST
    admin_port: int | None = Field(default=None, ge=1, le=65_535)
    keys: Literal["auto", "always"] = "auto"
    log_share: float = Field(default=1.0, ge=0, le=1)
    traces: Literal["off", "console", "otlp"] = "off"
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    @field_validator("search_engine")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        return value if value is None else server_address(value)

    @field_validator("origins")
    @classmethod
    def _pages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if strange := [page for page in value if not ORIGIN.fullmatch(page)]:
            raise ValueError(f"'{strange[0][:100]}' is no web page's origin; write https://shop.example")
        return value

    @model_validator(mode="after")
    def _something_to_search(self) -> Settings:
        if self.search_only and self.search is None:
            raise ValueError("search_only wants an index: --search DIR, or SHOPLOOP_SEARCH")
        return self


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment; an empty variable counts as not set.

    Raises ConfigError that names the variable, if a value is out of range or what should be JSON is not.
    """
    named = {name: environment.get(f"{PREFIX}{name.upper()}") for name in Settings.model_fields}
    values: dict[str, Any] = {name: value for name, value in named.items() if value}
    for name in values.keys() & set(AS_JSON):
        try:
            values[name] = json.loads(values[name])
        except json.JSONDecodeError as e:
            raise ConfigError(f"{PREFIX}{name.upper()}: not JSON: {e}.") from None
    for name in LISTS.intersection(values):
        values[name] = tuple(part.strip() for part in values[name].split(",") if part.strip())
    return parse(Settings, values, f"environment {PREFIX}*")
