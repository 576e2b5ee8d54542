"""The archive of one process: seals what a request's policy wants kept.

A body that cannot be sealed is not kept, and the request's record says so: without the keys
there is nothing that could be done with it.
"""

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core.clock import Clock
from gateway.archive.capture import AnswerCapture, pack, prompt_content
from gateway.archive.sealer import BodySealer
from gateway.audit.record import StoredBody
from gateway.exchange import Exchange
from gateway.vault.errors import VaultKeyUnusable

MASKED = "masked"
_log = structlog.get_logger(__name__)


class Archive:
    """Called by the stages that call upstreams and that settle.

    Args:
        most: bytes kept of a prompt, and of an answer.
        on_failure: told when a body could not be sealed, for metrics.
    """

    def __init__(
        self,
        sealer: BodySealer,
        clock: Clock,
        most: int,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._sealer = sealer
        self._clock = clock
        self._most = most
        self._on_failure = on_failure

    async def prompt(self, exchange: Exchange, model: str) -> None:
        """Before an upstream is called: the body as it will get it."""
        principal, policy = exchange.authenticated
        if policy.audit.bodies != MASKED or exchange.stored:
            return
        exchange.capture = AnswerCapture(self._most)
        try:
            await self._sealer.prepare(principal.tenant)
        except (SQLAlchemyError, OSError, VaultKeyUnusable) as error:
            exchange.capture = None
            exchange.stored["prompt"] = StoredBody(part="prompt")
            self._on_failure()
            _log.warning("archive.failed", error_type=type(error).__name__)
            return
        content, cut = pack(prompt_content(exchange.body, model), self._most)
        self._seal(exchange, "prompt", content, cut=cut)

    def answer(self, exchange: Exchange) -> None:
        """At the end, however it came: what the upstream has said."""
        capture = exchange.capture
        if capture is None or capture.empty or "answer" in exchange.stored:
            return
        content, cut = pack(capture.content(), self._most)
        self._seal(exchange, "answer", content, cut=cut or capture.cut)

    def _seal(self, exchange: Exchange, part: str, content: bytes, *, cut: bool) -> None:
        principal, policy = exchange.authenticated
        kept = timedelta(days=policy.audit.bodies_retention_days)
        sealed = self._sealer.seal(
            principal.tenant,
            exchange.request_id,
            part,
            content,
            owner=exchange.end_user or principal.key_id,
            expires=exchange.started_at + kept,
        )
        exchange.bodies.append(sealed.to_json())
        exchange.stored[part] = StoredBody(
            part=part, digest=sealed.digest, size=len(sealed.sealed), cut=cut, until=sealed.expires
        )
