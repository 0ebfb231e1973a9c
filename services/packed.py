"""The service of a Bento: serves the release packed beside it, and needs no MLflow."""

from __future__ import annotations

import os
from pathlib import Path

from components.core import layout
from services import process

process.prepare()
os.environ.setdefault("SHOPLOOP_RELEASE", str(Path(__file__).parents[1] / layout.RELEASE))

from services.recommender import Recommender  # noqa: E402 - reads the settings above when it is imported

__all__ = ["Recommender"]
