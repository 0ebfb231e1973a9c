"""Open Bandit: what a fashion shop showed and what was clicked, with propensities, from the wheel obp.

Three places of a page are filled by a random or a Bernoulli Thompson sampling policy. The wheel carries 10,000
impressions of each policy and campaign, with 38 to 69 clicks: enough to try off-policy estimates, not to train on.
Nobody is named: `user_id` is null everywhere, every impression is a session of its own, and what the logs say of the
visitor (four hashed features) stays in the raw files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from components.core import schema
from components.core.config import Config
from components.data import raw_files
from components.data.landing import FileFormat
from components.data.mapped_source import MappedSource, Part, RawTable
from components.data.mapping.events import EventRule
from components.data.mapping.table_mapping import TableMapping
from components.data.mapping.times import TimeFormat

if TYPE_CHECKING:
    from ibis import Table

PACKAGE = "obp"
IMPRESSIONS, ITEMS = "impressions", "items"
ROW = "column_1"  # the nameless first column: number of the impression
CSV = FileFormat(format="csv", delimiter=",")
CLICKED = "1"


class OpenBanditConfig(Config):
    """Which part of the logs.

    policy    what chose the items
    campaign  which shelf was shown
    folder    another copy of the data, laid out as in the wheel (<policy>/<campaign>/…); None takes the wheel's
    """

    policy: Literal["random", "bts"] = "random"
    campaign: Literal["all", "men", "women"] = "all"
    folder: str | None = None


class OpenBandit(MappedSource):
    """Impressions as exposures, clicks as interactions, items with their hashed features."""

    Config = OpenBanditConfig
    local_time_zone = "Asia/Tokyo"
    currency = "JPY"
    pseudonymous = True
    closed = (
        "an impression is known by its number in its own file, so that two files would share impressions; put one "
        "whole log into `folder`, and bring that in with `shoploop use --replace`"
    )

    def raw_tables(self) -> dict[str, RawTable]:
        """The impressions of one campaign, and its items."""
        choice = self.config
        base = choice.folder or str(raw_files.package_folder(PACKAGE, "open_bandit") / "dataset/obd")
        folder = f"{base}/{choice.policy}/{choice.campaign}"
        return {
            IMPRESSIONS: RawTable((f"{folder}/{choice.campaign}.csv",), CSV),
            ITEMS: RawTable((f"{folder}/item_context.csv",), CSV),
        }

    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """Every impression is an exposure; the clicked ones are interactions too."""
        time = TimeFormat(zone=self.local_time_zone)
        shown = {schema.ITEM_ID: "item_id", schema.TIMESTAMP: "timestamp"}
        exposures = TableMapping(
            columns=shown
            | {schema.REQUEST_ID: ROW, schema.POSITION: "position", schema.PROPENSITY: "propensity_score"},
            constants={schema.EXPERIMENT: "open_bandit", schema.VARIANT: self.config.policy},
            time=time,
        )
        clicks = TableMapping(
            columns=shown | {schema.REQUEST_ID: ROW, schema.SESSION_ID: ROW},
            constants={schema.USER_ID: ""},
            events=(EventRule(type="click"),),
            time=time,
        )
        features = tuple(f"item_feature_{i}" for i in range(4))
        items = TableMapping(columns={schema.ITEM_ID: "item_id"}, attributes=features)
        impressions = raw[IMPRESSIONS]
        return [
            Part(IMPRESSIONS, schema.INTERACTIONS_TABLE, clicks, rows=impressions.filter(impressions.click == CLICKED)),
            Part(ITEMS, schema.ITEMS_TABLE, items),
            Part(IMPRESSIONS, schema.EXPOSURES_TABLE, exposures),
        ]
