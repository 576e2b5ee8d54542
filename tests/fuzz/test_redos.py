"""No text holds a reader of the request path up (``redos_worker.py`` says how).

One that is quadratic in a text of 50,000 characters would need minutes; it is killed after 30 s
of CPU time, thousands of times what a linear one takes.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

WORKER = Path(__file__).with_name("redos_worker.py")
# In the suite every sixth text; all of them in `make fuzz`.
STEP = 1 if os.environ.get("SOVGATE_FUZZ_EXAMPLES") else 6


def test_no_text_holds_a_reader_up() -> None:
    environment = os.environ | {"PYTHONPATH": str(WORKER.parents[2])}
    command = [sys.executable, str(WORKER), "50000", str(STEP)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    last = result.stdout.splitlines()[-1:]
    assert result.returncode == 0, (last, result.stderr[-2000:])
    count = re.fullmatch(r"done: (\d+) cases", last[0])
    assert count is not None
    assert int(count[1]) >= 50
