"""The root of the error tree.

    SovgateError
    ├── gateway.errors.*      authentication, limits, routing, upstreams
    ├── guardrails.errors.*   guards that cannot decide
    ├── billing.errors.*      prices, budgets, ledger
    └── inference.errors.*    checkpoints, engine

Every class has a stable ``code``; the gateway maps class -> HTTP status in one
total map (``gateway/errors.py``), and ``docs/errors.md`` lists every code.
"""

from typing import Any, ClassVar


class SovgateError(Exception):
    """An expected failure.

    Args:
        message: one sentence that says what is wrong and what to do. It must
            hold no personal data and no secret: it is logged and sent out.
        param: the request or settings field concerned, if there is one.
        context: further objects concerned (names and numbers, never content).
    """

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.context = context
