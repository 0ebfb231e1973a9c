"""What was shown and whether it was clicked: beside the histories, for models that learn click-through from it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from components.core.errors import DataError

NOBODY = -1  # row of a visitor that the data set does not know


@dataclass(frozen=True)
class Exposures:
    """Places of lists that people saw, oldest first.

    rows        int64 (n,), user row of the data set's histories; NOBODY where the visitor is unknown
    items       int32 (n,), catalogue indices
    positions   int32 (n,), place in the list, from 1
    propensity  float32 (n,), probability with which the item was put there, in (0, 1]
    clicked     bool (n,)
    times       int64 (n,), unix seconds, not decreasing
    """

    rows: np.ndarray
    items: np.ndarray
    positions: np.ndarray
    propensity: np.ndarray
    clicked: np.ndarray
    times: np.ndarray

    def __post_init__(self) -> None:
        """Check the values once, at the border."""
        if len({len(getattr(self, field.name)) for field in fields(self)}) > 1:
            raise DataError("exposures: the columns differ in length.")
        if len(self) and not ((self.propensity > 0) & (self.propensity <= 1)).all():
            raise DataError("exposures: a propensity is not above 0 and at most 1; nothing can be weighed by it.")
        if (np.diff(self.times) < 0).any() or self.positions.min(initial=1) < 1:
            raise DataError("exposures: the times must not decrease, and places are counted from 1.")

    def __len__(self) -> int:
        return len(self.items)

    def keep(self, mask: np.ndarray) -> Exposures:
        """Those where mask, bool (n,), is true."""
        return replace(self, **{field.name: getattr(self, field.name)[mask] for field in fields(self)})
