"""Category text vectors: TF-IDF over an item's title, category path and brand.

Words are lower-cased runs of letters and digits; Chinese runs become character pairs, because they carry no spaces.
Fitted on the items of one fold's catalogue only.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.core.config import Config

HAN = re.compile(r"[\u3400-\u9fff]+")
WORD = re.compile(r"[^\W_]+")


class TextConfig(Config):
    """min_items: a word must occur in that many items to get a column; max_words: columns, the most frequent words."""

    min_items: int = Field(default=3, ge=1)
    max_words: int = Field(default=4000, ge=10, le=20_000)


def words(text: str) -> list[str]:
    """Words of a text: `"Yogurt 6 OZ"` → yogurt, 6, oz; `"有机牛奶"` → 有机, 机牛, 牛奶."""
    found: list[str] = []
    for run in WORD.findall(text.lower()):
        at = 0
        for han in HAN.finditer(run):
            found += [run[at : han.start()]] if han.start() > at else []
            found += _pairs(han.group())
            at = han.end()
        found += [run[at:]] if at < len(run) else []
    return found


def tfidf(texts: list[str], config: TextConfig) -> tuple[sp.csr_matrix, list[str]]:
    """TF-IDF matrix, rows of length 1 (or 0 where a text has no known word).

    Returns  float32 CSR (len(texts), words) and the words of its columns; no column at all where no word occurs in
             min_items texts, as in a small shop of unlike things
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    min_items = min(config.min_items, max(len(texts), 1))
    items_with = Counter(word for text in texts for word in set(words(text)))
    if max(items_with.values(), default=0) < min_items:
        return sp.csr_matrix((len(texts), 0), dtype=np.float32), []
    vectorizer = TfidfVectorizer(
        analyzer=words, min_df=min_items, max_features=config.max_words, sublinear_tf=True, dtype=np.float32
    )
    matrix = vectorizer.fit_transform(texts)
    return matrix.tocsr(), vectorizer.get_feature_names_out().tolist()


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]
