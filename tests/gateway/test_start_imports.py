"""What a start does not import: ready within three seconds, in 200 MB (docs/performance.md)."""

import subprocess
import sys

_LATER = (
    "alembic",  # a database that is up to date does without
    "celery",  # a thread runs the jobs where there is no broker
    "fastapi",  # the admin API is built when it is asked
    "jinja2",
    "litellm",
    "openpyxl",
    "pyarrow",
    "redis",
    "reportlab",
    "rich",  # structlog would, if it found it
    "scipy",
    "spacy",
    "tokenizers",
    "torch",
)


_NEVER_FOR_ALL = ("numpy", "pydantic", "sqlalchemy", "gateway.settings", "inference.cli")


def test_a_command_does_not_wait_for_what_others_need() -> None:
    code = f"import sys, gateway.cli\nprint(sorted(set({_NEVER_FOR_ALL!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_not_needed_stays_out() -> None:
    code = (
        "import sys\n"
        "from gateway.cli.run import leave_rich_out\n"
        "leave_rich_out()\n"
        "import gateway.server, gateway.app\n"
        "from guardrails.detectors import Detectors\n"
        "Detectors.load()\n"
        f"print(sorted(set({_LATER!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
