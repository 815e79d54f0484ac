"""Passages for a query: dense and BM25, fused as standard scores, within a scope.

Each half counts for as much as its best chunk stands out from the next five: a half that
knows nothing of the query's words or language ranks all chunks alike, and so hardly
counts. The vectors of a collection are held in memory and compared with all of them, so
a narrow scope loses nothing to an approximate index.
"""

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from corpus.embedding import Embedder
from corpus.index import Stored
from corpus.lexical import Lexical, words
from corpus.plain import encodable
from corpus.post import Library
from corpus.sentences import fitting

Scores = NDArray[np.float64]
Role = Literal["question", "previous question", "previous answer", "cited"]
_NEXT = 5  # chunks that the best one of a half has to stand out from


@dataclass(frozen=True, slots=True)
class Part:
    """One of the texts that a query is made of, and how much it counts."""

    text: str
    weight: float = 1.0
    role: Role = "question"


Query = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk with its score; all but its id and score is derived from the post just read."""

    id: str
    post: str  # slug
    section: tuple[str, ...]  # headings, outermost first
    text: str  # its passages, a line each, without the heading path
    score: float
    start: int  # characters into the post's source
    end: int
    language: str
    passages: tuple[str, ...]  # ids, in the order of the source
    best: tuple[str, ...]  # those within the scope, the ones that share most with the query first


class Searcher(Protocol):
    """What a discussion is handed to find passages with."""

    def __call__(self, query: Query, scope: str = "", k: int = 8) -> list[Hit]:
        """The `k` best hits within a scope, best first."""


class Search:
    """Ranks the chunks of `stored` that are still in `library`.

    Immutable: make a new one when either changes.
    """

    def __init__(self, stored: Stored, library: Library, embedder: Embedder) -> None:
        self.stored = stored
        self.library = library
        self._embedder = embedder
        self._lexical = Lexical(stored.texts)
        self._live = np.array(
            [all(library.find(p) for p in passages) for passages in stored.passages], bool
        )

    def __call__(self, query: Query, scope: str = "", k: int = 8) -> list[Hit]:
        """The `k` best hits within a scope, best first.

        Raises `PlaceUnknown` where the scope names nothing.
        """
        parts = (replace(part, text=encodable(part.text)) for part in query)
        asked = tuple(part for part in parts if part.text.strip() and part.weight > 0)
        rows = np.flatnonzero(self._within(scope))
        if not asked or not len(rows):
            return []
        scores = np.zeros(len(rows))
        for part in asked:
            dense = self.stored.vectors[rows] @ self._vector(part.text)
            lexical = self._lexical.scores(part.text)[rows]
            scores += part.weight * _fused(_standard(dense), _standard(lexical))
        order = np.argsort(-scores, kind="stable")[:k]
        wanted = set(words(" ".join(part.text for part in asked)))
        inside = {p.id for p in self.library.within(scope)} if scope else None
        return [self._hit(int(rows[i]), float(scores[i]), wanted, inside) for i in order]

    def _vector(self, text: str) -> NDArray[np.float32]:
        """A query's vector; one longer than the embedder reads is the mean of its parts'."""
        parts = list(fitting(text, self._embedder.count, self._embedder.limit))
        return np.asarray(self._embedder.encode(parts).mean(axis=0), np.float32)

    def _within(self, scope: str) -> NDArray[np.bool_]:
        if not scope:
            return self._live
        inside = {passage.id for passage in self.library.within(scope)}
        there = [not inside.isdisjoint(passages) for passages in self.stored.passages]
        return np.asarray(np.logical_and(self._live, there), np.bool_)

    def _hit(self, row: int, score: float, wanted: set[str], inside: set[str] | None) -> Hit:
        found = [pair for id_ in self.stored.passages[row] if (pair := self.library.find(id_))]
        post = found[0][0]
        passages = sorted((passage for _, passage in found), key=lambda p: p.start)
        scoped = [p for p in passages if inside is None or p.id in inside]
        best = sorted(scoped, key=lambda p: -_share(wanted, p.text))
        return Hit(
            id=self.stored.ids[row],
            post=post.slug,
            section=post.headings(passages[0].section),
            text="\n".join(p.text for p in passages),
            score=score,
            start=passages[0].start,
            end=passages[-1].end,
            language=passages[0].language,
            passages=tuple(p.id for p in passages),
            best=tuple(p.id for p in best),
        )


def best_passages(hits: list[Hit]) -> list[str]:
    """The ids of the hits' passages in the order in which they are likely to answer.

    Hit by hit, and within a hit those first that share most with the query.
    """
    return list(dict.fromkeys(id_ for hit in hits for id_ in hit.best))


def _fused(dense: Scores, lexical: Scores) -> Scores:
    """Two halves' standard scores as one, weighted by how decided each is."""
    weights = _lead(dense), _lead(lexical)
    if not any(weights):
        return dense + lexical
    return (weights[0] * dense + weights[1] * lexical) / sum(weights)


def _standard(scores: NDArray[np.floating]) -> Scores:
    """Scores as standard deviations from their mean; all 0 where they are all alike."""
    spread = float(scores.std())
    return np.asarray(
        (scores - scores.mean()) / spread if spread > 1e-9 else scores * 0.0, np.float64
    )


def _lead(scores: Scores) -> float:
    """How far the best score stands above the mean of the next ones."""
    top = np.sort(scores)[::-1][: _NEXT + 1]
    return float(top[0] - top[1:].mean()) if len(top) > 1 else 0.0


def _share(wanted: set[str], text: str) -> float:
    return len(wanted.intersection(words(text))) / (len(wanted) or 1)
