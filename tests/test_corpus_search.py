"""The right passage is found, within the scope, in either language."""

import json
from pathlib import Path

import pytest

from chat.followup import resolve
from chat.measure import questions
from corpus.index import Index
from corpus.lexical import Lexical, words
from corpus.plain import fold, plain
from corpus.search import Part, best_passages
from corpus.sentences import fitting, sentences
from corpus.shelf import Shelf
from tests.conftest import ROOT, Letters

QUESTIONS = ROOT / "tests" / "data" / "essay-questions.jsonl"


def test_eighteen_of_twenty_frozen_questions_find_their_passage_among_three(shelf: Shelf) -> None:
    asked = questions(QUESTIONS)
    assert (len(asked), sum(bool(q.history) for q in asked)) == (20, 5)
    missed = []
    for question in asked:
        hits = shelf.search(resolve(question.text, question.history), k=6)
        texts = [fold(shelf.library.find(i)[1].text) for i in best_passages(hits)[:3]]  # type: ignore[index]
        if not any(answer in text for answer in question.answers for text in texts):
            missed.append(question.id)
    assert len(missed) <= 2, missed


def test_the_frozen_questions_quote_the_essay() -> None:
    source = (ROOT / "corpus" / "posts" / "next-on-llm.md").read_text("utf-8")
    for line in QUESTIONS.read_text("utf-8").splitlines():
        assert all(answer in source for answer in json.loads(line)["answers"])


def test_a_hit_obeys_the_law(shelf: Shelf) -> None:
    for hit in shelf.search((Part("Does compression equal simulation?"),), k=10):
        post = shelf.library.post(hit.post)
        first, last = (shelf.library.find(hit.passages[i])[1] for i in (0, -1))  # type: ignore[index]
        assert (hit.start, hit.end) == (first.start, last.end)
        assert plain(post.source[first.start : first.end]) == first.text
        assert hit.text.startswith(first.text)


@pytest.mark.parametrize(
    ("scope", "inside"),
    [("next-on-llm", 24), ("next-on-llm#agents", 2), ("next-on-llm@c5e1c246", 1)],
)
def test_a_search_keeps_within_its_scope(scope: str, inside: int, shelf: Shelf) -> None:
    allowed = {p.id for p in shelf.library.within(scope)}
    assert len(allowed) == inside
    hits = shelf.search((Part("compression and simulation"),), scope, 50)
    assert hits
    assert all(allowed & set(hit.passages) for hit in hits)
    assert set(best_passages(hits)) <= allowed


def test_chinese_is_found_by_its_words(letters: Letters, tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "zh.md").write_text(
        "# 甲\n\n大模型压缩了世界的语料。\n\n# 乙\n\n世界模型需要模拟物理。\n\n# 丙\n\n智能体与对齐。\n",
        "utf-8",
    )
    shelf = Shelf(folder, Index("rejoinder-zh", letters, home=tmp_path / "home"))
    shelf.update()
    assert shelf.search((Part("什么是世界模型？"),))[0].text == "世界模型需要模拟物理。"
    assert shelf.search((Part("智能体"),))[0].language == "zh"


def test_an_empty_query_finds_nothing(shelf: Shelf) -> None:
    assert shelf.search((Part("  "),)) == []


def test_a_query_longer_than_the_embedder_reads_is_read_to_its_end(shelf: Shelf) -> None:
    padding = "The weather was fine and nothing else happened. " * 60
    (hit,) = shelf.search((Part(padding + "Bitter Lesson agents System 1 System 2"),), k=1)
    assert "Bitter Lesson" in hit.text


def test_words_are_stemmed_and_unspaced_scripts_are_read_in_pairs() -> None:
    assert words("The agents were scaling; 世界模型") == ["agent", "scale", "世界", "界模", "模型"]
    assert words("…") == []
    assert Lexical(["the of", "…"]).scores("anything").tolist() == [0, 0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Dr. No, 3.5 m. Why? 对。是吗？", ["Dr. No, 3.5 m.", "Why?", "对。", "是吗？"]),
        ("It says “so it is.” [3] Then [2].", ["It says “so it is.” [3]", "Then [2]."]),
        ("Even if “is it?” [8], so.", ["Even if “is it?” [8], so."]),
        ("one\ntwo", ["one", "two"]),
        ("", []),
    ],
)
def test_sentences_end_where_a_reader_would_stop(text: str, parts: list[str]) -> None:
    assert [text[a:b] for a, b in sentences(text)] == parts


def test_a_text_is_cut_to_fit_without_losing_a_word() -> None:
    text = "One two three. Four five six. Seven eight nine ten eleven twelve."
    parts = list(fitting(text, lambda t: len(t.split()), 4))
    assert max(len(part.split()) for part in parts) <= 4
    assert " ".join(parts) == text
