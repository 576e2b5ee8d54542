"""Whether a value of an answer stood in the request: then it is the caller's and stays."""

import re
from collections.abc import Sequence
from typing import Final

_SEPARATORS: Final = re.compile(r"[\s\-.,/()+_:\u00a0\u2010-\u2015]+")


class RequestTexts:
    """The texts of a request, asked for values.

    Args:
        texts: every text of the request as the client sent it.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._plain: str | None = None
        self._bare: str | None = None

    def is_known(self, value: str) -> bool:
        """Whether ``value`` stands in a text, in this or another spelling: letters' case does
        not count, and neither do the separators of a number."""
        if self._plain is None:
            self._plain = "\0".join(self._texts).casefold()
        if value.casefold() in self._plain:
            return True
        bare = _SEPARATORS.sub("", value.casefold())
        # Few characters without their separators stand in any long text by chance.
        if len(bare) < 7:
            return False
        if self._bare is None:
            self._bare = _SEPARATORS.sub("", self._plain)
        return bare in self._bare
