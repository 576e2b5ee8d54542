"""What stands for an end user: a keyed hash, of one tenant, so that no name is stored.

Whoever is told a name makes the same pseudonym of it: requests (``user``,
``safety_identifier``), the admin API and the command line.
"""

import hashlib
import hmac
import re
from typing import Any

_PSEUDONYM = re.compile(r"eu_[0-9a-f]{24}")


def end_user_pseudonym(pepper: bytes, tenant: str, end_user: Any) -> str:
    """The pseudonym of an application's name for its end user.

    >>> end_user_pseudonym(b"p" * 32, "acme", "greta")
    'eu_dccd476b2055a5d25988bbc1'
    """
    text = f"{tenant}\0{end_user}".encode("utf-8", "surrogatepass")
    return "eu_" + hmac.digest(pepper, text, hashlib.sha256).hex()[:24]


def is_pseudonym(text: str) -> bool:
    return _PSEUDONYM.fullmatch(text) is not None
