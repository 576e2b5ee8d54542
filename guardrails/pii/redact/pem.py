"""Private keys in PEM: dropped line by line, since they are longer than any window."""

import re
from typing import Final

_HEADER: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----\Z")
_BODY: Final = re.compile(
    r"[A-Za-z0-9+/=]{20,}|\S*-----\S*|(?:END|RSA|EC|DSA|OPENSSH|PGP|ENCRYPTED|PRIVATE|KEY|BLOCK"
    r"|Proc-Type:|4,ENCRYPTED|DEK-Info:|Version:|[A-Z0-9-]+,[0-9A-F]{16,})\Z"
)
_SHORT: Final = re.compile(r"[A-Za-z0-9+/]{1,19}={0,2}\Z")


def pem_header(text: str, unit: re.Match[str]) -> int | None:
    """Where in ``text`` the header begins that ends with the word of ``unit``."""
    header = _HEADER.search(text, 0, unit.end("word"))
    return header.start() if header else None


class PemBody:
    """Follows a key from behind its header to its end.

    A word that cannot belong to it ends it as well: a model that only names such a header must
    not lose the rest of its answer.
    """

    def __init__(self) -> None:
        self.ended = False
        self._footer = False
        self._full_line = False

    def takes(self, word: str, space: str) -> bool:
        """Whether ``word``, followed by ``space``, still belongs to the key."""
        last = self._full_line and "\n" in space and _SHORT.match(word) is not None
        if not last and not _BODY.match(word):
            return False
        self._footer = self._footer or "-----END" in word
        self.ended = self._footer and word.endswith("-----")
        self._full_line = len(word) >= 20 and "\n" in space
        return True
