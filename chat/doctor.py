"""What is there, what is missing, and what to type."""

import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from chat.models import choose
from chat.stub import Stub
from corpus.embedding import DEFAULT, carried_model, check_weights
from corpus.errors import RejoinderError
from corpus.read import read_folder
from corpus.settings import Settings

_LIBRARIES = ("gradio", "llama-index-core", "chromadb", "sentence-transformers", "torch", "ollama")
_ROOM = 500  # MB of disk that an index of a large blog and its writing want


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `ok` is false where `mend` says what to type."""

    what: str
    ok: bool
    said: str
    mend: str = ""

    def as_json(self) -> dict[str, object]:
        """The finding as the command prints it."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Looks at each thing that the program needs; nothing is changed."""
    return [
        Finding("python", True, platform.python_version()),
        *(_library(name) for name in _LIBRARIES),
        _posts(settings),
        _embedder(settings),
        _home(settings),
        _model(settings),
    ]


def _library(name: str) -> Finding:
    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(
            name, False, "missing", "Type: make run, or pip install -c constraints.txt ."
        )


def _posts(settings: Settings) -> Finding:
    try:
        library = read_folder(settings.posts)
    except RejoinderError as error:
        return Finding("posts", False, str(settings.posts), str(error))
    passages = sum(1 for _ in library.passages())
    return Finding(
        "posts", True, f"{len(library.posts)} posts, {passages} passages in {settings.posts}"
    )


def _embedder(settings: Settings) -> Finding:
    if settings.embedder != DEFAULT:
        there = Path(settings.embedder).is_dir()
        return Finding("embedder", True, settings.embedder + ("" if there else " (by name)"))
    try:
        check_weights(carried_model())
    except RejoinderError as error:
        return Finding("embedder", False, settings.embedder, str(error))
    return Finding("embedder", True, f"{DEFAULT}, weights as published")


def _home(settings: Settings) -> Finding:
    home = next(
        folder for folder in (settings.home, *settings.home.absolute().parents) if folder.exists()
    )
    free = shutil.disk_usage(home).free // 1_000_000
    said = f"{settings.home}, {free} MB free"
    return Finding(
        "index",
        free >= _ROOM,
        said,
        "" if free >= _ROOM else "Free some room, or set REJOINDER_HOME.",
    )


def _model(settings: Settings) -> Finding:
    try:
        choice = choose(settings)
    except RejoinderError as error:
        return Finding("model", False, settings.model, str(error))
    real = not isinstance(choice.model, Stub)
    mend = (
        ""
        if real
        else choice.notice or "The stub was asked for: unset REJOINDER_MODEL for a real model."
    )
    return Finding("model", real, f"{choice.model.name}, {choice.model.window} tokens", mend)
