"""Runs the programs of ``conformance/clients``, each in its own environment."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from support.repository import ROOT

CLIENTS = ROOT / "conformance" / "clients"
NODE_MODULES = CLIENTS / "node" / "node_modules"


@dataclass(frozen=True)
class Client:
    """A program and what runs it."""

    program: str
    command: str

    def run(self, base_url: str, api_key: str, *more: str) -> dict[str, dict[str, Any]]:
        """Scenario -> ``{"scenario", "ok", "error"}``; ``more`` are models, then scenarios."""
        result = subprocess.run(
            [self.command, str(CLIENTS / self.program), base_url, api_key, *more],
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
        reports = [json.loads(line) for line in lines]
        assert result.returncode == 0, result.stderr
        return {report["scenario"]: report for report in reports}


def _python(environment: str) -> str:
    return str(ROOT / environment / "bin" / "python")


OPENAI = Client("openai_sdk.py", sys.executable)
OPENAI3 = Client("openai_sdk.py", _python(".venv-openai3"))
OPENAI_NODE = Client("openai_node.mjs", "node")
ANTHROPIC = Client("anthropic_sdk.py", sys.executable)
LANGCHAIN = Client("langchain_sdk.py", _python(".venv-frameworks"))
LLAMAINDEX = Client("llamaindex_sdk.py", _python(".venv-frameworks"))
LITELLM = Client("litellm_sdk.py", _python(".venv-frameworks"))
