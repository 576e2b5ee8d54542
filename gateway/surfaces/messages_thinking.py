"""Signatures of thinking blocks: which reasoning this gateway gave to which tenant.

A client passes thinking blocks back as it got them. What comes back under a signature of ours
goes to the upstream as the model's own reasoning; all else is left out. A signature carries
the upstream's own one along where it gave one, since Anthropic's models ask for it again.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Any

Message = dict[str, Any]
_PREFIX = "sov1"


class ThinkingSeal:
    """Signs with a key that only this deployment has, for one tenant at a time.

    Args:
        pepper: the deployment's secret.
    """

    def __init__(self, pepper: bytes) -> None:
        self._key = hmac.digest(pepper, b"thinking blocks", hashlib.sha256)

    def sign(self, tenant: str, text: str, foreign: str = "") -> str:
        """The signature of a block with ``text``; ``foreign``: what the upstream gave with it.

        >>> seal = ThinkingSeal(b"p" * 32)
        >>> seal.open("acme", "Hm.", seal.sign("acme", "Hm.", "upstream's"))
        "upstream's"
        """
        signed = f"{len(tenant)}:{len(text)}:{tenant}{text}{foreign}"
        mac = hmac.digest(self._key, signed.encode("utf-8", "surrogatepass"), hashlib.sha256)[:24]
        return f"{_PREFIX}.{urlsafe_b64encode(mac).decode()}.{foreign}"

    def open(self, tenant: str, text: str, signature: Any) -> str | None:
        """What the upstream gave with the block; ``None``: the signature is none of ours."""
        if not isinstance(signature, str) or signature.count(".") < 2:
            return None
        foreign = signature.split(".", 2)[2]
        given, mine = signature.encode("utf-8", "replace"), self.sign(tenant, text, foreign)
        genuine = hmac.compare_digest(given, mine.encode("utf-8", "replace"))
        return foreign if genuine else None

    def admit(self, tenant: str, message: Message) -> None:
        """Put the genuine ones of a message's ``thinking_blocks`` where upstreams look for them."""
        thoughts: list[str] = []
        signed: list[dict[str, Any]] = []
        for block in message.pop("thinking_blocks"):
            is_text = block["type"] == "thinking"
            text, key = (block["thinking"], "signature") if is_text else ("", "data")
            foreign = self.open(tenant, text, block.get(key))
            if foreign is None:
                continue
            if text:
                thoughts.append(text)
            if foreign:
                kept = {"type": block["type"], key: foreign}
                signed.append({**kept, "thinking": text} if is_text else kept)
        if thoughts:
            message["reasoning_content"] = "".join(thoughts)
        if signed:
            message["thinking_blocks"] = signed
