"""The settings and the upstreams' health as administrators may see them.

Addresses, names of environment variables and files are left out: nobody needs
them here, and some tell where secrets are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing import PriceVersion
from core.money import format_amount
from gateway.admin.system.schemas import PolicyView, PriceView, System, TierView, UpstreamView
from gateway.prices import PriceDesk
from gateway.settings import PolicySettings, Settings, UpstreamSettings
from gateway.upstreams import Deployed
from gateway.version import product_version

_LISTS = ("deny_list", "allow_list")


@dataclass(frozen=True, slots=True)
class SettingsView:
    """Reads what the process runs on; changes nothing."""

    settings: Settings
    prices: PriceDesk
    upstreams: Mapping[str, Deployed]

    async def describe(self) -> System:
        settings = self.settings
        return System(
            version=product_version(),
            database=settings.database.url.partition("+")[0],
            shared_cache=settings.redis.url is not None,
            tiers=[
                TierView(
                    name=name,
                    upstream=tier.upstream,
                    model=tier.model,
                    thinking=tier.thinking,
                    effort=tier.effort,
                )
                for name, tier in settings.tiers.items()
            ],
            upstreams=[self._upstream(upstream) for upstream in self._all()],
            prices=[_price(price) for price in self.prices.versions],
            policies=[
                PolicyView(name=name, zones=policy.zones, document=_document(policy))
                for name, policy in settings.policies.items()
            ],
        )

    def _all(self) -> list[UpstreamSettings]:
        """Those of the settings, then those that administrators set."""
        stored = [each for each in self.upstreams.values() if each.origin == "database"]
        return [*self.settings.upstreams, *(each.settings for each in stored)]

    def _upstream(self, settings: UpstreamSettings) -> UpstreamView:
        running = self.upstreams.get(settings.name)
        return UpstreamView(
            name=settings.name,
            kind=settings.kind,
            zone=settings.zone,
            models=settings.models,
            healthy=None if running is None else running.health.healthy,
            detail=None if running is None else running.detail,
        )


def _document(policy: PolicySettings) -> dict[str, Any]:
    """A policy as it stands in the file, but for the values of its lists: personal data."""
    document = policy.model_dump(mode="json")
    lists = [each[key] for each in document["pii"]["recognizers"] for key in _LISTS if each[key]]
    for each in (document["pii"]["allow_list"], *lists):
        each["values"] = len(each["values"])
    return document


def _price(price: PriceVersion) -> PriceView:
    return PriceView(
        model=price.model,
        currency=price.currency,
        effective_from=price.effective_from,
        effective_to=price.effective_to,
        per=price.per,
        **{
            name: format_amount(price.price(name))
            for name in (
                "input",
                "cached_input",
                "cache_write",
                "output",
                "reasoning",
                "worker_second",
            )
        },
    )
