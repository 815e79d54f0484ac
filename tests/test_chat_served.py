"""Served models over real HTTP: what is sent, each fault in our words, and hanging up."""

import json
import threading
import time

import pytest

from chat.models import choose
from chat.served import OllamaModel, OpenAIModel
from chat.turn import Message, Thought, Token
from corpus.errors import (
    ModelError,
    ModelFailed,
    ModelMissing,
    ModelOutOfMemory,
    ModelSilent,
    ModelUnreachable,
    RejoinderError,
    ReplyCut,
    ReplyGarbled,
)
from corpus.settings import Settings
from tests.fake_ollama import Handler, Play, saying, serving

ASKED = [Message("system", "S"), Message("user", "U")]


def heard(play: Play, settings: Settings, kind: str = "ollama") -> list[object]:
    with serving(play) as server:
        given = settings.model_copy(
            update={"ollama_host": server.address, "openai_url": f"http://{server.address}/v1"}
        )
        model = (OllamaModel if kind == "ollama" else OpenAIModel)("tiny:1b", given)
        return list(model.stream(ASKED))


def test_the_window_and_the_messages_are_sent_as_they_are(settings: Settings) -> None:
    with serving(saying("Hello", " there")) as server:
        given = settings.model_copy(update={"ollama_host": server.address})
        pieces = list(OllamaModel("tiny:1b", given).stream(ASKED))
    assert pieces == [Token("Hello"), Token(" there")]
    (body,) = server.requests
    assert body["options"]["num_ctx"] == 8192
    assert body["options"]["temperature"] is not None
    assert body["messages"] == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "U"},
    ]
    assert body["stream"] is True
    assert body["keep_alive"] == "30m"


def test_thinking_is_told_apart_however_it_is_sent(settings: Settings) -> None:
    def play(h: Handler) -> None:
        h.begin()
        h.say(thinking="field")
        for piece in ["<thi", "nk>inline</th", "ink>\n\nHello", " there"]:
            h.say(piece)
        h.say(done=True)
        h.end()

    pieces = heard(play, settings)
    said = "".join(p.text for p in pieces if isinstance(p, Token))
    thought = "".join(p.text for p in pieces if isinstance(p, Thought))
    assert (said, thought) == ("Hello there", "fieldinline")


def answered(value: object, status: int) -> Play:
    return lambda h: h.send(value, status)


def stream_error(h: Handler) -> None:
    h.begin()
    h.say("Hello")
    h.chunk(b'{"error": "llama runner process has terminated"}\n')
    h.end()


def cut(h: Handler) -> None:
    h.begin()
    h.say("Hello")
    h.hang_up()


def no_done(h: Handler) -> None:
    h.begin()
    h.say("Hello")
    h.end()


def not_json(h: Handler) -> None:
    h.begin()
    h.chunk(b"<html>login</html>\n")
    h.end()


def silent(h: Handler) -> None:
    h.wait_for_hang_up(3)


@pytest.mark.parametrize(
    ("play", "error", "said"),
    [
        (
            answered({"error": "model 'tiny:1b' not found"}, 404),
            ModelMissing,
            "ollama pull tiny:1b",
        ),
        (answered({"error": "boom"}, 500), ModelFailed, "failed 500: boom"),
        (
            answered({"error": "model requires more system memory"}, 500),
            ModelOutOfMemory,
            "smaller model",
        ),
        (stream_error, ModelFailed, "runner process has terminated"),
        (cut, ReplyCut, "broke off"),
        (no_done, ReplyCut, "broke off"),
        (not_json, ReplyGarbled, "not its protocol"),
        (silent, ModelSilent, "REJOINDER_TIMEOUT"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_fault_of_ollama_says_what_to_do(
    play: Play, error: type[ModelError], said: str, settings: Settings
) -> None:
    with pytest.raises(error, match=said):
        heard(play, settings.model_copy(update={"timeout": 0.5}))


def test_a_server_that_is_down_says_how_to_start_it(settings: Settings) -> None:
    model = OllamaModel("tiny:1b", settings.model_copy(update={"ollama_host": "127.0.0.1:9"}))
    with pytest.raises(ModelUnreachable, match="ollama serve"):
        list(model.stream(ASKED))


def openai_says(h: Handler) -> None:
    h.begin()
    for delta, reason in [
        ({"role": "assistant", "content": "Hi"}, None),
        ({"content": "!"}, "stop"),
    ]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        body = {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        h.chunk(f"data: {json.dumps(body)}\n\n".encode())
    h.chunk(b"data: [DONE]\n\n")
    h.end()


def test_an_openai_server_streams(settings: Settings) -> None:
    assert heard(openai_says, settings, "openai") == [Token("Hi"), Token("!")]


@pytest.mark.parametrize(
    ("play", "error", "said"),
    [
        (answered({"error": {"message": "no such model"}}, 404), ModelMissing, "openai:NAME"),
        (answered({"error": {"message": "boom"}}, 500), ModelFailed, "failed 500"),
        (lambda h: h.hang_up(), ReplyCut, "broke off"),
    ],
    ids=["missing", "500", "reset"],
)
def test_each_fault_of_an_openai_server_says_what_to_do(
    play: Play, error: type[ModelError], said: str, settings: Settings
) -> None:
    with pytest.raises(error, match=said):
        heard(play, settings, "openai")


def before_headers(h: Handler) -> None:
    h.wait_for_hang_up()


def between_tokens(h: Handler) -> None:
    h.begin()
    h.say("Hello")
    h.wait_for_hang_up()


@pytest.mark.parametrize("play", [before_headers, between_tokens])
def test_closing_reaches_the_server_within_a_second(play: Play, settings: Settings) -> None:
    with serving(play) as server:
        model = OllamaModel("tiny:1b", settings.model_copy(update={"ollama_host": server.address}))
        stream = model.stream(ASKED)

        def listen() -> None:
            with pytest.raises(ModelError, match=r"."):
                list(stream)

        thread = threading.Thread(target=listen)
        thread.start()
        while not server.requests:
            time.sleep(0.01)
        time.sleep(0.2)
        start = time.monotonic()
        stream.close()
        assert server.hung_up.wait(2)
        assert 0 < server.closed_at - start < 1
        thread.join(2)
        assert not thread.is_alive()


def test_auto_takes_the_first_model_that_can_chat(settings: Settings) -> None:
    with serving(saying("x"), ["nomic-embed-text", "tiny:1b", "big:8b"]) as server:
        given = settings.model_copy(update={"ollama_host": server.address, "model": "auto"})
        assert choose(given).model.name == "ollama:tiny:1b"


def test_auto_falls_back_to_the_stub_and_says_what_to_type(settings: Settings) -> None:
    down = choose(settings.model_copy(update={"ollama_host": "127.0.0.1:9", "model": "auto"}))
    assert down.model.name == "stub"
    assert "ollama serve" in down.notice
    with serving(saying("x"), []) as server:
        given = settings.model_copy(update={"ollama_host": server.address, "model": "auto"})
        bare = choose(given)
    assert bare.model.name == "stub"
    assert "ollama pull" in bare.notice


def test_auto_waits_no_longer_than_a_second_or_so(settings: Settings) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:  # accepts and never answers
        given = settings.model_copy(
            update={"ollama_host": f"127.0.0.1:{deaf.getsockname()[1]}", "model": "auto"}
        )
        start = time.monotonic()
        assert choose(given).model.name == "stub"
        assert time.monotonic() - start < 2


@pytest.mark.parametrize("name", ["gpt", "ollama:", "openai:x", "llama:x"])
def test_an_unknown_model_name_says_what_may_be_written(name: str, settings: Settings) -> None:
    with pytest.raises(RejoinderError, match=r"REJOINDER_(MODEL|OPENAI_URL)"):
        choose(settings, name)
