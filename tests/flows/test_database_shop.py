"""The whole loop on tables of a PostgreSQL server, by its example of at most twenty lines: one run, many claims."""

import pytest

from components.core import layout
from components.tracking.registry import CHALLENGER, CHAMPION, ModelRegistry
from tests import postgres
from tests.flows import messy_shop as shop
from tests.flows.project import call
from tests.flows.shops import counts, new_project, rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database_shop(tmp_path_factory):
    """Tables of a PostgreSQL server of our own."""
    if not postgres.SERVERS:
        pytest.skip(postgres.MISSING)
    with postgres.server() as url:
        shop.fill_database(url)
        project = new_project(tmp_path_factory.mktemp("sql"), "postgres.yaml")
        call(project, "components", "use", "shop.yaml", more={"SHOP_DATABASE_URL": url})
    call(project, "dvc", "repro")  # the server is gone: what was brought in is enough
    return project


def test_a_postgresql_table_runs_to_a_release(database_shop):
    assert ModelRegistry(root=database_shop).aliases() == {CHAMPION: "1", CHALLENGER: "1"}
    found = counts(database_shop)
    assert found["interactions_rows"] == shop.clean_count(shop.sound_lines())
    assert found["interactions_guests_dropped"] == shop.GUESTS
    assert found["interactions_cancellations_matched"] == shop.CANCELLED
    aside = [
        row for row in rows(database_shop / layout.QUARANTINE / "interactions.parquet") if row["rule"] == "readable"
    ]
    assert sorted(row["reason"] for row in aside) == [
        *(f"timestamp: '{at}' is not a time written as iso" for at in sorted(shop.BAD_TIMES)),
        "value: 'nan' is not a number",
    ]


def test_the_database_s_address_is_nowhere_in_the_project(database_shop):
    for path in [p for p in database_shop.rglob("*") if p.is_file()]:
        assert b"shop:secret" not in path.read_bytes(), path
