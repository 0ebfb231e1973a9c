"""Every hostile file gets its declared verdict, in words, and leaves nothing half-written."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from components.core.errors import ShoploopError
from tests.data.hostile.case import ACCEPTED, REFUSED, REJECTED, REMARKED, TABLE
from tests.data.hostile.page import CASES, PAGE, TABLES, page

PARAMS = [pytest.param(c, id=c.name, marks=[pytest.mark.slow] if c.slow else []) for c in CASES]


@pytest.mark.parametrize("case", PARAMS)
def test_each_hostile_file_gets_its_verdict(case, tmp_path):
    (tmp_path / "data").mkdir()
    case.make(tmp_path / "data")
    if case.verdict == REFUSED:
        with pytest.raises(ShoploopError, match=re.escape(case.words)):
            case.act(tmp_path, case)
        assert not [path.name for path in (tmp_path / "work").glob("*")]
        return
    landed = case.act(tmp_path, case)
    reasons = pq.read_table(landed.rejected_path)["reason"].to_pylist() if landed.rejected else []
    assert (landed.rows, landed.rejected, len(reasons)) == (case.rows, case.rejected, case.rejected)
    assert pq.read_metadata(landed.path).num_rows == case.rows
    assert all(account.balances for account in landed.accounts.values())
    told = {REJECTED: reasons, REMARKED: landed.remarks, ACCEPTED: ()}[case.verdict]
    assert any(case.words in words for words in told) or case.verdict == ACCEPTED
    assert bool(reasons) == (case.verdict == REJECTED)
    assert bool(landed.remarks) == (case.verdict == REMARKED)
    assert {p.name for p in (tmp_path / "work").iterdir()} <= {
        f"{TABLE}.parquet", f"{TABLE}.rejected.parquet", f"{TABLE}.landed.json"
    }  # fmt: skip


def test_the_documentation_is_the_table():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.data.hostile.page --write`"


def test_every_hostile_table_has_its_test():
    files = [Path(__file__).with_name(f"test_{name}.py") for name in ("hostile_end_to_end", "absent_columns")]
    tests = "".join(file.read_text(encoding="utf-8") for file in files)
    assert [case.test for case in TABLES if f"def {case.test}(" not in tests] == []


def test_no_case_has_the_name_of_another():
    assert len({case.name for case in CASES}) == len(CASES)
