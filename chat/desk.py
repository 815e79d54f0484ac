"""What a reader's actions do: each gives the parts of the page that change, by name.

It knows nothing of Gradio; `chat.page` lays these parts out.
"""

import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chat import reader, show
from chat.discussion import Room, reply
from chat.models import Choice, choose
from chat.reading import Entry
from chat.stance import Stance
from chat.stub import Stub
from chat.turn import Answered, Discussion, Found, Thought, Token, Waiting
from chat.verdict import Quote
from corpus.errors import PlaceUnknown, RejoinderError
from corpus.plain import plain
from corpus.post import Post
from corpus.settings import Settings
from corpus.shelf import Shelf

_LOOK_AGAIN = 3.0  # seconds between two looks for a real model
_FRAME = 0.08  # seconds between two pictures of a reply under way


@dataclass(frozen=True, slots=True)
class View:
    """What of the posts a page shows, apart from its discussion."""

    post: str  # slug of the post that is open
    scope: str = ""
    asked: str = ""  # the last question, for another try
    turn: int = 0  # the place of its reply among the turns


# Parts of the page by name: discussion, view, essay, turns, live, question, scope, busy.
Parts = dict[str, object]


class Desk:
    """All readers' pages of one process: they share the posts, the index and the model."""

    def __init__(self, shelf: Shelf, settings: Settings) -> None:
        self.shelf = shelf
        self.settings = settings
        self._stops: dict[str, threading.Event] = {}
        self._choice: Choice | None = None
        self._chosen_at = 0.0
        self._guard = threading.Lock()

    # -- what is there ---------------------------------------------------------------

    def begun(self) -> tuple[Discussion, View]:
        """A new discussion, with the first post open."""
        return Discussion(), View(self.shelf.library.posts[0].slug)

    def posts(self) -> list[tuple[str, str]]:
        """Title and slug of every post."""
        return [(post.title, post.slug) for post in self.shelf.library.posts]

    def index_beside(self) -> None:
        """Bring the index in step in a thread; on a shared server it is only read."""
        self.shelf.update_beside(write=not self.settings.chroma_url)

    def choice(self) -> Choice:
        """The model; a stand-in is looked past every few seconds, so that a server is noticed."""
        with self._guard:
            stands_in = self._choice is not None and isinstance(self._choice.model, Stub)
            stale = time.monotonic() - self._chosen_at > _LOOK_AGAIN
            if self._choice is None or (stands_in and stale and self.settings.model == "auto"):
                self._choice = choose(self.settings)
                self._chosen_at = time.monotonic()
            return self._choice

    def status(self) -> str:
        """The line about the model and the index."""
        try:
            model = self.choice().model
        except RejoinderError as error:
            return show.status("no model", 0, str(error))
        return show.status(model.name, model.window, self._index_line())

    def notice(self) -> str:
        """What the reader should know before asking, as HTML."""
        try:
            said = self.choice().notice
        except RejoinderError as error:
            said = str(error)
        return show.banner(said)

    def _index_line(self) -> str:
        done, total = self.shelf.progress
        if self.shelf.failure:
            return str(self.shelf.failure)
        if self.shelf.ready:
            posts = self.shelf.library.posts
            beside = ", another process is indexing" * self.shelf.busy
            return f"{len(posts)} post{'s' * (len(posts) != 1)} indexed{beside}"
        return f"indexing {done} of {total}" if total else "reading the posts"

    # -- what is shown ---------------------------------------------------------------

    def page(self, discussion: Discussion, view: View) -> Parts:
        """All parts of a page."""
        return {
            "discussion": discussion,
            "view": view,
            "essay": self.essay(discussion, view),
            "turns": self._turns(discussion, view),
            "live": "",
            "question": "",
            "scope": self._label(view.scope),
            "busy": False,
        }

    def essay(self, discussion: Discussion, view: View) -> str:
        """The open post, with the numbers that replies cited and the words that they quoted."""
        post = self._post(view)
        cited: dict[str, int] = {}
        lit: dict[str, list[str]] = {}
        for sentence in (s for turn in discussion.turns for s in turn.answer.sentences):
            for n in (*sentence.marked, *sentence.found):
                cited[discussion.reading.entry(n).id] = n
            for quote in sentence.quotes:
                entry = discussion.reading.entry(quote.n)
                if words := _quoted(post, entry, quote):
                    lit.setdefault(entry.id, []).append(words)
        return reader.article(post, cited, lit, view.scope)

    def _post(self, view: View) -> Post:
        posts = self.shelf.library.posts
        return next((post for post in posts if post.slug == view.post), posts[0])

    def _turns(self, discussion: Discussion, view: View) -> str:
        if discussion.turns:
            return show.turns(discussion)
        return show.welcome(reader.starters(self._post(view)))

    def _label(self, scope: str) -> str:
        if not scope:
            return ""
        try:
            first = self.shelf.library.within(scope)[0]
        except PlaceUnknown:  # it is gone from the posts since it was picked
            return scope
        post = self.shelf.library.post(scope)
        headings = post.headings(scope) if "#" in scope else (post.title,)
        return show.scope_label(scope, headings, first.text)

    # -- what is done ----------------------------------------------------------------

    def scoped(self, discussion: Discussion, view: View, scope: str) -> Parts:
        """The discussion goes on about a section or a passage; everything where it is empty."""
        if scope:
            self.shelf.library.within(scope)
        view = replace(view, scope=scope)
        return {
            "view": view,
            "essay": self.essay(discussion, view),
            "scope": self._label(scope),
        }

    def opened(self, discussion: Discussion, view: View, where: str) -> Parts:
        """Another post is read; the discussion stays."""
        view = replace(view, post=self.shelf.library.post(where).slug)
        parts: Parts = {"view": view, "essay": self.essay(discussion, view)}
        return parts if discussion.turns else {**parts, "turns": self._turns(discussion, view)}

    def retried(
        self, discussion: Discussion, view: View, stance: Stance, session: str
    ) -> Iterator[Parts]:
        """The last question again, in another stance if one was chosen."""
        base = discussion.up_to(view.turn)
        for parts in self.asked(base, view, view.asked, stance, session):
            if "live" in parts and parts.get("busy") is False and "discussion" not in parts:
                parts["turns"] = show.turns(discussion)  # no new reply: the old one stays
            yield parts

    def asked(
        self, discussion: Discussion, view: View, question: str, stance: Stance, session: str
    ) -> Iterator[Parts]:
        """A question and its reply, a picture at a time; the last one is the finished turn."""
        question = question.strip()
        with self._guard:
            if not question or session in self._stops:  # one at a time; what is typed stays
                return
            stop = self._stops[session] = threading.Event()
        if self.shelf.failure:
            self.index_beside()
        try:
            yield {
                "question": "",
                "view": replace(view, asked=question, turn=len(discussion.turns)),
                "turns": show.turns(discussion),
                "live": show.live(question, stance, "", "…"),
                "busy": True,
            }
            for done, total in self._waited(stop):
                state = f"Indexing {done} of {total} chunks first" if total else "Reading the posts"
                yield {"live": show.live(question, stance, "", state)}
            if stop.is_set():
                yield {"live": show.failed(question, stance, "Stopped."), "busy": False}
                return
            yield from self._replied(discussion, question, stance, view.scope, stop)
        except RejoinderError as error:
            yield {"live": show.failed(question, stance, str(error)), "busy": False}
        except Exception as error:
            said = f"Something broke that should not ({error!r}). Ask again; the log says more."
            traceback.print_exc()
            yield {"live": show.failed(question, stance, said), "busy": False}
        finally:
            stop.set()
            del self._stops[session]

    def _waited(self, stop: threading.Event) -> Iterator[tuple[int, int]]:
        while not self.shelf.ready and not stop.wait(0.2):
            if self.shelf.failure:
                raise self.shelf.failure
            yield self.shelf.progress

    def _replied(
        self,
        discussion: Discussion,
        question: str,
        stance: Stance,
        scope: str,
        stop: threading.Event,
    ) -> Iterator[Parts]:
        search = self.shelf.current()
        room = Room(search.library, search, self.choice().model, self.settings.timeout)
        text, thoughts, state, drawn = "", 0, "Searching", 0.0
        events = reply(discussion, question, stance, room=room, scope=scope, stopped=stop.is_set)
        try:
            for event in events:
                if isinstance(event, Found):
                    state = f"{room.model.name} reads"
                elif isinstance(event, Thought):
                    thoughts += len(event.text)
                    state = f"{room.model.name} thinks ({thoughts} characters)"
                elif isinstance(event, Token):
                    text, state = text + event.text, ""
                elif isinstance(event, Waiting) and not text:
                    state = f"{room.model.name} reads, {event.seconds:.0f} s"
                elif isinstance(event, Answered):
                    done = event.discussion
                    turns = show.turns(done)
                    yield {"discussion": done, "turns": turns, "live": "", "busy": False}
                    return
                if time.monotonic() - drawn > _FRAME:
                    drawn = time.monotonic()
                    yield {"live": show.live(question, stance, text, state)}
        finally:
            events.close()
        stopped = show.failed(question, stance, "Stopped before the first word.")
        yield {"live": stopped, "busy": False}

    def stop(self, session: str) -> None:
        """End the reply that is under way on a page, if there is one."""
        if found := self._stops.get(session):
            found.set()


def _quoted(post: Post, entry: Entry, quote: Quote) -> str:
    """The words of a quotation in the post as it is now, if its passage is still there."""
    for passage in post.within(entry.id):
        start = passage.start + quote.start - entry.start
        piece = post.source[start : start + quote.end - quote.start]
        return plain(
            piece, "paragraph" if passage.kind == "table" else passage.kind, passage.quotes
        )
    return ""
