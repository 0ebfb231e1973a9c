import pytest

from components.search.analysis import AnalysisConfig, Analyzer
from components.search.stemming import guess_language, singular
from components.search.synonyms import Synonyms, read_rules

ENGLISH = Analyzer(AnalysisConfig(language="english"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Batteries 500 ML", ["battery", "500ml"]),
        ("0.5 l", ["500ml"]),
        ("1,5L", ["1500ml"]),
        ("500毫升", ["500ml"]),
        ("2公斤", ["2000g"]),
        ("10.1 inch", ["10dot1inch"]),
        ("Levi’s CAFÉ", ["levis", "cafe"]),
        ("ｉＰｈｏｎｅ\u00001５", ["iphone", "15"]),
        ("size 4 - 12", ["size", "4", "12"]),
        ("", []),
    ],
)
def test_titles_and_queries_become_the_same_words(text, words):
    assert ENGLISH.words(text) == words


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("bigrams", ["有机", "机牛", "牛奶", "a2"]),
        ("words", ["有机", "牛奶", "a2"]),
        ("characters", ["有机", "牛奶", "有", "机", "牛", "奶", "a2"]),
    ],
)
def test_chinese_is_cut_as_configured(mode, words):
    assert Analyzer(AnalysisConfig(chinese=mode)).words("有机牛奶A2") == words


@pytest.mark.parametrize(
    ("word", "one"),
    [("shoes", "shoe"), ("dishes", "dish"), ("glass", "glass"), ("cities", "city"), ("bus", "bus"), ("ties", "ties")],
)
def test_plurals_are_lost_and_nothing_else(word, one):
    assert singular(word) == one


def test_a_language_is_guessed_from_its_function_words():
    assert guess_language(["schuh", "mit", "und", "für"] * 20) == "german"
    assert guess_language(["shoe", "mit"]) == "english"
    assert Analyzer(AnalysisConfig(language="german")).words("Schuhe") == Analyzer(
        AnalysisConfig(language="german")
    ).words("schuh")


def test_synonyms_go_both_ways_but_an_arrow_one_way_and_phrases_are_counted(tmp_path):
    file = tmp_path / "synonyms.txt"
    file.write_text("# ours\nsofa, couches\ntv => television, 电视机\nice cream, gelato\n", encoding="utf-8")
    synonyms = Synonyms(read_rules(file), ENGLISH)
    assert synonyms.of["sofa"] == ("couch",)
    assert synonyms.of["couch"] == ("sofa",)
    assert synonyms.of["tv"] == ("television", "电视机")
    assert "television" not in synonyms.of
    assert synonyms.left_out == 1
