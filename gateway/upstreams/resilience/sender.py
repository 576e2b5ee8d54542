"""Sends requests to one upstream: attempts, their budget, hedging, and what it learns of them."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from gateway.errors import UpstreamError
from gateway.settings import UpstreamSettings
from gateway.upstreams.base import Reply, Upstream, UpstreamRequest
from gateway.upstreams.resilience.attempts import ANSWERED, Attempt, Kind
from gateway.upstreams.resilience.budget import Backoff
from gateway.upstreams.resilience.deadlines import Deadlines, DeadlineWatch
from gateway.upstreams.resilience.failures import failure_of, is_sick, retry_after_s
from gateway.upstreams.resilience.hedging import first_to_answer
from gateway.upstreams.resilience.standing import Standing


class Sent(msgspec.Struct):
    """An answer that began, by whom it comes, and how long it may take."""

    reply: Reply
    server: int
    epoch: int
    deadlines: Deadlines

    async def aclose(self) -> None:
        await self.reply.aclose()


class Sender:
    """Makes attempts at one upstream, as many as are allowed.

    Args:
        draw: a random number from 0 to 1, for the jitter.
    """

    def __init__(
        self,
        settings: UpstreamSettings,
        upstream: Upstream,
        standing: Standing,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._rules = rules = settings.resilience
        self._upstream = upstream
        self._standing = standing
        self._clock = standing.now
        self._hedge_s = None if rules.hedge_after_ms is None else rules.hedge_after_ms / 1000
        self._retry_on = frozenset(rules.retry_on)
        self._backoff = Backoff(rules, draw)
        self._watch = DeadlineWatch(standing.now)

    async def send(
        self,
        request: UpstreamRequest,
        attempts: list[Attempt],
        *,
        epoch: int,
        total_by: float,
        kind: Kind = "first",
        patient: bool = True,
    ) -> Sent:
        """Have the request answered, by as many attempts as are allowed.

        Args:
            attempts: each one is added.
            epoch: of ``Standing.admit``.
            total_by: when the answer must be whole.
            patient: a Retry-After is waited for; not so where a fallback is at hand.

        Raises:
            UpstreamError: of the last attempt.
        """
        order = self._standing.servers.order(request.affinity, self._clock())
        self._standing.budget.earn()
        number = 0
        while True:
            asking = _Asking(request, attempts, epoch, total_by)
            server, other = order[number % len(order)], order[(number + 1) % len(order)]
            try:
                if self._hedge_s is None or server == other:
                    return await self._ask(asking, server, kind)
                return await self._hedged(asking, server, other, kind)
            except UpstreamError as error:
                number += 1
                wait_s = self._wait_s(error, number, len(order), patient=patient)
                if wait_s is None or self._clock() + wait_s >= total_by:
                    raise
                again = self._again()
                if again is None:
                    raise
            epoch, kind = again, "retry"
            try:
                await asyncio.sleep(wait_s)
            except BaseException:
                self._standing.breaker.abandoned(epoch)
                raise

    def ended(self, sent: Sent, error: Exception | None) -> None:
        """An answer that had begun is over: whole, hung up on, none after all, or broken off."""
        ejection = self._standing.servers.ejection
        if isinstance(error, UpstreamError):
            now = self._clock()
            self._standing.breaker.failed(sent.epoch, now, late=True)
            ejection.failed(sent.server, now)
        else:
            ejection.succeeded(sent.server)

    async def _ask(self, asking: "_Asking", server: int, kind: Kind) -> Sent:
        """One attempt."""
        request, began = asking.request, self._clock()
        deadlines = Deadlines(self._settings.name, asking.total_by)
        if request.stream and self._rules.first_token_timeout_s is not None:
            deadlines.first_by = began + self._rules.first_token_timeout_s
        model = request.body["model"]
        attempt = Attempt(self._settings.name, self._settings.zone, model, server + 1, kind)
        asking.attempts.append(attempt)
        try:
            try:
                with self._watch.until(deadlines.next()):
                    reply = await self._upstream.send(request, server)
            except TimeoutError:
                raise deadlines.passed(begun=False) from None
        except UpstreamError as error:
            attempt.result = error.code
            self._failed(asking.epoch, server, error)
            raise
        except BaseException:
            self._standing.breaker.abandoned(asking.epoch)
            raise
        else:
            attempt.result = ANSWERED
            now = self._clock()
            self._standing.breaker.succeeded(asking.epoch, now)
            self._standing.servers.ejection.answered(server, now - began, now)
        finally:
            attempt.microseconds = round((self._clock() - began) * 1_000_000)
            self._standing.counts[kind, attempt.result] += 1
        return Sent(reply, server, asking.epoch, deadlines)

    async def _hedged(self, asking: "_Asking", server: int, other: int, kind: Kind) -> Sent:
        def second() -> Coroutine[Any, Any, Sent] | None:
            if not self._standing.budget.spend(self._clock()):
                return None
            return self._ask(asking, other, "hedge")

        return await first_to_answer(self._ask(asking, server, kind), second, self._hedge_s or 0.0)

    def _failed(self, epoch: int, server: int, error: UpstreamError) -> None:
        now = self._clock()
        if is_sick(error):
            self._standing.breaker.failed(epoch, now)
            self._standing.servers.ejection.failed(server, now)
        else:
            # It answered, if only that it is busy or that the request is wrong.
            self._standing.breaker.succeeded(epoch, now)

    def _again(self) -> int | None:
        """Leave for a further attempt."""
        epoch = self._standing.breaker.acquire(self._clock())
        if epoch is not None and not self._standing.budget.spend(self._clock()):
            self._standing.breaker.abandoned(epoch)
            return None
        return epoch

    def _wait_s(
        self, error: UpstreamError, number: int, servers: int, *, patient: bool
    ) -> float | None:
        """Seconds until the further attempt ``number``; ``None``: there must be none."""
        failure = failure_of(error)
        if number > self._settings.retries or failure not in self._retry_on:
            return None
        wait_s = self._backoff.wait_s(number)
        if servers > 1:
            return wait_s  # another server was not told to wait
        asked_s = retry_after_s(error)
        if asked_s is None:
            return None if failure == "rate_limited" else wait_s
        if not patient or asked_s > self._rules.retry_after_max_s:
            return None
        return asked_s + wait_s  # not all at the same moment


class _Asking(msgspec.Struct, frozen=True):
    """What the attempts of one request share."""

    request: UpstreamRequest
    attempts: list[Attempt]
    epoch: int
    total_by: float
