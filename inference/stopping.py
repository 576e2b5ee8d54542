"""Stop strings in a text that arrives in pieces.

Holds back only what could still turn into a stop string. Knows no tokens.
"""

from collections.abc import Sequence


class StopMatcher:
    """Feeds text through until one of ``stops`` has appeared.

    >>> matcher = StopMatcher(["END"])
    >>> matcher.feed("a E"), matcher.feed("NDb"), matcher.stopped
    ('a ', '', True)
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """The text that may be sent; nothing any more once stopped."""
        if self.stopped or not self._stops:
            return "" if self.stopped else text
        self._held += text
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            return self._release(min(found))
        return self._release(len(self._held) - self._overlap())

    def flush(self) -> str:
        """What was held back, when nothing more comes."""
        return "" if self.stopped else self._release(len(self._held))

    def _release(self, length: int) -> str:
        out, self._held = self._held[:length], self._held[length:]
        return out

    def _overlap(self) -> int:
        """Length of the longest tail that is the start of a stop string."""
        longest = min(len(self._held), max(map(len, self._stops)) - 1)
        for length in range(longest, 0, -1):
            tail = self._held[-length:]
            if any(stop.startswith(tail) for stop in self._stops):
                return length
        return 0
