"""What is made of pip-audit's report: what it could not look up was not audited, and a source that is away neither."""

import json
from pathlib import Path

from tests.audit import LOCKS, PROJECT, verdict


def report(*packages):
    return "No known vulnerabilities found\n" + json.dumps({"dependencies": packages, "fixes": []})


SOUND = {"name": "numpy", "version": "2.4.6", "vulns": []}
WEAK = {"name": "flask", "version": "0.5", "vulns": [{"id": "PYSEC-2018-66", "fix_versions": ["1.0"]}]}
UNKNOWN = {"name": "obp", "skip_reason": "Dependency not found on PyPI and could not be audited: obp (0.4.1)"}


def test_only_where_every_package_was_looked_up_and_none_is_weak_all_is_well():
    assert verdict(report(SOUND)).code == 0
    assert verdict(report(SOUND, UNKNOWN)).code == 3
    assert verdict(report(UNKNOWN)).code == 3
    assert verdict(report()).code == 3
    assert verdict(report(SOUND, UNKNOWN, WEAK)).code == 1


def test_the_words_name_what_is_weak_and_what_was_not_audited():
    said = str(verdict(report(SOUND, UNKNOWN, WEAK)))
    assert "2 packages audited, 1 known to be weak" in said
    assert "flask 0.5: PYSEC-2018-66" in said
    assert "NOT AUDITED, the source knows nothing of them: 1 (obp)" in said


def test_a_source_that_is_away_is_not_taken_for_a_good_report():
    found = verdict("", "requests.exceptions.ConnectionError: Failed to resolve 'api.osv.dev'")
    assert found.code == 3
    assert str(found).startswith("NOT AUDITED: no advisory source answered (requests.exceptions.ConnectionError")


def test_every_lock_file_is_asked_about():
    assert set(LOCKS) == {path.name for path in PROJECT.glob("requirements*.lock")}
    assert all((Path(PROJECT) / lock).is_file() for lock in LOCKS)
