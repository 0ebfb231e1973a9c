"""Light stemming: plurals and the like, so that "batteries" finds "battery". The language is guessed, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache

NONE, ENGLISH = "none", "english"
# A few words that no other of these languages has, and that descriptions and titles do hold.
FUNCTION_WORDS: dict[str, frozenset[str]] = {
    ENGLISH: frozenset(("the", "and", "with", "for", "of", "your", "from", "this", "to", "is")),
    "german": frozenset(("und", "mit", "für", "der", "das", "aus", "von", "ohne", "zum", "ist")),
    "french": frozenset(("et", "avec", "pour", "les", "des", "du", "sans", "une", "aux", "est")),
    "spanish": frozenset(("y", "con", "para", "los", "las", "del", "el", "sin", "por", "una")),
    "italian": frozenset(("e", "il", "per", "della", "gli", "di", "senza", "delle", "alla", "che")),
    "dutch": frozenset(("en", "met", "voor", "het", "een", "van", "zonder", "uit", "bij", "je")),
    "portuguese": frozenset(("e", "com", "para", "os", "dos", "da", "sem", "uma", "em", "não")),
}
LEAST_SEEN = 20  # function words that must be met before a language other than English is believed
SHORTEST = 4
KNOWN_WORDS = 200_000
Stemmer = Callable[[str], str]


def guess_language(words: Iterable[str]) -> str:
    """The language of a sample of words; English where nothing says otherwise."""
    counts = Counter(words)
    seen = {language: sum(counts[word] for word in own) for language, own in FUNCTION_WORDS.items()}
    best = max(seen, key=lambda language: (seen[language], language == ENGLISH))
    return best if seen[best] >= LEAST_SEEN else ENGLISH


def stemmer(language: str) -> Stemmer:
    """A function word → stem. English loses plurals only (Harman 1991, "S-stemmer"); others go through Snowball."""
    if language == NONE:
        return lambda word: word
    if language == ENGLISH:
        return singular
    import tantivy

    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(tantivy.Filter.stemmer(language)).build()

    @lru_cache(KNOWN_WORDS)
    def stem(word: str) -> str:
        return (analyzer.analyze(word) or [word])[0] if word.isalpha() else word

    return stem


@lru_cache(KNOWN_WORDS)
def singular(word: str) -> str:
    """`batteries` → battery, `dishes` → dish, `shoes` → shoe, `glass` → glass; words of digits stay.

    Source  Harman 1991, "How effective is suffixing?", the S-stemmer, with -shes, -ches, -xes, -sses
    """
    if len(word) < SHORTEST or not word.endswith("s") or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies"):
        return word if word.endswith(("eies", "aies")) or len(word) == SHORTEST else word[:-3] + "y"
    if word.endswith(("shes", "ches", "xes", "sses")):
        return word[:-2]
    return word if word.endswith(("us", "ss", "is")) else word[:-1]
