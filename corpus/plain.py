"""What a reader reads in a slice of Markdown, and where each character of it stands.

It is the home of the Markdown parser: `corpus.markdown` cuts posts into blocks with it.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

from latex2mathml.converter import convert as tex_to_mathml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from corpus.post import Kind

LINE_END = re.compile(r"\r\n|\r|\n")
_UNIT = re.compile(r"&#?\w{1,32};|[^\u0300-\u036f][\u0300-\u036f]*|.", re.DOTALL)
_MACHINERY = re.compile(
    r"(?<=\])\([^()\s]*(?:\s+\"[^\"]*\")?\)|</?[a-zA-Z][^<>]*>|<!--.*?-->", re.DOTALL
)


def plain(piece: str, kind: Kind = "paragraph", quotes: int = 0) -> str:
    r"""What a reader reads in a slice of the source that is one block.

    Inline markup and the continuation markers of `quotes` block quotes are stripped,
    white space is folded, letters are NFC, mathematics stays TeX, a link is its words, a
    picture its alternative text. Cells of a table are parted by ` | `.

    >>> plain("a **bold**\n> [link](http://x)", quotes=1)
    'a bold link'
    """
    lines = [_uncontinued(line, quotes) for line in LINE_END.split(piece)]
    if kind == "table":
        rows = [line for i, line in enumerate(lines) if i != 1]
        return fold(
            " | ".join(c for row in rows for cell in _cells(row) if (c := _inline_text(cell)))
        )
    joined = "\n".join(lines)
    if kind == "paragraph":
        return fold(_inline_text(joined))
    return fold(_html_text(joined) if kind == "html" else joined)


def fold(text: str) -> str:
    """NFC, with each run of white space as one blank and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def encodable(text: str) -> str:
    """`text` with each lone surrogate, which no file or request can hold, as `?`."""
    return text.encode("utf-8", "replace").decode()


def positions(piece: str, text: str) -> list[int]:
    """For each character of `text == plain(piece, …)`, its offset in `piece`.

    Subtle: markup is only ever left out, so the text is read off the slice from left to
    right; link targets and HTML tags are blanked first, or their letters would be taken.
    An entity (`&amp;`), or a letter and its combining marks, counts as its first character.
    """
    masked = _MACHINERY.sub(lambda m: "\0" * len(m[0]), piece)
    units = [
        (char, m.start())
        for m in _UNIT.finditer(masked)
        for char in unicodedata.normalize("NFC", html.unescape(m[0]))
    ]
    found, at = [], 0
    for char in text:
        hit = next((i for i in range(at, len(units)) if _same(units[i][0], char)), None)
        if hit is None:  # a sign that only the parser makes, such as a table's bar
            found.append(units[min(at, len(units) - 1)][1] if units else 0)
            continue
        found.append(units[hit][1])
        at = hit + 1
    return found


# -- text ------------------------------------------------------------------------------


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

    def get(self, label: str, default: object = None) -> dict[str, str]:
        return {"href": "", "title": ""}


def _inline_text(markdown: str) -> str:
    env: dict[str, Any] = {"references": _AnyReference()} if "][" in markdown else {}
    return tokens_text(PARSER.parseInline(markdown, env)[0].children or [])


def tokens_text(tokens: Sequence[Token]) -> str:
    """The words of inline tokens: markup left out, pictures as their alternative text."""
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
            said.append(tokens_text(token.children or []))
        elif token.type.startswith("math_inline"):
            said.append(f"{token.markup}{token.content}{token.markup}")
        else:
            said.append(token.content)
    return "".join(said)


class _Words(HTMLParser):
    """The words of raw HTML; elements that stand on lines of their own part them."""

    _INLINE = frozenset(
        [
            "a",
            "abbr",
            "b",
            "code",
            "em",
            "i",
            "kbd",
            "mark",
            "s",
            "small",
            "span",
            "strong",
            "sub",
            "sup",
            "u",
        ]
    )

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


# -- HTML ------------------------------------------------------------------------------


def mathml(tex: str, display: str) -> str:
    """A formula as MathML, or as TeX where the converter does not know it."""
    try:
        return str(tex_to_mathml(tex.strip(), display=display))
    except Exception:
        return f'<code class="tex">{html.escape(tex.strip(), quote=False)}</code>'


def _image(
    self: RendererHTML, tokens: Sequence[Token], i: int, options: object, env: object
) -> str:
    """A picture is never fetched; its words stand in its place."""
    alt = fold(tokens_text(tokens[i].children or []))
    return f'<span class="picture">{html.escape(alt, quote=False)}</span>'


def _formula(
    self: RendererHTML, tokens: Sequence[Token], i: int, options: object, env: object
) -> str:
    display = "block" if tokens[i].type == "math_inline_double" else "inline"
    return mathml(tokens[i].content, display)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 100})
    parser.enable(["table", "strikethrough"])
    parser.use(
        dollarmath_plugin,
        allow_space=True,
        allow_digits=False,
        double_inline=True,
        allow_labels=False,
    )
    parser.add_render_rule("image", _image)
    parser.add_render_rule("math_inline", _formula)
    parser.add_render_rule("math_inline_double", _formula)
    return parser


PARSER = _parser()
