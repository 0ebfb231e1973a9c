"""Exposures: what the service itself logged as shown, held against what the replay received."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from components.core import schema
from components.core.errors import DataError
from components.experiments.replay import Served
from components.online.store import OnlineStore


def read_exposures(log: OnlineStore, experiment: str) -> pa.Table:
    """The service's log of one experiment, a row per shown item, by request and position."""
    rows = log.exposures_of(experiment)
    parts = list(zip(*rows, strict=True)) or [()] * len(schema.EXPOSURES)
    return pa.table({name: list(part) for name, part in zip(schema.EXPOSURES, parts, strict=True)})


def reconcile(served: Iterable[Served], exposures: pa.Table) -> None:
    """Check that every answer was logged, with its variant; DataError names the first that was not.

    A log that loses answers of one variant more often than of the other would be believed by nobody who reads it later.
    """
    log = exposures.to_pydict()
    logged = dict(zip(log[schema.REQUEST_ID], log[schema.VARIANT], strict=True))
    for answer in served:
        if answer.shown and logged.get(answer.request_id) != answer.variant:
            raise DataError(
                f"experiment: answer {answer.request_id} was served as {answer.variant}, logged as "
                f"{logged.get(answer.request_id)}; the service's exposure log cannot be trusted."
            )
