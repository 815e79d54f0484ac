"""A post → safe HTML to read: each passage an anchor, each section one click from discussion.

Everything that comes from a post or a model passes `clean`: no script, no style, no
picture, no form, and no link but to http(s) addresses.
"""

import html
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import nh3

from corpus.plain import fold
from corpus.post import Passage, Post, Section
from corpus.sentences import sentences

_MATH = frozenset(
    [
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "ms",
        "mtext",
        "mspace",
        "mfrac",
        "msqrt",
        "mroot",
        "msub",
        "msup",
        "msubsup",
        "munder",
        "mover",
        "munderover",
        "mtable",
        "mtr",
        "mtd",
        "mstyle",
        "mpadded",
        "mphantom",
        "menclose",
    ]
)
_TAGS = _MATH | frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
        "var",
    ]
)
_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href"},
    "span": {"class"},
    "code": {"class"},
    "math": {"display", "xmlns"},
    "mo": {"stretchy", "fence", "form", "separator", "lspace", "rspace"},
    "mtd": {"columnalign"},
    "mtable": {"columnalign", "rowspacing"},
    "mi": {"mathvariant"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start"},
}
_TAG = re.compile(r"(<[^>]*>)")


def clean(markup: str) -> str:
    """HTML with nothing left that runs, loads, sends or restyles."""
    return nh3.clean(
        markup,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        filter_style_properties=set(),
        attribute_filter=_filtered,
    )


def _filtered(tag: str, attribute: str, value: str) -> str | None:
    if tag == "a" and attribute == "href":
        return value if re.match(r"https?://", value, re.IGNORECASE) else None
    if attribute == "class":
        return value if value in ("picture", "tex") else None
    return value


def anchor(passage_id: str) -> str:
    """The address of a passage on the page."""
    return "#" + quote(passage_id)


def article(
    post: Post,
    cited: Mapping[str, int] | None = None,
    lit: Mapping[str, Sequence[str]] | None = None,
    scope: str = "",
) -> str:
    """A post as an article: `cited` passages carry their numbers, `lit` words are marked."""
    cited, lit = cited or {}, lit or {}
    inside = {p.id for p in post.within(scope)} if scope and scope != post.slug else set()
    parts = [f'<article lang="{_language(post)}"><h1>{_text(post.title)}</h1>', _facts(post)]
    here, waiting = "", list(post.sections)
    for passage in post.passages:
        if passage.section != here:
            parts += [_heading(s) for s in waiting if s.start < passage.start]
            waiting = [s for s in waiting if s.start >= passage.start]
            here = passage.section
        parts.append(
            _passage(passage, cited.get(passage.id), lit.get(passage.id, ()), passage.id in inside)
        )
    parts += [_heading(section) for section in waiting]
    return "".join(parts) + "</article>"


def starters(post: Post, most: int = 4) -> list[str]:
    """Questions that the post itself asks, one a section first, short ones."""
    asked: dict[str, list[str]] = {}
    for passage in post.passages:
        if passage.kind != "paragraph":
            continue
        for start, end in sentences(passage.text):
            said = passage.text[start:end]
            if said.endswith(("?", "？")) and 20 <= len(said) <= 140 and said[0] not in '"“(':
                asked.setdefault(passage.section, []).append(_opened(said))
    rounds = max((len(found) for found in asked.values()), default=0)
    return [found[i] for i in range(rounds) for found in asked.values() if i < len(found)][:most]


def _opened(question: str) -> str:
    """Without the words that only join it to the sentence before."""
    bare = re.sub(
        r"^(?:however|but|and|so|in other words|for example|or)\b,?\s+", "", question, flags=re.I
    )
    return bare[:1].upper() + bare[1:]


def _language(post: Post) -> str:
    return "zh" if sum(p.language == "zh" for p in post.passages) * 2 > len(post.passages) else "en"


def _facts(post: Post) -> str:
    facts = [
        post.date.strftime("%-d %B %Y") if post.date else "",
        ", ".join(post.categories),
        ", ".join(post.tags),
    ]
    count = sum(1 for section in post.sections if section.level)
    facts.append(f"{count} section{'s' * (count != 1)}" if count else "")
    return f'<p class="facts">{_text(" · ".join(fact for fact in facts if fact))}</p>'


def _heading(section: Section) -> str:
    if not section.level:
        return ""
    level = min(section.level + 1, 6)
    return (
        f'<h{level} id="{_text(section.id)}" class="section">{_text(section.title)} '
        f'<button type="button" class="discuss" data-scope="{_text(section.id)}" '
        f'aria-label="Discuss the section {_text(section.title)}">Discuss</button></h{level}>'
    )


def _passage(passage: Passage, number: int | None, lit: Sequence[str], inside: bool) -> str:
    given = {"item": passage.bullet, "quotation": passage.quotes, "cited": number, "inside": inside}
    classes = ["passage", *(name for name, is_so in given.items() if is_so)]
    indent = min(max(passage.depth - 1, 0), 6)
    body = clean(passage.html)
    for words in lit:
        body = marked(body, words)
    margin = f'<span class="number" aria-label="passage {number}">{number}</span>' if number else ""
    bullet = (
        f'<span class="bullet" aria-hidden="true">{_text(passage.bullet)}</span>'
        if passage.bullet
        else ""
    )
    return (
        f'<div class="{" ".join(classes)}" id="{_text(passage.id)}" style="--depth:{indent}">{margin}{bullet}'
        f'<div class="words">{body}</div>'
        f'<button type="button" class="pick" data-scope="{_text(passage.id)}" '
        f'aria-label="Discuss this passage" title="Discuss this passage">❝</button></div>'
    )


def marked(body: str, words: str) -> str:
    """HTML with `words` lit, where its visible text holds them; tags in between stay whole."""
    pieces = _TAG.split(body)
    seen: list[tuple[int, int, int]] = []  # piece, start and end in it, of each visible character
    shown: list[str] = []
    for i, piece in enumerate(pieces):
        if piece.startswith("<"):
            continue
        for m in re.finditer(r"&[#\w]+;|.", piece, re.DOTALL):
            char = html.unescape(m[0])
            if char.isspace():
                if shown and shown[-1] == " ":
                    continue
                char = " "
            shown.append(char)
            seen.append((i, m.start(), m.end()))
    at = "".join(shown).find(fold(words))
    if at < 0 or any(len(char) != 1 for char in shown):
        return body
    spans: dict[int, tuple[int, int]] = {}
    for i, start, end in seen[at : at + len(fold(words))]:
        spans[i] = (min(start, spans.get(i, (start, end))[0]), end)
    for i, (start, end) in spans.items():
        pieces[i] = f"{pieces[i][:start]}<mark>{pieces[i][start:end]}</mark>{pieces[i][end:]}"
    return "".join(pieces)


def _text(words: str) -> str:
    return html.escape(words, quote=True)
