"""URLs that the gateway may be given to call.

Only what every program reads in the same way is taken: SSRF lives on the difference between
the check's reading and the connection's.
"""

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

from gateway.egress.addresses import AddressRules
from gateway.egress.errors import AddressForbidden, InvalidUrl

_MAX_LENGTH = 2000
_PLAIN = re.compile(r"[!-~]+")  # printable ASCII: no spaces, control characters, look-alikes
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_IPV4 = re.compile(r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}")
# What inet_aton takes for an address: the last part a number, decimal, octal or hexadecimal.
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


def check_url(text: str, rules: AddressRules | None = None, *, query: bool = False) -> SplitResult:
    """The parts of a URL that is safe to call.

    Args:
        rules: where the host is an address, it must pass these.
        query: whether it may end with one.

    Raises:
        InvalidUrl: it says another scheme, an account, or its host in an odd way.
        AddressForbidden: the address is out of bounds.
    """
    if len(text) > _MAX_LENGTH or not _PLAIN.fullmatch(text) or "\\" in text:
        raise InvalidUrl("A URL must be of printable ASCII characters, at most 2000, without \\.")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidUrl("The URL cannot be read; write it like https://host:8000/v1.") from None
    if parts.scheme not in {"http", "https"}:
        raise InvalidUrl("The URL must begin with https:// or http://.")
    if "@" in parts.netloc:
        raise InvalidUrl("The URL must not hold an account; name the key's variable instead.")
    if "#" in text or ("?" in text and not query):
        raise InvalidUrl("The URL must end with its path: no ? and no #.")
    if parts.port == 0:
        raise InvalidUrl("Port 0 is none.")
    _check_host(parts.netloc, host, rules)
    return parts


def _check_host(netloc: str, host: str, rules: AddressRules | None) -> None:
    if not (_is_ipv6(host) if netloc.startswith("[") else _IPV4.fullmatch(host)):
        labels = host.removesuffix(".").split(".")
        if not _NAME.fullmatch(host) or len(host) > 253 or _NUMBER.fullmatch(labels[-1]):
            raise InvalidUrl("The host must be a name, or an address in its usual form.")
    elif rules is not None and (reason := rules.refusal(host)):
        raise AddressForbidden(
            f"The gateway does not connect to this address ({reason}); egress.allow_networks can"
            " allow it."
        )


def _is_ipv6(host: str) -> bool:
    """Without an interface ("%eth0"), which would be one of ours."""
    try:
        return IPv6Address(host).scope_id is None
    except ValueError:
        return False
