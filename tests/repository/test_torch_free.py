"""The gateway process never loads torch, not even where torch is installed."""

import subprocess
import sys

import pytest

from support.repository import ROOT

_FORBIDDEN = ("torch", "transformers", "sklearn", "vllm")
_CHECK = "import sys; loaded = {names} & set(sys.modules); assert not loaded, loaded"


@pytest.mark.parametrize(
    "statement",
    [
        "import gateway.app",
        "import gateway.cli",
        "import inference.cli",
        "from guardrails.pii import PiiEngine; PiiEngine.load().detect('Greta Vogel')",
        "from guardrails.moderation import ModerationGuard; ModerationGuard.load().score('Hi')",
        "from guardrails.injection import InjectionGuard; InjectionGuard.load().score('Hi')",
        "from gateway.routing.complexity import ComplexityModel; ComplexityModel.load()",
    ],
    ids=lambda statement: statement.split(";")[0].removeprefix("from ").removeprefix("import "),
)
def test_loads_no_torch(statement: str) -> None:
    program = f"{statement}; {_CHECK.format(names=set(_FORBIDDEN))}"
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr


def test_the_check_can_fail() -> None:
    program = _CHECK.format(names=set(_FORBIDDEN))
    planted = f"import sys; sys.modules['torch'] = sys; {program}"
    finished = subprocess.run([sys.executable, "-c", planted], capture_output=True, check=False)
    assert finished.returncode == 1
