"""What a language model is to a discussion: something that streams the pieces of a reply."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from chat.turn import Message, Thought, Token

Piece = Token | Thought


class Stream(Protocol):
    """One reply on its way."""

    def __iter__(self) -> Iterator[Piece]:
        """The pieces as they come. Raises a `ModelError` where the reply cannot go on."""

    def close(self) -> None:
        """Break off at once, from any thread, even while a read is blocked."""


class Model(Protocol):
    """A language model that can chat."""

    name: str
    window: int  # tokens, prompt and reply together

    def stream(self, messages: Sequence[Message]) -> Stream:
        """A new reply to the messages; nothing is sent before it is iterated."""


def without_thinking(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces with a `<think>` block at the start of the reply told as thoughts."""
    held, inside, began = "", False, False
    for piece in pieces:
        if isinstance(piece, Thought) or (began and not inside):
            yield piece
            continue
        held += piece.text
        if not began:
            start = held.lstrip()
            if start.startswith("<think>"):
                held, inside, began = start.removeprefix("<think>"), True, True
            elif not "<think>".startswith(start):
                began = True
                yield Token(held)
                held = ""
        if inside:
            thought, closed, after = held.partition("</think>")
            if closed:
                inside, held = False, ""
                yield from [Thought(thought)] * bool(thought)
                yield from [Token(after.lstrip())] * bool(after.strip())
            elif keep := _overlap(held, "</think>"):
                yield from [Thought(held[:-keep])] * bool(held[:-keep])
                held = held[-keep:]
            else:
                yield Thought(held)
                held = ""
    if held:
        yield Thought(held) if inside else Token(held)


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    return next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)
