"""What is shown: safe, anchored, lit to the character, and words for a screen reader."""

import pytest

from chat import reader, show
from chat.discussion import Room, reply
from chat.stance import Stance
from chat.turn import Answer, Answered, Discussion
from corpus.read import read_text
from corpus.shelf import Shelf
from tests.conftest import Scripted

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src="http://127.0.0.1:9/x" onerror="alert(1)">',
    "![p](http://127.0.0.1:9/x?secret)",
    '<p style="background:url(http://127.0.0.1:9/x)" onclick="alert(1)">words</p>',
    "<style>@import 'http://127.0.0.1:9/x';</style>",
    '<a href="javascript:alert(1)">words</a>',
    '[words](http://127.0.0.1:9/ "see [1] and <b>") <a title="[1]" href="#agents">words</a>',
    '<form action="http://127.0.0.1:9/x"><input name="a"></form>',
    '<iframe src="http://127.0.0.1:9/x"></iframe>',
    '<svg><use href="http://127.0.0.1:9/x"></use></svg>',
    '<video poster="http://127.0.0.1:9/x" src="http://127.0.0.1:9/x"></video>',
]
FORBIDDEN = [
    "<script",
    "<img",
    "<style",
    "style=",
    "onerror",
    "onclick",
    "javascript:",
    "<form",
    "<iframe",
    "<svg",
    "<video",
    "url(",
]


def answer(shelf: Shelf, said: str) -> Answer:
    room = Room(shelf.library, shelf.search, Scripted(said))
    *_, last = reply(Discussion(), "What of agents?", Stance.EXPLAIN, room=room)
    assert isinstance(last, Answered)
    return last.answer


@pytest.mark.parametrize("attack", HOSTILE)
def test_nothing_in_a_post_runs_or_loads(attack: str) -> None:
    post, _ = read_text(
        f"# T\n\nSafe words.\n\n{attack}\n\nIn line {attack} too.\n\n- item {attack}\n", "p"
    )
    page = reader.article(post)
    assert "Safe words." in page
    for sign in FORBIDDEN:
        body = page.replace('style="--depth:0"', "")
        assert sign not in body, body


@pytest.mark.parametrize("attack", HOSTILE)
def test_nothing_in_a_reply_runs_or_loads(attack: str, shelf: Shelf) -> None:
    page = show.reply(answer(shelf, f"It says this. {attack} And more."))
    parsed = reader.nh3.clean(page, tags={"div", "span", "a", "p"}, attributes={})
    assert "alert(1)</script>" not in page
    for sign in ("<script", "<img", "<style", "<form", "<iframe", "<svg", "<video"):
        assert sign not in page
    assert "And more." in parsed


def test_a_title_and_a_heading_are_escaped() -> None:
    post, _ = read_text(
        '---\ntitle: "<script>x</script>"\n---\n\n# a"><script>y</script>\n\nwords\n', "p"
    )
    assert "<script" not in reader.article(post)


def test_each_passage_is_an_anchor_and_each_section_can_be_discussed(shelf: Shelf) -> None:
    (post,) = shelf.library.posts
    page = reader.article(post)
    for passage in post.passages:
        assert page.count(f'id="{passage.id}"') == 1
        assert f'data-scope="{passage.id}"' in page
    for section in post.sections:
        if section.level:
            assert f'data-scope="{section.id}"' in page


def test_a_heading_without_text_of_its_own_is_shown() -> None:
    post, _ = read_text("# Outer\n\n## Inner\n\nwords\n", "p")
    assert reader.article(post).index("Outer") < reader.article(post).index("Inner")


@pytest.mark.parametrize(
    ("body", "words", "lit"),
    [
        ("a <em>b c</em> d", "b c d", "a <em><mark>b c</mark></em><mark> d</mark>"),
        ("a &amp; b", "& b", "a <mark>&amp; b</mark>"),
        ("a\n b", "a b", "<mark>a\n b</mark>"),
        ("a b", "c", "a b"),
    ],
)
def test_exactly_the_quoted_words_are_lit(body: str, words: str, lit: str) -> None:
    assert reader.marked(body, words).replace("</mark><mark>", "") == lit


def test_starters_are_the_essays_own_questions_from_several_sections(shelf: Shelf) -> None:
    (post,) = shelf.library.posts
    found = reader.starters(post)
    assert len(found) == 4
    assert found[1] == "Will agents face a similar fate?"
    text = " ".join(p.text for p in post.passages)
    assert all(question[1:] in text for question in found)


def test_a_reply_shows_its_verdicts_links_and_count(shelf: Shelf) -> None:
    page = show.reply(
        answer(
            shelf,
            "It asks: “Will agents face a similar fate?” [13]\n\n- **I doubt** it.\n- The essay says robots win.",
        )
    )
    assert '<span class="q" title="quoted from the essay">' in page
    assert '<a class="cite" href="#next-on-llm%40' in page
    assert '<span class="u"' in page
    assert "<li>" in page
    assert "<strong>I doubt</strong>" in page
    assert "“robots” is in none of the passages" in page
    assert "3 sentences: 1 quoted, 1 own, 1 unsupported" in page


def test_emphasis_that_crosses_sentences_stays_well_formed(shelf: Shelf) -> None:
    page = show.reply(
        answer(shelf, "One *is so. Two* is. `Three. Four` is.\n\n```\ncode. here.\n```")
    )
    assert page.count("<span") == page.count("</span")
    assert "code. here." in page


def test_private_characters_in_a_reply_do_no_harm(shelf: Shelf) -> None:
    page = show.reply(answer(shelf, "A \ue0000\ue003 b \ue00212\ue003 c."))
    assert "\ue000" not in page
    assert "\ue002" not in page
