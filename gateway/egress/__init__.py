"""Where this process may connect to: addresses, URLs, and the zones that are at home.

Every outgoing connection is made by one of the ``guarded_...``; ``AddressRules`` say which
addresses it may have. ``check_deployment`` refuses to start what a sovereign deployment must
not hold. It does not know of tenants, nor of what is sent (docs/residency.md).
"""

from gateway.egress.addresses import OF_THE_FILE, AddressRules, Trust
from gateway.egress.connector import (
    Dial,
    guarded_connect,
    guarded_connector,
    guarded_dial,
    guarded_open,
)
from gateway.egress.errors import AddressForbidden, EgressError, ForeignZone, InvalidUrl
from gateway.egress.sovereignty import Sovereignty, check_deployment
from gateway.egress.urls import check_url

__all__ = [
    "OF_THE_FILE",
    "AddressForbidden",
    "AddressRules",
    "Dial",
    "EgressError",
    "ForeignZone",
    "InvalidUrl",
    "Sovereignty",
    "Trust",
    "check_deployment",
    "check_url",
    "guarded_connect",
    "guarded_connector",
    "guarded_dial",
    "guarded_open",
]
