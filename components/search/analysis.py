"""Analysis: how a text becomes index words. Titles and queries go through the same function, or they would not meet."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from pydantic import Field

from components.core.config import Config
from components.features.text import HAN, words
from components.search import measures
from components.search.simplified import Table
from components.search.stemming import NONE, stemmer

CHINESE = Literal["bigrams", "words", "characters", "both"]
APOSTROPHE = re.compile(r"(?<=\w)['’ʼ](?=\w)")  # "levi's" is one word, and so is "l'oreal"
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff]+")
PLAIN = re.compile(r"[a-z0-9]+")  # what features.text.words finds in ASCII, at a third of its cost
LANGUAGES = Literal["none", "english", "german", "french", "spanish", "italian", "dutch", "portuguese"]
LONGEST_WORD = 60


class AnalysisConfig(Config):
    """How texts are cut.

    language  of the stemmer
    chinese   how runs of Han characters are cut: bigrams (pairs of characters), words of a dictionary (rjieba),
              words and their single characters, or words and bigrams (both)
    longest   characters of a text that are looked at
    simplify  traditional Chinese characters are read as simplified ones; indexes made before there was a choice do not
    """

    language: LANGUAGES = NONE
    chinese: CHINESE = "characters"
    longest: int = Field(default=2000, ge=100, le=20_000)
    simplify: bool = False


class Analyzer:
    """Texts to index words; holds the dictionary and the stemmer. Safe to share between threads."""

    def __init__(self, config: AnalysisConfig, simplified: Table | None = None):
        """The dictionary of Chinese words is loaded when the first Chinese text comes.

        simplified  traditional → simplified characters, for `simplify`
        """
        self.config = config
        self._simplified = (simplified or {}) if config.simplify else {}
        self.stem = stemmer(config.language)

    def normalise(self, text: str) -> str:
        """NFKC, case folded, without accents on Latin letters and control characters, traditional Chinese characters
        as simplified ones; at most `longest` characters.
        """
        text = text[: self.config.longest]
        text = text.lower() if text.isascii() else _without_accents(unicodedata.normalize("NFKC", text).casefold())
        if not text.isprintable():
            text = UNPRINTABLE.sub(" ", text)
        if "'" in text or not text.isascii():
            text = APOSTROPHE.sub("", text)
        if self._simplified and not text.isascii() and HAN.search(text):
            text = text.translate(self._simplified)
        return text.strip()

    def words(self, text: str) -> list[str]:
        """Index words of a raw text, in order: `"Batteries 500 ML"` → battery, 500ml."""
        return [self.stem(word) for word in self.surfaces(text)]

    def surfaces(self, text: str) -> list[str]:
        """The words before they are stemmed: `"Batteries 500 ML"` → batteries, 500ml; spelling looks in these."""
        text = measures.joined(self.normalise(text))
        found = PLAIN.findall(text) if text.isascii() else self._with_chinese(text)
        return [word for word in found if len(word) <= LONGEST_WORD]

    def _with_chinese(self, text: str) -> list[str]:
        if self.config.chinese == "bigrams" or not HAN.search(text):
            return words(text)
        found: list[str] = []
        at = 0
        for run in HAN.finditer(text):
            found += words(text[at : run.start()])
            found += self._han_words(run.group())
            at = run.end()
        return found + words(text[at:])

    def _han_words(self, run: str) -> list[str]:
        import rjieba

        cut = [word for word in rjieba.cut_for_search(run) if word.strip()]
        more = {"words": [], "characters": list(run), "both": words(run)}[self.config.chinese]
        return list(dict.fromkeys([*cut, *more]))


def is_han(word: str) -> bool:
    """Whether a word is written in Han characters."""
    return bool(HAN.match(word))


def _without_accents(text: str) -> str:
    """`café` → cafe; letters of other scripts keep their marks, which are no accents there."""
    if not any("\u00c0" <= c <= "\u024f" for c in text):
        return text
    decomposed = unicodedata.normalize("NFD", text)
    kept = [c for i, c in enumerate(decomposed) if not (unicodedata.combining(c) and _after_latin(decomposed, i))]
    return unicodedata.normalize("NFC", "".join(kept))


def _after_latin(text: str, at: int) -> bool:
    while at and unicodedata.combining(text[at]):
        at -= 1
    return text[at].isascii()
