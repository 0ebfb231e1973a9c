"""Letters of ids: one form of Unicode, so that the é of one code point and the é of two are one person or item."""

from __future__ import annotations

import unicodedata


def composed(text: str) -> str:
    """The text in Unicode's normal form C, as the mapping of tables brings ids to it."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def spellings(text: str) -> set[str]:
    """The text as it stands, and in the forms in which files may hold it."""
    return {text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))}
