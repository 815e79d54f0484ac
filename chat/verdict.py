"""A reply and its passages → sentences with verdicts, from words alone.

A quotation is looked up letter by letter; what else a sentence says is measured by the
share of its content words that a passage holds. No model is asked.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from corpus.lexical import words
from corpus.sentences import sentences

Verdict = Literal["quoted", "supported", "own", "unsupported"]

SUPPORTED = 0.5  # share of content words that bears a sentence which claims something
FOUND = 0.75  # share that lights a sentence which claims nothing: a wrong light is worse than none
_FEWEST_WORDS = 4  # of a quotation; shorter ones are words in use, not words quoted
_FEWEST_CJK = 8

_MARKER = re.compile(r"\s?\[(\d{1,4}(?:\s*[,;、，]\s*\d{1,4})*)\]")
_QUOTATION = re.compile(
    r"“([^“”\n]{2,1000})”|「([^「」\n]{2,1000})」|『([^『』\n]{2,1000})』|(?<!\w)\"([^\"\n]{2,1000})\"(?!\w)"
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_CUE = re.compile(
    r"\b(?:the|this|that|its|his|her)\s+(?:essay|author|post|article|text|passage|writer|section)\b"
    r"|\baccording to\b|\bauthor's\b|\bessay's\b"
    r"|(?:作者|文章|本文|文中|原文|这篇)",
    re.IGNORECASE,
)
_ATTRIBUTION = frozenset(
    words(
        "essay author post article text passage writer section says say said argues argue claims claim "
        "asks ask writes write states state holds hold suggests suggest notes note according puts put "
        "thinks think believes believe mentions mention describes describe question position point"
    )
)
_OMISSION = re.compile(r"\s*(?:\[?(?:…|\.{3,}|……)\]?)\s*")
_POINTS = " .,;:!?。，；：！？"
_HAN = re.compile(r"[\u3400-\u9fff]")
_TYPOGRAPHIC = str.maketrans("“”„‟«»‘’‚‛′‐‑‒–—―−", '""""""\'\'\'\'\'-------')


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of passage `n` that a sentence quotes: its text's characters `start` to `end`."""

    n: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a reply, `reply[start:end]`, and where it stands."""

    text: str
    start: int
    end: int
    verdict: Verdict
    marked: tuple[int, ...] = ()  # the numbers that the model gave
    found: tuple[int, ...] = ()  # the passages that were found to bear it
    quotes: tuple[Quote, ...] = ()
    why: str | None = None
    score: float = 0.0  # its support, 0 to 1, whatever its verdict

    def as_json(self) -> dict[str, object]:
        """The sentence as the commands print it."""
        fields = asdict(self)
        return {
            **fields,
            "marked": list(self.marked),
            "found": list(self.found),
            "quotes": [asdict(quote) for quote in self.quotes],
            "score": round(self.score, 3),
        }


def shown(raw: str, numbers: Sequence[int]) -> str:
    """A reply without the markers that name no passage, one number to a marker.

    >>> shown("So it is [1, 9].", [1])
    'So it is [1].'
    """
    code = [match.span() for match in _CODE.finditer(raw)]

    def kept(match: re.Match[str]) -> str:
        if any(a <= match.start() < b for a, b in code):
            return match[0]
        real = [n for n in _numbers(match) if n in numbers]
        return (
            (" " if match[0][0].isspace() else "") + "".join(f"[{n}]" for n in real) if real else ""
        )

    return _MARKER.sub(kept, raw)


def lost_quotations(reply: str, passages: Mapping[int, str]) -> list[str]:
    """The quotations of a reply that stand in none of the passages."""
    folded = {n: _folded(text) for n, text in passages.items()}
    bare = _MARKER.sub("", reply)
    return [quoted for quoted in _quotations(bare) if not _looked_up(quoted, (), folded)]


def stands_in(quoted: str, text: str) -> bool:
    """Whether a quotation stands in a text."""
    return bool(_looked_up(quoted, (), {1: _folded(text)}))


def judge(reply: str, passages: Mapping[int, str]) -> tuple[Sentence, ...]:
    """The verdict on each sentence of a reply, against passages by their numbers."""
    bags = {n: frozenset(words(text)) for n, text in passages.items()}
    folded = {n: _folded(text) for n, text in passages.items()}
    return tuple(_judged(reply, start, end, bags, folded) for start, end in _sentences(reply))


def _judged(
    reply: str,
    start: int,
    end: int,
    bags: Mapping[int, frozenset[str]],
    folded: Mapping[int, tuple[str, list[int]]],
) -> Sentence:
    text = reply[start:end]
    marked = tuple(dict.fromkeys(n for m in _markers(text) for n in _numbers(m) if n in bags))
    bare = _MARKER.sub("", text)
    quotes: list[Quote] = []
    lost = ""  # a quotation that is in no passage
    for quoted in _quotations(bare):
        spans = _looked_up(quoted, marked, folded)
        quotes += spans
        lost = lost or ("" if spans else quoted)
    content = [w for w in words(bare) if w not in _ATTRIBUTION]
    shares = {n: _share(content, bag) for n, bag in bags.items()}
    best = max(shares, key=lambda n: shares[n], default=0)
    borne = max((shares[n] for n in marked), default=shares.get(best, 0.0))
    score = max([shares.get(best, 0.0)] + [1.0] * bool(quotes and not lost))
    made: tuple[Verdict, tuple[int, ...], str | None]
    if lost:
        made = "unsupported", (), f"“{_short(lost)}” is in none of the passages"
    elif quotes:
        made = "quoted", tuple(dict.fromkeys(q.n for q in quotes)), _elsewhere(marked, quotes)
    elif content and (marked or _CUE.search(bare)):
        made = _claim(bare, marked, borne, best, shares, bags)
    elif (
        len(content) >= _FEWEST_WORDS and score >= FOUND and not bare.rstrip().endswith(("?", "？"))
    ):
        made = "supported", (best,), None
    else:
        made = "own", (), None
    return Sentence(text, start, end, made[0], marked, made[1], tuple(quotes), made[2], score)


def _claim(
    bare: str,
    marked: tuple[int, ...],
    borne: float,
    best: int,
    shares: Mapping[int, float],
    bags: Mapping[int, frozenset[str]],
) -> tuple[Verdict, tuple[int, ...], str | None]:
    """The verdict on a sentence that says something of the essay."""
    pool = [bags[n] for n in (marked or shares)]
    strange = [
        n
        for n in re.findall(r"\d+(?:\.\d+)?", bare)
        if not any(set(words(n)) <= bag for bag in pool)
    ]
    if borne >= SUPPORTED and not strange:
        bearing = tuple(n for n in marked if shares[n] == borne) or (best,)
        return "supported", bearing, None
    if marked and best not in marked and shares[best] >= SUPPORTED and not strange:
        return "supported", (best,), f"it stands in [{best}], not in [{marked[0]}]"
    missing = strange or _missing(bare, pool)
    if not missing:
        return "unsupported", (), "no passage says this as a whole"
    where = "not in what it cites" if marked else "in none of the passages"
    return "unsupported", (), f"“{missing[0]}” is {where}"


def _elsewhere(marked: tuple[int, ...], quotes: Sequence[Quote]) -> str | None:
    real = {quote.n for quote in quotes}
    if marked and real.isdisjoint(marked):
        return f"the words stand in [{min(real)}], not in [{marked[0]}]"
    return None


# -- sentences, markers, quotations --------------------------------------------------


def _sentences(reply: str) -> list[tuple[int, int]]:
    """The spans of the sentences; one that ends inside a quotation goes on to its end."""
    held = [m.span() for m in _QUOTATION.finditer(reply)] + [
        m.span() for m in _CODE.finditer(reply)
    ]
    held.sort()
    joined: list[tuple[int, int]] = []
    at = 0
    for start, end in sentences(reply):
        while at < len(held) and held[at][1] <= start:
            at += 1
        if joined and any(a < joined[-1][1] and start < b for a, b in held[at : at + 8]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _markers(text: str) -> list[re.Match[str]]:
    code = [match.span() for match in _CODE.finditer(text)]
    return [m for m in _MARKER.finditer(text) if not any(a <= m.start() < b for a, b in code)]


def _numbers(marker: re.Match[str]) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", marker[1])]


def _quotations(text: str) -> list[str]:
    found = (next(g for g in m.groups() if g) for m in _QUOTATION.finditer(_CODE.sub("", text)))
    return [
        quoted
        for quoted in found
        if len(quoted.split()) >= _FEWEST_WORDS or len(_HAN.findall(quoted)) >= _FEWEST_CJK
    ]


def _looked_up(
    quoted: str, marked: tuple[int, ...], folded: Mapping[int, tuple[str, list[int]]]
) -> list[Quote]:
    """Where a quotation stands, a span for each part between omissions; [] if nowhere."""
    whole = [_folded(part)[0].strip() for part in _OMISSION.split(quoted)]
    folded_quote = "\n".join(whole)
    parts = [bare for part in whole if (bare := part.strip(_POINTS))]
    for n in [*marked, *(n for n in folded if n not in marked)]:
        text, origin = folded[n]
        spans, at = [], 0
        for part in parts:
            hit = text.find(part, at)
            if hit < 0:
                break
            at = hit + len(part)
            while text[hit : at + 1] in folded_quote and at < len(text) and text[at] in _POINTS:
                at += 1
            spans.append(Quote(n, origin[hit], origin[at - 1] + 1))
        if parts and len(spans) == len(parts):
            return spans
    return []


def _folded(text: str) -> tuple[str, list[int]]:
    """`text` for comparing, and for each of its characters the offset in `text`.

    Case, white space, typographic marks and markup are made alike or left out.
    """
    kept: list[str] = []
    origin: list[int] = []
    for i, char in enumerate(text):
        for c in unicodedata.normalize("NFKC", char.translate(_TYPOGRAPHIC)).casefold():
            if c in "*_`$" or (c.isspace() and (not kept or kept[-1] == " ")):
                continue
            kept.append(" " if c.isspace() else c)
            origin.append(i)
    return "".join(kept), origin


# -- words ---------------------------------------------------------------------------


def _share(content: Sequence[str], bag: frozenset[str]) -> float:
    return sum(1 for w in content if w in bag) / len(content) if content else 0.0


def _missing(text: str, pool: Sequence[frozenset[str]]) -> list[str]:
    """The words of a sentence, as written, that none of the passages holds."""
    written = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text)
    return [
        w
        for w in written
        if (stems := set(words(w)) - _ATTRIBUTION) and not any(stems & bag for bag in pool)
    ]


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
