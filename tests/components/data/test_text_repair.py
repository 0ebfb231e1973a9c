"""Wrongly decoded texts come back, and texts that are right stay: Chinese, accents, Cyrillic, emoji."""

import pytest

from components.data import text_repair as repair

CHINESE = [
    "中文", "有机纯牛奶 250ml*12盒", "农夫山泉饮用天然水5L", "康师傅红烧牛肉面（五连包）", "联通",
    "鲜活大闸蟹礼盒，公4两母3两", "华为Mate60 Pro 手机", "心相印抽纸3层120抽", "茅台酒53度", "老干妈风味豆豉",
]  # fmt: skip
OTHERS = [
    "Crème brûlée", "Häagen-Dazs", "créée à Évian", "ÀÉÈÙÂÊÎÔÛ", "Żubrówka", "ÄÖÜß äöü", "Ünlü çöğüş", "éèêë",
    "Phở bò", "Молоко 3,2%", "日本酒", "かつお節", "김치", "Tom & Jerry", "R&D; 50% off", "👩‍👩‍👧 mug", "plain",
]  # fmt: skip


@pytest.mark.parametrize("text", CHINESE + OTHERS)
def test_a_text_that_is_right_stays(text):
    assert repair.fix_encoding(text) == text


@pytest.mark.parametrize("text", CHINESE)
@pytest.mark.parametrize(("written", "read"), [("gbk", "latin-1"), ("gbk", "cp1252"), ("utf-8", "latin-1")])
def test_chinese_that_was_read_as_western_comes_back(text, written, read):
    assert repair.fix_encoding(text.encode(written).decode(read)) == text


def test_punctuation_tells_nothing_of_whether_chinese_was_read_as_western():
    title = "绿茶（特级）1号 & 礼盒"
    assert repair.fix_encoding(title.encode("gbk").decode("latin-1")) == title


def test_utf8_that_was_read_as_gbk_comes_back_where_nothing_was_lost():
    assert repair.fix_encoding("鍗庝负Mate60 Pro 鎵嬫満") == "华为Mate60 Pro 手机"
    assert repair.fix_encoding("中文".encode().decode("gb18030")) == "中文"
    lost = "联通".encode().decode("gbk", errors="replace")  # an odd byte has no partner
    assert repair.is_lossy(lost)
    assert repair.fix_encoding(lost) == lost


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("CrÃ¨me brÃ»lÃ©e", "Crème brûlée"), ("Ð¼Ð¾Ð»Ð¾ÐºÐ¾", "молоко"), ("â€œteaâ€\x9d", "“tea”"),
     ("CrÃƒÂ¨me", "Crème")],
)  # fmt: skip
def test_utf8_that_was_read_as_western_comes_back_even_twice(wrong, right):
    assert repair.fix_encoding(wrong) == right


def test_entities_marks_controls_and_spaces():
    assert repair.fix_entities("Salt &amp; Pepper &#20013;&#x6587; AT&T &amp;lt;") == "Salt & Pepper 中文 AT&T <"
    assert repair.drop_byte_order_marks("\ufefftea\u200b") == "tea"
    assert repair.drop_controls("te\x00a\x1b \u202egnp.exe") == "tea gnp.exe"
    assert repair.collapse_spaces(" 有机\u3000\u00a0牛奶\r\n 1 L ") == "有机 牛奶 1 L"
    assert repair.normalise("NFKC")("ＡＢＣ　㎏") == "ABC kg"
    assert repair.normalise("NFC")("e\u0301") == "é"
