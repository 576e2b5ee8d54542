"""What can go wrong with upstreams that administrators set.

SovgateError
└── GatewayError
    └── UpstreamDefinitionError
        ├── UpstreamInFile
        └── UpstreamChanged
(gateway.egress.errors: InvalidUrl, AddressForbidden, ForeignZone)
"""

from gateway.errors import GatewayError


class UpstreamDefinitionError(GatewayError):
    """A definition that will not do."""

    code = "invalid_upstream"


class UpstreamInFile(UpstreamDefinitionError):
    """The settings file has an upstream of this name, and decides alone."""

    code = "named_in_file"

    def __init__(self) -> None:
        super().__init__(
            "The configuration file has an upstream of this name; change it there, or choose"
            " another name.",
            param="name",
        )


class UpstreamChanged(UpstreamDefinitionError):
    """Somebody else changed the upstream in the meantime."""

    code = "version_conflict"

    def __init__(self) -> None:
        super().__init__(
            "The upstream was changed by another call in the meantime. Load it again, and make"
            " your change to what it is now.",
            param="version",
        )
