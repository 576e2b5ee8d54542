"""Runs the guards over a request, off the event loop, each distinct text once.

It composes ``guardrails`` for the pipeline: what was found is cached per tenant, so that a
conversation's history costs nothing when it comes again; long texts go to a process beside.
It does not decide; the pipeline's policy step does.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version as distribution_version

import msgspec

from gateway.content import Document, spans_by_text
from gateway.errors import Unavailable
from gateway.guarding.beside import BesideProcess
from gateway.guarding.findings import FindingsCache
from gateway.settings import GuardSettings, PolicySettings
from guardrails.detectors import (
    Detectors,
    Finding,
    Judgement,
    JudgeSpeech,
    LookForData,
    RateSpeech,
    Rating,
    Task,
)
from guardrails.pii.custom import TenantRecognizers
from guardrails.pii.spans import resolve
from guardrails.types import Action, Role, Span

# Characters from which the texts of a request are looked at in a process beside.
LONG_CHARS = 40_000
# Characters of a request that the event loop looks at itself: about a millisecond's work, where
# handing it to a thread and back costs as much again.
AT_ONCE_CHARS = 1_000
# Seconds for which it looks at what has come meanwhile before others have their turn: several
# requests one after the other find the detectors' megabytes in the processor's caches.
TURN_S = 0.004
# Characters that may wait, each way: about a second of work for the thread, ten for the process.
MAX_WAITING_CHARS = 500_000
MAX_WAITING_LONG_CHARS = 8_000_000
_INJECTABLE = frozenset({Role.USER, Role.TOOL})


class Inspection(msgspec.Struct, frozen=True):
    """What the guards found.

    Args:
        spans: per distinct text, sorted, none overlapping.
        judgements: one per speech that the policy wants judged, in the order asked.
    """

    spans: dict[str, list[Span]]
    judgements: list[Judgement]


class Guards:
    """All detectors of one gateway process.

    Args:
        detectors: loaded; used by one thread at a time here, by others for answers.
        beside: processes for long texts, started when the first comes; ``None``: none.
        all_beside: every text goes there.
        pii_version: what records call the detectors of personal data; ``None``: as loaded here.
        cached: findings remembered.
    """

    def __init__(
        self,
        detectors: Detectors,
        *,
        beside: BesideProcess | None = None,
        all_beside: bool = False,
        pii_version: str | None = None,
        cached: int = 50_000,
    ) -> None:
        self.pii = detectors.pii
        self.moderation = detectors.moderation
        self.injection = detectors.injection
        self._detectors = detectors
        self._cache = FindingsCache(cached)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="guards")
        self._beside = beside
        self._all_beside = all_beside
        self._pii_version = pii_version or detectors.pii.version
        self._waiting = {False: 0, True: 0}
        self._is_looking = False
        self._turns: deque[tuple[Sequence[Task], asyncio.Future[list[Finding]]]] = deque()

    @classmethod
    def load(cls, settings: GuardSettings) -> "Guards":
        """Load every detector; takes a second or more, so call it off the event loop."""
        # torch must not come into this process: a transformers model works beside only.
        apart = settings.ner == "transformers"
        detectors = Detectors.load("none" if apart else settings.ner)
        beside = None
        if settings.processes:
            beside = BesideProcess(settings.processes, settings.ner, settings.ner_model)
        version = (
            f"{detectors.pii.version}+transformers-{distribution_version('transformers')}"
            if apart
            else None
        )
        return cls(
            detectors,
            beside=beside,
            all_beside=apart,
            pii_version=version,
            cached=settings.cached_findings,
        )

    @property
    def versions(self) -> dict[str, str]:
        """Version by guard, as audit records name them."""
        return {
            "pii": self._pii_version,
            "moderation": self.moderation.version.rpartition("@")[2],
            "injection": self.injection.version.rpartition("@")[2],
        }

    async def inspect(
        self,
        tenant: str,
        documents: Sequence[Document],
        speeches: Sequence[tuple[str, Role]],
        policy: PolicySettings,
        own: TenantRecognizers | None = None,
    ) -> Inspection:
        """Look for personal data in ``documents`` and judge ``speeches``.

        Args:
            own: the tenant's recognizers; findings are cached by their version.

        Raises:
            GuardUnavailable: a detector failed; nothing may pass.
            Unavailable: too much waits for the guards.
        """
        tasks: list[LookForData | JudgeSpeech] = [
            *_data_tasks(documents, policy, own),
            *_speech_tasks(speeches, policy),
        ]
        keys = [self._cache.key(tenant, _asked(task, policy), task.text) for task in tasks]
        found = [self._cache.get(key) for key in keys]
        missing = [index for index, item in enumerate(found) if item is None]
        if missing:
            fresh = await self._run([tasks[index] for index in missing])
            for index, item in zip(missing, fresh, strict=True):
                found[index] = item
                self._cache.put(keys[index], item)
        spans = [item for item in found if isinstance(item, tuple)]
        by_text = spans_by_text(documents[: len(spans)], spans)
        return Inspection(
            {text: resolve(text, several) for text, several in by_text.items()},
            [item for item in found if isinstance(item, Judgement)],
        )

    async def rate(self, texts: Sequence[str]) -> list[Rating]:
        """What moderation says of each text, category by category; nothing is kept.

        Raises:
            GuardUnavailable, Unavailable: as ``inspect``.
        """
        found = await self._run([RateSpeech(text) for text in texts])
        return [item for item in found if isinstance(item, Rating)]

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._beside is not None:
            self._beside.close()

    async def _run(self, tasks: Sequence[Task]) -> list[Finding]:
        characters = sum(len(task.text) for task in tasks)
        is_long = self._all_beside or characters >= LONG_CHARS
        with self._turn(characters, is_long):
            if is_long and self._beside is not None:
                return await self._beside.run(list(tasks))
            loop = asyncio.get_running_loop()
            if characters > AT_ONCE_CHARS:
                return await loop.run_in_executor(self._thread, _run_all, self._detectors, tasks)
            return await self._at_once(loop, tasks)

    async def _at_once(
        self, loop: asyncio.AbstractEventLoop, tasks: Sequence[Task]
    ) -> list[Finding]:
        if not self._is_looking:
            self._is_looking = True
            try:
                return _run_all(self._detectors, tasks)
            finally:
                loop.call_soon(self._next_turn, loop)
        found: asyncio.Future[list[Finding]] = loop.create_future()
        self._turns.append((tasks, found))
        return await found

    def _next_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        until = loop.time() + TURN_S
        while self._turns:
            tasks, found = self._turns.popleft()
            if found.done():
                continue  # nobody waits for it any more
            try:
                found.set_result(_run_all(self._detectors, tasks))
            except Exception as error:  # raised where it is awaited
                found.set_exception(error)
            if loop.time() >= until:
                break
        if self._turns:
            loop.call_soon(self._next_turn, loop)
        else:
            self._is_looking = False

    @contextmanager
    def _turn(self, characters: int, is_long: bool) -> Iterator[None]:
        """Counts what waits; a single request is never too much."""
        waiting = self._waiting[is_long]
        most = MAX_WAITING_LONG_CHARS if is_long else MAX_WAITING_CHARS
        if waiting and waiting + characters > most:
            raise Unavailable(
                "The guards are busy; try again in a moment.", retry_after_s=5 if is_long else 1
            )
        self._waiting[is_long] += characters
        try:
            yield
        finally:
            self._waiting[is_long] -= characters


def _run_all(detectors: Detectors, tasks: Sequence[Task]) -> list[Finding]:
    return [detectors.run(task) for task in tasks]


def _data_tasks(
    documents: Sequence[Document], policy: PolicySettings, own: TenantRecognizers | None
) -> Iterator[LookForData]:
    rules = policy.pii
    entities = None if rules.entities == "default" else frozenset(rules.entities)
    languages = tuple(rules.languages)
    wanted = rules.action is not Action.ALLOW
    for document in documents if wanted else ():
        parts = tuple(piece for piece, _ in document.pieces) if document.parts else ()
        yield LookForData(document.text, entities, languages, own or None, parts)


def _speech_tasks(
    speeches: Sequence[tuple[str, Role]], policy: PolicySettings
) -> Iterator[JudgeSpeech]:
    moderation = policy.moderation.input is not Action.ALLOW
    for text, role in speeches:
        rules = policy.injection
        wanted = rules.input if role is Role.USER else rules.documents
        injection = role in _INJECTABLE and wanted is not Action.ALLOW
        if moderation or injection:
            yield JudgeSpeech(text, role, moderation, injection)


def _asked(task: LookForData | JudgeSpeech, policy: PolicySettings) -> str:
    """What the answer depends on beside the text."""
    if isinstance(task, LookForData):
        own = task.own.version if task.own else ""
        return f"data\0{policy.digest}\0{own}\0{[*map(len, task.parts)]}"
    return f"{task.role}\0{policy.digest}"
