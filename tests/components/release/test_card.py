"""The model card: every part comes from a report, what is missing is named, a shop's words stay words."""

from components.core import bundle, layout
from components.release import card
from tests.conftest import write_reports

FACTS = {
    "cutoff_time": "2024-03-01T00:00:00Z",
    "users": 48,
    "items": 60,
    "history_events": ["view", "purchase"],
    "ranker_version": 2,
    "models": {"item_knn": {"component": "item_knn", "version": 1}},
}


def told(root):
    return {section.title: section for section in card.gather(root, FACTS, "d1g3st")}


def test_a_card_with_all_reports_says_something_of_every_part(tmp_path):
    write_reports(tmp_path)
    sections = told(tmp_path)
    assert card.missing(list(sections.values())) == []
    assert "Histories of digest d1g3st" in sections[card.DATA].words[0]
    assert sections[card.METRICS].rows[0][:3] == ("ranker", "all", "0.2000 (0.1000 to 0.3000)")
    assert sections[card.SLICES].rows[0][0] == "few events (up to 60)"
    assert "events of type view, purchase, here as in the service" in sections[card.LIMITS].words[1]
    assert "no probabilities" in sections[card.CALIBRATION].words[0]


def test_a_part_without_its_report_is_missing(tmp_path):
    assert card.missing(list(told(tmp_path).values())) == [
        card.DATA, card.SPLIT, card.METRICS, card.SLICES, card.ROBUSTNESS, card.LIMITS
    ]  # fmt: skip


def test_probabilities_are_told_with_their_error(tmp_path):
    judged = {"expected_calibration_error": 0.0123, "base_rate": 0.04, "skill": 0.2, "pairs": 4000}
    bundle.write_json(tmp_path / layout.RANKER / layout.CALIBRATION_FILE, judged)
    words = told(tmp_path)[card.CALIBRATION].words[0]
    assert "error 0.0123 over 4,000 candidates" in words
    assert "0.0400 of the candidates were bought. Skill over telling everybody that rate: 0.200" in words


def test_a_stand_in_s_card_says_whose_order_it_is_and_tells_no_probabilities_of_the_ranker(tmp_path):
    write_reports(tmp_path)
    bundle.write_json(tmp_path / layout.RANKER / layout.CALIBRATION_FILE, {"expected_calibration_error": 0.9})
    report = tmp_path / layout.EVALUATION / "report.json"
    told_of = {"order": "item_knn", "words": "The order is that of item_knn alone."}
    bundle.write_json(report, bundle.read_json(report) | {"nominees": told_of})
    sections = told(tmp_path)
    assert sections[card.METRICS].words[1:] == (
        "The order is that of item_knn alone.",
        "'trained_ranker' is the ranker that gave way.",
    )
    assert sections[card.CALIBRATION].words == (card.NOT_THE_STAND_INS,)
    assert "Its order: item_knn alone, the stand-in (see Metrics)." in sections[card.MADE].words


def test_a_shops_own_words_are_no_markup_and_equal_parts_give_equal_cards(tmp_path):
    section = card.Section("Data", ("<script>alert(1)</script>\n# no heading",), ("a|b",), (("x|y",),))
    for name in "ab":
        (tmp_path / name).mkdir()
        card.write(tmp_path / name, "shop", [section])
    markdown, page = ((tmp_path / "a" / name).read_text() for name in card.FILES)
    assert "<script>" not in markdown + page
    assert "\n# no heading" not in markdown
    assert "| x\\|y |" in markdown
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in card.FILES)
