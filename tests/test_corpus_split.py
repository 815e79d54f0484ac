"""Chunks: nothing lost, nothing too long, and an edit moves no more than it must."""

import re
from pathlib import Path

import pytest

from corpus.embedding import SentenceEmbedder
from corpus.read import read_folder, read_text
from corpus.sentences import sentences
from corpus.settings import ESSAYS
from corpus.split import split
from tests.conftest import SHARED, Letters

FOLDERS = [ESSAYS, SHARED / "blog" / "_posts"]


@pytest.mark.parametrize("folder", FOLDERS, ids=["essay", "blog"])
def test_no_word_is_lost_and_no_chunk_is_too_long(folder: Path, embedder: SentenceEmbedder) -> None:
    if not folder.exists():
        pytest.skip("the shared posts are not here")
    for post in read_folder(folder).posts:
        nodes = split(post, embedder.count, embedder.limit)
        assert max(embedder.count(node.text) for node in nodes) <= embedder.limit
        told: dict[str, str] = {}
        for node in nodes:
            for tail in node.metadata["passages"].split():
                told[tail] = told.get(tail, "") + " " + node.text
        for passage in post.passages:
            chunks = told[passage.id.rpartition("@")[2]]
            whole = re.sub(r"\s", "", chunks)
            for start, end in sentences(passage.text):
                sentence = passage.text[start:end]
                if embedder.count(sentence) < embedder.limit // 2:
                    assert re.sub(r"\s", "", sentence) in whole
                else:  # a sentence longer than a chunk is cut between words
                    assert set(re.findall(r"[A-Za-z]{1,20}", sentence)) <= set(
                        re.findall(r"[A-Za-z]{1,20}", chunks)
                    )
                    assert set(sentence) - {" "} <= set(whole)


def test_the_heading_path_comes_first(letters: Letters) -> None:
    post, _ = read_text("# A b\n\n## C\n\nwords here\n", "p")
    (node,) = split(post, letters.count, letters.limit)
    assert node.text == "A b › C\nwords here"
    assert node.metadata["post"] == "p"


def test_a_long_passage_is_cut_at_sentence_ends(letters: Letters) -> None:
    text = " ".join(f"Sentence {i} is here for you." for i in range(20))
    post, _ = read_text(text, "p")
    nodes = split(post, letters.count, letters.limit)
    assert len(nodes) > 2
    assert all(node.text.endswith(".") for node in nodes)
    assert " ".join(node.text for node in nodes) == text


def test_a_heading_longer_than_a_chunk_is_still_embedded(letters: Letters) -> None:
    title = " ".join(f"word{i}" for i in range(100))
    post, _ = read_text(f"# {title}\n\nbody\n", "p")
    nodes = split(post, letters.count, letters.limit)
    assert max(letters.count(node.text) for node in nodes) <= letters.limit
    assert set(title.split()) <= set(" ".join(node.text for node in nodes).split())


def test_a_word_longer_than_a_chunk_is_cut_between_letters() -> None:
    post, _ = read_text("字" * 500, "p")
    nodes = split(post, len, 40)
    assert "".join(node.text for node in nodes) == "字" * 500


def test_an_edit_of_a_passage_changes_at_most_two_chunks(embedder: SentenceEmbedder) -> None:
    source = (ESSAYS / "next-on-llm.md").read_bytes().decode()
    post, _ = read_text(source, "p")
    before = {node.id_ for node in split(post, embedder.count, embedder.limit)}
    for passage in post.passages:
        edited = source[: passage.start] + "Indeed " + source[passage.start :]
        after = {
            node.id_ for node in split(read_text(edited, "p")[0], embedder.count, embedder.limit)
        }
        assert 1 <= len(after - before) <= 2
