"""What can go wrong with the vault.

GatewayError
├── VaultError
│   └── VaultKeyUnusable    the master key is missing, or none of its keys opens the vault
└── Unavailable
    └── VaultUnavailable    only where ``vault.required`` is set
"""

from gateway.errors import GatewayError, Unavailable


class VaultError(GatewayError):
    """The root of this package's errors."""

    code = "vault_error"


class VaultKeyUnusable(VaultError):
    """The master key cannot be read or does not open what it should."""

    code = "vault_key_unusable"


class VaultUnavailable(Unavailable):
    """The vault cannot be asked and the settings require it."""

    code = "vault_unavailable"
