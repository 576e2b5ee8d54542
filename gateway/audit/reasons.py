"""Why somebody administered: free text that is cleaned before it becomes a record's ``reason``.

A record holds no personal data, so what the detectors find is masked before it is stored;
what they cannot know stays, which is why people are told to write none. It knows nothing
of requests or command lines.
"""

import unicodedata
from collections.abc import Callable, Sequence
from urllib.parse import unquote_to_bytes

from gateway.audit.errors import InvalidReason, ReasonRequired
from guardrails.types import Span

HEADER = "x-sovgate-reason"
MAX_REASON = 500
NOTE_LENGTH = 200  # of what the ledger and invoices say

Detect = Callable[[str], Sequence[Span]]


def read_header(raw: bytes) -> str | None:
    """The reason in a header: UTF-8, where percent signs may stand for bytes (``%C3%A9``),
    since browsers send nothing but Latin-1; None for an empty one.

    Raises:
        InvalidReason: no UTF-8, or too long.
    """
    try:
        return tidy(unquote_to_bytes(raw).decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidReason(f"Send {HEADER} as UTF-8, percent-encoded.", param=HEADER) from None


def tidy(text: str) -> str | None:
    """One line without control characters; None where nothing is left.

    Raises:
        InvalidReason: more than ``MAX_REASON`` characters.

    >>> tidy(" end of\\n contract ")
    'end of contract'
    """
    if len(text) > 4 * MAX_REASON:
        raise _too_long()
    plain = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    line = " ".join(plain.split())
    if len(line) > MAX_REASON:
        raise _too_long()
    return line or None


def mask(text: str, detect: Detect) -> str:
    """With ``[ENTITY_TYPE]`` in place of each value that is found.

    Raises:
        GuardError: a detector failed, so nothing may be stored.
    """
    parts, end = [], 0
    for span in detect(text):
        parts += [text[end : span.start], f"[{span.entity_type}]"]
        end = span.end
    return "".join([*parts, text[end:]])


def of_command(text: str | None, *, required: bool) -> str | None:
    """The reason of a command, as a record may hold it; loads the detectors (a second).

    Raises:
        ReasonRequired: there is none, and the deployment wants one.
        InvalidReason, GuardError: it cannot be kept.
    """
    line = None if text is None else tidy(text)
    if line is None:
        if required:
            raise ReasonRequired
        return None
    from guardrails.pii import PiiEngine  # nothing else of a command needs them

    return mask(line, PiiEngine.load().detect)


def note_of_command(text: str) -> str:
    """A command's reason as ledger and documents may hold it; loads the detectors (a second).

    Raises:
        ReasonRequired: nothing is left of it.
        InvalidReason, GuardError: it cannot be kept.
    """
    note = of_command(text, required=True)
    assert note is not None, "it is required"
    return note[:NOTE_LENGTH]


def _too_long() -> InvalidReason:
    return InvalidReason(f"A reason has at most {MAX_REASON} characters.", param=HEADER)
