"""Files to posts: what is read, what is left out and why, and how things are named."""

import os
from pathlib import Path

import pytest

from corpus.errors import NoPosts, PlaceUnknown
from corpus.read import heading_slug, read_folder, read_text, slugs
from corpus.settings import ESSAYS
from tests.conftest import SHARED


def test_the_essay_is_the_authors_file_byte_for_byte() -> None:
    if not SHARED.exists():
        pytest.skip("the shared essay is not here")
    theirs = SHARED / "essays" / "next-on-llm.md"
    assert (ESSAYS / "next-on-llm.md").read_bytes() == theirs.read_bytes()


def test_the_essay_reads_as_a_post() -> None:
    (post,) = read_folder(ESSAYS).posts
    assert post.slug == "next-on-llm"
    assert post.title == "What's the next step to Large Models?"
    assert str(post.date) == "2024-04-23"
    assert (post.categories, post.tags) == (("NLP",), ("inference", "math", "seq2seq"))
    assert [s.id for s in post.sections] == [
        "next-on-llm#",
        "next-on-llm#is-compression-all-we-need",
        "next-on-llm#world-model-in-a-data-driven-fasion",
        "next-on-llm#agents",
        "next-on-llm#alignment-feedback",
        "next-on-llm#beyond-language",
    ]


def test_a_list_item_knows_the_text_it_hangs_under() -> None:
    library = read_folder(ESSAYS)
    (post,) = library.posts
    item = next(p for p in post.passages if p.text.startswith("For yes"))
    parents = [library.find(id_)[1].text for id_ in item.parents]  # type: ignore[index]
    assert [text[:22] for text in parents] == ["The first question con", "Is it possible to disc"]


def test_a_second_paragraph_and_text_after_a_sublist_have_the_items_parents() -> None:
    post, _ = read_text("- a\n  - b\n\n    second\n    - c\n\n    after\n", "p")
    by_text = {p.text: p for p in post.passages}
    for text in ("second", "after"):
        assert by_text[text].parents == by_text["b"].parents == (by_text["a"].id,)


def test_a_line_at_the_head_changes_no_passage_and_moves_every_offset() -> None:
    source = (ESSAYS / "next-on-llm.md").read_bytes().decode()
    before, _ = read_text(source, "p")
    for line in ("\n", "<!-- a note -->\n"):
        after, losses = read_text(line + source, "p")
        assert losses == []
        assert [(p.id, p.text) for p in after.passages] == [(p.id, p.text) for p in before.passages]
        assert all(
            a.start == b.start + len(line)
            for a, b in zip(after.passages, before.passages, strict=True)
        )


def test_bad_files_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    good = "---\ntitle: Good\n---\n\nWords.\n"
    (tmp_path / "good.md").write_text(good)
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "blank.md").write_text("---\ntitle: x\n---\n")
    (tmp_path / "plain.md").write_text("# Heading\n\nWords.\n")
    (tmp_path / "broken.md").write_text("---\ntitle: [x\n---\n\nWords.\n")
    (tmp_path / "latin.md").write_bytes(good.encode() + b"caf\xe9\n")
    (tmp_path / "bom.md").write_bytes(b"\xef\xbb\xbf" + good.encode())
    (tmp_path / "huge.md").write_bytes(b"word " * 10_000_000)
    (tmp_path / "dangling.md").symlink_to(tmp_path / "nowhere.md")
    library = read_folder(tmp_path)
    assert sorted(post.slug for post in library.posts) == [
        "bom",
        "broken",
        "good",
        "latin",
        "plain",
    ]
    why = {s.file: s.why for s in library.skipped}
    assert why["empty.md"] == "is empty"
    assert why["blank.md"] == "holds no text"
    assert "no front matter" in why["plain.md"]
    assert "not YAML (line 3)" in why["broken.md"]
    assert "not UTF-8" in why["latin.md"]
    assert "50 MB" in why["huge.md"]
    assert "No such file" in why["dangling.md"]
    assert set(why) == {
        "empty.md",
        "blank.md",
        "plain.md",
        "broken.md",
        "latin.md",
        "huge.md",
        "dangling.md",
    }
    latin = next(post for post in library.posts if post.slug == "latin")
    assert latin.passages[-1].text.endswith("caf\ufffd")


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_without_posts_says_what_to_do(make: bool, tmp_path: Path) -> None:
    folder = tmp_path / "posts"
    if make:
        folder.mkdir()
    with pytest.raises(NoPosts, match="REJOINDER_POSTS"):
        read_folder(folder)


def test_slugs_are_stems_until_stems_repeat() -> None:
    paths = ["a.md", "x/b.md", "y/b.md", "c#.md", "d.md", "d.markdown"]
    assert slugs([Path(p) for p in paths]) == ["a", "x/b", "y/b", "c-", "d", "d-2"]


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Is it 100%?", "is-it-100"), ("世界 模型！", "世界-模型"), ("ＡＢ", "ab"), ("—", "")],
)
def test_a_heading_makes_the_end_of_a_sections_id(title: str, slug: str) -> None:
    assert heading_slug(title) == slug


def test_headings_and_texts_that_repeat_get_numbers_in_source_order() -> None:
    post, _ = read_text("# A\n\nx\n\n# A\n\nx\n\n# A\n\ny\n", "p")
    assert [s.id for s in post.sections] == ["p#a", "p#a-2", "p#a-3"]
    first, second, _ = post.passages
    assert second.id == f"{first.id}-2"


def test_a_section_holds_its_subsections() -> None:
    post, _ = read_text("# A\n\none\n\n## B\n\ntwo\n\n# C\n\nthree\n", "p")
    assert [p.text for p in post.within("p#a")] == ["one", "two"]
    assert [p.text for p in post.within("p#b")] == ["two"]
    assert post.headings("p#b") == ("A", "B")
    outer, inner, _ = post.sections
    assert outer.end == post.source.index("# C")
    assert inner.parents == ("p#a",)


@pytest.mark.parametrize("place", ["nowhere", "next-on-llm#nowhere", "next-on-llm@00000000"])
def test_a_scope_that_names_nothing_says_what_there_is(place: str) -> None:
    with pytest.raises(PlaceUnknown, match="next-on-llm"):
        read_folder(ESSAYS).within(place)


def test_files_made_to_break_the_reader_are_reported(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("---\ntitle: Good\n---\n\nWords.\n")
    (tmp_path / "alias.md").write_text("---\ntags: &a [*a]\n---\n\nWords.\n")
    (tmp_path / "deep.md").write_text(f"---\ntags: {'[' * 3000}\n---\n\nWords.\n")
    (tmp_path / "control.md").write_text(
        "---\ntitle: x\n---\n\nb\n\n\x0c\neak off\n\n\u2028\nsecond words\n"
    )
    os.mkfifo(tmp_path / "pipe.md")
    with open(os.fsencode(tmp_path) + b"/caf\xe9.md", "w") as file:  # noqa: PTH123
        file.write("---\ntitle: c\n---\n\nWords.\n")
    library = read_folder(tmp_path)
    assert {p.slug for p in library.posts} == {"good", "alias", "deep", "control", "caf\ufffd"}
    assert {s.file for s in library.skipped} == {"deep.md", "pipe.md"}
    text = " ".join(p.text for post in library.posts for p in post.passages)
    assert "eak off" in text
    assert "second words" in text
