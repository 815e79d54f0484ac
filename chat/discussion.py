"""One turn of a discussion, as a stream of events; it is handed its collaborators."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from chat.followup import resolve
from chat.messages import READ_WHOLE, Ask, check_fits, compose, passage_text
from chat.model import Model, Piece, Stream
from chat.reading import Entry, ReadingList
from chat.stance import Stance
from chat.tokens import estimate
from chat.turn import (
    Answer,
    Answered,
    Discussion,
    Event,
    Found,
    Notice,
    Timings,
    Token,
    Turn,
    Waiting,
)
from chat.verdict import Quote, Sentence, judge, lost_quotations, shown, stands_in
from corpus.errors import ModelError, ModelSilent, ReplyEmpty
from corpus.plain import encodable, positions
from corpus.post import Library
from corpus.search import Hit, Query, Searcher, best_passages

_TICK = 0.2  # seconds that a turn waits before it looks whether it was stopped
_POINTED = 6  # passages that the model is told to look at first
_HITS = 6
_ENDLESS = 8  # characters of a reply for each token of the window; no real reply is that long


@dataclass(frozen=True, slots=True)
class Room:
    """What a turn needs: the posts, how to search them, the model, and how long it may be silent."""

    library: Library
    search: Searcher
    model: Model
    patience: float = 120.0  # seconds without a token


def reply(
    discussion: Discussion,
    question: str,
    stance: Stance,
    *,
    room: Room,
    scope: str = "",
    stopped: Callable[[], bool] = lambda: False,
) -> Generator[Event, None, None]:
    """One turn: `Found`, then `Notice`, `Thought`, `Token` and `Waiting`, last `Answered`.

    It ends without `Answered` where it was stopped before the first token. A model that
    fails after it ends the turn with what came, marked as interrupted; before it, the
    `ModelError` is raised. Closing the generator, or `stopped()`, closes the model's
    stream within 0.2 s. Raises `PlaceUnknown` and `QuestionTooLong`.
    """
    clock = _Clock()
    question = encodable(question.strip())
    check_fits(question, room.model.window)
    query = resolve(question, discussion.history)
    hits = room.search(query, scope, _HITS)
    reading, ask, fallback = _read(discussion.reading, question, stance, hits, scope, room)
    clock.search = clock.now()
    yield Found(query, tuple(hits), ask.pointed)
    prompt = compose(replace(discussion, reading=reading), ask, room.model.window, fallback)
    notices = list(prompt.notices)
    for text in notices:
        yield Notice(text)

    raw = ""
    failed = False
    pieces = _listened(room.model.stream(prompt.messages), room.patience, stopped)
    try:
        for piece in pieces:
            if isinstance(piece, Token):
                clock.first = clock.first or clock.now()
                raw += piece.text
            yield piece
            if len(raw) > room.model.window * _ENDLESS:
                failed = True
                notices.append("The model did not come to an end and was stopped. Ask again.")
                yield Notice(notices[-1])
                break
        failed = failed or stopped()
    except ModelError as error:
        if not raw.strip():
            raise
        failed = True
        notices.append(str(error))
        yield Notice(str(error))
    finally:
        pieces.close()
    if not raw.strip():
        if stopped():
            return
        raise ReplyEmpty(f"{room.model.name} ended without a word. Ask again, or in other words.")

    answer, reading = _checked(
        raw, reading, ask, room, query=query, notices=notices, failed=failed, clock=clock
    )
    turn = Turn(prompt.messages[-1].content, prompt.given, scope, answer)
    done = Discussion((*discussion.turns, turn), reading, prompt.sent_from)
    yield Answered(done, answer)


class _Clock:
    """Milliseconds from the question."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.search = 0.0
        self.first: float | None = None

    def now(self) -> float:
        return round((time.monotonic() - self._start) * 1000, 1)


# -- what is read --------------------------------------------------------------------


def _read(
    reading: ReadingList,
    question: str,
    stance: Stance,
    hits: Sequence[Hit],
    scope: str,
    room: Room,
) -> tuple[ReadingList, Ask, list[Entry]]:
    """The reading list as of this turn, what to ask with it, and what to fall back to."""
    found = best_passages(list(hits))
    reads_whole = _reads_whole(scope, room)
    wanted_ids = [p.id for p in room.library.within(reads_whole)] if reads_whole else found
    pairs = [pair for id_ in [*wanted_ids, *found] if (pair := room.library.find(id_))]
    reading = reading.joined(pairs)
    number = {entry.id: entry for entry in reading.entries}
    ranked = [number[id_] for id_ in found if id_ in number]
    ask = Ask(
        question=question,
        stance=stance,
        wanted=tuple(number[id_] for id_ in wanted_ids if id_ in number),
        pointed=tuple(entry.n for entry in ranked[:_POINTED]),
    )
    return reading, ask, ranked if reads_whole else []


def _reads_whole(scope: str, room: Room) -> str:
    """The slug of the post to be read whole, or "": the only one, or the scope's own."""
    posts = room.library.posts
    slug = scope or (posts[0].slug if len(posts) == 1 else "")
    post = next((post for post in posts if post.slug == slug), None)
    if post is None:
        return ""
    entries = ReadingList().joined((post, p) for p in post.passages).entries
    size = sum(estimate(passage_text(entry)) for entry in entries)
    return slug if size <= room.model.window * READ_WHOLE else ""


# -- listening to the model ----------------------------------------------------------


def _listened(
    stream: Stream, patience: float, stopped: Callable[[], bool]
) -> Generator[Piece | Waiting, None, None]:
    """The pieces of a stream that is read in a thread, so that it can be left at any time.

    Where none comes, a `Waiting` does, so that whoever listens has its turn as well.
    """
    heard: queue.SimpleQueue[Piece | BaseException | None] = queue.SimpleQueue()

    def listen() -> None:
        try:
            for piece in stream:
                heard.put(piece)
            heard.put(None)
        except BaseException as error:
            heard.put(error)

    threading.Thread(target=listen, name="model", daemon=True).start()
    last = time.monotonic()
    try:
        while not stopped():
            try:
                piece = heard.get(timeout=_TICK)
            except queue.Empty:
                if time.monotonic() - last > patience:
                    raise ModelSilent(
                        f"The model sent nothing for {patience:.0f} seconds. Ask again, take a "
                        "smaller model, or set REJOINDER_TIMEOUT higher."
                    ) from None
                yield Waiting(time.monotonic() - last)
                continue
            last = time.monotonic()
            if piece is None:
                return
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        stream.close()


# -- checking the reply --------------------------------------------------------------


def _with_quoted(raw: str, reading: ReadingList, library: Library) -> ReadingList:
    """The list with the passages that a reply quotes without having been given them.

    They are looked for in the whole posts that the list comes from.
    """
    lost = lost_quotations(raw, {entry.n: entry.text for entry in reading.entries})
    posts = (
        [library.post(slug) for slug in {entry.post for entry in reading.entries}] if lost else []
    )
    pairs = [(post, passage) for post in posts for passage in post.passages]
    found = (
        next((pair for pair in pairs if stands_in(quoted, pair[1].text)), None) for quoted in lost
    )
    return reading.joined([pair for pair in found if pair])


def _checked(
    raw: str,
    reading: ReadingList,
    ask: Ask,
    room: Room,
    *,
    query: Query,
    notices: list[str],
    failed: bool,
    clock: _Clock,
) -> tuple[Answer, ReadingList]:
    """The reply as shown, judged against the reading list, which it may have added to."""
    text = shown(raw, [entry.n for entry in reading.entries])
    reading = _with_quoted(text, reading, room.library)
    passages = {entry.n: entry.text for entry in reading.entries}
    sentences = tuple(_placed(s, reading, room.library) for s in judge(text, passages))
    cited = {n for s in sentences for n in (*s.marked, *s.found)}
    used = [e for e in reading.entries if e.n in cited or e.n in ask.pointed]
    answer = Answer(
        question=ask.question,
        query=query,
        stance=ask.stance,
        model=room.model.name,
        reply=text,
        raw=raw,
        interrupted=failed,
        notices=tuple(notices),
        passages=tuple(used),
        sentences=sentences,
        timings=Timings(clock.search, clock.first, clock.now()),
    )
    return answer, reading


def _placed(sentence: Sentence, reading: ReadingList, library: Library) -> Sentence:
    """The sentence with its quotations' places told in the posts' sources."""
    return replace(sentence, quotes=tuple(_in_sources(sentence.quotes, reading, library)))


def _in_sources(quotes: Sequence[Quote], reading: ReadingList, library: Library) -> Iterator[Quote]:
    for quote in quotes:
        found = library.find(reading.entry(quote.n).id)
        if found:
            post, passage = found
            at = positions(post.source[passage.start : passage.end], passage.text)
            yield Quote(
                quote.n, passage.start + at[quote.start], passage.start + at[quote.end - 1] + 1
            )
