"""What a verdict shows of the rows that break a rule."""

from components.quality.verdict import verdict

RULE = {"meta": {"rule": "user_id_not_empty", "outcome": "quarantine", "words": "1 to 200 characters", "why": "…"}}


def test_an_example_of_ten_thousand_letters_is_cut_and_says_how_long_it_is():
    found = {"element_count": 3, "unexpected_count": 2, "partial_unexpected_list": ["A" * 10_000, "", None]}
    told = verdict("interactions", RULE, {"success": False, "result": found})
    assert told.observed == f"e.g. , {'A' * 100}… (10,000 characters), missing"
