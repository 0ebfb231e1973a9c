"""XGBoost for those who only ask a ranker: without scikit-learn, whose import takes ten times as long as XGBoost's own.

XGBoost imports scikit-learn, and with it pandas and scipy.stats, only to offer estimators of its kind; where it is not
installed it offers none. A service asks boosters, so it is shown none. Training is never told of this.
"""

from __future__ import annotations

import sys

HIDDEN = "sklearn"


def import_lean() -> None:
    """Import xgboost without scikit-learn; nothing happens where either is there already.

    Call it before other threads import anything: scikit-learn cannot be imported meanwhile.
    """
    if "xgboost" in sys.modules or HIDDEN in sys.modules:
        return
    sys.modules[HIDDEN] = None  # type: ignore[assignment] - Python's own way to say that there is no such module
    try:
        import xgboost  # noqa: F401
    finally:
        del sys.modules[HIDDEN]
