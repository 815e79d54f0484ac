"""What a reader's actions do: each gives the parts of the page that change, by name.

It knows nothing of Gradio; `chat.page` lays these parts out.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chat import reader, show
from chat.discussion import Room, reply
from chat.models import Choice, choose
from chat.stance import Stance
from chat.stub import Stub
from chat.turn import Answered, Discussion, Found, Thought, Token
from corpus.errors import RejoinderError
from corpus.post import Post, slug_of
from corpus.settings import Settings
from corpus.shelf import Shelf

_FRAME = 0.08  # seconds between two pictures of a reply under way


@dataclass(frozen=True, slots=True)
class Place:
    """What a page shows: the discussion, the post that is open, and the scope."""

    discussion: Discussion
    post: str  # slug
    scope: str = ""
    asked: str = ""  # the last question, for another try


Parts = dict[str, object]  # parts of the page by name: essay, turns, live, scope, place, busy


class Desk:
    """All readers' pages of one process: they share the posts, the index and the model."""

    def __init__(self, shelf: Shelf, settings: Settings) -> None:
        self.shelf = shelf
        self.settings = settings
        self._stops: dict[str, threading.Event] = {}
        self._choice: Choice | None = None
        self._guard = threading.Lock()

    # -- what is there ---------------------------------------------------------------

    def begun(self) -> Place:
        """A new discussion, with the first post open."""
        return Place(Discussion(), self.shelf.library.posts[0].slug)

    def posts(self) -> list[tuple[str, str]]:
        """Title and slug of every post."""
        return [(post.title, post.slug) for post in self.shelf.library.posts]

    def choice(self) -> Choice:
        """The model; a stand-in is looked past again and again, so that a server is noticed."""
        with self._guard:
            if self._choice is None or (
                isinstance(self._choice.model, Stub) and self.settings.model == "auto"
            ):
                self._choice = choose(self.settings)
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
            return f"{len(posts)} post{'s' * (len(posts) != 1)} indexed"
        return f"indexing {done} of {total}" if total else "reading the posts"

    # -- what is shown ---------------------------------------------------------------

    def page(self, place: Place) -> Parts:
        """All parts for a place."""
        return {
            "place": place,
            "essay": self._essay(place),
            "turns": self._turns(place),
            "live": "",
            "scope": self._label(place.scope),
            "busy": False,
        }

    def _post(self, place: Place) -> Post:
        posts = self.shelf.library.posts
        return next((post for post in posts if post.slug == place.post), posts[0])

    def _essay(self, place: Place) -> str:
        post = self._post(place)
        cited: dict[str, int] = {}
        lit: dict[str, list[str]] = {}
        reading = place.discussion.reading
        for turn in place.discussion.turns:
            for sentence in turn.answer.sentences:
                for n in (*sentence.marked, *sentence.found):
                    cited[reading.entry(n).id] = n
                for quote in sentence.quotes:
                    entry = reading.entry(quote.n)
                    if entry.post == post.slug:
                        words = post.source[quote.start : quote.end]
                        lit.setdefault(entry.id, []).append(words)
        return reader.article(post, cited, lit, place.scope)

    def _turns(self, place: Place) -> str:
        if place.discussion.turns:
            return show.turns(place.discussion)
        return show.welcome(reader.starters(self._post(place)))

    def _label(self, scope: str) -> str:
        if not scope:
            return ""
        post = self.shelf.library.post(scope)
        first = post.within(scope)[0]
        headings = post.headings(scope) if "#" in scope else (post.title,)
        return show.scope_label(scope, headings, first.text)

    # -- what is done ----------------------------------------------------------------

    def scoped(self, place: Place, scope: str) -> Parts:
        """The discussion goes on about a section or a passage; everything where it is empty."""
        if scope:
            self.shelf.library.within(scope)
        place = replace(place, scope=scope)
        return {"place": place, "essay": self._essay(place), "scope": self._label(scope)}

    def opened(self, place: Place, where: str) -> Parts:
        """Another post is read; the discussion stays."""
        place = replace(place, post=slug_of(where))
        parts: Parts = {"place": place, "essay": self._essay(place)}
        return parts if place.discussion.turns else {**parts, "turns": self._turns(place)}

    def retried(self, place: Place, stance: Stance, session: str) -> Iterator[Parts]:
        """The last question again, in another stance if one was chosen."""
        turns = place.discussion.turns
        if turns and turns[-1].answer.question == place.asked:
            place = replace(place, discussion=place.discussion.up_to(len(turns) - 1))
        if place.asked:
            yield from self.asked(place, place.asked, stance, session)

    def asked(self, place: Place, question: str, stance: Stance, session: str) -> Iterator[Parts]:
        """A question and its reply, a picture at a time; the last one is the finished turn."""
        question = question.strip()
        if not question:
            yield {"busy": False}
            return
        stop = self._stops[session] = threading.Event()
        place = replace(place, asked=question)
        before = show.turns(place.discussion)
        yield {
            "place": place,
            "turns": before,
            "live": show.live(question, stance, "", "…"),
            "busy": True,
        }
        try:
            for done, total in self._waited(stop):
                state = (
                    f"Indexing {done} of {total} chunks first"
                    if total
                    else "Reading the posts first"
                )
                yield {"live": show.live(question, stance, "", state)}
            if stop.is_set():
                yield {"live": show.failed(question, stance, "Stopped."), "busy": False}
                return
            yield from self._replied(place, question, stance, stop)
        except RejoinderError as error:
            yield {"live": show.failed(question, stance, str(error)), "busy": False}
        finally:
            stop.set()
            if self._stops.get(session) is stop:
                del self._stops[session]

    def _waited(self, stop: threading.Event) -> Iterator[tuple[int, int]]:
        while not self.shelf.ready and not stop.wait(0.2):
            if self.shelf.failure:
                raise self.shelf.failure
            yield self.shelf.progress

    def _replied(
        self, place: Place, question: str, stance: Stance, stop: threading.Event
    ) -> Iterator[Parts]:
        room = Room(
            self.shelf.library, self.shelf.search, self.choice().model, self.settings.timeout
        )
        text, thoughts, state, drawn = "", 0, "Searching", 0.0
        events = reply(
            place.discussion, question, stance, room=room, scope=place.scope, stopped=stop.is_set
        )
        try:
            for event in events:
                if isinstance(event, Found):
                    state = f"{room.model.name} reads"
                elif isinstance(event, Thought):
                    thoughts += len(event.text)
                    state = f"{room.model.name} thinks ({thoughts} characters)"
                elif isinstance(event, Token):
                    text, state = text + event.text, ""
                elif isinstance(event, Answered):
                    done = replace(place, discussion=event.discussion)
                    yield {**self.page(done), "scope": self._label(done.scope)}
                    return
                if time.monotonic() - drawn > _FRAME:
                    drawn = time.monotonic()
                    yield {"live": show.live(question, stance, text, state)}
        finally:
            events.close()
        yield {
            "live": show.failed(question, stance, "Stopped before the first word."),
            "busy": False,
        }

    def stop(self, session: str) -> None:
        """End the reply that is under way on a page, if there is one."""
        if found := self._stops.get(session):
            found.set()
