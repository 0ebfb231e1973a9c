"""Synonyms: a file that a person can read and edit, and the words of it that stand for a word of the query.

One rule a line: `sofa, couch, settee` stand for one another; `tv => television` lets television stand for tv only.
`#` starts a remark. Rules are of single words; one that is cut into several ("ice cream") is left out, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from components.core.errors import DataError
from components.search.analysis import Analyzer

WEIGHT = 0.7  # of a synonym against the word itself
MOST_RULES = 100_000
MOST_PER_WORD = 8
LONGEST_LINE = 1000
Rule = tuple[tuple[str, ...], tuple[str, ...]]  # written forms, what may stand for them


def read_rules(path: Path) -> list[Rule]:
    """The rules of a file.

    Raises DataError naming the line that is none
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{path}: cannot be read as synonyms in UTF-8 ({e}).") from None
    if len(lines) > MOST_RULES:
        raise DataError(f"{path}: {len(lines):,} lines, more than {MOST_RULES:,}; keep the rules that matter.")
    rules = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text:
            rules.append(_rule(text, f"{path}: line {number}"))
    return rules


def _rule(text: str, where: str) -> Rule:
    if len(text) > LONGEST_LINE:
        raise DataError(f"{where}: longer than {LONGEST_LINE:,} characters; break the rule up.")
    left, arrow, right = text.partition("=>")
    written = tuple(filter(None, (word.strip() for word in left.replace("，", ",").split(","))))
    meant = tuple(filter(None, (word.strip() for word in right.replace("，", ",").split(",")))) if arrow else written
    if not written or not meant or (not arrow and len(written) < 2):
        raise DataError(f"{where}: '{text[:80]}' is no rule; write `sofa, couch` or `tv => television`.")
    return written, meant


class Synonyms:
    """Index word → the index words that may stand for it."""

    def __init__(self, rules: Iterable[Rule], analyzer: Analyzer):
        """left_out counts the phrases that are no single word."""
        self.of: dict[str, tuple[str, ...]] = {}
        self.left_out = 0
        for written, meant in rules:
            left, right = ([_single(text, analyzer) for text in side] for side in (written, meant))
            self.left_out += left.count(None) if written is meant else left.count(None) + right.count(None)
            for word in filter(None, left):
                others = [other for other in right if other and other != word]
                self.of[word] = tuple(dict.fromkeys([*self.of.get(word, ()), *others]))[:MOST_PER_WORD]

    def alternatives(self, word: str) -> tuple[tuple[str, float], ...]:
        """The word with weight 1, then its synonyms."""
        return ((word, 1.0), *((other, WEIGHT) for other in self.of.get(word, ())))


def _single(text: str, analyzer: Analyzer) -> str | None:
    """The one index word of a text; of Chinese the whole word, where the dictionary has it; else None."""
    words = analyzer.words(text)
    whole = analyzer.normalise(text)
    return words[0] if len(words) == 1 else whole if whole in words else None
