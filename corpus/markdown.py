"""Markdown as blocks that know where they stand in the source.

Not a renderer of whole pages: it finds each block, says which characters of the source
are its own, and gives the block's inside as HTML. What is shown is sanitized elsewhere.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it.token import Token

from corpus.plain import LINE_END, PARSER, fold, mathml, plain, tokens_text
from corpus.post import Kind

_COMMENT_OR_SCRIPT = r"<!--.*?-->|<(script|style)\b.*?</\1\s*>"
_TAG = re.compile(rf"(?s){_COMMENT_OR_SCRIPT}|</?[a-zA-Z][^>]*>|<!--.*?-->")
_TAGS_BEFORE = re.compile(rf"(?s)(?:\s+|{_COMMENT_OR_SCRIPT}|</?[a-zA-Z][^>]*>)+")
_TABLE_LEAD = re.compile(r"(?:[\s>|]|[-*+]\s|\d{1,9}[.)]\s)*")
_TABLE_TAIL = re.compile(r"(?:(?<!\\)\||\s)+\Z")
_KINDS: dict[str, Kind] = {
    "fence": "code",
    "code_block": "code",
    "math_block": "formula",
    "html_block": "html",
}


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading outside lists and quotes; `start` and `end` are its lines in the source."""

    level: int
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One passage-to-be: the law's slice `source[start:end]`, and the lists it hangs in.

    `items` holds a number for each list item around it, outermost first; blocks that
    share an item share its number.
    """

    kind: Kind
    start: int
    end: int
    text: str
    html: str
    items: tuple[int, ...]
    quotes: int
    bullet: str


def blocks(source: str, start: int = 0) -> Iterator[Heading | Block]:
    """The headings and blocks of `source[start:]`, in order, with offsets into `source`."""
    page = _Page(source, start)
    tokens = PARSER.parse(source[start:])
    items: list[int] = []  # numbers of the open list items
    bullets: list[str] = []  # the marker of each, until its first block took it
    quotes = counter = 0
    skip_to = 0
    for i, token in enumerate(tokens):
        if i < skip_to:
            continue
        match token.type:
            case "list_item_open":
                counter += 1
                items.append(counter)
                bullets.append(f"{token.info}." if token.info else "•")
            case "list_item_close":
                items.pop()
                bullets.pop()
            case "blockquote_open":
                quotes += 1
            case "blockquote_close":
                quotes -= 1
            case "heading_open" if token.level == 0:
                first, last = token.map or [0, 0]
                title = tokens_text(tokens[i + 1].children or [])
                yield Heading(int(token.tag[1]), fold(title), page.begin(first), page.end(last - 1))
            case "inline" if not (tokens[i - 1].type == "heading_open" and token.level == 1):
                heading = tokens[i - 1].type == "heading_open"
                piece = page.heading(token) if heading else page.paragraph(token)
                if block := _block(
                    page, piece, "paragraph", _inline_html(token), items, quotes, bullets
                ):
                    yield block
            case "fence" | "code_block" | "math_block" | "html_block":
                kind = _KINDS[token.type]
                piece = page.html(token) if kind == "html" else page.content(token)
                if block := _block(page, piece, kind, _block_html(token), items, quotes, bullets):
                    yield block
            case "table_open":
                skip_to = next(j for j in range(i, len(tokens)) if tokens[j].type == "table_close")
                inside = PARSER.renderer.render(tokens[i : skip_to + 1], PARSER.options, {})
                if block := _block(
                    page, page.table(token), "table", inside, items, quotes, bullets
                ):
                    yield block


def _block(
    page: "_Page",
    piece: tuple[int, int],
    kind: Kind,
    inside: str,
    items: list[int],
    quotes: int,
    bullets: list[str],
) -> Block | None:
    start, end = piece
    text = plain(page.source[start:end], kind, quotes)
    if not text:
        return None
    bullet = ""
    if bullets:
        bullet, bullets[-1] = bullets[-1], ""
    return Block(kind, start, end, text, inside, tuple(items), quotes, bullet)


class _Page:
    """Where the parser's lines lie in the source: every slice is worked out here.

    A container's markers only ever stand before a block's content, so the content of a
    line is the end of that line, and its length alone says where it begins.
    """

    def __init__(self, source: str, start: int) -> None:
        self.source = source
        self._starts = [start, *(m.end() for m in LINE_END.finditer(source, start))]
        self._ends = [m.start() for m in LINE_END.finditer(source, start)] + [len(source)]

    def line(self, number: int) -> str:
        return self.source[self._starts[number] : self._ends[number]]

    def begin(self, number: int) -> int:
        line = self.line(number)
        return self._starts[number] + len(line) - len(line.lstrip())

    def end(self, number: int) -> int:
        return self._starts[number] + len(self.line(number).rstrip())

    def _tail(self, number: int, content: str) -> int:
        """Where `content`, the end of line `number`, begins."""
        return self.end(number) - len(content.strip())

    def paragraph(self, token: Token) -> tuple[int, int]:
        """The slice of a paragraph."""
        first, last = token.map or [0, 1]
        lines = token.content.split("\n")
        # the parser drops lines of white space that is not Markdown's own, such as a form feed
        while last - first > len(lines) and not self.line(first).strip():
            first += 1
        return self._tail(first, lines[0]), self.end(first + len(lines) - 1)

    def heading(self, token: Token) -> tuple[int, int]:
        """The slice of a heading inside a list or a quote, without its marks."""
        first = (token.map or [0])[0]
        lines = token.content.split("\n")
        start = self._starts[first] + self.line(first).rfind(lines[0])
        last = first + len(lines) - 1
        return start, self._starts[last] + self.line(last).rfind(lines[-1]) + len(lines[-1])

    def content(self, token: Token) -> tuple[int, int]:
        """The slice of a code block or a formula: its content without the fences."""
        first, last = token.map or [0, 1]
        if token.type == "math_block":
            start, end = self._starts[first], self.end(last - 1)
            start = self.source.find("$$", start, end) + 2
            start += len(self.source[start:end]) - len(self.source[start:end].lstrip(" \t\r\n>"))
            close = self.source.rfind("$$", start, end)
            piece = self.source[start : close if close >= 0 else end]
            return start, start + len(re.sub(r"[\s>]+\Z", "", piece))
        at = first + 1 if token.type == "fence" else first
        lines = [(at + i, line) for i, line in enumerate(token.content.split("\n")) if line.strip()]
        if not lines:
            return self._starts[first], self._starts[first]
        return self._tail(*lines[0]), self.end(lines[-1][0])

    def html(self, token: Token) -> tuple[int, int]:
        """The slice of raw HTML, from its first visible character to its last."""
        first, last = token.map or [0, 1]
        lines = token.content.rstrip("\n").split("\n")
        start = self._tail(first, lines[0])
        end = self.end(min(first + len(lines), last) - 1)
        piece = self.source[start:end]
        start += len(m[0]) if (m := _TAGS_BEFORE.match(piece)) else 0
        tags = list(_TAG.finditer(self.source, start, end))
        while tags and not self.source[tags[-1].end() : end].strip():
            end = tags.pop().start()
        piece = self.source[start:end]
        return start, start + len(piece.rstrip())

    def table(self, token: Token) -> tuple[int, int]:
        """The slice of a table, from its first cell's first character to its last cell's last."""
        first, last = token.map or [0, 1]
        line = self.line(first)
        lead = _TABLE_LEAD.match(line)
        start = self._starts[first] + (lead.end() if lead else 0)
        piece = self.source[start : self.end(last - 1)]
        return start, start + len(_TABLE_TAIL.sub("", piece))


def _inline_html(token: Token) -> str:
    return str(PARSER.renderer.render([token], PARSER.options, {}))


def _block_html(token: Token) -> str:
    if token.type == "html_block":
        return token.content
    if token.type == "math_block":
        return mathml(token.content, "block")
    return f"<pre><code>{html.escape(token.content.rstrip(), quote=False)}</code></pre>"
