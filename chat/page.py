"""The page, in Gradio: where things stand and what calls what. What they do is in `chat.desk`."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before the import: no request leaves

import gradio as gr

from chat.desk import Desk, Parts, View
from chat.stance import Stance
from chat.turn import Discussion
from corpus.errors import PortTaken
from corpus.settings import Settings
from corpus.shelf import Shelf

_HERE = Path(__file__).parent
_FIRST_PORT = 7860
_LOCAL = ("127.0.0.1", "localhost", "::1")
_CLICKED = "element.addEventListener('click', (e) => window.rejoinder.clicked(e, (d) => trigger('click', d)));"
_DRAWN = _CLICKED + "watch('value', () => window.rejoinder.drawn());"
_GREW = _CLICKED + "watch('value', () => window.rejoinder.grew());"
Updates = dict[Any, Any]  # a component → its new value

_TABS = (
    '<nav aria-label="Sheets"><button type="button" data-sheet="essay" aria-pressed="false">Essay</button>'
    '<button type="button" data-sheet="discussion" aria-pressed="true">Discussion</button></nav>'
)


class Page:
    """The components of a page, and their events; each handler hands on to the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        with gr.Blocks(title="Rejoinder", fill_width=True, analytics_enabled=False) as self.blocks:
            self._lay_out_head()
            gr.HTML(_TABS, elem_id="tabs", js_on_load=_CLICKED)
            with gr.Row(elem_id="room"):
                self._lay_out_sheets()
            self._parts = {
                "discussion": self._discussion,
                "view": self._view,
                "essay": self._essay,
                "turns": self._turns,
                "live": self._live,
                "question": self._ask,
            }
            self._connect()

    # -- where things stand ----------------------------------------------------------

    def _lay_out_head(self) -> None:
        discussion, view = self._desk.begun()
        self._discussion, self._view = gr.State(discussion), gr.State(view)
        posts = self._desk.posts()
        with gr.Row(elem_id="head"):
            gr.HTML("<b>Rejoinder</b>", elem_id="brand", js_on_load=None)
            self._post = gr.Dropdown(
                posts, value=view.post, label="Post", show_label=False, container=False,
                elem_id="post", visible=len(posts) > 1,
            )  # fmt: skip
            self._status = gr.HTML(elem_id="status", js_on_load=None)
            self._new = gr.Button("New", elem_id="new")

    def _lay_out_sheets(self) -> None:
        first = self._desk.page(*self._desk.begun())
        with gr.Column(elem_id="left"):
            self._essay = gr.HTML(first["essay"], elem_id="essay", js_on_load=_DRAWN)
        with gr.Column(elem_id="right"):
            with gr.Column(elem_id="log"):
                self._notice = gr.HTML(elem_id="notice", js_on_load=None)
                self._turns = gr.HTML(first["turns"], elem_id="turns", js_on_load=_GREW)
                self._live = gr.HTML("", elem_id="live", js_on_load=_GREW)
            with gr.Column(elem_id="compose"):
                self._stance = gr.Radio(
                    [(stance.value.capitalize(), stance.value) for stance in Stance],
                    value=Stance.EXPLAIN.value, label="Stance", show_label=False,
                    container=False, elem_id="stance",
                )  # fmt: skip
                self._scope = gr.Button("", elem_id="scope", visible=False)
                with gr.Row(elem_id="box"):
                    self._ask = gr.Textbox(
                        placeholder="Ask, object, or pick a passage in the essay",
                        label="Your question", show_label=False, container=False,
                        max_lines=8, elem_id="ask", autofocus=True,
                    )  # fmt: skip
                    self._retry = gr.Button("Retry", elem_id="retry", visible=False)
                    self._stop = gr.Button("Stop", elem_id="stop", visible=False)
                    self._send = gr.Button("Send", elem_id="send")

    # -- what calls what -------------------------------------------------------------

    def _connect(self) -> None:
        tell: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        many: dict[str, Any] = {**tell, "concurrency_limit": None}
        here, stance = [self._discussion, self._view], self._stance
        buttons = [self._scope, self._send, self._stop, self._retry, self._new]
        changed = [*self._parts.values(), *buttons]
        asking = [self._ask.submit, self._send.click]
        replies = [
            gr.on(asking, self._asked, [*here, self._ask, stance], changed, **many),
            self._turns.click(self._clicked, [*here, stance], changed, **many),
            self._retry.click(self._retried, [*here, stance], changed, **many),
        ]
        for replied in replies:  # the post or the scope may have changed while the reply came
            replied.then(self._desk.essay, here, self._essay, **many)
        self._essay.click(self._clicked, [*here, stance], changed, **many)
        self._stop.click(self._stopped, None, None, queue=False, **tell)
        self._scope.click(self._unscoped, here, changed, **tell)
        self._new.click(self._renewed, None, changed, **tell)
        self._post.input(self._opened, [*here, self._post], changed, **tell)
        told = [self._status, self._notice]
        gr.Timer(2.0).tick(self._told, None, told, **many)
        self.blocks.load(self._told, None, told, **many)
        self.blocks.unload(self._stopped)

    def _shown(self, given: Parts) -> Updates:
        """Parts by name as updates of components."""
        updates: Updates = {self._parts[k]: v for k, v in given.items() if k in self._parts}
        if "scope" in given:
            label = given["scope"]
            updates[self._scope] = gr.update(value=f"{label} ×", visible=bool(label))
        if "busy" in given:
            busy = bool(given["busy"])
            updates |= {part: gr.update(visible=not busy) for part in (self._send, self._retry)}
            updates[self._stop] = gr.update(visible=busy)
            updates[self._new] = gr.update(interactive=not busy)
        return updates

    def _asked(
        self, said: Discussion, read: View, question: str, kind: str, request: gr.Request
    ) -> Iterator[Updates]:
        for given in self._desk.asked(said, read, question, Stance(kind), _session(request)):
            yield self._shown(given)

    def _retried(
        self, said: Discussion, read: View, kind: str, request: gr.Request
    ) -> Iterator[Updates]:
        for given in self._desk.retried(said, read, Stance(kind), _session(request)):
            yield self._shown(given)

    def _clicked(
        self, said: Discussion, read: View, kind: str, event: gr.EventData, request: gr.Request
    ) -> Iterator[Updates]:
        """A click inside one of our HTML parts: what it means is in the event's data."""
        told = {name: getattr(event, name, "") for name in ("scope", "ask", "open")}
        if told["ask"]:
            yield from self._asked(said, read, told["ask"], kind, request)
        elif told["open"]:
            yield self._shown(self._desk.opened(said, read, told["open"]))
        elif told["scope"]:
            yield self._shown(self._desk.scoped(said, read, told["scope"]))

    def _opened(self, said: Discussion, read: View, slug: str) -> Updates:
        return self._shown(self._desk.opened(said, read, slug))

    def _unscoped(self, said: Discussion, read: View) -> Updates:
        return self._shown(self._desk.scoped(said, read, ""))

    def _renewed(self) -> Updates:
        fresh = self._shown(self._desk.page(*self._desk.begun()))
        return {**fresh, self._retry: gr.update(visible=False)}

    def _stopped(self, request: gr.Request) -> None:
        self._desk.stop(_session(request))

    def _told(self) -> tuple[str, str]:
        return self._desk.status(), self._desk.notice()


def _session(request: gr.Request) -> str:
    return str(request.session_hash)


def launch(desk: Desk) -> tuple[Any, str]:
    """Serve the page beside the caller: the page and its address. Raises `PortTaken`."""
    settings = desk.settings
    port = _free_port(settings)
    page = Page(desk).blocks
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
    desk.index_beside()
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
