"""Bounds of the wire, against a real gateway process over real sockets."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import psutil
import pytest

from support.deployment import KEYS, Capture, Deployment, capture_upstream, gateway, settings
from support.processes import answers

KEY = f"authorization: Bearer {KEYS['acme']}\r\n"
BODY = json.dumps({"model": "flash", "messages": [{"role": "user", "content": "Hello."}]})
CHAT = f"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n{KEY}"
MAX_CONNECTIONS = 24
LIMITS = {
    "max_connections": MAX_CONNECTIONS,
    "max_header_bytes": 8192,
    "header_timeout_s": 0.6,
    "body_timeout_s": 0.6,
    "write_timeout_s": 1.0,
}


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    with capture_upstream(tmp_path_factory.mktemp("capture")) as capture:
        yield capture


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, capture: Capture) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("gateway")
    content = settings(directory, capture.url)
    content["server"] |= LIMITS
    # Guards look at every character; this is about what moves them.
    content["policies"] = {
        "default": {
            "pii": {"action": "allow"},
            "moderation": {"input": "allow", "output": "allow"},
            "injection": {"input": "allow", "documents": "allow"},
        }
    }
    with gateway(directory, content) as deployment:
        yield deployment


class Client:
    """One connection, byte by byte."""

    def __init__(self, deployment: Deployment, *, buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", int(deployment.url.rpartition(":")[2])))

    def send(self, text: str | bytes) -> "Client":
        data = text if isinstance(text, bytes) else text.encode("latin-1")
        # The gateway may hang up in the middle; what it said is read afterwards.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)
        return self

    def rest(self) -> bytes:
        """Everything until the gateway hangs up."""
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := self.socket.recv(65536):
                parts.append(part)
        self.socket.close()
        return b"".join(parts)

    def head(self) -> bytes:
        """The head of one answer; the connection stays."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.socket.recv(1)
            if not part:
                break
            data += part
        return data


def refusal(answer: bytes) -> tuple[int, str]:
    """Status and code of an answer in the API's shape, after which the gateway hung up."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-content-type-options: nosniff" in head.lower()
    assert b"connection: close" in head.lower()
    error = json.loads(body)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return int(head.split()[1]), error["code"]


def test_a_head_that_never_ends_is_ended(deployment: Deployment) -> None:
    client = Client(deployment).send("GET /healthz HTTP/1.1\r\nhost: gateway\r\nx-slow: ")
    assert refusal(client.rest()) == (408, "request_timeout")


def test_drops_of_a_head_win_no_time(deployment: Deployment) -> None:
    client = Client(deployment).send("GET /healthz HTTP/1.1\r\nhost: gateway\r\n")
    client.socket.settimeout(0.05)
    answer = b""
    for _ in range(600):
        client.send("x: y\r\n")
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            answer += client.socket.recv(65536)
            break
    client.socket.settimeout(30)
    assert refusal(answer + client.rest()) == (408, "request_timeout")


def test_who_says_nothing_is_hung_up_on(deployment: Deployment) -> None:
    assert Client(deployment).rest() == b""


def test_empty_lines_between_requests_win_no_time(deployment: Deployment) -> None:
    client = Client(deployment).send("GET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n")
    assert b"200 OK" in client.head()
    client.send("\r\n\r\n")
    assert client.rest() in (b'{"status":"ok"}', b"")


def test_a_slow_body_is_ended_before_an_upstream_is_called(
    deployment: Deployment, capture: Capture
) -> None:
    capture.reset()
    client = Client(deployment).send(f"{CHAT}content-length: {len(BODY)}\r\n\r\n{BODY[:-1]}")
    assert refusal(client.rest()) == (408, "request_timeout")
    client = Client(deployment).send(f"{CHAT}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n")
    assert refusal(client.rest()) == (408, "request_timeout")
    assert capture.seen() == []


@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        ("GET /" + "x" * 5000 + " HTTP/1.1\r\nhost: gateway\r\n\r\n", 414, "url_too_long"),
        (
            "GET / HTTP/1.1\r\nhost: gateway\r\n" + "x: y\r\n" * 120 + "\r\n",
            431,
            "headers_too_large",
        ),
        (
            f"GET / HTTP/1.1\r\nhost: gateway\r\nx: {'y' * 9000}\r\n\r\n",
            431,
            "headers_too_large",
        ),
        (f"GET / HTTP/1.1\r\nhost: gateway\r\nx: {'y' * 300_000}", 431, "headers_too_large"),
    ],
    ids=["address", "many", "one", "endless"],
)
def test_heads_are_bounded(
    deployment: Deployment, request_head: str, status: int, code: str
) -> None:
    assert refusal(Client(deployment).send(request_head).rest()) == (status, code)


SMUGGLED = f"{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{CHAT}content-length: {len(BODY)}\r\ntransfer-encoding: chunked\r\n\r\n{SMUGGLED}",
        f"{CHAT}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n{SMUGGLED}",
        f"{CHAT}content-length: {len(BODY)}\r\ncontent-length: 5\r\n\r\n{BODY}",
        f"{CHAT}content-length: +{len(BODY)}\r\n\r\n{BODY}",
        f"{CHAT}content-length: {len(BODY)}, {len(BODY)}\r\n\r\n{BODY}",
        f"{CHAT}content-length: {'9' * 40}\r\n\r\n{BODY}",
        f"{CHAT}transfer-encoding: gzip, chunked\r\n\r\n{SMUGGLED}",
        f"{CHAT}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n{SMUGGLED}",
        f"{CHAT}transfer-encoding: xchunked\r\n\r\n{SMUGGLED}",
        f"{CHAT}transfer-encoding : chunked\r\n\r\n{SMUGGLED}",
        f"{CHAT}transfer-encoding: chunked\r\n\r\nzz\r\n{BODY}\r\n0\r\n\r\n",
        f"{CHAT}transfer-encoding: chunked\r\n\r\n-5\r\n{BODY}\r\n0\r\n\r\n",
        f"{CHAT}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{BODY}",
        f"{CHAT}x-folded: a\r\n b\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}",
        f"{CHAT}x-bare: a\ncontent-length: 5\n\n{BODY}",
        f"{CHAT}x-null: a\x00b\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}",
        f"{CHAT}host: other\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}",
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/9.9\r\nhost: gateway\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "CONNECT gateway:443 HTTP/1.1\r\nhost: gateway\r\n\r\n",
        "GET /\xff HTTP/1.1\r\nhost: gateway\r\n\r\n",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(
    deployment: Deployment, capture: Capture, text: str
) -> None:
    capture.reset()
    assert refusal(Client(deployment).send(text).rest()) == (400, "malformed_http")
    assert capture.seen() == []


def test_a_trailer_is_no_header(deployment: Deployment) -> None:
    """The key stands behind the body, where no proxy looks."""
    text = CHAT.replace(KEY, "") + "transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    body = f"{len(BODY):x}\r\n{BODY}\r\n0\r\n{KEY}\r\n"
    answer = Client(deployment).send(text + body).rest()
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"missing_api_key" in answer


def test_a_compressed_body_is_not_unpacked(deployment: Deployment) -> None:
    for encoding in ("gzip", "br", "zstd", "deflate", "Gzip, identity"):
        text = f"{CHAT}content-encoding: {encoding}\r\ncontent-length: 2\r\n"
        answer = Client(deployment).send(f"{text}connection: close\r\n\r\n{{}}").rest()
        assert refusal(answer) == (415, "unsupported_encoding")


def test_a_method_is_what_the_request_line_says(deployment: Deployment, capture: Capture) -> None:
    capture.reset()
    for override in ("x-http-method-override", "x-http-method", "x-method-override"):
        text = (
            f"GET /v1/chat/completions?_method=POST HTTP/1.1\r\nhost: gateway\r\n{KEY}"
            f"{override}: POST\r\ncontent-length: {len(BODY)}\r\nconnection: close\r\n\r\n{BODY}"
        )
        assert refusal(Client(deployment).send(text).rest()) == (405, "method_not_allowed")
    assert capture.seen() == []


def test_who_does_not_read_is_hung_up_on_and_the_request_is_settled(
    deployment: Deployment, capture: Capture
) -> None:
    """The answer is larger than what all sockets on its way hold: the upstream waits too."""
    capture.reset()
    capture.script(content="x" * 24_000_000, cuts=list(range(0, 24_000_000, 100_000)))
    before = count_requests(deployment, "disconnected")
    body = BODY.replace('"model"', '"stream": true, "model"')
    client = Client(deployment, buffer=4096)
    client.send(f"{CHAT}content-length: {len(body)}\r\n\r\n{body}")
    wait_until(lambda: len(capture.seen()) == 1)
    wait_until(lambda: count_requests(deployment, "disconnected") == before + 1)
    wait_until(lambda: running_requests(deployment) == 0)
    wait_until(lambda: capture.state()["aborted"] == 1)
    client.socket.close()
    capture.reset()


def test_an_unread_answer_does_not_keep_its_connection(
    deployment: Deployment, capture: Capture
) -> None:
    """A whole answer is written at once; the process holds it no longer than it must."""
    capture.reset()
    capture.script(content="x" * 8_000_000)
    client = Client(deployment, buffer=4096)
    client.send(f"{CHAT}content-length: {len(BODY)}\r\n\r\n{BODY}")
    wait_until(lambda: len(capture.seen()) == 1)
    wait_until(lambda: open_sockets(deployment) <= 2)
    client.socket.close()
    capture.reset()


def test_beyond_the_limit_clients_are_told_so_and_others_are_served_afterwards(
    deployment: Deployment,
) -> None:
    wait_until(lambda: open_sockets(deployment) <= 2)
    clients: list[Client] = []
    for _ in range(MAX_CONNECTIONS):  # each asks at once, since who says nothing is hung up on
        clients.append(Client(deployment).send("GET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n"))
        assert b"200 OK" in clients[-1].head()
    late = Client(deployment).send("GET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n").rest()
    assert refusal(late) == (503, "too_many_connections")
    assert b"retry-after: 1" in late
    for client in clients:
        client.socket.close()
    wait_until(answers(f"{deployment.url}/healthz"))


def test_pipelined_requests_are_answered_in_order(deployment: Deployment) -> None:
    """So that the bounds above cut off nobody who keeps to the standard."""
    one = "GET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n"
    last = "GET /nowhere HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n"
    answer = Client(deployment).send(one * 3 + last).rest()
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.rfind(b"HTTP/1.1 404") > answer.rfind(b"HTTP/1.1 200 OK")


def metric(deployment: Deployment, name: str, label: str = "") -> float:
    client = Client(deployment).send(
        "GET /metrics HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n"
    )
    lines = [line for line in client.rest().decode().splitlines() if line.startswith(name)]
    return sum(float(line.rpartition(" ")[2]) for line in lines if label in line)


def count_requests(deployment: Deployment, outcome: str) -> float:
    return metric(deployment, "sovgate_requests_total{", f'outcome="{outcome}"')


def running_requests(deployment: Deployment) -> float:
    return metric(deployment, "sovgate_requests_running")


def open_sockets(deployment: Deployment) -> int:
    """Established connections on the gateway's port, as the kernel counts them."""
    port = int(deployment.url.rpartition(":")[2])
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
        for connection in psutil.Process(deployment.server.pid).net_connections("tcp")
    )


def wait_until(condition) -> None:  # type: ignore[no-untyped-def]
    """Bounded by the test's own time limit."""
    while not condition():
        time.sleep(0.02)
