"""After a re-admission DVC agrees: the pin holds, its cache is whole, and its own run comes to the same rows."""

import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from components.core import layout
from components.core.environment import PARENT_RUN
from components.core.privacy import read_privacy, write_privacy
from components.data.pin import check_pin
from components.quality.thresholds import Threshold
from components.steps.readmission import readmit
from tests.data.test_readmission import ruled
from tests.data.test_snapshots import Shop

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).parents[2]
OUTPUTS = (layout.VALIDATED, layout.QUARANTINE, layout.QUALITY)
STAGE = {
    "cmd": f"{sys.executable} -m components run validate",
    "deps": ["data", "expectations", "privacy.json"],
    "params": ["source", "validate"],
    "outs": [str(folder) for folder in OUTPUTS],
}


def dvc(root, *arguments):
    """Run DVC as the flow does: steps tell MLflow nothing, and live as long as their standard input is open."""
    told = {"PYTHONPATH": str(PROJECT), PARENT_RUN: "none", "DVC_NO_ANALYTICS": "1"}
    ours, theirs = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=root, env=os.environ | told, stdin=ours, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def shop(tmp_path):
    """A shop whose validate step is a stage of DVC's, its outputs in DVC's cache."""
    shop = Shop(tmp_path)
    write_params(shop)
    write_privacy(shop.root, read_privacy(shop.root))
    (shop.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"validate": STAGE}}))
    shop.validate()
    dvc(shop.root, "init", "--no-scm", "-q")
    dvc(shop.root, "commit", "-f", "-q")
    return shop


def write_params(shop):
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    params["source"] = shop.config.source.model_dump(mode="json", exclude_defaults=True)
    thresholds = {name: rule.model_dump(exclude_none=True) for name, rule in shop.config.thresholds.items()}
    params["validate"] = {"max_quarantined_share": 0.9, "thresholds": thresholds}
    (shop.root / "params.yaml").write_text(yaml.safe_dump(params))


def test_dvc_comes_to_the_rows_that_were_readmitted_and_finds_nothing_else_changed(shop):
    pinned = check_pin(shop.root)
    write_params(ruled(shop, value_in_range=Threshold(min=-10)))
    done = readmit(shop.config, shop.root, "anna", "refunds are negative here", datetime(2026, 1, 2, tzinfo=UTC))
    assert done.rows["interactions"] == (1, 1)
    assert check_pin(shop.root) == pinned
    for stored in (shop.root / ".dvc/cache/files/md5").rglob("*"):
        if stored.is_file() and stored.suffix != ".dir":
            assert hashlib.md5(stored.read_bytes()).hexdigest() == stored.parent.name + stored.name
    told = dvc(shop.root, "status")
    assert "data.dvc" not in told and "validate" in told, "the rules changed, the data did not"
    readmitted = {folder: shop.rows(folder) for folder in OUTPUTS[:2]}
    dvc(shop.root, "repro", "-q", "validate")
    assert {folder: shop.rows(folder) for folder in OUTPUTS[:2]} == readmitted
    assert "up to date" in dvc(shop.root, "status")
