"""Global temporal split: one cut-off time for everybody, as in production. The default.

Use it to decide on a release: it asks what will be asked of the shop tomorrow.
What leaks: nothing that lies at or after a fold's cut-off reaches its history. The validation fold's target window is
part of the test fold's history, as it would be in production; the test target is in nobody's history.
Source: Ji et al. 2023 (doi:10.1145/3569930) on why one cut-off for all.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from components.splits import cutoffs
from components.splits.cutoffs import SharesConfig
from components.splits.splitter import Events, Fold, Splitter


class TemporalConfig(SharesConfig):
    """test_share: the last part of the time; validation_share: the part before it."""

    method: Literal["temporal"] = "temporal"


class Temporal(Splitter):
    """The validation and the test fold, each cut at one midnight."""

    Config = TemporalConfig
    leaks: ClassVar = "nothing: no event at or after a fold's cut-off is in its history"

    def _folds(self, events: Events) -> list[Fold]:
        return [
            Fold(
                window.name,
                cutoffs.history(self, events, window),
                cutoffs.target(self, events, window),
                now=window.cutoff,
                cutoff=window.cutoff,
            )
            for window in cutoffs.windows_of(events.standing, self.config)
        ]
