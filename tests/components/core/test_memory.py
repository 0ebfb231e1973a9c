"""What a fit may take, and the words that refuse one."""

import pytest

from components.core.errors import ConfigError
from components.core.memory import ALLOWED, GB, Part, allowed_gb, check, in_words

PARTS = [Part(3 * GB, "use fewer neighbours (100)"), Part(9 * GB, "use a smaller embedding_size (512)")]


def test_the_words_name_what_is_needed_what_is_left_and_what_makes_the_largest_part_smaller() -> None:
    check("als", PARTS, limit_gb=12)
    words = r"als: the fit needs about 12\.0 GB of memory and 11\.0 GB are left; use a smaller embedding_size \(512\)"
    with pytest.raises(ConfigError, match=words):
        check("als", PARTS, limit_gb=11)


def test_an_option_is_named_only_where_it_saves_something() -> None:
    stays = [Part(9 * GB, "use fewer candidates (1)", least=9 * GB), Part(GB, "use fewer neighbours (100)")]
    with pytest.raises(ConfigError, match=r"; use fewer neighbours \(100\), which saves 1\.0 GB at most, or say in"):
        check("slim", stays, limit_gb=5)
    with pytest.raises(ConfigError, match=r"5\.0 GB are left; none of its options makes that much smaller; take"):
        check("slim", stays[:1], limit_gb=5)


def test_the_environment_says_what_a_fit_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED, "10")
    with pytest.raises(ConfigError, match=r"10\.0 GB are left"):
        check("als", PARTS)
    monkeypatch.setenv(ALLOWED, "much")
    with pytest.raises(ConfigError, match="'much' is no number of GB above 0"):
        allowed_gb()
    monkeypatch.delenv(ALLOWED)
    assert allowed_gb() > 0.01, "this machine has something left, or nobody knows"


def test_nothing_foretold_is_never_refused() -> None:
    check("popularity", [], limit_gb=1e-9)


def test_sizes_in_words() -> None:
    assert [in_words(gb) for gb in (0.00064, 1.6, 2300)] == ["0.64 MB", "1.6 GB", "2.3 TB"]
