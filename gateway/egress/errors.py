"""What can go wrong before anything leaves.

SovgateError
└── GatewayError
    └── EgressError
        ├── InvalidUrl
        ├── AddressForbidden
        └── ForeignZone
"""

from gateway.errors import GatewayError


class EgressError(GatewayError):
    """The root of this package's errors."""

    code = "egress_error"


class InvalidUrl(EgressError):
    """A URL that the gateway will not call."""

    code = "invalid_url"


class AddressForbidden(EgressError):
    """An address that only the settings could allow: private, loopback, link-local, ..."""

    code = "address_forbidden"


class ForeignZone(EgressError):
    """The deployment is sovereign, and the zone is not one of its own."""

    code = "foreign_zone"
