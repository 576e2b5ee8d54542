"""What can go wrong with tenants, their keys and the accounts that manage them.

SovgateError
└── TenantsError
    ├── AuthenticationFailed
    │   ├── InvalidKey
    │   ├── KeyRevoked
    │   └── KeyExpired
    ├── TenantSuspended
    ├── DatabaseUnavailable
    ├── NotFound
    ├── AlreadyExists
    ├── InvalidValue
    ├── LastOwner
    └── BootstrapFailed
"""

from core.errors import SovgateError


class TenantsError(SovgateError):
    """The root of this package's errors."""

    code = "tenants_error"


class AuthenticationFailed(TenantsError):
    """The API key opens nothing."""

    code = "invalid_api_key"


class InvalidKey(AuthenticationFailed):
    """No virtual key has this value."""

    code = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__(
            "The API key is not known. Send a valid key as 'Authorization: Bearer sov-...'."
        )


class KeyRevoked(AuthenticationFailed):
    """The virtual key was revoked."""

    code = "api_key_revoked"

    def __init__(self) -> None:
        super().__init__("This API key was revoked. Ask your administrator for a new one.")


class KeyExpired(AuthenticationFailed):
    """The virtual key is past its expiry date."""

    code = "api_key_expired"

    def __init__(self) -> None:
        super().__init__("This API key has expired. Ask your administrator for a new one.")


class TenantSuspended(TenantsError):
    """The key is good, but its tenant may send nothing at present."""

    code = "tenant_suspended"

    def __init__(self) -> None:
        super().__init__("This tenant is suspended. Ask your administrator to activate it again.")


class DatabaseUnavailable(TenantsError):
    """The key is not cached and the database cannot be asked."""

    code = "database_unavailable"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(
            message
            or "The API key cannot be checked at present because the database does not answer. "
            "Try again in a few seconds."
        )


class NotFound(TenantsError):
    """There is no such object in this scope (or it is another tenant's)."""

    code = "not_found"

    def __init__(self, what: str, *, param: str | None = None) -> None:
        super().__init__(f"There is no such {what}. Check the identifier.", param=param)


class AlreadyExists(TenantsError):
    """The name is taken."""

    code = "already_exists"


class InvalidValue(TenantsError):
    """A field has a value that it must not have."""

    code = "invalid_value"


class LastOwner(TenantsError):
    """The change would leave the deployment without a global owner."""

    code = "last_owner"

    def __init__(self) -> None:
        super().__init__(
            "This account is the last active owner of the deployment. "
            "Make another account a global owner first."
        )


class BootstrapFailed(TenantsError):
    """The bootstrap section asks for something that cannot be created."""

    code = "bootstrap_failed"
