"""Where sentences end, in English and Chinese. It returns spans, so nothing is lost or moved."""

import re
from collections.abc import Callable, Iterator

_CLOSERS = r"[\"'”’»)\]）」』】》]*"
_END = re.compile(
    rf"(?:[。！？]+{_CLOSERS}|[.!?…]+{_CLOSERS}(?:\s*\[\d{{1,4}}\])*(?=[\s.,;:]|$|[\u3400-\u9fff]))(?:\s*\[\d{{1,4}}\])*[.。]?"
    r"|\n+"
)
_NEXT = re.compile(r"[ \t]*(.?)", re.DOTALL)
_LONGEST = 24  # characters that an abbreviation takes at the most
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|al|Dr|Mr|Mrs|Ms|Prof|St|Fig|Figs|Eq|Eqs|Sec|No|Vol|pp|approx|resp|Inc|Ltd|Jr|Sr)"
    r"|\b[A-Z](?:\.[A-Z])*|(?:^|\n)\s*\d{1,3})\.$"
)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """The spans of the sentences of `text`, without the white space around them.

    A line's end ends a sentence too, and markers behind one (`[3]`) belong to it.

    >>> [text[a:b] for text in ["Dr. No, 3.5 m. Why? 对。是吗？"] for a, b in sentences(text)]
    ['Dr. No, 3.5 m.', 'Why?', '对。', '是吗？']
    """
    start = 0
    for end in _END.finditer(text):
        if end[0].isspace():
            yield from _trimmed(text, start, end.start())
        elif _goes_on(text, start, end):
            continue
        else:
            yield from _trimmed(text, start, end.end())
        start = end.end()
    yield from _trimmed(text, start, len(text))


def _goes_on(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether the full stop found is one of an abbreviation, or of a sentence in a sentence."""
    after = _NEXT.match(text, end.end())[1]  # type: ignore[index]
    if after in ",;:，；：、" and after:
        return True
    if after.islower() and not end[0].startswith(("。", "！", "？")):
        return True
    return end[0] == "." and bool(
        _ABBREVIATION.search(text[max(start, end.end() - _LONGEST) : end.end()])
    )


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def fitting(text: str, count: Callable[[str], int], room: int) -> Iterator[str]:
    """`text` in parts that `count` at most `room` tokens each, white space folded.

    It is halved between sentences while it has more than one, then between words, then
    between letters, so that an edit moves few borders.
    """
    yield from _halved([text[a:b] for a, b in sentences(text)], " ", count, room)


def _halved(parts: list[str], glue: str, count: Callable[[str], int], room: int) -> Iterator[str]:
    text = glue.join(parts)
    if not text or count(text) <= room or len(text) == 1:
        yield from [text] * bool(text)
    elif len(parts) > 1:
        middle = len(parts) // 2
        yield from _halved(parts[:middle], glue, count, room)
        yield from _halved(parts[middle:], glue, count, room)
    elif len(words := text.split()) > 1:
        yield from _halved(words, " ", count, room)
    else:
        yield from _halved(list(text), "", count, room)
