from components.search.analysis import AnalysisConfig, Analyzer
from components.search.clicks import drafted, learn, read_clicks, read_queries
from components.search.synonyms import read_rules

ANALYZER = Analyzer(AnalysisConfig(language="english"))
CLICKS = """search_term,product_id,clicks
grey sofa,a,5
grey couch,a,4
sofa,a,3
sofa,b,3
couch,a,2
couches,b,2
grey rug,z,9
iphone 13,p,5
iphone 14,p,5
handy,h,1
沙发床,a,2
沙发床,b,2
躺椅床,a,2
躺椅床,b,2
"""


def test_queries_are_counted_as_they_were_typed(tmp_path):
    (tmp_path / "log.csv").write_text("q\nGrey sofa\nGrey sofa\n \nlamp\n", encoding="utf-8")
    assert read_queries(tmp_path / "log.csv") == {"Grey sofa": 2.0, "lamp": 1.0}


def test_words_whose_queries_lead_to_the_same_items_are_drafted_as_synonyms(tmp_path):
    (tmp_path / "clicks.csv").write_text(CLICKS, encoding="utf-8")
    pairs = learn(read_clicks(tmp_path / "clicks.csv", {}, ANALYZER))
    assert [(p.one, p.other, p.shared) for p in pairs] == [("couch", "sofa", 3)]
    (tmp_path / "drafted.txt").write_text(drafted(pairs), encoding="utf-8")
    assert read_rules(tmp_path / "drafted.txt") == [(("couch", "sofa"), ("couch", "sofa"))]
