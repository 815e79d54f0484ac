"""What a discussion is made of, as frozen data: turns, the reading list, answers, events."""

from dataclasses import asdict, dataclass, field, replace

from chat.reading import Entry, ReadingList
from chat.stance import Stance
from chat.verdict import Sentence
from corpus.search import Hit, Query


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a model is sent it."""

    role: str  # system, user or assistant
    content: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds from the question."""

    search_ms: float
    first_token_ms: float | None
    total_ms: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as it is shown and checked."""

    question: str
    query: Query
    stance: Stance
    model: str
    reply: str  # as shown: `raw` without the markers that name no passage
    raw: str
    interrupted: bool
    notices: tuple[str, ...]
    passages: tuple[Entry, ...]  # those found this turn and those the reply cites
    sentences: tuple[Sentence, ...]
    timings: Timings

    def as_json(self) -> dict[str, object]:
        """The answer as `rejoinder ask --json` prints it."""
        return {
            "question": self.question,
            "query": query_json(self.query),
            "stance": self.stance.value,
            "model": self.model,
            "reply": self.reply,
            "raw": self.raw,
            "interrupted": self.interrupted,
            "notices": list(self.notices),
            "passages": [entry.as_json() for entry in self.passages],
            "sentences": [sentence.as_json() for sentence in self.sentences],
            "timings": asdict(self.timings),
        }


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its reply, as they were sent: every later request repeats them."""

    prompt: str  # the user message, word for word
    given: frozenset[int]  # numbers of the passages whose text is in the prompt
    scope: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Discussion:
    """The turns so far and the passages they brought up.

    `sent_from` is the first turn that is still sent: the ones before it were left out.
    """

    turns: tuple[Turn, ...] = ()
    reading: ReadingList = field(default_factory=ReadingList)
    sent_from: int = 0

    @property
    def history(self) -> list[tuple[str, str]]:
        """Each question with the reply as shown."""
        return [(turn.answer.question, turn.answer.reply) for turn in self.turns]

    def up_to(self, turn: int) -> "Discussion":
        """Without the turns from there on; numbers already given stay given."""
        return replace(self, turns=self.turns[:turn], sent_from=min(self.sent_from, turn))


def query_json(query: Query) -> list[dict[str, object]]:
    """A query as the command prints it."""
    return [{"text": p.text, "weight": p.weight, "role": p.role} for p in query]


def hit_json(hit: Hit) -> dict[str, object]:
    """A hit as the command prints it."""
    fields = asdict(hit)
    fields.pop("best")
    return {**fields, "section": list(hit.section), "passages": list(hit.passages)}


# -- events --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """The search is done; `numbers` are those the model is pointed to, best first."""

    query: Query
    hits: tuple[Hit, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the model's thinking: shown folded, never kept."""

    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing came from the model for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the reader should know: what was left out, what failed."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The turn is over, whole or interrupted; `discussion` goes on from it."""

    discussion: Discussion
    answer: Answer


Event = Found | Thought | Token | Waiting | Notice | Answered
