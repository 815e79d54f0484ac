"""Models reached over HTTP, through LlamaIndex: Ollama, and servers that speak OpenAI's API.

Every failure is translated here, inside the stream too, and every stream can be closed
while a read is blocked: the transport knows the socket and shuts it down.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from chat.model import Piece, without_thinking
from chat.turn import Message, Thought, Token
from corpus.errors import (
    ModelError,
    ModelFailed,
    ModelMissing,
    ModelOutOfMemory,
    ModelSilent,
    ModelUnreachable,
    ReplyCut,
    ReplyGarbled,
)
from corpus.settings import Settings

_CONNECT = 5.0  # seconds to reach a server
_LOOK = 1.0  # seconds to ask it what it has
_TEMPERATURE = 0.6
_KEEP_ALIVE = "30m"  # a reader thinks; the model should still be there


class OllamaModel:
    """A model of an Ollama server, with an explicit window (`num_ctx`)."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = f"ollama:{name}"
        self.window = settings.context
        self._model = name
        self._settings = settings

    def stream(self, messages: Sequence[Message]) -> "ServedStream":
        """A new reply to the messages; nothing is sent before it is iterated."""

        def llm(transport: ClosableTransport) -> Any:
            from llama_index.llms.ollama import Ollama

            timeout = _timeout(self._settings)
            client = _client(self._settings, transport=transport, timeout=timeout)
            return Ollama(
                model=self._model,
                client=client,
                context_window=self.window,
                temperature=_TEMPERATURE,
                keep_alive=_KEEP_ALIVE,
            )

        return ServedStream(
            llm, messages, _Where(self._model, self._settings.ollama_host, "ollama")
        )


class OpenAIModel:
    """A model of a server that speaks OpenAI's chat API: vLLM, llama.cpp, LM Studio."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = f"openai:{name}"
        self.window = settings.context
        self._model = name
        self._settings = settings

    def stream(self, messages: Sequence[Message]) -> "ServedStream":
        """A new reply to the messages; nothing is sent before it is iterated."""

        def llm(transport: ClosableTransport) -> Any:
            from llama_index.llms.openai_like import OpenAILike

            timeout = _timeout(self._settings)
            return OpenAILike(
                model=self._model,
                api_base=self._settings.openai_url,
                api_key=self._settings.openai_key,
                is_chat_model=True,
                context_window=self.window,
                temperature=_TEMPERATURE,
                max_retries=0,
                timeout=self._settings.timeout,
                http_client=httpx.Client(transport=transport, timeout=timeout, trust_env=False),
            )

        return ServedStream(llm, messages, _Where(self._model, self._settings.openai_url, "openai"))


def _client(settings: Settings, **given: Any) -> Any:
    """Ollama's own client for the address that is set."""
    import ollama

    try:
        return ollama.Client(settings.ollama_host, trust_env=False, **given)
    except (ValueError, httpx.InvalidURL) as error:
        raise ModelUnreachable(
            f"OLLAMA_HOST is {settings.ollama_host!r}: write it as HOST:PORT or http://HOST:PORT."
        ) from error


def first_chat_model(settings: Settings) -> str:
    """The first of Ollama's models that can chat, in the server's order; "" if there is none.

    Raises `ModelUnreachable` where nothing answers within a second.
    """
    where = _Where("", settings.ollama_host, "ollama")
    with (
        _translated(where),
        _client(settings, timeout=_LOOK) as client,
    ):
        until = time.monotonic() + _LOOK
        names = [model.model for model in client.list().models if model.model]
        return next((name for name in names if _can_chat(client, name, until)), "")


def _can_chat(client: Any, name: str, until: float) -> bool:
    """Whether a model's own description says so; older servers have none, then its name."""
    import ollama

    said = None
    if time.monotonic() < until:
        with suppress(ollama.ResponseError, httpx.TimeoutException):  # its name has to do
            said = client.show(name).capabilities
    return "completion" in said if said else "embed" not in name


# -- a stream ------------------------------------------------------------------------


class ClosableTransport(httpx.HTTPTransport):
    """A transport whose connections can be cut from another thread.

    Closing a response cannot interrupt a read that is blocked; shutting the socket can.
    """

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._cut = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx does, but keeps hold of the connection's socket."""
        request.extensions["trace"] = self._trace
        return super().handle_request(request)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            with self._guard:
                self._sockets.append(info["return_value"].get_extra_info("socket"))
                if self._cut:
                    self._shut()

    def cut(self) -> None:
        """Shut every connection down, those still being made included."""
        with self._guard:
            self._cut = True
            self._shut()

    def _shut(self) -> None:
        for connection in self._sockets:
            with suppress(OSError):  # it is down already
                connection.shutdown(socket.SHUT_RDWR)


class ServedStream:
    """One reply of a served model; see `chat.model.Stream`."""

    def __init__(
        self, llm: Callable[[ClosableTransport], Any], messages: Sequence[Message], where: "_Where"
    ) -> None:
        self._llm = llm
        self._messages = messages
        self._where = where
        self._transport = ClosableTransport()

    def __iter__(self) -> Iterator[Piece]:
        return without_thinking(self._pieces())

    def _pieces(self) -> Iterator[Piece]:
        from llama_index.core.llms import ChatMessage

        ended = False
        try:
            with _translated(self._where):
                sent = [ChatMessage(role=m.role, content=m.content) for m in self._messages]
                for part in self._llm(self._transport).stream_chat(sent):
                    ended = ended or _ended(part.raw)
                    if thought := part.additional_kwargs.get("thinking_delta"):
                        yield Thought(thought)
                    if part.delta:
                        yield Token(part.delta)
        finally:
            self._transport.close()
        if not ended:
            raise ReplyCut(f"{self._where.server} broke off before the reply was whole. Ask again.")

    def close(self) -> None:
        """Break off at once, from any thread, even while a read is blocked."""
        self._transport.cut()


def _ended(raw: Any) -> bool:
    """Whether the server itself said that the reply is whole."""
    if isinstance(raw, dict):
        return bool(raw.get("done"))
    choices = getattr(raw, "choices", None) or []
    return any(getattr(choice, "finish_reason", None) for choice in choices)


def _timeout(settings: Settings) -> httpx.Timeout:
    return httpx.Timeout(settings.timeout, connect=_CONNECT)


# -- failures ------------------------------------------------------------------------


class _Where:
    """The server and the model, for messages: what to type next depends on both."""

    def __init__(self, model: str, address: str, kind: str) -> None:
        self.model = model
        self.server = f"{'Ollama' if kind == 'ollama' else 'The model server'} at {address}"
        self.start = (
            "Start it with: ollama serve (or install it from ollama.com), then: ollama pull llama3.2:3b"
            if kind == "ollama"
            else "Start it, or set REJOINDER_OPENAI_URL to its address."
        )
        self.get = (
            f"Type: ollama pull {model}"
            if kind == "ollama"
            else "Set REJOINDER_MODEL=openai:NAME to one that it serves."
        )


@contextmanager
def _translated(where: _Where) -> Iterator[None]:
    """Every failure of the libraries below as one of ours, with what to do."""
    import ollama
    import openai

    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise ModelUnreachable(
            f"{where.server} cannot be: write it as http://HOST:PORT."
        ) from error
    except (httpx.ConnectError, httpx.ConnectTimeout, ConnectionError) as error:
        raise ModelUnreachable(f"{where.server} does not answer. {where.start}") from error
    except (httpx.TimeoutException, openai.APITimeoutError) as error:
        raise _silent(where) from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise ReplyCut(
            f"{where.server} broke off before the reply was whole. Ask again."
        ) from error
    except ollama.ResponseError as error:
        raise _answered(where, error.status_code, error.error) from error
    except openai.APIConnectionError as error:
        cause = error.__cause__
        if isinstance(cause, httpx.UnsupportedProtocol):
            raise ModelUnreachable(
                f"{where.server} cannot be: write it as http://HOST:PORT."
            ) from error
        if isinstance(cause, (httpx.ConnectError, httpx.ConnectTimeout)):
            raise ModelUnreachable(f"{where.server} does not answer. {where.start}") from error
        raise ReplyCut(
            f"{where.server} broke off before the reply was whole. Ask again."
        ) from error
    except openai.APIStatusError as error:
        raise _answered(where, error.status_code, error.message) from error
    except openai.APIError as error:
        raise _answered(where, -1, error.message) from error
    except (json.JSONDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReplyGarbled(
            f"{where.server} answered with something that is not its protocol "
            f"({type(error).__name__}). Look whether another program listens there, or update it."
        ) from error


def _silent(where: _Where) -> ModelSilent:
    return ModelSilent(
        f"{where.server} sent nothing for too long. Ask again, take a smaller model, "
        "or set REJOINDER_TIMEOUT higher."
    )


def _answered(where: _Where, status: int, message: str) -> ModelError:
    """The error that a server's own answer stands for."""
    said = " ".join(str(message).split())[:200]
    low = said.lower()
    if status == httpx.codes.NOT_FOUND or ("not found" in low and "model" in low):
        return ModelMissing(f"{where.server} has no model {where.model!r}. {where.get}")
    if "memory" in low:
        return ModelOutOfMemory(
            f"{where.model} does not fit into memory ({said}). Take a smaller model, "
            "or set REJOINDER_CONTEXT lower."
        )
    number = f" {status}" if status > 0 else ""
    return ModelFailed(
        f"{where.server} failed{number}: {said or 'no reason given'}. Ask again, or look at its log."
    )
