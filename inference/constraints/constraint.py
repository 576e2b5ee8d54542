"""What one answer may go on with."""

from typing import TYPE_CHECKING

from inference.errors import ConstraintFailed

if TYPE_CHECKING:
    from llguidance import LLMatcher


class Constraint:
    """The state of one answer within its grammar.

    It follows the answer's token ids by itself: `mask` takes all of them, reads those that are
    new, and goes back where some were taken back. So a sequence that is preempted, computed
    again or rolled back needs nothing more. One thread at a time may use it.

    Args:
        matcher: at the start of its grammar, nobody else's.
        opens_after: the grammar holds for what comes after the first of this token, as
            after a model's thoughts. ``None``: it holds from the start.
        before: the mask that holds until then.
        param: the request's field that it comes from.
    """

    def __init__(
        self,
        matcher: "LLMatcher",
        opens_after: int | None = None,
        before: bytes = b"",
        param: str = "response_format",
    ) -> None:
        self._param = param
        self._matcher = matcher
        self._opens_after = opens_after
        self._before = before
        self._start = 0  # where the grammar begins in the answer
        self._taken: list[int] = []  # token ids that the matcher has read
        self.failure: ConstraintFailed | None = None

    @property
    def complete(self) -> bool:
        """True when only the end may come now."""
        opened = self._opens_after is None or self._start > 0
        return opened and self._matcher.is_stopped()

    def mask(self, output_ids: list[int]) -> bytes | None:
        """One bit per token of the vocabulary, the lowest first: 1 where the token may come.

        At least one may. None: the grammar has become too large to follow, or the
        vocabulary cannot spell what must come; ``failure`` says so from then on.
        """
        if not self._is_open(output_ids):
            return self._before
        self._follow(output_ids[self._start :] if self._start else output_ids)
        if not self._matcher.is_error():
            found = self._matcher.compute_bitmask()
            if not self._matcher.is_error():
                return found
        self.failure = ConstraintFailed(
            f"The answer could not be kept within {self._param}: "
            f"{self._matcher.stop_reason()}; simplify the schema.",
            param=self._param,
        )
        return None

    def rollback(self, count: int) -> None:
        """Take back the last ``count`` tokens that were read (`mask` does it unasked)."""
        count = min(count, len(self._taken))
        if count and self._matcher.rollback(count):
            del self._taken[-count:]
        elif count:
            self._restart()

    def _is_open(self, output_ids: list[int]) -> bool:
        token, start = self._opens_after, self._start
        if token is None:
            return True
        if not (0 < start <= len(output_ids) and output_ids[start - 1] == token):
            self._start = output_ids.index(token) + 1 if token in output_ids else 0
        return self._start > 0

    def _follow(self, ids: list[int]) -> None:
        taken = self._taken
        if ids[: len(taken)] != taken:
            pairs = enumerate(zip(ids, taken, strict=False))
            shared = next((i for i, (a, b) in pairs if a != b), min(len(ids), len(taken)))
            self.rollback(len(taken) - shared)
        new = ids[len(taken) :]
        if new and self._matcher.consume_tokens(new):
            taken += new

    def _restart(self) -> None:
        self._matcher.reset()
        self._taken.clear()
