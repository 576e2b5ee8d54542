"""Where the gateway may connect to."""

from ipaddress import ip_network

from pydantic import Field, field_validator

from gateway.settings.section import Section, Slug


class EgressSettings(Section):
    """Upstreams of this file may be anywhere; those that administrators set may not."""

    allow_networks: list[str] = Field(
        default=[],
        description="Private networks, such as `10.1.0.0/16`, in which upstreams set by"
        " administrators may be. Link-local and metadata addresses are open, to upstreams of"
        " this file too, only where a network of those alone is named.",
    )
    zone_networks: dict[Slug, list[str]] = Field(
        default={},
        description="By zone, the only networks in which its upstreams may be, whoever set them;"
        " they may be private ones. Zones that are not named here may be anywhere.",
    )
    key_env_prefix: str = Field(
        default="UPSTREAM_KEY_",
        min_length=4,
        description="How environment variables must begin whose values administrators may have"
        " sent as API keys of their upstreams.",
    )
    sovereign_only: bool = Field(
        default=False,
        description="Refuse to start, and to add an upstream, with anything outside `home_zones`.",
    )
    home_zones: list[Slug] = Field(
        default=["onprem"], min_length=1, description="Zones that `sovereign_only` allows."
    )
    home_hosts: list[str] = Field(
        default=[],
        description="Hosts of webhooks, the mail server, audit streams, anchors and the collector"
        " of telemetry that `sovereign_only` allows.",
    )

    @field_validator("allow_networks")
    @classmethod
    def _networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            ip_network(network)
        return networks

    @field_validator("zone_networks")
    @classmethod
    def _networks_of_zones(cls, zones: dict[str, list[str]]) -> dict[str, list[str]]:
        for zone, networks in zones.items():
            if not networks:
                raise ValueError(f"zone {zone} has no network; leave it out, or name one")
            for network in networks:
                ip_network(network)
        return zones
