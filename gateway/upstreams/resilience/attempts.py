"""One attempt to have a request answered: where it went and what became of it."""

from typing import Literal

import msgspec

Kind = Literal["first", "retry", "hedge", "fallback"]

ANSWERED = "answered"
HUNG_UP = "hung_up"


class Attempt(msgspec.Struct, gc=False):
    """
    Args:
        server: which of the upstream's servers, counted from 1.
        result: ``answered`` once an answer began, ``hung_up`` where nobody waited for it any
            more, else the error's code.
        microseconds: until then.
    """

    upstream: str
    zone: str
    model: str
    server: int
    kind: Kind
    result: str = HUNG_UP
    microseconds: int = 0
