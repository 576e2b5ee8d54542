"""Receivers of logs that write down what they get, one JSON object a line, as a process.

    python -m support.log_receiver syslog PORT FILE [CERTIFICATE KEY]
    python -m support.log_receiver otlp PORT FILE

``syslog`` reads messages counted in octets and ends a connection when its sender has ended.
``otlp`` decodes with OpenTelemetry's own protobuf definitions; it refuses (503) while a file
``FILE.refuse`` is there. A line is written before anything is confirmed.
"""

import json
import os
import re
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, BinaryIO

_FRAME = re.compile(rb"([1-9][0-9]*) ")
_MESSAGE = re.compile(
    r"<(?P<priority>\d{1,3})>1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) "
    r'(?P<kind>\S+) \[meta sequenceId="(?P<sequence>\d+)"\] \ufeff(?P<text>.*)',
    re.DOTALL,
)
_lock = threading.Lock()


def write(file: BinaryIO, entry: dict[str, Any]) -> None:
    with _lock:
        file.write(json.dumps(entry).encode() + b"\n")
        file.flush()


def read_messages(connection: socket.socket, file: BinaryIO) -> None:
    """Whole messages as they come; what is cut off is not one."""
    pending = b""
    while data := connection.recv(65536):
        pending += data
        while (frame := _FRAME.match(pending)) and len(pending) >= (
            end := frame.end() + int(frame[1])
        ):
            message = _MESSAGE.fullmatch(pending[frame.end() : end].decode("utf-8"))
            assert message is not None, "not a message of RFC 5424"
            write(file, message.groupdict())
            pending = pending[end:]


def serve_syslog(port: int, file: BinaryIO, certificate: list[str]) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

    def handle(connection: socket.socket) -> None:
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            read_messages(connection, file)
            if isinstance(connection, ssl.SSLSocket):
                connection = connection.unwrap()
        except OSError as error:
            print(type(error).__name__, file=sys.stderr)
        finally:
            connection.close()

    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=handle, args=(connection,), daemon=True).start()


def serve_otlp(port: int, file: BinaryIO) -> None:
    from google.protobuf import json_format
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if os.path.exists(f"{file.name}.refuse"):
                self.answer(503, b"{}")
                return
            assert self.path == "/v1/logs"
            assert self.headers["content-type"] == "application/json"
            request = json_format.Parse(body, ExportLogsServiceRequest())
            for resource in request.resource_logs:
                for scope in resource.scope_logs:
                    for record in scope.log_records:
                        attributes = {
                            each.key: each.value.string_value or each.value.int_value
                            for each in (*resource.resource.attributes, *record.attributes)
                        }
                        entry = {
                            "scope": scope.scope.name,
                            "nanoseconds": record.time_unix_nano,
                            "severity": record.severity_number,
                            "event": record.event_name,
                            "text": record.body.string_value,
                            "attributes": attributes,
                            "authorization": self.headers["authorization"],
                        }
                        write(file, entry)
            self.answer(200, b'{"partialSuccess":{}}')

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...

    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    kind, port, name, *certificate = sys.argv[1:]
    with Path(name).open("ab") as sink:
        if kind == "syslog":
            serve_syslog(int(port), sink, certificate)
        else:
            serve_otlp(int(port), sink)
