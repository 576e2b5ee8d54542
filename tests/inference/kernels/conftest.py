"""Keeps apart the tests that need Triton's interpreter.

Triton decides when it is imported whether functions are interpreted, so those tests have a process
of their own: `test_kernels.py` starts it. To run some of them by hand:

    TRITON_INTERPRET=1 .venv/bin/pytest -q tests/inference/kernels/interpreted/test_router.py
"""

import os

collect_ignore = [] if os.environ.get("TRITON_INTERPRET") == "1" else ["interpreted"]
