"""A time-stamping authority (RFC 3161) as one process: OpenSSL's, behind HTTP.

    python -m support.timestamp_authority PORT FOLDER

``make_authority(FOLDER)`` makes its certificates first; ``ca.pem`` is what verifiers
trust. ``GET /`` answers that it is there. While ``FOLDER/refuse`` exists, it answers 503.
"""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Test authority
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[stamp]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = main
[main]
dir = .
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def make_authority(folder: Path) -> Path:
    """Keys and certificates of a new authority; the file of its root certificate."""
    folder.mkdir(parents=True)
    (folder / "openssl.cnf").write_text(_CONFIG)
    (folder / "serial").write_text("01\n")
    new = ["req", "-config", "openssl.cnf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    root = ["-x509", "-nodes", "-days", "30", "-extensions", "ca"]
    openssl(folder, *new, *root, "-keyout", "ca.key", "-out", "ca.pem")
    request = ["-nodes", "-subj", "/CN=Test time-stamps", "-keyout", "tsa.key", "-out", "tsa.csr"]
    openssl(folder, *new, *request)
    by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30"]
    more = ["-extfile", "openssl.cnf", "-extensions", "stamp"]
    openssl(folder, "x509", "-req", "-in", "tsa.csr", *by, *more, "-out", "tsa.pem")
    return folder / "ca.pem"


def openssl(folder: Path, *arguments: str, data: bytes = b"") -> bytes:
    """What the command prints."""
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, input=data, capture_output=True, check=True
    )
    return done.stdout


class Handler(BaseHTTPRequestHandler):
    folder: Path

    def do_GET(self) -> None:
        self._answer(200, b"")

    def do_POST(self) -> None:
        query = self.rfile.read(int(self.headers["content-length"]))
        if (self.folder / "refuse").exists():
            self._answer(503, b"")
            return
        (self.folder / "query.tsq").write_bytes(query)
        reply = ["ts", "-reply", "-config", "openssl.cnf", "-queryfile", "query.tsq"]
        self._answer(200, openssl(self.folder, *reply))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/timestamp-reply")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Handler.folder = Path(sys.argv[2])
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
