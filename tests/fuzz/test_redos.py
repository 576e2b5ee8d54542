"""No pattern of the request path takes more than linear time (``redos_worker.py`` says how)."""

import os
import re
import subprocess
import sys
from pathlib import Path

WORKER = Path(__file__).with_name("redos_worker.py")
# In the suite every fourth text; all of them in `make fuzz`.
STEP = "1" if os.environ.get("SOVGATE_FUZZ_EXAMPLES") else "4"


def test_no_text_holds_a_pattern_up() -> None:
    environment = os.environ | {"PYTHONPATH": str(WORKER.parents[2])}
    command = [sys.executable, str(WORKER), "100000", STEP]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    last = result.stdout.splitlines()[-1:]
    assert result.returncode == 0, (last, result.stderr[-2000:])
    count = re.fullmatch(r"done: (\d+) patterns", last[0])
    assert count is not None
    assert int(count[1]) > 100
