"""What conversations remember, kept for the next turn and the next replica.

Which stand-in was issued for which value, per tenant and conversation, sealed in the database;
written beside the call of the model, read only where this process does not know the
conversation. A vault that cannot be reached costs consistency, never a request or a value.
"""

from gateway.vault.errors import VaultError, VaultKeyUnusable, VaultUnavailable
from gateway.vault.keys import MasterKeys
from gateway.vault.service import Vault, VaultOptions

__all__ = [
    "MasterKeys",
    "Vault",
    "VaultError",
    "VaultKeyUnusable",
    "VaultOptions",
    "VaultUnavailable",
]
