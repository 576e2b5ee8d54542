"""A scripted model behind the gateway, in threads of this process.

It keeps every request body and answers as its ``script`` says: a function from a request to what
is said, in the pieces in which it is streamed.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """An answer: pieces of text, pieces of a tool call's arguments, seconds between pieces."""

    content: list[str]
    arguments: list[str] = field(default_factory=list)
    pause_s: float = 0.0


def last_text(body: Body) -> str:
    """The content of the last message, as it arrived here."""
    return str(body["messages"][-1]["content"])


def echo(body: Body) -> Said:
    return Said([last_text(body)])


class ScriptedUpstream:
    """Set ``script`` before a request, read ``seen`` after it."""

    def __init__(self) -> None:
        self.script: Callable[[Body], Said] = echo
        self.seen: list[Body] = []
        self.lock = threading.Lock()
        self.port = 0

    def sent(self) -> str:
        """Everything that arrived, as one text."""
        return json.dumps(self.seen, ensure_ascii=False)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is the gateway's matter; the checks see what came of it."""


@contextmanager
def scripted_upstream() -> Iterator[ScriptedUpstream]:
    upstream = ScriptedUpstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with upstream.lock:
                upstream.seen.append(body)
            said = upstream.script(body)
            if body.get("stream"):
                self._stream(said)
            else:
                self._whole(said)

        def _whole(self, said: Said) -> None:
            message: dict[str, Any] = {"role": "assistant", "content": "".join(said.content)}
            if said.arguments:
                call = {"name": "send", "arguments": "".join(said.arguments)}
                message["tool_calls"] = [{"id": "call_1", "type": "function", "function": call}]
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            data = json.dumps(_envelope("chat.completion", [choice])).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, said: Said) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for number, delta in enumerate(_deltas(said)):
                if number:
                    time.sleep(said.pause_s)
                self._event([{"index": 0, "delta": delta, "finish_reason": None}])
            self._event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
            self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def _event(self, choices: list[Body]) -> None:
            data = json.dumps(_envelope("chat.completion.chunk", choices)).encode()
            self.wfile.write(b"data: " + data + b"\n\n")
            self.wfile.flush()

    server = _Server(("127.0.0.1", 0), Handler)
    upstream.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        server.shutdown()
        server.server_close()


def _deltas(said: Said) -> Iterator[Body]:
    for piece in said.content:
        yield {"content": piece}
    head = {"id": "call_1", "type": "function", "index": 0}
    for number, piece in enumerate(said.arguments):
        function = {"arguments": piece} if number else {"name": "send", "arguments": piece}
        yield {"tool_calls": [{**(head if number == 0 else {"index": 0}), "function": function}]}


def _envelope(kind: str, choices: list[Body]) -> Body:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    envelope = {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "scripted"}
    whole = {"usage": usage} if kind == "chat.completion" else {}
    return {**envelope, "choices": choices, **whole}
