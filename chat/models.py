"""Which language model answers: chosen by name, each behind the same small interface."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat.turn import Message, Thought, Token
from corpus.errors import ModelError, RejoinderError
from corpus.settings import Settings

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


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that answers, and what the reader should know of how it came to be chosen."""

    model: Model
    notice: str = ""


def choose(settings: Settings, asked: str = "") -> Choice:
    """The model for `asked`, or for `REJOINDER_MODEL` where nothing is asked for.

    `auto` takes the first model of Ollama's that can chat, within a second, else the stub.
    Raises `RejoinderError` for a name of another form.
    """
    wanted = asked or settings.model
    kind, _, name = wanted.partition(":")
    if wanted == "auto":
        return _automatic(settings)
    if wanted == "stub":
        from chat.stub import Stub

        return Choice(Stub(settings.context))
    if kind == "ollama" and name:
        from chat.served import OllamaModel

        return Choice(OllamaModel(name, settings))
    if kind == "openai" and name:
        if not settings.openai_url:
            raise RejoinderError(
                f"{wanted!r} needs the server's address: set REJOINDER_OPENAI_URL, "
                "as in http://127.0.0.1:8000/v1."
            )
        from chat.served import OpenAIModel

        return Choice(OpenAIModel(name, settings))
    raise RejoinderError(
        f"There is no model {wanted!r}. Write auto, stub, ollama:NAME or openai:NAME "
        "(--model or REJOINDER_MODEL)."
    )


def _automatic(settings: Settings) -> Choice:
    from chat.served import OllamaModel, chat_models
    from chat.stub import Stub

    try:
        names = chat_models(settings)
    except ModelError as error:
        return Choice(Stub(settings.context), f"A stand-in answers, in the essay's own words. {error}")
    if names:
        return Choice(OllamaModel(names[0], settings))
    return Choice(
        Stub(settings.context),
        f"A stand-in answers, in the essay's own words: Ollama at {settings.ollama_host} has no "
        "model that can chat. Type: ollama pull llama3.2:3b",
    )


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
