"""The service's log: one JSON object a line, on standard error. It names requests and releases, never users."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from components.core.stages import Stage
from services.request_record import RequestRecord

LOGGER = "shoploop"
logger = logging.getLogger(f"{LOGGER}.requests")
LONGEST = 2000  # characters of a message


class JsonLines(logging.Formatter):
    """Time, level, logger, event; and whatever the record carries as `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback becomes a field."""
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage()[:LONGEST],
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


def configure() -> None:
    """Send this project's log lines to standard error, once."""
    root = logging.getLogger(LOGGER)
    if any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False


def log_request(record: RequestRecord, seconds: float, stages: Iterable[Stage]) -> None:
    """One line for one request that has ended."""
    fields = {
        "request_id": record.request_id,
        "route": record.route,
        "status": record.status,
        "refused": record.refused,
        "ms": round(seconds * 1000, 2),
        "stages_ms": {stage.name: round(stage.seconds * 1000, 2) for stage in stages},
        "version": record.version,
        "release": record.release,
        "data_digest": record.data_digest,
        "fallback": record.fallback,
        "features": record.features,
        "unlogged": record.unlogged or None,
    }
    level = logging.ERROR if (record.status or 0) >= 500 and record.status != 503 else logging.INFO
    logger.log(level, "request", extra={"fields": {name: value for name, value in fields.items() if value is not None}})
