"""A sovereign deployment: which zones are its own, and what it refuses to start with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.egress.errors import ForeignZone
from gateway.errors import SettingsError
from gateway.settings import Settings, UpstreamSettings


@dataclass(frozen=True, slots=True)
class Sovereignty:
    """The zones at home; ``zones=None``: any zone will do, as policies say."""

    zones: frozenset[str] | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Sovereignty":
        egress = settings.egress
        return cls(frozenset(egress.home_zones) if egress.sovereign_only else None)

    def allows(self, zone: str) -> bool:
        return self.zones is None or zone in self.zones

    def check(self, zone: str) -> None:
        """Raises: ForeignZone."""
        if not self.allows(zone):
            raise ForeignZone(
                "This deployment is sovereign: upstreams must be in one of its own zones"
                f" ({', '.join(sorted(self.zones or ()))}).",
                param="zone",
            )


def check_deployment(settings: Settings, stored: Iterable[tuple[str, str]] = ()) -> None:
    """Refuse what a sovereign deployment must not hold.

    Args:
        stored: name and zone of each upstream in the database.

    Raises:
        SettingsError: one sentence that names everything foreign.
    """
    sovereignty = Sovereignty.of(settings)
    if sovereignty.zones is None:
        return
    found = [*_of_settings(settings, sovereignty)]
    found += [
        f"upstream {name} of the database (zone {zone})"
        for name, zone in stored
        if not sovereignty.allows(zone)
    ]
    if found:
        raise SettingsError(
            "egress.sovereign_only is set, and these are outside of the home zones"
            f" ({', '.join(sorted(sovereignty.zones))}): {'; '.join(found)}. Remove them, or"
            " correct egress."
        )


def _of_settings(settings: Settings, sovereignty: Sovereignty) -> Iterator[str]:
    for upstream in settings.upstreams:
        if not sovereignty.allows(upstream.zone):
            yield f"upstream {upstream.name} (zone {upstream.zone})"
        elif _goes_where_it_wants(upstream):
            yield f"upstream {upstream.name} (litellm without base_url calls its provider)"
    for name, policy in settings.policies.items():
        foreign = [zone for zone in policy.zones if not sovereignty.allows(zone)]
        if foreign:
            yield f"policy {name} (allows zone {', '.join(foreign)})"
    for what, host in other_targets(settings):
        if host not in settings.egress.home_hosts:
            yield f"{what} (host {host} is not in egress.home_hosts)"


def _goes_where_it_wants(upstream: UpstreamSettings) -> bool:
    return upstream.kind == "litellm" and upstream.base_url is None


def other_targets(settings: Settings) -> Iterator[tuple[str, str]]:
    """Hosts that the settings make the gateway call beside upstreams, database and Redis."""
    for name, hook in settings.alerts.webhooks.items():
        yield f"webhook {name}", urlsplit(hook.url).hostname or ""
    for name, stream in settings.audit.streams.items():
        yield f"audit stream {name}", urlsplit(stream.url).hostname or ""
    for name, anchor in settings.audit.anchors.items():
        if anchor.url is not None:
            yield f"audit anchor {name}", urlsplit(anchor.url).hostname or ""
    if settings.telemetry.otlp_endpoint is not None:
        host = urlsplit(settings.telemetry.otlp_endpoint).hostname or ""
        yield "the collector of telemetry", host
    if settings.batches.gateway_url is not None:
        yield "batches.gateway_url", urlsplit(settings.batches.gateway_url).hostname or ""
    if settings.alerts.smtp is not None:
        yield "the mail server", settings.alerts.smtp.host
