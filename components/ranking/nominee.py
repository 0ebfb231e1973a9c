"""Whose order the candidates get: the ranker's, or that of the one model which `rank` named as its stand-in.

`rank` names the stand-in before the test window is looked at, `evaluate` decides between the two and writes FILE, and
whatever comes after asks `load_hybrid`, which reads it. What is decided holds for one ranker, named by its digest.
"""

from __future__ import annotations

from copy import copy
from pathlib import Path

from components.core import bundle, layout
from components.core.config import Config, parse
from components.core.errors import BundleError
from components.ranking.consensus import Consensus
from components.ranking.hybrid import FALLBACK
from components.ranking.lambdamart import Lambdamart

FILE = layout.EVALUATION / "nominee.json"


class Nominee(Config):
    """What `evaluate` decided: for the ranker of this digest; stand_in gives the order in its place, None: it does."""

    ranker: str
    stand_in: str | None = None


def led_by(ranker: Lambdamart, model: str) -> Lambdamart:
    """The ranker with the order of one model alone: same candidates, same features.

    It tells no probabilities: a curve that was fitted on the ranker's own scores says nothing of these.
    """
    led = copy(ranker)
    led.consensus, led.buy_again, led.calibration = Consensus.only(model, FALLBACK), None, None
    return led


def stand_in_of(root: Path) -> str | None:
    """The model whose order takes the place of the project's ranker; None: the ranker gives it, or nobody judged yet.

    Raises  BundleError if another ranker was judged than the one that lies there
    """
    if not (root / FILE).is_file():
        return None
    decided = parse(Nominee, bundle.read_json(root / FILE), str(FILE))
    if decided.ranker != bundle.digest(root / layout.RANKER):
        raise BundleError(
            f"{FILE}: was decided for another ranker than the one in {layout.RANKER}; run evaluate again, "
            "`dvc repro evaluate` does."
        )
    return decided.stand_in
