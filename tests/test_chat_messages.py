"""The messages: they grow at their end only, fit the window, and never lose what was just found."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.discussion import Room, reply
from chat.messages import REPLY_SHARE, Ask, compose
from chat.reading import Entry, ReadingList
from chat.stance import Stance
from chat.tokens import estimate, estimate_messages
from chat.turn import Answer, Answered, Discussion, Timings, Turn
from corpus.errors import QuestionTooLong
from corpus.shelf import Shelf
from prompts.template import PromptBroken, render
from tests.conftest import ROOT, Scripted

GOLDEN = ROOT / "tests" / "data" / "prompts"


def entry(n: int, text: str = "") -> Entry:
    return Entry(n, f"p@{n:08x}", "p", ("Heading",), text or f"passage {n}", 0, 1, "en")


def turn(prompt: str, raw: str, given: set[int]) -> Turn:
    answer = Answer("q", (), Stance.EXPLAIN, "m", raw, raw, False, (), (), (), Timings(0, 0, 0))
    return Turn(prompt, frozenset(given), "", answer)


def asked(question: str, *numbers: int, text: str = "") -> Ask:
    return Ask(question, Stance.EXPLAIN, tuple(entry(n, text) for n in numbers), tuple(numbers))


def test_each_request_begins_with_the_last_one_and_its_reply(shelf: Shelf) -> None:
    replies = [f"Reply number {i}, as the model wrote it [9]. " for i in range(6)]
    model = Scripted(*replies)
    room = Room(shelf.library, shelf.search, model)
    discussion = Discussion()
    for i in range(6):
        *_, last = reply(discussion, f"Question {i} about agents?", list(Stance)[i % 5], room=room)
        assert isinstance(last, Answered)
        discussion = last.discussion
    for before, after, raw in zip(model.asked, model.asked[1:], replies, strict=False):
        assert after[: len(before)] == before
        assert after[len(before)].content == raw
        assert len(after) == len(before) + 2
    texts = "\n".join(m.content for m in model.asked[-1])
    for passage in shelf.library.passages():  # the essay is read whole, once
        assert texts.count(passage.text) == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_discussion_of_any_length_fits_and_keeps_what_was_just_found(data: st.DataObject) -> None:
    window = data.draw(st.sampled_from([1024, 2048, 4096]))
    discussion = Discussion()
    for _ in range(data.draw(st.integers(1, 25))):
        word = data.draw(st.sampled_from(["word ", "字", "x1$ "]))
        numbers = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=4, unique=True))
        size = data.draw(st.integers(1, 60))
        ask = asked(word * data.draw(st.integers(1, 30)), *numbers, text=word * size)
        prompt = compose(discussion, ask, window)
        contents = [m.content for m in prompt.messages]
        assert estimate_messages(contents) <= window - int(window * REPLY_SHARE)
        assert f"Question: {ask.question}".strip() in contents[-1]
        assert prompt.messages[0].content == render("system")
        there = "\n".join(contents)
        pointed = contents[-1].partition("Look first at ")[2].partition(".\n")[0]
        for n in numbers:
            assert f"[{n}]" not in pointed or f"[{n}] Heading\n" in there
        assert f"[{numbers[0]}]" in pointed
        kept = discussion.turns[prompt.sent_from :]
        assert [m.content for m in prompt.messages[1:-1:2]] == [t.prompt for t in kept]
        assert (prompt.sent_from > discussion.sent_from) == any(
            "no longer sent" in n for n in prompt.notices
        )
        raw = word * data.draw(st.integers(1, 80))
        discussion = Discussion(
            (*discussion.turns, turn(contents[-1], raw, set(prompt.given))),
            ReadingList(),
            prompt.sent_from,
        )


def test_the_oldest_turns_go_down_to_half_of_the_window_in_one_step() -> None:
    turns = tuple(turn("word " * 150, "reply " * 60, set() if i else {1}) for i in range(8))
    prompt = compose(Discussion(turns), asked("Why?", 1), 2048)
    assert prompt.sent_from > 1
    assert prompt.tokens <= 1024
    assert "no longer sent" in prompt.notices[0]
    assert prompt.given == {1}  # its text went with the old turns, so it is sent again


def test_a_question_longer_than_the_window_is_refused_in_words() -> None:
    with pytest.raises(QuestionTooLong, match="REJOINDER_CONTEXT"):
        compose(Discussion(), asked("word " * 5000, 1), 2048)


def test_hits_that_do_not_fit_go_lowest_first_with_a_notice() -> None:
    prompt = compose(Discussion(), asked("Why?", 3, 1, 2, text="word " * 500), 2048)
    assert prompt.given == {3, 1}
    assert "Look first at [3], [1]." in prompt.messages[-1].content
    assert "1 of the 3 passages" in prompt.notices[0]


@pytest.mark.parametrize("stance", list(Stance))
@pytest.mark.parametrize("hits", [True, False])
def test_a_rendered_prompt_is_as_its_golden_file(stance: Stance, hits: bool) -> None:
    numbers = (1, 2) if hits else ()
    ask = Ask("Why so?", stance, tuple(entry(n) for n in numbers), numbers)
    prompt = compose(Discussion(), ask, 8192)
    text = "\n\n=====\n\n".join(f"{m.role}:\n{m.content}" for m in prompt.messages) + "\n"
    golden = GOLDEN / f"{stance.value}-{'hits' if hits else 'none'}.txt"
    assert golden.read_text("utf-8") == text, f"if this is meant, write it to {golden.name}"


def test_prompts_are_short_and_show_no_example_number() -> None:
    assert len(render("system").split()) < 200
    for stance in Stance:
        assert len(stance.instruction.split()) <= 80
        assert not any(char.isdigit() for char in render("system") + stance.instruction)


def test_a_hole_that_nothing_fills_is_named() -> None:
    with pytest.raises(PromptBroken, match="passages, pointer, stance"):
        render("turn", question="x")


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The quick brown fox jumps over the lazy dog.", 9, 14),
        ("世界模型", 3, 5),
        ("", 0, 0),
        ("1234", 2, 2),
    ],
)
def test_tokens_are_estimated_on_the_safe_side(text: str, least: int, most: int) -> None:
    assert least <= estimate(text) <= most


def write_golden_files(folder: Path = GOLDEN) -> None:
    """Run by hand where a prompt was changed on purpose."""
    folder.mkdir(parents=True, exist_ok=True)
    for stance in Stance:
        for name, numbers in (("hits", (1, 2)), ("none", ())):
            ask = Ask("Why so?", stance, tuple(entry(n) for n in numbers), numbers)
            prompt = compose(Discussion(), ask, 8192)
            text = "\n\n=====\n\n".join(f"{m.role}:\n{m.content}" for m in prompt.messages) + "\n"
            (folder / f"{stance.value}-{name}.txt").write_text(text, "utf-8")
