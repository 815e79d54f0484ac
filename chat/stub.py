"""A model that needs nothing: it answers in the essay's own words, with true citations.

It is deterministic and reads the same messages that a real model is sent. It does not
think: it picks the sentences that share most with the question, in the stance's shape.
"""

import re
from collections.abc import Iterator, Sequence

from chat.model import Piece
from chat.turn import Message, Token
from corpus.lexical import words
from corpus.post import language_of
from corpus.sentences import sentences

_PASSAGE = re.compile(r"^\[(\d+)\][^\n]*\n([^\n]+)$", re.MULTILINE)
_POINTER = re.compile(r"^Look first at (.+)\.$", re.MULTILINE)
_QUESTION = re.compile(r"^Question: (.*?)\n\nStance: (\w+)\.", re.DOTALL | re.MULTILINE)

_SHAPES = {
    "en": {
        "explain": "On this the essay says: {0}. Beside it stands this: {1}. Read together, the second shows what the first rests on.",
        "defend": "The position to hold is this: {0}. What supports it is close by: {1}. Whoever objects would have to show that this second point fails, and I do not see that it does.",
        "challenge": "The essay's claim is this: {0}. I doubt that it follows. Even if one grants that {1}, the step from there needs a reason of its own, and a single counter-example would break it.",
        "extend": "The essay goes as far as this: {0}. It adds: {1}. There it ends. If both hold, I would expect the same to show wherever the two meet in practice, and that could be tried.",
        "question": "The matter turns on this: {0}. Set beside it: {1}. Which of the two would you give up first, and what would have to happen for you to do so?",
        "nothing": "The passages do not answer this. Ask about something that the essay discusses, or pick one of its sections.",
        "quote": "“{text}” [{n}]",
    },
    "zh": {
        "explain": "关于这一点，文章说：{0}。旁边还有一句：{1}。两句合起来读，后一句正是前一句的依据。",
        "defend": "应当坚持的立场是：{0}。支持它的话就在近旁：{1}。要反驳它，就得先说明后一点不成立，而我看不出来。",
        "challenge": "文章的主张是：{0}。我怀疑这一步推得过快。即便承认{1}，由此到结论仍然缺一个理由，一个反例就足以推翻。",
        "extend": "文章说到这里为止：{0}。它还补充：{1}。再往前是我自己的推想：如果两者都成立，实践中也应当能看到同样的现象，这一点可以检验。",
        "question": "问题的关键在于：{0}。再看另一句：{1}。这两句里，你会先放弃哪一句？为什么？",
        "nothing": "所给的段落没有回答这个问题。可以换一个文章谈到的问题，或者选其中一节来讨论。",
        "quote": "“{text}”[{n}]",
    },
}


class Stub:
    """The stand-in model."""

    name = "stub"

    def __init__(self, window: int) -> None:
        self.window = window

    def stream(self, messages: Sequence[Message]) -> "StubStream":
        """The reply to the last message, a word at a time."""
        return StubStream(messages)


class StubStream:
    """One reply of the stub."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._closed = False

    def __iter__(self) -> Iterator[Piece]:
        for word in re.findall(r"\S+\s*|\s+", answer(self._messages)):
            if self._closed:
                return
            yield Token(word)

    def close(self) -> None:
        """Say no more."""
        self._closed = True


def answer(messages: Sequence[Message]) -> str:
    """What the stub says to some messages."""
    given = {
        int(n): text
        for m in messages
        if m.role == "user"
        for n, text in _PASSAGE.findall(m.content)
    }
    last = messages[-1].content
    asked = next(reversed(list(_QUESTION.finditer(last))), None)
    question, stance = (asked[1], asked[2]) if asked else (last, "explain")
    shapes = _SHAPES[language_of(question)]
    pointer = _POINTER.search(last)
    pointed = [int(n) for n in re.findall(r"\[(\d+)\]", pointer[1])] if pointer else []
    picked = _picked(question, {n: given[n] for n in pointed if n in given})
    if not picked:
        return shapes["nothing"]
    quotes = [shapes["quote"].format(text=text, n=n) for n, text in picked]
    return shapes.get(stance, shapes["explain"]).format(*quotes)


def _picked(question: str, passages: dict[int, str]) -> list[tuple[int, str]]:
    """Two sentences from two passages: those that share most with the question, first come."""
    asked = set(words(question))
    best = []
    for place, (n, text) in enumerate(passages.items()):
        spans = [text[a:b] for a, b in sentences(text)]
        whole = [s for s in spans if len(s) > 24 or language_of(s) == "zh"] or spans
        sentence = max(whole, key=lambda s: len(asked & set(words(s))))
        worth = len(asked & set(words(sentence))) - place
        best.append((worth, n, sentence.strip().strip('“”"').rstrip(".。:：")))
    best.sort(key=lambda row: -row[0])
    top = [(n, sentence) for _, n, sentence in best[:2]]
    return top + [(n, s) for n, s in _others(passages, top)] if len(top) == 1 else top


def _others(passages: dict[int, str], top: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Where one passage is all there is: another sentence of it, or the same once more."""
    ((n, first),) = top
    spans = [passages[n][a:b].rstrip(".。") for a, b in sentences(passages[n])]
    return [(n, next((s for s in spans if first not in s), first))]
