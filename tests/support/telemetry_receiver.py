"""An OpenTelemetry collector that writes down what it gets, one JSON object a line, as a process.

    python -m support.telemetry_receiver PORT FILE

Bodies are decoded with OpenTelemetry's own protobuf definitions. It refuses (503) while a file
``FILE.refuse`` is there, and keeps who asks waiting while ``FILE.hang`` is.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.processes import answers, free_port, running

_KINDS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}
_lock = threading.Lock()


def serve(port: int, name: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if os.path.exists(f"{name}.refuse"):
                self.answer(503)
                return
            while os.path.exists(f"{name}.hang"):
                time.sleep(0.02)
            assert self.headers["content-type"] == "application/x-protobuf"
            content = MessageToDict(_KINDS[self.path].FromString(body))
            headers = {key.lower(): value for key, value in self.headers.items()}
            entry = {"path": self.path, "headers": headers, "content": content}
            with _lock, Path(name).open("ab") as file:
                file.write(json.dumps(entry).encode() + b"\n")
            self.answer(200)

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


@contextmanager
def telemetry_receiver(file: Path, log: Path) -> Iterator[str]:
    """The URL of a running one."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        [sys.executable, "-m", "support.telemetry_receiver", str(port), str(file)],
        ready=answers(url),
        log=log,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
    ):
        yield url


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
