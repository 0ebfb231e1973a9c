"""Fits that are kept: whoever uses one later is told what was remarked of it, and sees its curves."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.benchmark.entrant import Spec
from components.benchmark.fits import Fits
from tests.components.benchmark.test_tune import small_fold


@pytest.mark.slow
def test_a_fit_that_is_found_tells_what_it_told_when_it_was_made(tmp_path: Path) -> None:
    params = {"embedding_size": 4, "validation": "last_baskets", "trend_days": None, "max_minutes": 1e-6}
    specs, fold = {"gru4rec": Spec("gru4rec", "gru4rec", params)}, small_fold(tmp_path)
    made, found = (Fits(tmp_path / "fits", specs, 7) for _ in range(2))
    model = made.fitted("gru4rec", fold)
    assert "stopped the training in epoch 1" in made.remarks[0]
    assert made.curves["gru4rec"] == model.curves() and len(model.curves()["train_loss"]) == 1
    found.fitted("gru4rec", fold)
    assert (found.remarks, found.curves) == (made.remarks, made.curves)
    assert found.paid.cpu_seconds > 0 and not made.paid.cpu_seconds
