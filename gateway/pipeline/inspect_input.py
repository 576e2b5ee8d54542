"""Stage 3: what goes in is looked at, decided on and masked."""

from core.clock import Clock
from gateway.audit import score_text
from gateway.content import documents_of, map_texts, media_of, speeches_of
from gateway.errors import (
    ContentBlocked,
    InjectionBlocked,
    InputBlocked,
    MediaBlocked,
    PersonalDataBlocked,
)
from gateway.exchange import Exchange, GuardDecision
from gateway.guarding import Guards, Judgement
from gateway.pipeline.stage import Stage
from gateway.recognizers import RecognizerBook
from gateway.settings import PolicySettings
from gateway.vault import Vault
from guardrails.pii import MaskScope, ScopeMemory
from guardrails.types import Action, Role, Span, Verdict


class InspectInput(Stage):
    """Every text of the request passes the guards; the policy decides per finding."""

    name = "inspect_input"

    def __init__(
        self,
        guards: Guards,
        recognizers: RecognizerBook,
        clock: Clock,
        vault: Vault | None = None,
    ) -> None:
        self._guards = guards
        self._recognizers = recognizers
        self._clock = clock
        self._vault = vault

    async def enter(self, exchange: Exchange) -> None:
        principal, policy = exchange.authenticated
        if _looks_at_nothing(policy):
            exchange.timing.inspected = self._clock.monotonic()
            return
        self._decide_media(exchange, policy)
        documents, speeches = documents_of(exchange.body), speeches_of(exchange.body)
        own = exchange.recognizers = await self._recognizers.of(principal.tenant, policy)
        inspection = await self._guards.inspect(principal.tenant, documents, speeches, policy, own)
        for judgement in inspection.judgements:
            decide_moderation(exchange, policy, judgement.moderation, "input")
            self._decide_injection(exchange, policy, judgement)
        memory = await self._memory(exchange, inspection.spans)
        self._decide_pii(exchange, policy, inspection.spans, memory)
        self._note_clear(exchange, policy)
        exchange.timing.inspected = self._clock.monotonic()

    async def leave(self, exchange: Exchange) -> None:
        """The scope dies with the exchange; what it issued is written before the answer ends."""
        if self._vault is not None and exchange.scope is not None:
            await self._vault.kept(exchange.scope.memory)

    async def _memory(self, exchange: Exchange, spans: dict[str, list[Span]]) -> ScopeMemory | None:
        """What earlier turns of the conversation issued."""
        principal, policy = exchange.authenticated
        if self._vault is None or policy.pii.action is not Action.MASK or not any(spans.values()):
            return None
        headers = exchange.connection.headers
        return await self._vault.open(
            principal.tenant, principal.key_id, exchange.body, headers, exchange.end_user
        )

    def _decide_injection(
        self, exchange: Exchange, policy: PolicySettings, judgement: Judgement
    ) -> None:
        verdict, rules = judgement.injection, policy.injection
        if verdict is None:
            return
        action = rules.input if judgement.role is Role.USER else rules.documents
        if verdict.score < _threshold(rules.threshold, verdict):
            return
        _note(exchange, verdict, action, "input")
        if action is Action.BLOCK:
            raise InjectionBlocked(
                "The prompt looks like an attempt to override its instructions and was not sent;"
                " rephrase it, or ask your administrator to change the policy."
            )

    def _decide_pii(
        self,
        exchange: Exchange,
        policy: PolicySettings,
        spans: dict[str, list[Span]],
        memory: ScopeMemory | None,
    ) -> None:
        action = policy.pii.action
        if action is Action.ALLOW or not any(spans.values()):
            return
        version = self._guards.versions["pii"]
        exchange.decisions.append(GuardDecision("pii", version, action, "input", "found"))
        if action is Action.BLOCK:
            raise PersonalDataBlocked(
                "The prompt holds personal data, which your policy blocks; remove it and try again."
            )
        if action is Action.MASK:
            texts = list(spans)
            exchange.scope = scope = MaskScope(
                texts, memory=memory, modes=exchange.surface.mask_modes(policy)
            )
            found = list(spans.values())
            masked = dict(zip(texts, scope.mask_all(texts, found), strict=True))
            _refuse_blocked(exchange, scope, version)
            exchange.body = map_texts(exchange.body, lambda text: masked.get(text, text))
            if self._vault is not None:
                self._vault.keep(scope.memory)

    def _decide_media(self, exchange: Exchange, policy: PolicySettings) -> None:
        """Nobody looks into images, audio and files: the policy says whether they pass unread."""
        if policy.pii.action is Action.ALLOW:
            return
        for kind in _media(exchange):
            action = getattr(policy.pii.media, kind)
            exchange.decisions.append(
                GuardDecision("media", "1", action, "input", "not_inspected", category=kind)
            )
            if action == Action.BLOCK:
                raise MediaBlocked(
                    f"The request holds {kind}, which no guard can read and your policy does not"
                    " let through; send text, or ask your administrator to allow them."
                )

    def _note_clear(self, exchange: Exchange, policy: PolicySettings) -> None:
        """The record names every guard that looked, also those that found nothing."""
        noted = {decision.name for decision in exchange.decisions}
        asked = {
            "pii": policy.pii.action,
            "moderation": policy.moderation.input,
            "injection": policy.injection.input,
        }
        for name, action in asked.items():
            if action is not Action.ALLOW and name not in noted:
                version = self._guards.versions[name]
                exchange.decisions.append(GuardDecision(name, version, "allow", "input", "clear"))


def _looks_at_nothing(policy: PolicySettings) -> bool:
    """Whether a request may pass unread, and its answer needs nothing that is learned here."""
    injection = policy.injection
    return (
        policy.pii.action is Action.ALLOW
        and policy.pii.output == "allow"
        and policy.moderation.input is Action.ALLOW
        and injection.input is Action.ALLOW
        and injection.documents is Action.ALLOW
    )


def _media(exchange: Exchange) -> list[str]:
    """The kinds that stand in the body, came in a form, or will come back."""
    kinds = media_of(exchange.body) + [file.kind for file in exchange.files]
    if exchange.surface.returns is not None:
        kinds.append(exchange.surface.returns)
    return list(dict.fromkeys(kinds))


def _refuse_blocked(exchange: Exchange, scope: MaskScope, version: str) -> None:
    """Refuse what the policy wants blocked by type; the message names types only."""
    if not scope.blocked:
        return
    exchange.decisions.append(GuardDecision("pii", version, Action.BLOCK, "input", "found"))
    raise PersonalDataBlocked(
        f"The prompt holds {', '.join(sorted(scope.blocked))}, which your policy blocks; remove"
        " it and try again."
    )


def decide_moderation(
    exchange: Exchange, policy: PolicySettings, verdict: Verdict | None, direction: str
) -> None:
    """Note an unsafe verdict; raise where the policy blocks.

    Raises:
        InputBlocked: an unsafe prompt.
        ContentBlocked: an unsafe answer.
    """
    if verdict is None:
        return
    rules = policy.moderation
    if verdict.score < _threshold(rules.threshold, verdict):
        return
    if rules.categories != "default" and verdict.category not in rules.categories:
        return
    action = rules.input if direction == "input" else rules.output
    if action is Action.ALLOW:
        return
    _note(exchange, verdict, action, direction)
    if action is Action.BLOCK and direction == "input":
        raise InputBlocked(
            "The prompt was judged unsafe and was not sent; rephrase it, or ask your"
            " administrator to change the policy."
        )
    if action is Action.BLOCK:
        raise ContentBlocked("The answer was judged unsafe and was withheld.")


def _note(exchange: Exchange, verdict: Verdict, action: Action, direction: str) -> None:
    name, _, version = verdict.detector.partition("@")
    decision = GuardDecision(
        name, version, action, direction, "flagged", score_text(verdict.score), verdict.category
    )
    if decision not in exchange.decisions:
        exchange.decisions.append(decision)


def _threshold(of_policy: float | None, verdict: Verdict) -> float:
    return verdict.threshold if of_policy is None else of_policy
