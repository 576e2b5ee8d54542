"""Definitions as they lie in the database: sealed, since their lists are personal data.

AES-256-GCM under a key per tenant, derived from the deployment's pepper, which the database does
not hold. A row that was moved to another tenant or another id does not open.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.canonical import canonical_json
from gateway.recognizers.errors import RecognizerUnreadable
from guardrails.pii.custom import RecognizerSpec

_NONCE_BYTES = 12
_PURPOSE = b"sovgate recognizers 1"


class Sealer:
    """Seals and opens definitions, and names them without showing them.

    Args:
        pepper: the deployment's secret.
    """

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def seal(self, tenant: str, recognizer_id: str, spec: RecognizerSpec) -> bytes:
        """Nonce and ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        content = spec.model_dump_json().encode()
        return nonce + self._cipher(tenant).encrypt(nonce, content, _bound_to(recognizer_id))

    def open(self, tenant: str, recognizer_id: str, sealed: bytes) -> RecognizerSpec:
        """Raises: RecognizerUnreadable."""
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            plain = self._cipher(tenant).decrypt(nonce, content, _bound_to(recognizer_id))
        except (InvalidTag, ValueError):
            raise RecognizerUnreadable from None
        return RecognizerSpec.model_validate_json(plain)

    def digest(self, *parts: str) -> str:
        """Names content so that nobody without the pepper can guess it from its name."""
        content = canonical_json(list(parts))
        return hmac.new(self._pepper, _PURPOSE + content, hashlib.sha256).hexdigest()

    def _cipher(self, tenant: str) -> AESGCM:
        kdf = HKDF(SHA256(), length=32, salt=tenant.encode(), info=_PURPOSE)
        return AESGCM(kdf.derive(self._pepper))


def _bound_to(recognizer_id: str) -> bytes:
    return recognizer_id.encode()
