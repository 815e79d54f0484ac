"""Files of questions and of replies, read and measured: what `eval` and `check` do."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chat.followup import Exchange, resolve
from chat.verdict import judge
from corpus.errors import InputUnreadable
from corpus.plain import fold
from corpus.post import Library
from corpus.search import Hit, Searcher

_DEEP = 10  # hits looked at for each question


@dataclass(frozen=True, slots=True)
class Question:
    """A question of an evaluation file, with what counts as a right hit."""

    id: str
    text: str
    history: tuple[Exchange, ...]
    scope: str
    answers: tuple[str, ...]  # verbatim, white space folded
    relevant: tuple[str, ...]  # slugs and section ids


def records(file: Path, needed: Sequence[str]) -> Iterator[dict[str, object]]:
    """The JSON objects of a file, one a line. Raises `InputUnreadable` naming the line."""
    try:
        lines = file.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputUnreadable(f"{str(file)!r} cannot be read: {error}.") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield record(line, needed, f"{file}, line {number}")


def record(line: str, needed: Sequence[str], where: str) -> dict[str, object]:
    """One line as a JSON object with the fields that are needed."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputUnreadable(f"{where}: not JSON ({error}).") from error
    missing = [name for name in needed if not isinstance(value, dict) or name not in value]
    if missing:
        raise InputUnreadable(
            f"{where}: an object with {', '.join(needed)} is wanted; no {missing[0]!r}."
        )
    return dict(value)


def questions(file: Path) -> list[Question]:
    """The questions of an evaluation file. Raises `InputUnreadable` naming the line."""
    found = []
    for number, row in enumerate(records(file, ["id", "question"]), 1):
        where = f"{file}, question {number}"
        answers, relevant = (_texts(row.get(name), name, where) for name in ("answers", "relevant"))
        if not answers and not relevant:
            raise InputUnreadable(
                f"{where}: neither answers nor relevant says what a right hit is."
            )
        found.append(
            Question(
                id=str(row["id"]),
                text=str(row["question"]),
                history=exchanges(row.get("history"), where),
                scope=str(row.get("scope") or ""),
                answers=tuple(folded for text in answers if (folded := fold(text))),
                relevant=relevant,
            )
        )
    if not found:
        raise InputUnreadable(f"{str(file)!r} holds no questions.")
    return found


def exchanges(history: object, where: str) -> tuple[Exchange, ...]:
    """A list of messages with roles as questions with their replies."""
    pairs: list[Exchange] = []
    for message in history if isinstance(history, list) else []:
        if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
            raise InputUnreadable(f"{where}: each message of a history has a role and a content.")
        content = str(message["content"])
        if message["role"] == "user":
            pairs.append((content, ""))
        elif pairs:
            pairs[-1] = (pairs[-1][0], content)
    return tuple(pairs)


def evaluate(asked: Sequence[Question], search: Searcher, library: Library) -> dict[str, float]:
    """Shares of questions with a right hit among the first 1, 5, 10; MRR@10; milliseconds."""
    ranks: list[int | None] = []
    took: list[float] = []
    for question in asked:
        start = time.perf_counter()
        hits = search(resolve(question.text, question.history), question.scope, _DEEP)
        took.append((time.perf_counter() - start) * 1000)
        ranks.append(
            next((i for i, hit in enumerate(hits) if is_right(hit, question, library)), None)
        )
    within = {k: sum(r is not None and r < k for r in ranks) / len(ranks) for k in (1, 5, 10)}
    return {
        "questions": len(ranks),
        **{f"hit@{k}": round(share, 4) for k, share in within.items()},
        "mrr@10": round(sum(1 / (r + 1) for r in ranks if r is not None) / len(ranks), 4),
        "p50_ms": round(float(np.percentile(took, 50)), 1),
        "p95_ms": round(float(np.percentile(took, 95)), 1),
    }


def is_right(hit: Hit, question: Question, library: Library) -> bool:
    """Whether a hit's text holds one of the answers, or it lies in a relevant place."""
    text = fold(hit.text)
    if any(answer in text for answer in question.answers):
        return True
    post = library.post(hit.post)
    inside = {hit.post}
    for id_ in hit.passages:
        if found := library.find(id_):
            section = found[1].section
            inside |= {section, *next(s.parents for s in post.sections if s.id == section)}
    return not inside.isdisjoint(question.relevant)


def check(row: dict[str, object]) -> dict[str, object]:
    """The verdicts on one given reply, as the command prints them."""
    where = f"reply {row['id']}"
    passages = dict(enumerate(_texts(row["passages"], "passages", where), 1))
    sentences = judge(str(row["reply"]), passages)
    scores = [sentence.score for sentence in sentences]
    return {
        "id": row["id"],
        "sentences": [sentence.as_json() for sentence in sentences],
        "score": round(min(scores, default=0.0), 3),
    }


def _texts(value: object, name: str, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise InputUnreadable(f"{where}: {name} is a list of texts.")
    return tuple(value)
