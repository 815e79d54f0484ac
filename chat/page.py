"""The page, in Gradio: where things stand and what calls what. What they do is in `chat.desk`."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before the import: no request leaves

import gradio as gr

from chat.desk import Desk, Parts
from chat.stance import Stance
from corpus.errors import PortTaken
from corpus.settings import Settings
from corpus.shelf import Shelf

_HERE = Path(__file__).parent
_FIRST_PORT = 7860
_LOCAL = ("127.0.0.1", "localhost", "::1")
_CLICKED = "element.addEventListener('click', (e) => window.rejoinder.clicked(e, (d) => trigger('click', d)));"
_DRAWN = _CLICKED + "watch('value', () => window.rejoinder.drawn());"
_GREW = _CLICKED + "watch('value', () => window.rejoinder.grew());"
_TABS = (
    '<nav aria-label="Sheets"><button type="button" data-sheet="essay" aria-pressed="false">Essay</button>'
    '<button type="button" data-sheet="discussion" aria-pressed="true">Discussion</button></nav>'
)


def build(desk: Desk) -> Any:  # gradio has no types of its own
    """The page's parts and their events."""
    begun = desk.begun()
    first = desk.page(begun)
    posts = desk.posts()
    with gr.Blocks(title="Rejoinder", fill_width=True, analytics_enabled=False) as page:
        place = gr.State(begun)
        with gr.Row(elem_id="head"):
            gr.HTML("<b>Rejoinder</b>", elem_id="brand", js_on_load=None)
            post = gr.Dropdown(
                posts, value=begun.post, show_label=False, container=False, elem_id="post",
                visible=len(posts) > 1, label="Post",
            )  # fmt: skip
            status = gr.HTML(elem_id="status", js_on_load=None)
            new = gr.Button("New", elem_id="new")
        gr.HTML(_TABS, elem_id="tabs", js_on_load=_CLICKED)
        with gr.Row(elem_id="room"):
            with gr.Column(elem_id="left"):
                essay = gr.HTML(first["essay"], elem_id="essay", js_on_load=_DRAWN)
            with gr.Column(elem_id="right"):
                with gr.Column(elem_id="log"):
                    notice = gr.HTML(elem_id="notice", js_on_load=None)
                    turns = gr.HTML(first["turns"], elem_id="turns", js_on_load=_GREW)
                    live = gr.HTML("", elem_id="live", js_on_load=_GREW)
                with gr.Column(elem_id="compose"):
                    stance = gr.Radio(
                        [(s.value.capitalize(), s.value) for s in Stance],
                        value=Stance.EXPLAIN.value, label="Stance", show_label=False,
                        container=False, elem_id="stance",
                    )  # fmt: skip
                    scope = gr.Button("", elem_id="scope", visible=False)
                    with gr.Row(elem_id="box"):
                        ask = gr.Textbox(
                            placeholder="Ask, object, or pick a passage in the essay",
                            label="Your question", show_label=False, container=False,
                            max_lines=8, elem_id="ask", autofocus=True,
                        )  # fmt: skip
                        retry = gr.Button("Retry", elem_id="retry", visible=False)
                        stop = gr.Button("Stop", elem_id="stop", visible=False)
                        send = gr.Button("Send", elem_id="send")
        parts = {"place": place, "essay": essay, "turns": turns, "live": live}
        changed = [place, essay, turns, live, scope, ask, send, stop, retry]

        def shown(given: Parts) -> dict[Any, Any]:
            """Parts by name as updates of components."""
            updates: dict[Any, Any] = {parts[k]: v for k, v in given.items() if k in parts}
            if "scope" in given:
                updates[scope] = gr.update(
                    value=f"{given['scope']} ×", visible=bool(given["scope"])
                )
            if "busy" in given:
                busy = bool(given["busy"])
                updates |= {send: gr.update(visible=not busy), stop: gr.update(visible=busy)}
                updates[retry] = gr.update(visible=not busy)
            return updates

        def asked(
            here: Any, question: str, kind: str, request: gr.Request
        ) -> Iterator[dict[Any, Any]]:
            yield {ask: ""}
            for given in desk.asked(here, question, Stance(kind), str(request.session_hash)):
                yield shown(given)

        def retried(here: Any, kind: str, request: gr.Request) -> Iterator[dict[Any, Any]]:
            for given in desk.retried(here, Stance(kind), str(request.session_hash)):
                yield shown(given)

        def clicked(
            here: Any, kind: str, event: gr.EventData, request: gr.Request
        ) -> Iterator[dict[Any, Any]]:
            said = {k: getattr(event, k, "") for k in ("scope", "ask", "open")}
            if said["ask"]:
                yield from asked(here, said["ask"], kind, request)
            elif said["open"]:
                yield shown(desk.opened(here, said["open"]))
            elif said["scope"]:
                yield shown(desk.scoped(here, said["scope"]))

        def stopped(request: gr.Request) -> None:
            desk.stop(str(request.session_hash))

        def renewed() -> dict[Any, Any]:
            return {**shown(desk.page(desk.begun())), ask: "", retry: gr.update(visible=False)}

        tell: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        many: dict[str, Any] = {**tell, "concurrency_limit": None}
        gr.on([ask.submit, send.click], asked, [place, ask, stance], changed, **many)
        gr.on([essay.click, turns.click], clicked, [place, stance], changed, **many)
        retry.click(retried, [place, stance], changed, **many)
        stop.click(stopped, None, None, queue=False, **tell)
        scope.click(lambda here: shown(desk.scoped(here, "")), place, changed, **tell)
        new.click(renewed, None, changed, **tell)
        post.input(
            lambda here, slug: shown(desk.opened(here, slug)), [place, post], changed, **tell
        )
        timer = gr.Timer(2.0)
        told = [status, notice]
        timer.tick(lambda: (desk.status(), desk.notice()), None, told, **many)
        page.load(lambda: (desk.status(), desk.notice()), None, told, **many)
        page.unload(stopped)
    return page


def launch(desk: Desk) -> tuple[Any, str]:
    """Serve the page beside the caller: the page and its address. Raises `PortTaken`."""
    settings = desk.settings
    port = _free_port(settings)
    page = build(desk)
    page.queue(default_concurrency_limit=None)
    page.launch(
        server_name=settings.host,
        server_port=port,
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        css=(_HERE / "page.css").read_text("utf-8"),
        head=f"<script>{(_HERE / 'page.js').read_text('utf-8')}</script>",
        quiet=True,
        share=False,
        ssr_mode=False,
        prevent_thread_lock=True,
        show_error=True,
        footer_links=[],
    )
    address = f"http://{settings.host}:{port}"
    sys.stdout.write(f"Rejoinder is at {address}\n")
    if settings.host not in _LOCAL:
        sys.stdout.write("Anyone who can reach this address can read and ask.\n")
    sys.stdout.flush()
    desk.shelf.update_beside()
    return page, address


def serve(shelf: Shelf, settings: Settings) -> None:
    """The page until it is interrupted; what changed is indexed beside it."""
    for skipped in shelf.library.skipped:
        sys.stderr.write(f"{skipped.file}: {skipped.why}\n")
    page, _ = launch(Desk(shelf, settings))
    page.block_thread()


def _free_port(settings: Settings) -> int:
    """The port that was asked for, else the first free one from 7860."""
    wanted = [settings.port] if settings.port is not None else range(_FIRST_PORT, _FIRST_PORT + 100)
    for port in wanted:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError:
                continue
            free = int(probe.getsockname()[1])
        if settings.port is None and free != _FIRST_PORT:
            sys.stdout.write(f"Port {_FIRST_PORT} is taken; {free} is the next free one.\n")
        return free
    raise PortTaken(
        f"Nothing can listen on {settings.host}, port {settings.port or _FIRST_PORT}. "
        "Name another with REJOINDER_PORT or REJOINDER_HOST."
    )
