"""The law: slices in order, `plain` of a slice is its text, every visible word in one of them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.markdown import Heading, blocks
from corpus.plain import fold, plain, positions
from corpus.post import Post
from corpus.read import read_text
from corpus.settings import ESSAYS
from tests.conftest import SHARED


def law(post: Post) -> None:
    """The law's first two parts, and that offsets keep to the source."""
    last = 0
    for passage in post.passages:
        assert last <= passage.start < passage.end <= len(post.source)
        piece = post.source[passage.start : passage.end]
        assert plain(piece, passage.kind, passage.quotes) == passage.text
        assert piece == piece.strip()
        last = passage.end


class Maker:
    """Markdown with words that occur once each, so that each can be looked for."""

    def __init__(self, draw) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.draw = draw
        self.words: list[str] = []

    def some(self) -> str:
        words = []
        for _ in range(self.draw(st.integers(1, 4))):
            ending = self.draw(st.sampled_from(["x", "é", "字", "\ufffd"]))
            word = f"w{len(self.words)}{ending}"
            self.words.append(word)
            words.append(
                self.draw(
                    st.sampled_from(["{}", "*{}*", "`{}`", "[{}](http://h/p)", "<b>{}</b>"])
                ).format(word)
            )
        return " ".join(words)

    def paragraph(self) -> list[str]:
        return [self.some() for _ in range(self.draw(st.integers(1, 2)))]

    def blocks(self, depth: int) -> list[str]:
        kinds = ["paragraph", "list", "quote", "code", "table", "formula"][: 6 if depth else 1]
        lines: list[str] = []
        for _ in range(self.draw(st.integers(1, 2))):
            lines += [*self.one(self.draw(st.sampled_from(kinds)), depth), ""]
        return lines

    def one(self, kind: str, depth: int) -> list[str]:
        if kind == "paragraph":
            return self.paragraph()
        if kind == "quote":
            return ["> " + line if line else ">" for line in self.blocks(depth - 1)]
        if kind == "code":
            return ["```text", *(self.bare() for _ in range(self.draw(st.integers(1, 2)))), "```"]
        if kind == "formula":
            return ["$$", self.bare(), "$$"]
        if kind == "table":
            row = lambda: f"| {self.bare()} | {self.bare()} |"  # noqa: E731
            return [row(), "|---|---|", *(row() for _ in range(self.draw(st.integers(0, 2))))]
        lines = []
        for _ in range(self.draw(st.integers(1, 2))):
            inner = [*self.paragraph(), "", *self.blocks(depth - 1), *self.paragraph()]
            lines += ["- " + inner[0], *("  " + line if line else "" for line in inner[1:])]
        return lines

    def bare(self) -> str:
        self.words.append(f"w{len(self.words)}c")
        return self.words[-1]


@st.composite
def posts(draw) -> tuple[str, list[str]]:  # type: ignore[no-untyped-def]  # noqa: ANN001
    maker = Maker(draw)
    lines = ["---", "title: T", "---", ""]
    for _ in range(draw(st.integers(1, 2))):
        lines += [f"# {maker.bare()}", "", *maker.blocks(3)]
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    return draw(st.sampled_from(["", "\ufeff"])) + end.join(lines), maker.words


@settings(max_examples=100, deadline=None)
@given(posts())
def test_the_law_holds_on_generated_markdown(made: tuple[str, list[str]]) -> None:
    source, words = made
    post, _ = read_text(source.removeprefix("\ufeff"), "post")
    law(post)
    shown = [p.text for p in post.passages] + [s.title for s in post.sections]
    said = re.findall(r"w\d+[xcé字\ufffd]", " ".join(shown))
    assert sorted(said) == sorted(words), source


def test_the_law_holds_on_the_essay_to_the_last_word() -> None:
    source = (ESSAYS / "next-on-llm.md").read_bytes().decode()
    post, losses = read_text(source, "next-on-llm")
    law(post)
    assert losses == []
    body = source[source.index("---", 3) + 3 :].replace("<!--more-->", "")
    visible = re.sub(r"^\s*(?:[-#]+ )", "", body, flags=re.MULTILINE).split()
    shown: list[tuple[int, str]] = [(p.start, p.text) for p in post.passages]
    shown += [(s.start, s.title) for s in post.sections]
    assert " ".join(text for _, text in sorted(shown)).split() == visible
    assert len(post.passages) == 24


@pytest.mark.skipif(not SHARED.exists(), reason="the shared posts are not here")
def test_the_law_holds_on_real_posts() -> None:
    for file in sorted((SHARED / "blog" / "_posts").glob("*.md")):
        post, _ = read_text(file.read_bytes().decode(), file.stem)
        law(post)
        assert post.passages, file.name


@pytest.mark.parametrize(
    ("piece", "kind", "quotes", "text"),
    [
        ("a **b** _c_ `d*` [e](http://x) ![f](y) &amp;", "paragraph", 0, "a b c d* e f &"),
        ("a\n> b\r\n   > c", "paragraph", 1, "a b c"),
        ("a\n    > b", "paragraph", 0, "a > b"),
        ("$x_1$ costs \\$5", "paragraph", 0, "$x_1$ costs $5"),
        ("[a][b] and a[0]", "paragraph", 0, "a and a0"),
        ("a<br>b <script>evil()</script>c", "paragraph", 0, "a b c"),
        ("x = *1*\n    y", "code", 0, "x = *1* y"),
        ("x\n> > y", "code", 1, "x > y"),
        ("a | b\\|c |\n|---|---|\n| | *d*", "table", 0, "a | b|c | d"),
        ("<b>a</b>b<p>c<script>d</script>", "html", 0, "ab c"),
    ],
)
def test_plain_says_what_a_reader_reads(piece: str, kind: str, quotes: int, text: str) -> None:
    assert plain(piece, kind, quotes) == text  # type: ignore[arg-type]


def test_blocks_know_the_lists_they_hang_in() -> None:
    source = "- a\n  - b\n\n  after\n\n  > quoted\n- c\n"
    found = [b for b in blocks(source) if not isinstance(b, Heading)]
    assert [(b.text, b.items, b.quotes, b.bullet) for b in found] == [
        ("a", (1,), 0, "•"),
        ("b", (1, 2), 0, "•"),
        ("after", (1,), 0, ""),
        ("quoted", (1,), 1, ""),
        ("c", (3,), 0, "•"),
    ]


def test_positions_lead_from_the_text_back_to_the_source() -> None:
    piece = "see [the *words*](httpc://words) cde"
    text = plain(piece)
    at = positions(piece, text)
    assert text == "see the words cde"
    assert "".join(piece[i] for i in at) == text
    assert piece[at[text.index("cde")] :] == "cde"


def test_a_formula_becomes_mathml_and_unknown_tex_stays_readable() -> None:
    good, bad = (b for b in blocks("$x^2$\n\n$\\frac{$") if not isinstance(b, Heading))
    assert "<msup>" in good.html
    assert "frac" in fold(bad.html)


def test_positions_survive_entities_and_combining_letters() -> None:
    for piece in [
        "a &lt; b and more, and x < y here",
        "cafe\u0301 one two and café three",
        "a | b\\|c",
    ]:
        text = plain(piece)
        at = positions(piece, text)
        assert at == sorted(at)
        for word in ("and", "three", "here", "c"):
            if word in text.split():
                start = text.index(word)
                assert piece[at[start] : at[start + len(word) - 1] + 1] == word


def test_a_labelled_formula_is_not_lost() -> None:
    post, _ = read_text("See this:\n\n$$E = mc^2$$ (1)\n\nwords\n", "p")
    assert "E = mc^2" in " ".join(p.text for p in post.passages)


def test_many_comments_before_the_text_are_read_in_no_time() -> None:
    post, _ = read_text("<!-- a -->\n" * 500 + "words\n", "p")
    assert [p.text for p in post.passages] == ["words"]


def test_a_post_that_opens_with_a_thematic_break_keeps_its_first_words() -> None:
    post, _ = read_text("---\n\nFirst words.\n\n---\n\nThe rest.\n", "p")
    assert "First words." in " ".join(
        [p.text for p in post.passages] + [s.title for s in post.sections]
    )
