"""Which language model answers, by its name or by what is there."""

from dataclasses import dataclass

from chat.model import Model
from chat.served import OllamaModel, OpenAIModel, first_chat_model
from chat.stub import Stub
from corpus.errors import ModelError, RejoinderError
from corpus.settings import Settings


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
        return Choice(Stub(settings.context))
    if kind == "ollama" and name:
        return Choice(OllamaModel(name, settings))
    if kind == "openai" and name:
        if not settings.openai_url:
            raise RejoinderError(
                f"{wanted!r} needs the server's address: set REJOINDER_OPENAI_URL, "
                "as in http://127.0.0.1:8000/v1."
            )
        return Choice(OpenAIModel(name, settings))
    raise RejoinderError(
        f"There is no model {wanted!r}. Write auto, stub, ollama:NAME or openai:NAME "
        "(--model or REJOINDER_MODEL)."
    )


def _automatic(settings: Settings) -> Choice:
    try:
        name = first_chat_model(settings)
    except ModelError as error:
        return Choice(
            Stub(settings.context), f"A stand-in answers, in the essay's own words. {error}"
        )
    if name:
        return Choice(OllamaModel(name, settings))
    return Choice(
        Stub(settings.context),
        f"A stand-in answers, in the essay's own words: Ollama at {settings.ollama_host} has no "
        "model that can chat. Type: ollama pull llama3.2:3b",
    )
