"""Words of any script, and BM25 over them.

Scripts that put no blanks between words are read as overlapping pairs of letters.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from Stemmer import Stemmer

_STOP = frozenset(
    [
        "a",
        "about",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "down",
        "during",
        "each",
        "few",
        "for",
        "from",
        "further",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "most",
        "my",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "same",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "s",
        "t",
        "re",
        "ve",
        "ll",
        "d",
        "m",
    ]
)
# Han, kana, bopomofo, Thai, Lao, Myanmar, Khmer, Hangul
_UNSPACED = (
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f\u3041-\u30ff\u31f0-\u31ff"
    r"\u3105-\u312f\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\uac00-\ud7af"
)
_RUN = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[^\W_])+")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_STEMMER = Stemmer("english")


def words(text: str) -> list[str]:
    """The words of a text for searching: stemmed, without stop words, pairs where unspaced.

    >>> words("The agents were scaling; 世界模型")
    ['agent', 'scale', '世界', '界模', '模型']
    """
    found: list[str] = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if _IS_UNSPACED.match(run):
            found += [run[i : i + 2] for i in range(max(len(run) - 1, 1))]
        elif run not in _STOP:
            found.append(_STEMMER.stemWord(run))
    return found


class Lexical:
    """BM25 (Lucene's variant, k1 1.5, b 0.75) over some texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s  # with SciPy, a third of a second: not before the first search

        self._size = len(texts)
        tokens = [words(text) for text in texts]
        self._bm25 = bm25s.BM25() if any(tokens) else None
        if self._bm25:
            self._bm25.index(tokens, show_progress=False)

    def scores(self, text: str) -> NDArray[np.float32]:
        """The score of each text for a query: shape (texts,), 0 where no word is shared."""
        asked = words(text)
        if not self._bm25 or not asked:
            return np.zeros(self._size, np.float32)
        return np.asarray(self._bm25.get_scores(asked), np.float32)
