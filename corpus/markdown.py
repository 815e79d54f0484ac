"""Markdown as blocks that know where they stand in the source.

Not a renderer of whole pages: it finds each block, says which characters of the source
are its own, and gives the block's inside as HTML. What is shown is sanitized elsewhere.
"""

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from latex2mathml.converter import convert as tex_to_mathml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from corpus.post import Kind


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


# -- what a slice says ---------------------------------------------------------------


def plain(piece: str, kind: Kind = "paragraph", quotes: int = 0) -> str:
    """What a reader reads in a slice of the source that is one block.

    Inline markup and the continuation markers of `quotes` block quotes are stripped,
    white space is folded, letters are NFC, mathematics stays TeX, a link is its words, a
    picture its alternative text. Cells of a table are parted by ` | `.

    >>> plain("a **bold**\\n> [link](http://x)", quotes=1)
    'a bold link'
    """
    lines = [_uncontinued(line, quotes) for line in _LINE_END.split(piece)]
    if kind == "table":
        rows = [line for i, line in enumerate(lines) if i != 1]
        return fold(" | ".join(c for row in rows for cell in _cells(row) if (c := _inline_text(cell))))
    joined = "\n".join(lines)
    if kind == "paragraph":
        return fold(_inline_text(joined))
    return fold(_html_text(joined) if kind == "html" else joined)


def fold(text: str) -> str:
    """NFC, with each run of white space as one blank and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def positions(piece: str, text: str) -> list[int]:
    """For each character of `text == plain(piece, …)`, its offset in `piece`.

    Subtle: markup is only ever left out, so the text is read off the slice from left to
    right; link targets and HTML tags are blanked first, or their letters would be taken.
    An entity (`&amp;`) counts as its first character.
    """
    masked = _MACHINERY.sub(lambda m: m[1] + " " * (len(m[0]) - len(m[1])) if m[1] else " " * len(m[0]), piece)
    found, at = [], 0
    for char in text:
        hit = at
        while hit < len(piece) and not _same(masked[hit], char):
            hit += 1
        if hit == len(piece):  # an entity, or a letter put together by NFC
            hit = min(at, len(piece) - 1)
        found.append(hit)
        at = min(hit + 1, len(piece))
    return found


# -- the blocks ----------------------------------------------------------------------


def blocks(source: str, start: int = 0) -> Iterator[Heading | Block]:
    """The headings and blocks of `source[start:]`, in order, with offsets into `source`."""
    page = _Page(source, start)
    tokens = _PARSER.parse(source[start:])
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
                title = _tokens_text(tokens[i + 1].children or [])
                yield Heading(int(token.tag[1]), fold(title), page.begin(first), page.end(last - 1))
            case "inline" if not (tokens[i - 1].type == "heading_open" and token.level == 1):
                heading = tokens[i - 1].type == "heading_open"
                piece = page.heading(token) if heading else page.paragraph(token)
                if block := _block(page, piece, "paragraph", _inline_html(token), items, quotes, bullets):
                    yield block
            case "fence" | "code_block" | "math_block" | "html_block":
                kind = _KINDS[token.type]
                piece = page.html(token) if kind == "html" else page.content(token)
                if block := _block(page, piece, kind, _block_html(token), items, quotes, bullets):
                    yield block
            case "table_open":
                skip_to = next(j for j in range(i, len(tokens)) if tokens[j].type == "table_close")
                inside = _PARSER.renderer.render(tokens[i : skip_to + 1], _PARSER.options, {})
                if block := _block(page, page.table(token), "table", inside, items, quotes, bullets):
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
        self._starts = [start, *(m.end() for m in _LINE_END.finditer(source, start))]
        self._ends = [m.start() for m in _LINE_END.finditer(source, start)] + [len(source)]

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
        first = (token.map or [0])[0]
        lines = token.content.split("\n")
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


# -- inside a block ------------------------------------------------------------------

_LINE_END = re.compile(r"\r\n|\r|\n")
_COMMENT_OR_SCRIPT = r"<!--.*?-->|<(script|style)\b.*?</\1\s*>"
_TAG = re.compile(rf"(?s){_COMMENT_OR_SCRIPT}|</?[a-zA-Z][^>]*>|<!--.*?-->")
_TAGS_BEFORE = re.compile(rf"(?s)(?:\s+|{_COMMENT_OR_SCRIPT}|</?[a-zA-Z][^>]*>)+")
_MACHINERY = re.compile(r"(\])\([^()\s]*(?:\s+\"[^\"]*\")?\)|</?[a-zA-Z][^<>]*>|<!--.*?-->", re.DOTALL)
_TABLE_LEAD = re.compile(r"(?:[\s>|]|[-*+]\s|\d{1,9}[.)]\s)*")
_TABLE_TAIL = re.compile(r"(?:(?<!\\)\||\s)+\Z")
_KINDS: dict[str, Kind] = {
    "fence": "code",
    "code_block": "code",
    "math_block": "formula",
    "html_block": "html",
}


def _uncontinued(line: str, quotes: int) -> str:
    line = line.strip()
    for _ in range(quotes):
        if not line.startswith(">"):
            break
        line = line[1:].lstrip()
    return line


def _cells(row: str) -> list[str]:
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", row)]


def _same(raw: str, shown: str) -> bool:
    return raw == shown or (shown == " " and raw.isspace())


class _AnyReference(dict[str, dict[str, str]]):
    """Takes every `[words][label]` for a link: a slice does not hold the labels' targets."""

    def get(self, label: str, default: object = None) -> dict[str, str]:  # type: ignore[override]
        return {"href": "", "title": ""}


def _inline_text(markdown: str) -> str:
    env: dict[str, Any] = {"references": _AnyReference()} if "][" in markdown else {}
    return _tokens_text(_PARSER.parseInline(markdown, env)[0].children or [])


def _tokens_text(tokens: Sequence[Token]) -> str:
    said: list[str] = []
    hidden = ""  # the script or style element that is open
    for token in tokens:
        if token.type == "html_inline":
            tag = re.match(r"<(/?)(\w+)", token.content)
            name = tag[2].lower() if tag else ""
            if name in ("script", "style"):
                hidden = "" if tag and tag[1] else name
            elif name == "br":
                said.append(" ")
        elif hidden:
            continue
        elif token.type in ("softbreak", "hardbreak"):
            said.append(" ")
        elif token.type == "image":
            said.append(_tokens_text(token.children or []))
        elif token.type.startswith("math_inline"):
            said.append(f"{token.markup}{token.content}{token.markup}")
        else:
            said.append(token.content)
    return "".join(said)


class _Words(HTMLParser):
    """The words of raw HTML; elements that stand on lines of their own part them."""

    _INLINE = frozenset("a abbr b code em i kbd mark s small span strong sub sup u".split())

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        if tag == "img":
            self.said.append(f" {dict(attrs).get('alt') or ''} ")
        elif tag not in self._INLINE:
            self.said.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._hidden = max(self._hidden - 1, 0)
        elif tag not in self._INLINE:
            self.said.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.said.append(data)


def _html_text(markup: str) -> str:
    words = _Words()
    words.feed(markup)
    words.close()
    return "".join(words.said)


# -- HTML ----------------------------------------------------------------------------


def _inline_html(token: Token) -> str:
    return str(_PARSER.renderer.renderInline(token.children or [], _PARSER.options, {}))


def _block_html(token: Token) -> str:
    if token.type == "html_block":
        return token.content
    if token.type == "math_block":
        return _mathml(token.content, "block")
    return f"<pre><code>{html.escape(token.content.rstrip(), quote=False)}</code></pre>"


def _mathml(tex: str, display: str) -> str:
    """A formula as MathML, or as TeX where the converter does not know it."""
    try:
        return str(tex_to_mathml(tex.strip(), display=display))
    except Exception:  # noqa: BLE001 - the converter fails in many ways, all of them: "not this TeX"
        return f'<code class="tex">{html.escape(tex.strip(), quote=False)}</code>'


def _image(
    self: RendererHTML, tokens: Sequence[Token], i: int, options: object, env: object
) -> str:
    """A picture is never fetched; its words stand in its place."""
    alt = fold(_tokens_text(tokens[i].children or []))
    return f'<span class="picture">{html.escape(alt, quote=False)}</span>'


def _formula(
    self: RendererHTML, tokens: Sequence[Token], i: int, options: object, env: object
) -> str:
    display = "block" if tokens[i].type == "math_inline_double" else "inline"
    return _mathml(tokens[i].content, display)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 100})
    parser.enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_space=True, allow_digits=False, double_inline=True)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("math_inline", _formula)
    parser.add_render_rule("math_inline_double", _formula)
    return parser


_PARSER = _parser()
