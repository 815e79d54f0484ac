"""Chunks in Chroma, kept in step with the posts. It holds ids, vectors and embedded text.

One process writes a collection at a time, under a lock file. Each write that ends moves a
generation number in the collection's metadata; a reader compares it before each search.
"""

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import numpy as np
from filelock import FileLock, Timeout

from corpus.embedding import Embedder, Vectors
from corpus.errors import StoreFailed
from corpus.post import Library
from corpus.split import VERSION, split

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

_BATCH = 128  # chunks embedded and written at a time: what a kill can cost


@dataclass(frozen=True, slots=True)
class Report:
    """What bringing the index in step did; `busy` where another process held the lock."""

    posts: int
    passages: int
    chunks: int
    added: int
    deleted: int
    seconds: float
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """All of a collection as of one generation: row i of `vectors` is chunk `ids[i]`."""

    generation: int
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    passages: tuple[tuple[str, ...], ...]  # ids of each chunk's passages
    vectors: Vectors  # shape (chunks, dimensions), rows of length 1


class Progress(Protocol):
    """Told how far the embedding is."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` new chunks are in the index."""


def collection_name(embedder: str, corpus: str) -> str:
    """A name of its own for each embedder, way of cutting chunks, and folder or corpus name."""
    key = "\n".join([embedder, str(VERSION), corpus])
    return f"rejoinder-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


class Index:
    """The collection `name`, in the folder `home` or on the Chroma server at `url`.

    Raises `StoreFailed` from every method where the store cannot be used.
    """

    def __init__(self, name: str, embedder: Embedder, *, home: Path, url: str = "") -> None:
        self.name = name
        self.embedder = embedder
        self._home = home
        self._url = url
        self._guard = threading.RLock()
        self._client: ClientAPI | None = None
        self._stored: Stored | None = None

    # -- writing ---------------------------------------------------------------------

    def sync(
        self, library: Library, progress: Progress | None = None, *, wait: bool = False
    ) -> Report:
        """Embed what is new, then drop what is gone; nothing is written where nothing changed.

        A run that was killed is finished by the next: what it wrote is kept. With another
        writer at work this returns at once, or after it with `wait`.
        """
        began = time.monotonic()
        nodes = {
            node.id_: node
            for post in library.posts
            for node in split(post, self.embedder.count, self.embedder.limit)
        }
        counts = (len(library.posts), sum(1 for _ in library.passages()), len(nodes))
        try:
            with self._writing(wait), self._guard, _translated(self._where):
                collection = self._collection()
                state = dict(collection.metadata or {})
                there = set(collection.get(include=[])["ids"])
                if state.get("writing"):  # a run was killed: what it left half-written goes
                    there -= self._broken(collection, sorted(there))
                new = [node for id_, node in nodes.items() if id_ not in there]
                gone = sorted(there - nodes.keys())
                if new or gone or state.get("writing"):
                    generation = int(state.get("generation", 0))
                    collection.modify(metadata={"generation": generation, "writing": True})
                    self._add(collection, new, progress)
                    for at in range(0, len(gone), _BATCH):
                        collection.delete(ids=gone[at : at + _BATCH])
                    collection.modify(metadata={"generation": generation + 1, "writing": False})
        except Timeout:
            return Report(*counts, 0, 0, time.monotonic() - began, busy=True)
        return Report(*counts, len(new), len(gone), time.monotonic() - began)

    def _add(self, collection: "Collection", new: Sequence[Any], progress: Progress | None) -> None:
        order = sorted(new, key=lambda node: len(node.text))  # batches of like length
        done = 0
        for at in range(0, len(order), _BATCH):
            batch = order[at : at + _BATCH]

            def step(count: int, base: int = done) -> None:
                nonlocal done
                done += count
                if progress:
                    progress(done, len(order))

            vectors = self.embedder.encode([node.text for node in batch], step)
            collection.upsert(
                ids=[node.id_ for node in batch],
                embeddings=vectors,
                documents=[node.text for node in batch],
                metadatas=[node.metadata for node in batch],
            )

    def _broken(self, collection: "Collection", ids: Sequence[str]) -> set[str]:
        """The ids whose vectors cannot be read; they are deleted."""
        from chromadb.errors import ChromaError

        if not ids:
            return set()
        try:
            found = collection.get(ids=list(ids), include=["embeddings"])
            bad = set(ids) - set(found["ids"])
        except ChromaError:
            middle = len(ids) // 2
            if middle:
                return self._broken(collection, ids[:middle]) | self._broken(
                    collection, ids[middle:]
                )
            bad = set(ids)
        if bad:
            collection.delete(ids=sorted(bad))
        return bad

    @contextmanager
    def _writing(self, wait: bool) -> Iterator[None]:
        with _translated(self._where):
            self._home.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._home / f"{self.name}.lock", timeout=-1 if wait else 0)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    # -- reading ---------------------------------------------------------------------

    def read(self) -> Stored:
        """What the collection holds now, read again only when its generation moved."""
        with self._guard, _translated(self._where):
            generation = self._generation()
            if self._stored is None or self._stored.generation != generation:
                self._stored = self._read_all()
            return self._stored

    def _generation(self) -> int:
        return int((self._collection().metadata or {}).get("generation", 0))

    def _read_all(self) -> Stored:
        """Subtle: an open client goes on with its old vectors when another process writes."""
        from chromadb.errors import ChromaError

        for patience in (0.1, 0.4, 1.0, 0.0):
            self.close()
            try:
                collection = self._collection()
                generation = int((collection.metadata or {}).get("generation", 0))
                found = collection.get(include=["embeddings", "documents", "metadatas"])
                break
            except ChromaError:  # another process is in the middle of a write
                if not patience:
                    raise
                time.sleep(patience)
        metadatas = found["metadatas"] or []
        vectors = np.asarray(found["embeddings"], np.float32)
        return Stored(
            generation=generation,
            ids=tuple(found["ids"]),
            texts=tuple(found["documents"] or []),
            passages=tuple(
                tuple(f"{meta['post']}@{tail}" for tail in str(meta["passages"]).split())
                for meta in metadatas
            ),
            vectors=vectors if len(vectors) else np.zeros((0, 0), np.float32),
        )

    # -- the store -------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return self._url or str(self._home)

    def _collection(self) -> "Collection":
        """The collection as it is now: its metadata is read anew each time."""
        if self._client is None:
            self._client = _open(self._home, self._url)
        return self._client.get_or_create_collection(
            self.name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def close(self) -> None:
        """Let go of the store; the next call opens it again."""
        from chromadb.api.shared_system_client import SharedSystemClient

        with self._guard:
            if self._client is not None:
                self._client.close()  # type: ignore[attr-defined]
                SharedSystemClient.clear_system_cache()
            self._client = None


def _open(home: Path, url: str) -> "ClientAPI":
    import chromadb
    from chromadb.config import Settings

    quiet = Settings(anonymized_telemetry=False)
    if not url:
        return chromadb.PersistentClient(str(home / "chroma"), settings=quiet)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StoreFailed(f"REJOINDER_CHROMA_URL is {url!r}: write it as http://HOST:PORT.")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 8000)
    return chromadb.HttpClient(parts.hostname, port, ssl=secure, settings=quiet)


@contextmanager
def _translated(where: str) -> Iterator[None]:
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, httpx.HTTPError, OSError, ValueError) as error:
        if isinstance(error, Timeout):
            raise
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        mend = (
            "Look whether the server runs, or unset REJOINDER_CHROMA_URL."
            if where.startswith("http")
            else "Look whether it can be written to and the disk has room, or name another place "
            "with REJOINDER_HOME."
        )
        raise StoreFailed(f"The index in {where!r} cannot be used: {first} {mend}") from error
