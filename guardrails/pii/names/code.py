"""Names of variables are no names of people: findings inside program text, judged by neighbours.

A tagger trained on prose takes ``area(radius: float)`` for places. Strings and comments in code
may well hold names, so only what is used like an identifier is dropped.
"""

import re
from typing import Final

_CODE_LINE: Final = re.compile(
    r"[{};]\s*$|\w\([^)]*\)\s*[:{;.]|=>|->|::|==|!=|\+=|&&|\|\||</?\w+[^>]*>|\w\[\w*\]|^\s*[\w.]+\s*=\s*\S|"
    r"^\s*(?:def|class|return|import|from\s+\S+\s+import|public|private|static|const|let|var|func|fn|if|elif|else|for|while|"
    r"SELECT|INSERT|UPDATE|DELETE|CREATE|#include|package|using)\b.*[(){};:=*,<>]|^\s*(?:\$|>>>|//|/\*)\s*\w"
)
_IMPORT_LINE: Final = re.compile(
    r"\s*(?:from\s+[\w.]+\s+import\b|import\s+[\w.{]+|#include\b|using\s+[\w.]+;|package\s+[\w.]+;?$)"
)
_BEFORE: Final = frozenset("._$@#/\\-<>&|")
_AFTER: Final = frozenset("([._=<>{/\\+*")
_CAMEL: Final = re.compile(r"[a-z][A-Z]")
_QUOTES: Final = frozenset("\"'`")


def is_identifier(text: str, start: int, end: int) -> bool:
    """``text[start:end]`` stands in a line of code and is used as an identifier there."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    value = text[start:end]
    written = not any(map(str.isupper, value)) or _CAMEL.search(value) is not None
    touches = (before in _BEFORE or after in _AFTER) and " " not in value
    line_start = text.rfind("\n", 0, start) + 1
    called = after == "(" and " " not in value
    if called or _IMPORT_LINE.match(text, line_start, end) is not None:
        return True
    # The cheap questions first: few names in prose come to the last one.
    if before in _QUOTES or not (written or touches):
        return False
    line_end = text.find("\n", end)
    line = text[line_start : line_end if line_end >= 0 else len(text)]
    return len(line) <= 400 and _CODE_LINE.search(line) is not None


# Three or more lower-case words in a row, joined by hyphens: a slug, a file name, a code word.
_SLUG: Final = re.compile(r"(?<![\w-])[a-z]+(?:-[a-z]+){2,}(?![\w-])")
_SLUG_REACH: Final = 80


def is_in_slug(text: str, start: int, end: int) -> bool:
    """A boundary of ``text[start:end]`` lies within a slug such as ``report-draft-may``."""
    if "-" not in text[max(0, start - 1) : end + 1]:
        return False
    lower = max(0, start - _SLUG_REACH)
    around = text[lower : end + _SLUG_REACH]
    first, last = start - lower, end - lower
    return any(
        match.start() <= first < match.end() or match.start() < last <= match.end()
        for match in _SLUG.finditer(around)
    )
