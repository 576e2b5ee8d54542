"""From a model name to the deployments that may serve it, and the one that does.

A target in a zone that the tenant's policy does not allow never enters the list;
``gateway.upstreams.gate`` checks once more whenever something is sent.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from gateway.content import conversation_key, last_user_text
from gateway.errors import ResidencyDenied, UnknownModel
from gateway.routing.complexity import Assessment, ComplexityModel
from gateway.routing.tiers import TierRouter
from gateway.settings import TIER_ALIASES, TIER_NAMES, PolicySettings, Settings, TierSettings
from gateway.upstreams import Deployed, Gate
from gateway.upstreams.asked import asked_thinking

_STICKY_CONVERSATIONS = 50_000
_EFFORT_TIERS = {
    "low": "non-think",
    "medium": "think-high",
    "high": "think-high",
    "xhigh": "think-max",
    "max": "think-max",
    "ultra": "think-max",
}


@dataclass(frozen=True, slots=True)
class Target:
    """One way to serve a request; ``tier`` is null for a deployment called by name."""

    tier: str | None
    upstream: str
    zone: str
    model: str
    thinking: bool | None = None
    effort: str | None = None
    timeout_s: float = 600.0
    continuous_usage: bool = False
    fallbacks: "tuple[Target, ...]" = ()

    def within(self, zones: Collection[str]) -> "Target | None":
        """The first of it and its fallbacks that is in one of ``zones``."""
        if self.zone in zones:
            return self
        for number, each in enumerate(self.fallbacks, start=1):
            if each.zone in zones:
                return replace(each, fallbacks=self.fallbacks[number:])
        return None


class Route(msgspec.Struct, frozen=True, gc=False):
    """The chosen target and why: ``reason`` is one sentence without content.

    ``others`` may serve it too, in this order, where that one fails.
    """

    target: Target
    reason: str
    trend: str | None = None
    score: float | None = None
    version: str | None = None
    others: tuple[Target, ...] = ()


class Router:
    """Resolves names, chooses tiers, keeps a conversation on its tier.

    Args:
        settings: tiers.
        upstreams: those that run; they may change.
        model: judges what a prompt asks for.
    """

    def __init__(self, settings: Settings, upstreams: Gate, model: ComplexityModel) -> None:
        self._upstreams = upstreams
        self._model = model
        self._tier_router = TierRouter(model)
        self._tiers = {
            name: _tier_target(upstreams, name, tier) for name, tier in settings.tiers.items()
        }
        self._sticky: OrderedDict[bytes, str] = OrderedDict()
        self._of: Mapping[str, Deployed] = {}  # what `_by_model` was made of
        self._by_model: dict[str, list[Target]] = {}

    @property
    def tiers(self) -> Mapping[str, Target]:
        return self._tiers

    def model_names(self, policy: PolicySettings) -> list[str]:
        """Every name that a tenant under ``policy`` may put into ``model``."""
        tiers = [name for name in TIER_NAMES if name in self._allowed_tiers(policy)]
        names = ["auto", *tiers] if tiers else []
        names += [alias for alias, name in TIER_ALIASES.items() if name in tiers]
        for upstream in self._upstreams.values():
            if upstream.zone in policy.zones:
                names += sorted(upstream.models)
        return list(dict.fromkeys(names))

    def targets(self, name: str, policy: PolicySettings) -> list[Target]:
        """What may serve ``name``: several for ``auto`` and for a model on several upstreams.

        Raises:
            UnknownModel: nothing of that name is configured.
            ResidencyDenied: it is, but only in zones that the policy forbids.
        """
        tier = TIER_ALIASES.get(name, name)
        if name == "auto":
            found = list(self._tiers.values())
        elif tier in self._tiers:
            found = [self._tiers[tier]]
        else:
            found = self._serving(name)
        if not found:
            raise UnknownModel(
                "There is no such model here; GET /v1/models lists the names that you may use.",
                param="model",
            )
        zones = policy.zones
        places = [each if each.zone in zones else each.within(zones) for each in found]
        allowed = [target for target in places if target is not None]
        if not allowed:
            raise ResidencyDenied(
                "The model runs only in zones that your policy does not allow; choose another"
                " model or ask your administrator.",
                param="model",
            )
        return allowed

    def choose(
        self,
        targets: list[Target],
        body: Mapping[str, Any],
        policy: PolicySettings,
        *,
        tenant: str,
    ) -> Route:
        """Pick one of ``targets`` for a request (see ``targets``)."""
        if body["model"] == "auto":
            return self._choose_tier(targets, body, policy, tenant)
        target = self._healthiest(targets)
        if target.tier is not None:
            reason = f"the client asked for {target.tier}"
            return Route(target, reason, others=target.fallbacks)
        asked, (thinking, effort) = targets, asked_thinking(body)
        if thinking is not None or effort is not None:
            asked = [replace(each, thinking=thinking, effort=effort) for each in targets]
        at = targets.index(target)
        others = (*asked[:at], *asked[at + 1 :])
        return Route(asked[at], "the client named the deployment", others=others)

    def _choose_tier(
        self,
        targets: list[Target],
        body: Mapping[str, Any],
        policy: PolicySettings,
        tenant: str,
    ) -> Route:
        by_tier = {str(target.tier): target for target in targets}
        healthy = [tier for tier, target in by_tier.items() if self._is_healthy(target)]
        available = healthy or list(by_tier)
        turns = len(body.get("messages") or ())
        assessment = self._model.assess(last_user_text(body), turns=turns)
        thinking, _ = asked_thinking(body)
        if thinking is False:
            available = [tier for tier in available if not by_tier[tier].thinking] or available
        asked = _asked_tier(body)
        if asked in available:
            target = by_tier[asked]
            reason = f"the client asked for this effort: {asked}"
            return self._routed(target, reason, assessment)
        choice = self._tier_router.choose(
            assessment, available=available, quality=policy.routing.quality
        )
        tier, reason = choice.tier, choice.reason
        key = _digest(tenant, conversation_key(body))
        before = self._sticky.get(key)
        if before in available and TIER_NAMES.index(before) > TIER_NAMES.index(tier):  # type: ignore[arg-type]
            tier, reason = str(before), f"the conversation stays on {before}"
        self._remember(key, tier)
        return self._routed(by_tier[tier], reason, assessment)

    def _routed(self, target: Target, reason: str, assessment: Assessment) -> Route:
        trend, hard = assessment.trend, assessment.hard
        return Route(target, reason, trend, hard, self._model.version, target.fallbacks)

    def _serving(self, model: str) -> list[Target]:
        """The upstreams that serve a model under its own name."""
        deployed = self._upstreams.deployed
        if deployed is not self._of:
            self._by_model = {}
            for upstream in deployed.values():
                for name in upstream.models:
                    self._by_model.setdefault(name, []).append(_target(upstream, name))
            self._of = deployed
        return self._by_model.get(model, [])

    def _allowed_tiers(self, policy: PolicySettings) -> set[str]:
        zones = policy.zones
        return {name for name, target in self._tiers.items() if target.within(zones) is not None}

    def _is_healthy(self, target: Target) -> bool:
        return self._is_available(target) or any(map(self._is_available, target.fallbacks))

    def _is_available(self, target: Target) -> bool:
        upstream = self._upstreams.deployed.get(target.upstream)
        return upstream is not None and upstream.is_available

    def _healthiest(self, targets: list[Target]) -> Target:
        return next((target for target in targets if self._is_healthy(target)), targets[0])

    def _remember(self, key: bytes, tier: str) -> None:
        self._sticky[key] = tier
        self._sticky.move_to_end(key)
        if len(self._sticky) > _STICKY_CONVERSATIONS:
            self._sticky.popitem(last=False)


def _tier_target(upstreams: Mapping[str, Deployed], name: str, tier: TierSettings) -> Target:
    thought: dict[str, Any] = {"thinking": tier.thinking, "effort": tier.effort}
    fallbacks = [
        _target(upstreams[each.upstream], each.model, tier=name, **thought)
        for each in tier.fallbacks
    ]
    return _target(
        upstreams[tier.upstream], tier.model, tier=name, fallbacks=tuple(fallbacks), **thought
    )


def _target(upstream: Deployed, model: str, **more: Any) -> Target:
    settings = upstream.settings
    return Target(
        more.pop("tier", None),
        upstream.name,
        upstream.zone,
        model,
        timeout_s=settings.total_timeout_s,
        continuous_usage=settings.asks_continuous_usage,
        **more,
    )


def _asked_tier(body: Mapping[str, Any]) -> str | None:
    thinking, effort = asked_thinking(body)
    if not thinking:
        return None
    return _EFFORT_TIERS.get(effort or "", "think-high")


def _digest(tenant: str, conversation: str) -> bytes:
    text = f"{tenant}\0{conversation}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()
