"""All detectors of one process and what they are asked: plain values in, plain values out.

So that one text can be looked at in a thread of the gateway or in a process beside it. It knows
no tenants and no policies.
"""

from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path

import msgspec
from msgspec.structs import replace

from guardrails.errors import GuardError, GuardUnavailable
from guardrails.injection import InjectionGuard
from guardrails.linear.fold import clean
from guardrails.moderation import ModerationGuard
from guardrails.pii import PiiEngine, detect_joined
from guardrails.pii.cache import FindingsCache
from guardrails.pii.custom import TenantRecognizers
from guardrails.pii.engine import NameEngine
from guardrails.types import Role, Span, Verdict


class LookForData(msgspec.Struct, frozen=True):
    """Look for personal data. ``entities=None``: the default ones.

    ``own``: the tenant's recognizers; they can be sent to another process. ``parts``: what the
    text is made of, where values may be cut by the borders.
    """

    text: str
    entities: frozenset[str] | None
    languages: tuple[str, ...]
    own: TenantRecognizers | None = None
    parts: tuple[str, ...] = ()


class JudgeSpeech(msgspec.Struct, frozen=True):
    """Ask the classifiers about what somebody said."""

    text: str
    role: Role
    moderation: bool
    injection: bool


class RateSpeech(msgspec.Struct, frozen=True):
    """Ask moderation for the probability of every category."""

    text: str


class Rating(msgspec.Struct, frozen=True):
    """``verdict`` as for a prompt; ``categories``: probability by category."""

    verdict: Verdict
    categories: dict[str, float]


class Judgement(msgspec.Struct, frozen=True):
    """What the classifiers say of one speech; ``None`` where one was not asked."""

    role: Role
    moderation: Verdict | None
    injection: Verdict | None


Task = LookForData | JudgeSpeech | RateSpeech
Finding = tuple[Span, ...] | Judgement | Rating


@dataclass(frozen=True, slots=True)
class Detectors:
    """Loaded detectors; they may be shared by threads."""

    pii: PiiEngine
    moderation: ModerationGuard
    injection: InjectionGuard

    @classmethod
    def load(cls, ner: NameEngine = "sovgate", model: Path | None = None) -> "Detectors":
        """Load every detector; takes a second or more.

        Args:
            ner, model: who finds names, as ``PiiEngine.load`` has it.

        Raises:
            GuardUnavailable: one cannot be loaded.
        """
        # Whoever asks remembers what whole texts held; here it is the windows around borders.
        pii = PiiEngine.load(ner=ner, model=model, cache=FindingsCache(10_000))
        return cls(pii, ModerationGuard.load(), InjectionGuard.load())

    def run(self, task: Task) -> Finding:
        """Do one task.

        Raises:
            GuardUnavailable: a detector failed, so nobody looked.
            InputTooLong: the text is longer than any detector reads.
        """
        try:
            if isinstance(task, JudgeSpeech):
                return self._judge(task)
            if isinstance(task, RateSpeech):
                verdict = self.moderation.score(task.text, Role.USER)
                return Rating(verdict, self.moderation.rate(task.text))
            return self._look(task)
        except GuardError:
            raise
        except Exception as error:
            # The outermost boundary of the detectors: the error's own text may quote what
            # was looked at.
            raise GuardUnavailable(
                f"A guard failed ({type(error).__name__}), so the request was not let through;"
                " try again or ask the administrator."
            ) from None

    def _look(self, task: LookForData) -> tuple[Span, ...]:
        look = partial(
            detect_joined,
            self.pii,
            entities=task.entities,
            languages=task.languages,
            extra=task.own.recognizers if task.own else (),
            allow=task.own.allow if task.own else None,
        )
        parts = task.parts or (task.text,)
        starts = accumulate((len(part) for part in parts), initial=0)
        return tuple(
            replace(span, start=start + span.start, end=start + span.end) if start else span
            for start, spans in zip(starts, look(parts), strict=False)
            for span in spans
        )

    def _judge(self, task: JudgeSpeech) -> Judgement:
        cleaned = clean(task.text)  # once for both
        moderation = injection = None
        if task.moderation:
            moderation = self.moderation.score(task.text, task.role, cleaned=cleaned)
        if task.injection:
            injection = self.injection.score(task.text, task.role, cleaned=cleaned)
        return Judgement(task.role, moderation, injection)
