"""Everything → the exact messages, within the model's window. They only grow at the end.

What was sent at turn n, with its reply, is a prefix of what is sent at turn n + 1, so
that the server's cache is reused. When the window is full, the oldest turns go, down to
half of it in one step; what a question is pointed to never goes with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chat.reading import Entry
from chat.stance import Stance
from chat.tokens import estimate, estimate_messages
from chat.turn import Discussion, Message, Turn
from corpus.errors import QuestionTooLong
from prompts.template import render

REPLY_SHARE = 0.2  # of the window, kept free for the reply
READ_WHOLE = 0.4  # of the window: a post that takes no more is read whole


@dataclass(frozen=True, slots=True)
class Ask:
    """What a turn wants said.

    The model has to have the text of the `wanted` passages, in order of their worth, and
    is told the `pointed` numbers, best first.
    """

    question: str
    stance: Stance
    wanted: tuple[Entry, ...]
    pointed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages of one request, and what was left out of them."""

    messages: tuple[Message, ...]
    given: frozenset[int]  # numbers whose text is in the last message
    sent_from: int  # the first turn that is still sent
    notices: tuple[str, ...]
    tokens: int  # estimated, without the reply


def compose(
    discussion: Discussion, ask: Ask, window: int, fallback: Sequence[Entry] = ()
) -> Prompt:
    """The messages for a question, at most `window` tokens with the reply's share.

    `fallback` is wanted instead where a post to be read whole does not fit any more.
    Raises `QuestionTooLong` where the question alone does not fit.
    """
    room = window - int(window * REPLY_SHARE)
    prompt = _composed(discussion, ask, discussion.sent_from)
    if prompt.tokens <= room:
        return prompt
    start = discussion.sent_from
    while start < len(discussion.turns) and prompt.tokens > window // 2:
        start += 1
        prompt = _composed(discussion, ask, start)
    gone = start - discussion.sent_from
    notices: tuple[str, ...] = (_left_out(start),) if gone else ()
    if prompt.tokens > room and fallback:
        ask = replace(ask, wanted=tuple(fallback))
        prompt = _composed(discussion, ask, start)
    kept = list(ask.wanted)
    while prompt.tokens > room and kept:
        kept.pop()
        numbers = tuple(n for n in ask.pointed if n in {entry.n for entry in kept})
        prompt = _composed(discussion, replace(ask, wanted=tuple(kept), pointed=numbers), start)
    if dropped := len(ask.wanted) - len(kept):
        notices += (
            f"{dropped} of the {len(ask.wanted)} passages found did not fit into the model's window "
            f"of {window} tokens and were left out, the least relevant first.",
        )
    if prompt.tokens > room:
        raise _too_long(ask.question, window)
    return replace(prompt, notices=notices)


def check_fits(question: str, window: int) -> None:
    """Raises `QuestionTooLong` for a question that no window of this size can take."""
    if estimate(question) > window:
        raise _too_long(question, window)


def _too_long(question: str, window: int) -> QuestionTooLong:
    return QuestionTooLong(
        f"The question takes about {estimate(question)} tokens and the model's window has "
        f"{window}. Shorten it, or set REJOINDER_CONTEXT higher if the model allows it."
    )


def _left_out(turns: int) -> str:
    what = "first turn" if turns == 1 else f"first {turns} turns"
    return f"The model's window is full: the {what} of this discussion are no longer sent to it."


def _composed(discussion: Discussion, ask: Ask, start: int) -> Prompt:
    """The messages from turn `start` on, with the text of what is wanted and not in them."""
    turns = discussion.turns[start:]
    there = frozenset[int]().union(*(turn.given for turn in turns))
    fresh = [entry for entry in ask.wanted if entry.n not in there]
    prompt = _user_message(ask, fresh)
    messages = [Message("system", render("system")), *_sent(turns), Message("user", prompt)]
    return Prompt(
        messages=tuple(messages),
        given=frozenset(entry.n for entry in fresh),
        sent_from=start,
        notices=(),
        tokens=estimate_messages(m.content for m in messages),
    )


def _sent(turns: Sequence[Turn]) -> list[Message]:
    return [
        message
        for turn in turns
        for message in (Message("user", turn.prompt), Message("assistant", turn.answer.raw))
    ]


def _user_message(ask: Ask, fresh: Sequence[Entry]) -> str:
    listed = "\n\n".join(passage_text(entry) for entry in sorted(fresh, key=lambda e: e.n))
    pointer = ", ".join(f"[{n}]" for n in ask.pointed)
    return render(
        "turn",
        passages=render("passages", passages=listed) + "\n\n" if fresh else "",
        pointer=f"Look first at {pointer}.\n"
        if pointer
        else "No passage bears on this question.\n",
        question=ask.question,
        stance=ask.stance.instruction,
    )


def passage_text(entry: Entry) -> str:
    """A passage as the model reads it: its number and headings, then its text on one line."""
    return f"[{entry.n}] {' › '.join(entry.section)}".rstrip() + f"\n{entry.text}"
