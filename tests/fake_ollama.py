"""A server that speaks Ollama's and OpenAI's HTTP, and every fault of theirs on request."""

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Play = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the server's script, and sees when the other side hangs up."""

    protocol_version = "HTTP/1.1"
    server: "FakeOllama"

    def do_GET(self) -> None:
        if self.path == "/api/tags":
            self.send({"models": [{"name": name, "model": name} for name in self.server.models]})
        else:
            self.send({"error": "not found"}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/api/show":
            kind = "embedding" if "embed" in body["model"] else "completion"
            self.send({"capabilities": [kind], "details": {}, "model_info": {}})
            return
        self.server.requests.append(body)
        self.server.play(self)

    def send(self, value: object, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def say(self, text: str = "", *, done: bool = False, **message: Any) -> None:
        """One line of a streamed chat."""
        line: dict[str, Any] = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": done}
        line["message"] = {"role": "assistant", "content": text, **message}
        if done:
            line |= {"done_reason": "stop", "prompt_eval_count": 10, "eval_count": 2}
        self.chunk(json.dumps(line).encode() + b"\n")

    def end(self) -> None:
        self.chunk(b"")

    def hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def wait_for_hang_up(self, limit: float = 10.0) -> None:
        """Be silent until the other side closes the connection; note how long that took."""
        start = time.monotonic()
        while time.monotonic() - start < limit:
            ready, _, _ = select.select([self.connection], [], [], 0.05)
            if ready and not self.connection.recv(1, socket.MSG_PEEK):
                self.server.closed_at = time.monotonic()
                break
        self.server.hung_up.set()
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Nothing on the terminal."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):  # the client went away, as some tests want
            self.server.hung_up.set()


class FakeOllama(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1; `play` is what it does with a chat request."""

    daemon_threads = True

    def __init__(self, play: Play, models: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.play = play
        self.models = models
        self.requests: list[dict[str, Any]] = []
        self.hung_up = threading.Event()
        self.closed_at = 0.0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what some tests are about."""


@contextmanager
def serving(play: Play, models: list[str] | None = None) -> Iterator[FakeOllama]:
    """A fake server for as long as a test needs it."""
    server = FakeOllama(play, models if models is not None else ["tiny:1b"])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def saying(*pieces: str) -> Play:
    """Stream some pieces and end as Ollama does."""

    def play(handler: Handler) -> None:
        handler.begin()
        for piece in pieces:
            handler.say(piece)
        handler.say(done=True)
        handler.end()

    return play
