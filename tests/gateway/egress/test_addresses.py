"""Which addresses may be connected to, in every spelling that has one."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.egress import AddressRules, Trust
from gateway.egress.addresses import parse_networks

STRICT = AddressRules(Trust.ADMINISTRATOR)
FILE = AddressRules(Trust.FILE)
PRIVATE = (
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "127.0.0.1",
    "127.255.255.254",
    "0.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "240.0.0.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "100::1",
    "2001:db8::1",
    "2002:808:808::1",  # 6to4, even of a public address: nobody routes it any more
    "64:ff9b:1::808:808",
)
METADATA = (
    "169.254.169.254",
    "169.254.170.2",
    "fe80::1",
    "fe80::1%eth0",
    "100.100.100.200",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
)
NOBODY = ("0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0")
PUBLIC = ("1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8")


def carriers(inner: IPv4Address) -> list[str]:
    """IPv6 addresses that some translator on the way would deliver to ``inner``."""
    number = int(inner)
    return [
        f"::ffff:{inner}",
        str(IPv6Address((0x2002 << 112) | number << 80 | 1)),  # 6to4
        str(IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (~number & 0xFFFFFFFF))),
        str(IPv6Address((0x20010000 << 96) | (number << 64) | 0x7F7F7F7F)),  # Teredo's server
        str(IPv6Address((0x0064FF9B << 96) | number)),  # NAT64
        str(IPv6Address((0x0064FF9B0001 << 80) | number)),
        str(IPv6Address((0x26064700 << 96) | (0x00005EFE << 32) | number)),  # ISATAP
        str(IPv6Address((0x26064700 << 96) | (0x02005EFE << 32) | number)),
        str(IPv6Address(number)) if number > 1 else "::1",  # IPv4-compatible
    ]


@pytest.mark.parametrize("address", [*PRIVATE, *METADATA, *NOBODY])
def test_an_administrators_upstream_is_never_there(address: str) -> None:
    assert STRICT.refusal(address) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    assert STRICT.refusal(address) is None
    assert FILE.refusal(address) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_the_file_may_name_private_ones(address: str) -> None:
    assert FILE.refusal(address) is None


@pytest.mark.parametrize("address", [*METADATA, *NOBODY])
def test_not_even_the_file_leads_to_these(address: str) -> None:
    assert FILE.refusal(address) is not None


@given(st.sampled_from(PRIVATE[:16]).map(IPv4Address))
def test_private_ones_within_others(inner: IPv4Address) -> None:
    for address in carriers(inner):
        assert STRICT.refusal(address) is not None, address


@given(st.ip_addresses(v=4, network="169.254.0.0/16").map(IPv4Address))
def test_metadata_within_others(inner: IPv4Address) -> None:
    for address in carriers(inner):
        assert STRICT.refusal(address) is not None, address
        assert FILE.refusal(address) is not None, address


@given(st.ip_addresses())
def test_what_passes_is_global_or_named(address: IPv4Address | IPv6Address) -> None:
    assert STRICT.refusal(str(address)) is not None or address.is_global
    named = AddressRules(
        Trust.ADMINISTRATOR, parse_networks([f"{address}/{address.max_prefixlen}"])
    )
    refused = named.refusal(str(address))
    assert refused in {None, "not the address of one machine"} or address.version == 6


def test_allowed_networks_open_private_ones_alone() -> None:
    rules = AddressRules(Trust.ADMINISTRATOR, parse_networks(["10.1.0.0/16", "::/0", "0.0.0.0/0"]))
    assert rules.refusal("10.1.2.3") is None
    assert rules.refusal("::ffff:10.1.2.3") is None
    for address in (*METADATA, *NOBODY):
        assert rules.refusal(address) is not None
    metadata = AddressRules(Trust.FILE, parse_networks(["169.254.169.254/32"]))
    assert metadata.refusal("169.254.169.254") is None
    assert metadata.refusal("169.254.169.253") is not None


def test_a_zones_networks_are_all_there_is() -> None:
    rules = AddressRules(Trust.FILE, only=parse_networks(["10.0.0.0/8", "2001:db8::/32"]))
    assert rules.refusal("10.9.9.9") is None
    assert rules.refusal("2001:db8::7") is None
    for address in ("8.8.8.8", "192.168.0.1", "::ffff:10.0.0.1", "2606:4700::1111"):
        assert rules.refusal(address) is not None
    admin = AddressRules(Trust.ADMINISTRATOR, only=parse_networks(["10.0.0.0/8"]))
    assert admin.refusal("10.9.9.9") is None


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.1.1.1 "])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert FILE.refusal(text) is not None
