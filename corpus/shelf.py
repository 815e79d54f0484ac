"""The posts, their index and the search over both, joined once and kept in step."""

import threading
from pathlib import Path

from corpus.embedding import Embedder
from corpus.errors import RejoinderError, StoreFailed
from corpus.index import Index, Progress, Report
from corpus.post import Library
from corpus.read import read_folder
from corpus.search import Hit, Query, Search


class Shelf:
    """A folder of posts that can be read at once, and searched as soon as it is indexed.

    Safe to use from several threads. `library` is replaced as a whole when posts changed.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self._folder = folder
        self._index = index
        self._guard = threading.Lock()
        self._search: Search | None = None
        self._ready = threading.Event()
        self.library: Library = read_folder(folder)
        self.progress: tuple[int, int] = (0, 0)  # chunks done, chunks new, of the run under way
        self.failure: RejoinderError | None = None
        self.busy = False  # whether another process was indexing when this one wanted to

    @property
    def embedder(self) -> Embedder:
        """The embedder of the index."""
        return self._index.embedder

    @property
    def ready(self) -> bool:
        """Whether a search can be answered now."""
        return self._ready.is_set()

    def update(
        self, progress: Progress | None = None, *, wait: bool = False, write: bool = True
    ) -> Report:
        """Read the folder again and bring the index in step with it.

        Without `write` the index is only read. Raises what reading and indexing raise.
        """
        self.library = read_folder(self._folder)

        def told(done: int, total: int) -> None:
            self.progress = (done, total)
            if progress:
                progress(done, total)

        if write:
            report = self._index.sync(self.library, told, wait=wait)
        else:
            posts, passages = self.library.posts, sum(1 for _ in self.library.passages())
            report = Report(len(posts), passages, len(self._index.read().ids), 0, 0, 0.0)
        self.current()
        self._ready.set()
        return report

    def update_beside(self, *, write: bool = True) -> threading.Thread:
        """`update` in a thread of its own; what it raises is kept in `failure`."""
        self.failure = None

        def run() -> None:
            try:
                self.busy = self.update(write=write).busy
                if self.busy:  # what is there can be searched; ours is added when the other is done
                    self.update(write=write, wait=True)
                    self.busy = False
                self.embedder.encode(["warm"])
            except RejoinderError as error:
                self.failure = error
            except Exception as error:
                self.failure = StoreFailed(f"Indexing broke off ({error!r}). Ask again to retry.")

        thread = threading.Thread(target=run, name="index", daemon=True)
        thread.start()
        return thread

    def search(self, query: Query, scope: str = "", k: int = 8) -> list[Hit]:
        """The `k` best hits within a scope; what another process indexed since is found."""
        return self.current()(query, scope, k)

    def current(self) -> Search:
        """The search as of now, with the posts that it speaks of as its `library`."""
        stored = self._index.read()
        with self._guard:
            search = self._search
            if search is None or search.stored is not stored or search.library is not self.library:
                if search and search.stored is not stored:
                    self.library = read_folder(self._folder)
                search = self._search = Search(stored, self.library, self._index.embedder)
            return search
