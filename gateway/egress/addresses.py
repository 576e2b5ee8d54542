"""Which IP addresses may be connected to.

An address that carries an IPv4 address within it (IPv4-mapped, IPv4-compatible, 6to4, Teredo,
NAT64, ISATAP) is judged by both: a translator on the way would deliver to the inner one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from gateway.settings import EgressSettings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Where machines in clouds get credentials without a password. Amazon's and OpenStack's are
# link-local; these are not.
_METADATA = tuple(
    map(ip_network, ("169.254.0.0/16", "fe80::/10", "100.100.100.200/32", "fd00:ec2::254/128"))
)
# Not global, whatever a version of ``ipaddress`` says: shared address space (RFC 6598),
# benchmarking, 6to4 relays, IETF protocol assignments, local NAT64 (RFC 8215), site-local.
_NEVER_GLOBAL = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",
            "192.0.0.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2002::/16",
            "fec0::/10",
        ),
    )
)
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_ISATAP = {0x00005EFE, 0x02005EFE}


class Trust(StrEnum):
    """Who chose the target."""

    FILE = "file"  # the operator, in the settings
    ADMINISTRATOR = "administrator"  # somebody who is signed in


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Which addresses a client may connect to.

    Args:
        trust: targets of the settings file may be private; those of administrators may not.
        allowed: networks that administrators' targets may be in nevertheless.
        only: where there are any, no address outside of these will do.
    """

    trust: Trust
    allowed: tuple[Network, ...] = ()
    only: tuple[Network, ...] = ()

    @classmethod
    def of(cls, egress: EgressSettings, trust: Trust, zone: str | None = None) -> "AddressRules":
        """Those of the settings, for targets in ``zone``."""
        only = egress.zone_networks.get(zone, []) if zone is not None else []
        return cls(trust, parse_networks(egress.allow_networks), parse_networks(only))

    def refusal(self, text: str) -> str | None:
        """Why this address is out of bounds; ``None`` where it may be connected to."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return "not an address"
        if self.only and not _within(address, self.only):
            return "outside the networks of its zone"
        for each in _readings(address):
            if reason := self._refusal(each):
                return reason
        return None

    def _refusal(self, address: Address) -> str | None:
        if address.is_unspecified or address.is_multicast or address in _BROADCAST:
            return "not the address of one machine"
        if _within(address, _METADATA):
            # Named itself: a network that merely covers it does not open it.
            named = [each for each in self.allowed if _inside(each, _METADATA)]
            return None if _within(address, named) else "link-local or metadata"
        if self.trust is Trust.FILE or _within(address, (*self.allowed, *self.only)):
            return None
        if not address.is_global or _within(address, _NEVER_GLOBAL):
            return "private"
        return None


_BROADCAST = IPv4Network("255.255.255.255/32")


# For what the settings name and no zone bounds.
OF_THE_FILE = AddressRules(Trust.FILE)


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Raises: ValueError."""
    return tuple(ip_network(text) for text in texts)


def _readings(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 addresses that it may be translated to."""
    inner = list(_embedded(address)) if isinstance(address, IPv6Address) else []
    if not (isinstance(address, IPv6Address) and address.ipv4_mapped):
        yield address  # a mapped one is nothing but another spelling of the inner one
    yield from inner


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    if _within(address, _NAT64):
        yield low
    if number >> 32 == 0 and number > 1:  # IPv4-compatible, deprecated
        yield low
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield low


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == each.version and address in each for each in networks)


def _inside(network: Network, outer: Sequence[Network]) -> bool:
    return any(
        network.version == each.version and network.subnet_of(each)  # type: ignore[arg-type]
        for each in outer
    )
