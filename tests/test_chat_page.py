"""The page in a real Chromium, wide and narrow: what a reader does, and what must not happen."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chat.desk import Desk
from chat.page import launch
from corpus.embedding import SentenceEmbedder
from corpus.index import Index, collection_name
from corpus.settings import ESSAYS, Settings
from corpus.shelf import Shelf
from tests.conftest import CHROMIUM, ROOT
from tests.fake_ollama import Handler, Play, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Gradio's own
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
OUTPUT = ROOT / "tests" / "output"
QUESTION = "Does compression equal simulation?"


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    OUTPUT.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(settings: Settings, embedder: SentenceEmbedder) -> Iterator[str]:
    """A page on a free port, indexed."""
    name = collection_name(embedder.name, str(settings.posts))
    shelf = Shelf(settings.posts, Index(name, embedder, home=settings.home))
    desk = Desk(shelf, settings.model_copy(update={"port": 0}))
    page, address = launch(desk)
    try:
        yield address
    finally:
        page.close(verbose=False)


@pytest.fixture(scope="module")
def address(embedder: SentenceEmbedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("page")
    with served(Settings(home=home, model="stub", posts=ESSAYS), embedder) as url:
        yield url


def opened(
    chromium: Any, address: str, width: int = 1400, height: int = 860, scheme: str = "light"
) -> Any:
    page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.set_default_timeout(20_000)
    page.goto(address)
    page.wait_for_selector(".passage", state="attached")
    return page


def ask(page: Any, question: str = QUESTION) -> None:
    turns = page.locator(".reply").count()
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Send").click()
    page.wait_for_function("n => document.querySelectorAll('.reply').length > n", arg=turns)


def test_a_reader_asks_and_sees_a_checked_reply(chromium: Any, address: str) -> None:
    page = opened(chromium, address)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector(".passage")
    page.screenshot(path=OUTPUT / "empty-1400-light.png")
    page.get_by_label("Challenge").check()
    ask(page)
    assert page.locator(".tag").inner_text().lower().startswith("challenge")
    assert page.locator(".reply .q").count() == 2
    assert "2 quoted" in page.locator(".count").inner_text()
    assert page.get_by_label("Your question").input_value() == ""
    page.locator(".reply .cite").first.click()
    lit = page.locator(".passage:target")
    lit.wait_for()
    page.wait_for_timeout(600)
    assert lit.locator("mark").all_inner_texts()
    box, left = lit.bounding_box(), page.locator("#left").bounding_box()
    assert left["y"] <= box["y"] < left["y"] + left["height"]
    assert page.locator(".reply .cite").first.inner_text() == lit.locator(".number").inner_text()
    page.screenshot(path=OUTPUT / "cited-1400-light.png")
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    page.close()


def test_a_citation_turns_a_narrow_page_to_the_essay_and_back(chromium: Any, address: str) -> None:
    page = opened(chromium, address, 390, 800)
    assert not page.locator("#left").is_visible()
    ask(page)
    page.screenshot(path=OUTPUT / "reply-390-light.png")
    page.locator(".reply .cite").first.click()
    page.locator(".passage:target").wait_for()
    assert page.locator("#left").is_visible()
    assert not page.locator("#right").is_visible()
    page.wait_for_timeout(600)
    page.screenshot(path=OUTPUT / "cited-390-light.png")
    page.get_by_role("button", name="Discussion").click()
    assert page.locator(".reply").is_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    page.close()


def test_a_follow_up_on_a_clicked_section_keeps_to_it(chromium: Any, address: str) -> None:
    page = opened(chromium, address)
    ask(page)
    page.get_by_role("button", name="Discuss the section Agents").click()
    page.get_by_role("button", name="Agents ×").wait_for()
    assert page.locator(".passage.inside").count() == 2
    ask(page, "And what of this?")
    sources = page.locator(".bot").last.locator(".src .chip").all_inner_texts()
    assert sources
    assert all(source.endswith("Agents") for source in sources)
    page.get_by_role("button", name="Agents ×").click()
    page.locator(".passage.inside").first.wait_for(state="detached")
    page.locator(".passage", has_text="For yes, mathematicians").click()
    page.get_by_role("button", name=re.compile("“For yes.*×")).wait_for()
    page.close()


@pytest.mark.parametrize(("width", "height"), [(1400, 860), (390, 800)])
def test_where_one_writes_stays_in_view_however_long_the_discussion(
    chromium: Any, address: str, width: int, height: int
) -> None:
    page = opened(chromium, address, width, height)
    for question in [
        QUESTION,
        "Why is that?",
        "What of agents?",
        "And of language?",
        "And energy?",
    ]:
        ask(page, question)
        box = page.locator("#box").bounding_box()
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
        assert height / 2 < box["y"] <= box["y"] + box["height"] <= height
    if width < 760:
        page.get_by_role("button", name="Essay", exact=True).click()
        page.get_by_role("button", name="Discuss the section World Model").click()
        page.get_by_role("button", name=re.compile("World Model.*×")).wait_for()
        assert page.get_by_label("Your question").is_visible()
    page.screenshot(path=OUTPUT / f"long-{width}.png")
    page.close()


def test_retry_asks_the_last_question_again_in_another_stance(chromium: Any, address: str) -> None:
    page = opened(chromium, address)
    ask(page)
    page.get_by_label("Defend").check()
    page.get_by_role("button", name="Retry").click()
    page.wait_for_function(
        "document.querySelector('.tag').innerText.toLowerCase().startsWith('defend')"
    )
    page.wait_for_selector(".reply")
    assert page.locator(".user").count() == 1
    page.close()


def test_the_keyboard_alone_is_enough(chromium: Any, address: str) -> None:
    page = opened(chromium, address)
    page.get_by_label("Your question").focus()
    page.keyboard.type("What of agents?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".reply .cite")
    page.locator(".reply .cite").first.focus()
    page.keyboard.press("Enter")
    page.locator(".passage:target").wait_for()
    page.get_by_label("Defend").focus()
    page.keyboard.press("Space")
    assert page.get_by_label("Defend").is_checked()
    page.get_by_role("button", name="Discuss this passage").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("×")).wait_for()
    page.close()


def test_a_starter_question_is_asked_with_one_click(chromium: Any, address: str) -> None:
    page = opened(chromium, address)
    starter = page.locator(".starter").nth(1)
    words = starter.inner_text()
    starter.click()
    page.wait_for_selector(".reply")
    assert page.locator(".user").inner_text() == words
    page.close()


def test_a_screen_reader_hears_words_and_not_tags(chromium: Any, address: str) -> None:
    page = opened(chromium, address)
    ask(page)
    heard = page.locator("body").aria_snapshot()
    assert "quoted from the essay" in heard
    assert not re.search(r"</?(span|div|a|p)\b|class=", heard)
    page.close()


def test_the_dark_theme_is_dark(chromium: Any, address: str) -> None:
    page = opened(chromium, address, scheme="dark")
    ask(page)
    colour = page.evaluate(
        "getComputedStyle(document.querySelector('.gradio-container')).backgroundColor"
    )
    assert colour == "rgb(24, 23, 21)"
    page.screenshot(path=OUTPUT / "reply-1400-dark.png")
    page.close()


@contextmanager
def model(play: Play, embedder: SentenceEmbedder, home: Path) -> Iterator[tuple[str, Any]]:
    with serving(play) as server:
        settings = Settings(
            home=home, model="ollama:tiny:1b", ollama_host=server.address, posts=ESSAYS
        )
        with served(settings, embedder) as url:
            yield url, server


def test_a_reply_streams_and_stop_keeps_what_came(
    chromium: Any, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    def play(h: Handler) -> None:
        h.begin()
        h.say("The first words. ")
        h.wait_for_hang_up(20)

    with model(play, embedder, tmp_path) as (address, server):
        page = opened(chromium, address)
        page.get_by_label("Your question").fill("Why?")
        page.get_by_role("button", name="Send").click()
        page.wait_for_selector(".plain:has-text('The first words.')")
        page.screenshot(path=OUTPUT / "streaming-1400-light.png")
        start = time.monotonic()
        page.get_by_role("button", name="Stop").click()
        assert server.hung_up.wait(3)
        assert server.closed_at - start < 1
        page.wait_for_selector(".reply:has-text('The first words.')")
        assert "Interrupted" in page.locator(".bot").inner_text()
        page.close()


def test_a_page_closed_in_mid_reply_closes_the_models_stream(
    chromium: Any, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    with model(lambda h: h.wait_for_hang_up(20), embedder, tmp_path) as (address, server):
        page = opened(chromium, address)
        page.get_by_label("Your question").fill("Why?")
        page.get_by_role("button", name="Send").click()
        page.get_by_role("button", name="Stop").wait_for()
        while not server.requests:
            page.wait_for_timeout(50)
        page.close()
        assert server.hung_up.wait(5)


def test_a_fault_is_a_sentence_and_the_next_question_works(
    chromium: Any, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    faults = [lambda h: h.send({"error": "boom"}, 500)]

    def play(h: Handler) -> None:
        if faults:
            faults.pop()(h)
            return
        h.begin()
        h.say("All is well.")
        h.say(done=True)
        h.end()

    with model(play, embedder, tmp_path) as (address, _):
        page = opened(chromium, address)
        page.get_by_label("Your question").fill("Why?")
        page.get_by_role("button", name="Send").click()
        page.wait_for_selector(".why:has-text('failed 500: boom')")
        page.screenshot(path=OUTPUT / "fault-1400-light.png")
        ask(page, "And now?")
        assert page.locator(".reply").inner_text() == "All is well."
        page.close()


def test_nothing_in_a_post_or_a_reply_runs_or_asks_another_port(
    chromium: Any, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        port = trap.getsockname()[1]
        visits: list[object] = []
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    visits.append(trap.accept())
                except OSError:
                    continue

        threading.Thread(target=listen, daemon=True).start()
        evil = (
            f"![p](http://127.0.0.1:{port}/a?secret) <img src='http://127.0.0.1:{port}/b' onerror='window.hit=1'>"
            f'<span style="background:url(http://127.0.0.1:{port}/c)">styled</span>'
            "<script>window.hit=2</script> ${window.hit=3} {{window.hit=4}} words"
        )
        posts = tmp_path / "posts"
        posts.mkdir()
        (posts / "evil.md").write_text(
            f"---\ntitle: Evil\n---\n\n# Agents {evil}\n\nAgents {evil}\n\n<div onclick='window.hit=5'>{evil}</div>\n"
        )

        def play(h: Handler) -> None:
            h.begin()
            for piece in (evil, "\n\n", evil):
                h.say(piece)
                time.sleep(0.3)
            h.say(done=True)
            h.end()

        with serving(play) as server:
            settings = Settings(
                home=tmp_path / "home",
                posts=posts,
                model="ollama:tiny:1b",
                ollama_host=server.address,
            )
            with served(settings, embedder) as address:
                page = opened(chromium, address)
                ask(page, f"What of agents? {evil}")
                page.wait_for_timeout(700)
                assert page.evaluate("window.hit") is None
                assert page.locator(".reply img, article img, .user img").count() == 0
                assert "words" in page.locator(".reply").inner_text()
                page.close()
        done.set()
        assert visits == []
