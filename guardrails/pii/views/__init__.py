"""Other readings of a text, for values that hide from a plain one.

Invisible and look-alike characters, full-width ones, digits of other scripts or as words, spaced
out characters, HTML entities, percent-encoding, escapes, base64 and hexadecimal. An ordinary text
has no other reading, and finding that out costs some microseconds.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from guardrails.pii.scan.alphabet import alphabet
from guardrails.pii.views import triggers
from guardrails.pii.views.encoded import decoded
from guardrails.pii.views.escapes import escapes
from guardrails.pii.views.letters import folds, lookalikes, numerals
from guardrails.pii.views.spacing import joined, spelt
from guardrails.pii.views.view import Edit, View
from guardrails.pii.windows import windows

__all__ = ["View", "views"]

_AROUND: Final = 160  # characters to both sides of a change that are read with it
_LARGEST: Final = 32_000  # characters looked at together: bounds the memory for offsets
_ROUNDS: Final = 3  # of codes within codes
_DEEPEST: Final = 2  # of encodings within encodings
# In this order: codes hide letters, letters hide spacing.
_STEPS: Final[tuple[Callable[[str], Iterable[Edit]], ...]] = (
    *[escapes] * _ROUNDS,
    folds,
    lookalikes,
    numerals,
    spelt,
    joined,
)


def views(text: str) -> Iterator[View]:
    """Readings of the pieces of ``text`` that have another one."""
    for low, high in windows(text, _LARGEST, 2 * _AROUND):
        whole = low == 0 and high == len(text)
        for view in _views(text if whole else text[low:high], depth=0):
            yield view if not low else view.moved(low)


def _views(text: str, depth: int) -> Iterator[View]:
    signs = triggers.found(alphabet().encode(text))
    if not signs:
        return
    if signs - {triggers.ENCODED}:
        yield from _changed(text, depth)
    if triggers.ENCODED in signs:
        for start, end, _ in decoded(text):
            low, high = _around(text, start, end)
            yield from _decoded(View.of(text, low, high), depth)


def _changed(text: str, depth: int) -> Iterator[View]:
    for low, high in _pieces(text):
        view = View.of(text, low, high)
        for step in _STEPS:
            view = view.edited(step(view.text))
        yield view
        if view.text != text[low:high]:
            yield from _decoded(view, depth)


def _decoded(view: View, depth: int) -> Iterator[View]:
    """What encoded runs say, and what is encoded in that, among the words around the run."""
    for start, end, plain in decoded(view.text):
        before, after = max(0, start - _AROUND), min(len(view.text), end + _AROUND)
        inner = _views(plain, depth + 1) if depth < _DEEPEST else ()
        for reading in (plain, *(each.text for each in inner)):
            yield view.edited([(0, before, ""), (start, end, reading), (after, len(view.text), "")])


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Where something changes, with what stands around it."""
    changes = sorted((edit[0], edit[1]) for step in _STEPS for edit in step(text))
    low = high = -1
    for start, end in changes:
        if low < 0:
            low, high = start, end
        elif start - high > 2 * _AROUND:
            yield _around(text, low, high)
            low, high = start, end
        else:
            high = max(high, end)
    if low >= 0:
        yield _around(text, low, high)


def _around(text: str, low: int, high: int) -> tuple[int, int]:
    """Not cut inside a word, where there is a space near."""
    low, high = max(0, low - _AROUND), min(len(text), high + _AROUND)
    space = text.find(" ", low, low + 40) if low else -1
    low = space + 1 if space >= 0 else low
    space = text.rfind(" ", high - 40, high) if high < len(text) else -1
    return low, space if space >= 0 else high
