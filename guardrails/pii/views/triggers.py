"""Is there anything in a text that a plain reading would miss? One quick scan says so.

A trigger is a cheap sign, often a false one: an everyday text has none, and one that has some
costs a closer look. It knows the cells of the scanner's alphabet, and no text.
"""

from functools import cache
from typing import Final

from guardrails.pii.scan.alphabet import alphabet
from guardrails.pii.scan.database import Database

INVISIBLE, FOLDED, MIXED, NUMERALS, ESCAPE, SPACED, SPELT, ENCODED = range(8)
_DIGIT_WORD: Final = (
    "(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|null|eins|zwei|zwo|drei|vier|f\\x{u}nf|"
    "fuenf|sechs|sieben|acht|neun|z\\x{e}ro|un|deux|trois|quatre|cinq|sept|huit|neuf)"
)


def _cell(letter: str) -> str:
    return f"\\x{alphabet().encode(letter)[0]:02x}"


@cache
def _triggers() -> Database:
    digit, mark, letter = _cell("\uff11"), _cell("\uff20"), _cell("\uff41")
    greek = _cell("\u0430") + _cell("\u0410")
    words = _DIGIT_WORD.replace("\\x{u}", _cell("ü")).replace("\\x{e}", _cell("é"))
    expressions = {
        INVISIBLE: _cell("\u200b"),
        FOLDED: f"[{digit}{mark}{letter}]",
        MIXED: f"[A-Za-z0-9@._-][{greek}]|[{greek}][A-Za-z0-9@._-]",
        NUMERALS: f"(?:{_cell('一')}[\\x20-]?){{7}}",
        ESCAPE: r"&#|&[a-z]{3,8};|%[0-9A-Fa-f]{2}|\\[ux][0-9A-Fa-f]{2}",
        SPACED: r"(?:^|[\x20\n\t\x22'(:,;])(?:[^\x20\n\t]\x20){5}[^\x20\n\t]"
        r"(?:$|[\x20\n\t\x22'),;.])|(?:[0-9][._*|/\x20-]{1,3}){6}[0-9]|(?:^|[^A-Za-z0-9])(?:[A-Za-z][._*|/-]){5}",
        SPELT: f"(?i:(?:{words}[\\x20,-]{{1,3}}){{4}}{words})",
        ENCODED: r"[A-Za-z0-9+/_-]{14}",
    }
    return Database([[*enumerate(expressions.values())]], once=True)


def found(data: bytes) -> frozenset[int]:
    """Triggers in a text of cells."""
    return _triggers().numbers(data)
