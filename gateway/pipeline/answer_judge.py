"""The text of a running answer, judged before each piece of it is let out.

It keeps the end of what was said and knows nothing of verdicts: the judge raises.
"""

from collections.abc import Callable

# New characters after which a running answer is judged again, and how much of it is read.
JUDGE_EVERY = 16
JUDGE_WINDOW = 800

Judge = Callable[[str], None]  # raises ContentBlocked


class Judged:
    """The text of one choice so far, judged before each piece of it is let out."""

    __slots__ = ("_judge", "_new", "_window")

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._window = ""
        self._new = 0

    def add(self, text: str, *, final: bool) -> None:
        self._window = self._window + text if self._window else text
        self._new += len(text)
        if self._new >= JUDGE_EVERY or (final and self._new):
            # A long event is read whole; only what was judged before is cut off.
            self._window = self._window[-max(JUDGE_WINDOW, self._new) :]
            self._judge(self._window)
            self._new = 0
