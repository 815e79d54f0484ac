"""Verdicts: a quotation to the letter, a claim by its words, and nothing lit without ground."""

import time

import pytest

from chat.verdict import Sentence, judge, shown

PASSAGES = {
    1: "The answer is affirmative if the model can simulate the entire world.",
    2: "Musk posited that our primary concern should revolve around the transformation between energy and intelligence.",
    3: "大模型把世界的语料压缩进一个模型里，人人都可以用自然语言提取。",
    4: 'Is it possible to "discover" sth new in 1998?',
}


def only(reply: str) -> Sentence:
    (sentence,) = judge(reply, PASSAGES)
    return sentence


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("It says “the model can simulate the entire world” [1].", "quoted"),
        ("It says “The Model can SIMULATE the entire\u00a0world.” [1]", "quoted"),
        ("It says “the model can … entire world”.", "quoted"),
        ('It says "the answer is affirmative if the model" [1].', "quoted"),
        ("文章说“大模型把世界的语料压缩进一个模型里”[3]。", "quoted"),
        ("It says “the model can imitate the entire world” [1].", "unsupported"),
        ("The answer is affirmative if a model simulates the world [1].", "supported"),
        ("The essay says the model should simulate the entire world.", "supported"),
        ("The essay says that robots will take all jobs.", "unsupported"),
        (
            "The author holds that Musk worries about energy and intelligence since 2013.",
            "unsupported",
        ),
        ("I would say that robots will take all jobs.", "own"),
        ("Is that so?", "own"),
        ("He calls it “a mistake” all the same.", "own"),
        ("Run `the model can simulate “x y z w”` first.", "own"),
    ],
)
def test_a_sentence_gets_the_verdict_that_a_reader_would_give(reply: str, verdict: str) -> None:
    assert only(reply).verdict == verdict


def test_a_quotation_is_known_to_the_character() -> None:
    sentence = only('It asks, “possible to "discover" sth new” [4].')
    (quote,) = sentence.quotes
    assert PASSAGES[quote.n][quote.start : quote.end] == 'possible to "discover" sth new'


def test_a_quotation_with_an_omission_has_a_span_for_each_part() -> None:
    sentence = only("It says “the answer is affirmative … the entire world”.")
    assert [PASSAGES[q.n][q.start : q.end] for q in sentence.quotes] == [
        "The answer is affirmative",
        "the entire world",
    ]


def test_parts_of_a_quotation_have_to_stand_in_order() -> None:
    assert (
        only("It says “simulate the entire world … the answer is affirmative”.").verdict
        == "unsupported"
    )


def test_words_found_elsewhere_than_marked_are_said_to_be() -> None:
    sentence = only("It says “the model can simulate the entire world” [2].")
    assert (sentence.verdict, sentence.marked, sentence.found) == ("quoted", (2,), (1,))
    assert sentence.why == "the words stand in [1], not in [2]"


def test_what_is_found_is_never_shown_as_marked() -> None:
    sentence = only("The essay says the model should simulate the entire world.")
    assert (sentence.marked, sentence.found) == ((), (1,))


def test_an_unsupported_sentence_says_why() -> None:
    assert only("The essay says that robots will win.").why == "“robots” is in none of the passages"
    assert only("It happened in 1999 [4].").why == "“1999” is not in what it cites"


def test_a_marker_that_names_no_passage_is_struck() -> None:
    assert (
        shown("So [1], and so [7]. Also [2, 9]; `a[8]`.", [1, 2])
        == "So [1], and so. Also [2]; `a[8]`."
    )


def test_a_quotation_that_spans_sentences_is_one_sentence() -> None:
    text = "It says “One is so. Two is not so.” And more."
    assert [s.text for s in judge(text, {1: "x"})] == [
        "It says “One is so. Two is not so.”",
        "And more.",
    ]


def test_spans_lead_back_into_the_reply() -> None:
    reply = "  First it says so. \n\n- Then [1] a list!\n"
    for sentence in judge(reply, PASSAGES):
        assert reply[sentence.start : sentence.end] == sentence.text


@pytest.mark.parametrize("reply", ["", "   ", "…", "“”", "[1]", "```\ncode"])
def test_nothing_much_is_judged_without_a_fault(reply: str) -> None:
    for sentence in judge(reply, {}):
        assert 0 <= sentence.score <= 1


@pytest.mark.parametrize(
    "unit", ["A. ", ". ", "```a\n", "语言。", "It is so [1][2]. ", "“Four words are here” [1]. "]
)
def test_a_long_odd_reply_is_judged_in_a_time_that_grows_with_its_length(unit: str) -> None:
    def seconds(size: int) -> float:
        start = time.perf_counter()
        judge(unit * (size // len(unit)), {1: "Four words are here."})
        return time.perf_counter() - start

    assert seconds(40_000) < 12 * max(seconds(10_000), 0.01)  # twice quadratic would be 16
