"""What the tests share: the essay indexed once, stand-in models, a browser."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chat.model import Piece
from chat.turn import Message, Token
from corpus.embedding import SentenceEmbedder
from corpus.index import Index, collection_name
from corpus.settings import ESSAYS, Settings
from corpus.shelf import Shelf
from tests.get_browser import browser

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
CHROMIUM = browser()

for name in [n for n in os.environ if n.startswith(("REJOINDER_", "OLLAMA_"))]:
    del os.environ[name]


@pytest.fixture(scope="session")
def embedder() -> SentenceEmbedder:
    return SentenceEmbedder()


@pytest.fixture(scope="session")
def shelf(embedder: SentenceEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The essay, indexed."""
    home = tmp_path_factory.mktemp("home")
    shelf = Shelf(ESSAYS, Index(collection_name(embedder.name, "essay"), embedder, home=home))
    shelf.update()
    return shelf


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", model="stub")


class Letters:
    """An embedder in no time: counts of letters; a text's words are its tokens."""

    name = "letters"
    limit = 40

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def count(self, text: str) -> int:
        return len(re.findall(r"\S+", text)) + 2

    def encode(self, texts, progress=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        import numpy as np

        self.embedded += list(texts)
        rows = np.zeros((len(texts), 26), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for char in text.lower():
                if "a" <= char <= "z":
                    row[ord(char) - 97] += 1
            row[0] += 1e-3
        if progress:
            progress(len(texts))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def letters() -> Letters:
    return Letters()


class Scripted:
    """A model that says what it was told to, and remembers what it was asked."""

    name = "scripted"

    def __init__(self, *replies: str, window: int = 8192) -> None:
        self.window = window
        self.replies = list(replies)
        self.asked: list[list[Message]] = []

    def stream(self, messages: Sequence[Message]) -> "ScriptedStream":
        self.asked.append(list(messages))
        return ScriptedStream(self.replies.pop(0))


class ScriptedStream:
    def __init__(self, text: str) -> None:
        self.text = text
        self.closed = False

    def __iter__(self) -> Iterator[Piece]:
        for word in re.findall(r"\S+\s*", self.text):
            yield Token(word)

    def close(self) -> None:
        self.closed = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="no Chromium or Chrome"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if CHROMIUM is None:
        terminalreporter.write_line(
            "The browser tests did not run: no Chromium or Chrome was found, and none could be "
            "installed. Install one and run make test again."
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    if CHROMIUM is None and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
