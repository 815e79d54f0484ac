"""A reader's actions without a browser: waiting, double questions, failed retries."""

import re
import threading
import time
from pathlib import Path

import pytest

from chat.desk import Desk
from chat.stance import Stance
from corpus.embedding import SentenceEmbedder
from corpus.errors import PlaceUnknown
from corpus.index import Index
from corpus.read import read_folder
from corpus.settings import ESSAYS, Settings
from corpus.shelf import Shelf
from tests.conftest import Letters


@pytest.fixture
def desk(letters: Letters, settings: Settings) -> Desk:
    """Not indexed yet."""
    return Desk(Shelf(ESSAYS, Index("rejoinder-desk", letters, home=settings.home)), settings)


def last(parts: list[dict[str, object]], name: str) -> object:
    return [given[name] for given in parts if name in given][-1]


def test_the_first_question_waits_for_the_index_and_says_so(desk: Desk) -> None:
    turn = desk.asked(*desk.begun(), "What of agents?", Stance.EXPLAIN, "s")
    seen = [next(turn), next(turn)]
    assert "Reading the posts" in str(seen[-1]["live"])
    desk.index_beside()
    parts = [*seen, *turn]
    assert "What of agents?" in str(last(parts, "turns"))
    assert last(parts, "busy") is False
    assert desk.shelf.ready


def test_a_question_can_be_stopped_while_it_waits_for_the_index(desk: Desk) -> None:
    turn = desk.asked(*desk.begun(), "What of agents?", Stance.EXPLAIN, "s")
    next(turn)
    desk.stop("s")
    assert "Stopped" in str(last(list(turn), "live"))


def test_an_index_that_fails_is_told_and_tried_again(
    letters: Letters, settings: Settings, tmp_path: Path
) -> None:
    home = tmp_path / "taken"
    home.write_text("a file where the folder should be")
    desk = Desk(Shelf(ESSAYS, Index("rejoinder-desk", letters, home=home)), settings)
    desk.index_beside()
    parts = list(desk.asked(*desk.begun(), "What of agents?", Stance.EXPLAIN, "s"))
    assert "REJOINDER_HOME" in str(last(parts, "live"))
    home.unlink()
    parts = list(desk.asked(*desk.begun(), "What of agents?", Stance.EXPLAIN, "s"))
    assert "discussion" in parts[-1]


def test_a_second_question_on_one_page_waits_its_turn(desk: Desk) -> None:
    first = desk.asked(*desk.begun(), "What of agents?", Stance.EXPLAIN, "s")
    next(first)
    assert list(desk.asked(*desk.begun(), "And this?", Stance.EXPLAIN, "s")) == []
    other = desk.asked(*desk.begun(), "And this?", Stance.EXPLAIN, "another page")
    assert next(other)["busy"] is True
    for session in ("s", "another page"):
        desk.stop(session)
    assert [*first, *other]


def test_an_empty_question_changes_nothing(desk: Desk) -> None:
    assert list(desk.asked(*desk.begun(), "  \n", Stance.EXPLAIN, "s")) == []


def test_a_retry_that_fails_keeps_the_reply_that_was_there(desk: Desk) -> None:
    desk.index_beside()
    discussion, view = desk.begun()
    parts = list(desk.asked(discussion, view, "What of agents?", Stance.EXPLAIN, "s"))
    kept, seen = last(parts, "discussion"), last(parts, "view")
    desk.settings = desk.settings.model_copy(
        update={"model": "ollama:m", "ollama_host": "127.0.0.1:9"}
    )
    desk._choice = None
    parts = list(desk.retried(kept, seen, Stance.DEFEND, "s"))  # type: ignore[arg-type]
    assert "ollama serve" in str(last(parts, "live"))
    assert 'class="reply"' in str(last(parts, "turns"))
    assert all("discussion" not in given for given in parts)


def test_many_readers_at_once_are_not_mixed_up(
    embedder: SentenceEmbedder, shelf: Shelf, settings: Settings
) -> None:
    desk = Desk(shelf, settings)
    replies: dict[int, str] = {}

    def read(i: int) -> None:
        parts = list(
            desk.asked(*desk.begun(), f"What of agents number {i}?", Stance.EXPLAIN, str(i))
        )
        replies[i] = str(last(parts, "turns"))

    threads = [threading.Thread(target=read, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(replies) == 12
    for i, html in replies.items():
        assert re.findall(r"agents number (\d+)\?", html) == [str(i)]


def test_what_another_process_indexes_reaches_the_next_reply(
    letters: Letters, tmp_path: Path
) -> None:
    posts = tmp_path / "posts"
    posts.mkdir()
    (posts / "a.md").write_text("---\ntitle: A\n---\n\nThe zebra eats grass.\n")
    settings = Settings(home=tmp_path / "home", model="stub", posts=posts)
    desk = Desk(Shelf(posts, Index("rejoinder-two", letters, home=settings.home)), settings)
    desk.index_beside()
    list(desk.asked(*desk.begun(), "What eats grass?", Stance.EXPLAIN, "s"))
    (posts / "b.md").write_text("---\ntitle: B\n---\n\nThe quokka lives in zanzibar.\n")
    Index("rejoinder-two", letters, home=settings.home).sync(read_folder(posts))
    parts = list(desk.asked(*desk.begun(), "Where does the quokka live?", Stance.EXPLAIN, "s"))
    assert "The quokka lives in zanzibar" in str(last(parts, "turns"))


def test_a_fault_nobody_thought_of_leaves_the_page_usable(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.index_beside()

    def broken() -> None:
        raise RuntimeError("out of luck")

    desk.choice = broken  # type: ignore[assignment]
    parts = list(desk.asked(*desk.begun(), "What of agents?", Stance.EXPLAIN, "s"))
    assert "out of luck" in str(last(parts, "live"))
    assert last(parts, "busy") is False
    assert "Traceback" in capsys.readouterr().err


def test_a_scope_that_names_nothing_is_refused(desk: Desk) -> None:
    with pytest.raises(PlaceUnknown, match="next-on-llm"):
        desk.scoped(*desk.begun(), "nowhere#x")


def test_a_server_that_comes_up_is_noticed(desk: Desk) -> None:
    from tests.fake_ollama import saying, serving

    desk.settings = desk.settings.model_copy(update={"model": "auto", "ollama_host": "127.0.0.1:9"})
    assert desk.choice().model.name == "stub"
    with serving(saying("x")) as server:
        desk.settings = desk.settings.model_copy(update={"ollama_host": server.address})
        assert desk.choice().model.name == "stub"  # not asked at every moment
        start = time.monotonic()
        while desk.choice().model.name == "stub" and time.monotonic() - start < 6:
            time.sleep(0.2)
        assert desk.choice().model.name == "ollama:tiny:1b"
