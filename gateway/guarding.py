"""Runs the guards over texts, off the event loop, each distinct text once.

It composes ``guardrails`` for the pipeline: what was found is cached per tenant
under a keyed digest, so that a conversation's history costs nothing when it
comes again. It does not decide; the pipeline's policy step does.
"""

import asyncio
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gateway.errors import Unavailable
from gateway.settings import PolicySettings
from guardrails.errors import GuardError, GuardUnavailable
from guardrails.injection import InjectionGuard
from guardrails.moderation import ModerationGuard
from guardrails.pii import PiiEngine
from guardrails.types import Action, Role, Span, Verdict

MAX_WAITING = 256
CACHE_ENTRIES = 20_000
_INJECTABLE = frozenset({Role.USER, Role.TOOL})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the classifiers say of one speech; ``None`` where one was not asked."""

    role: Role
    moderation: Verdict | None
    injection: Verdict | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """Personal data by text, and a judgement by speech, in the order asked."""

    spans: list[tuple[Span, ...]]
    judgements: list[Judgement]


_Task = tuple[str, Role | None]  # a speech and who said it, or a text to look for values in
_Finding = tuple[Span, ...] | Judgement


class Guards:
    """All detectors of one process.

    Args:
        pii, moderation, injection: loaded detectors; they may be shared by threads.
        threads: texts inspected at the same time.
    """

    def __init__(
        self,
        pii: PiiEngine,
        moderation: ModerationGuard,
        injection: InjectionGuard,
        *,
        threads: int = 1,
    ) -> None:
        self.pii = pii
        self.moderation = moderation
        self.injection = injection
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="guards")
        self._waiting = 0
        self._cache: OrderedDict[bytes, _Finding] = OrderedDict()
        self._cache_lock = threading.Lock()
        self._cache_key = os.urandom(32)

    @classmethod
    def load(cls) -> "Guards":
        """Load every detector; takes seconds, so call it off the event loop."""
        return cls(PiiEngine.load(), ModerationGuard.load(), InjectionGuard.load())

    @property
    def versions(self) -> dict[str, str]:
        """Version by guard, as audit records name them."""
        return {
            "pii": self.pii.version,
            "moderation": self.moderation.version.rpartition("@")[2],
            "injection": self.injection.version.rpartition("@")[2],
        }

    async def inspect(
        self,
        tenant: str,
        texts: Sequence[str],
        speeches: Sequence[tuple[str, Role]],
        policy: PolicySettings,
    ) -> Inspection:
        """Look for personal data in ``texts`` and judge ``speeches``.

        Raises:
            GuardUnavailable: a detector failed; nothing may pass.
            Unavailable: too many requests wait for the guards.
        """
        tasks = [(text, None) for text in texts] + list(speeches)
        keys = [self._key(tenant, text, role, policy) for text, role in tasks]
        found = [self._cache.get(key) for key in keys]
        missing = [index for index, item in enumerate(found) if item is None]
        if missing:
            fresh = await self._run([tasks[index] for index in missing], policy)
            for index, item in zip(missing, fresh, strict=True):
                found[index] = item
                self._remember(keys[index], item)
        return Inspection(
            [item for item in found if isinstance(item, tuple)],
            [item for item in found if isinstance(item, Judgement)],
        )

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, tasks: list[_Task], policy: PolicySettings) -> list[_Finding]:
        if self._waiting >= MAX_WAITING:
            raise Unavailable("The guards are busy; try again in a second.", retry_after_s=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, self._look, tasks, policy
            )
        finally:
            self._waiting -= 1

    def _look(self, tasks: list[_Task], policy: PolicySettings) -> list[_Finding]:
        try:
            return [
                self._detect(text, policy) if role is None else self._judge(text, role, policy)
                for text, role in tasks
            ]
        except GuardError:
            raise
        except Exception as error:
            # The outermost boundary of the detectors: whatever goes wrong in there
            # means that nobody looked, and its text may quote what was looked at.
            raise GuardUnavailable(
                f"A guard failed ({type(error).__name__}), so the request was not let through;"
                " try again or ask the administrator."
            ) from None

    def _detect(self, text: str, policy: PolicySettings) -> tuple[Span, ...]:
        rules = policy.pii
        if rules.action is Action.ALLOW:
            return ()
        entities = None if rules.entities == "default" else frozenset(rules.entities)
        return tuple(self.pii.detect(text, entities=entities, languages=tuple(rules.languages)))

    def _judge(self, text: str, role: Role, policy: PolicySettings) -> Judgement:
        moderation = injection = None
        if policy.moderation.input is not Action.ALLOW:
            moderation = self.moderation.score(text, role)
        if role in _INJECTABLE:
            rules = policy.injection
            wanted = rules.input if role is Role.USER else rules.documents
            if wanted is not Action.ALLOW:
                injection = self.injection.score(text, role)
        return Judgement(role, moderation, injection)

    def _key(self, tenant: str, text: str, role: Role | None, policy: PolicySettings) -> bytes:
        digest = hashlib.blake2b(key=self._cache_key, digest_size=16)
        for part in (tenant, role or "pii", policy.digest, text):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return digest.digest()

    def _remember(self, key: bytes, finding: _Finding) -> None:
        with self._cache_lock:
            self._cache[key] = finding
            if len(self._cache) > CACHE_ENTRIES:
                self._cache.popitem(last=False)
