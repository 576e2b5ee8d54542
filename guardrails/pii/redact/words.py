"""Where a stream of text may be let go: which words could be part of an identifier.

A finding is a run of such words ("030 1234 567", "DE89 3704 ..."), so two words of a language
in a row, or a mark that ends a clause, end whatever came before. Only characters decide, never
how the stream was cut. It does not detect; it says where detection is due.
"""

import re
from enum import Enum
from typing import Final

_CJK: Final = (
    r"\u2e80-\u2fff\u3001-\u303f\u3040-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\uff01-\uff04\uff06-\uff08\uff09\uff0c\uff1a\uff1b\uff1f"
)
# A word with the white space behind it, its end seen; or one that CJK text follows, or that text.
UNIT: Final = re.compile(
    rf"(?P<word>[^\s{_CJK}]++)(?:(?P<space>\s++)(?=\S)|(?=[{_CJK}]))|(?P<cjk>[{_CJK}]+)|(?P<lead>\s++)(?=\S)"
)

_OPENING: Final = "([{<\"'`“„«*_~#>|"
_CLOSING: Final = ".,;:!?)]}>\"'`”’»*_~…|"
# Ends a clause: no number goes on behind it and a space. ")" and "." stand within numbers.
_ENDS_CLAUSE: Final = frozenset(",;:!?\"'`”’»]}>|…")
_SOFT_SYMBOLS: Final = frozenset("-–—./()+#&*_~")
_JOINERS: Final = {
    "at": "at", "ät": "at", "arobase": "at", "klammeraffe": "at", "chez": "at",
    "dot": "dot", "punkt": "dot", "point": "dot", "dash": "", "minus": "", "underscore": "",
    "unterstrich": "", "tiret": "", "plus": "",
}  # fmt: skip
# What follows these may be a secret that looks like a word.
_TELLS: Final = re.compile(
    r"(?i)--BEGIN|pass|pwd|kennwort|\bmdp\b|\bpin\b|puk|login|credential|zugangsdaten|identifiants|token"
    r"|secret|bearer|basic|schl[üu]ssel|\bcl[ée]s?\b|key"
)
_LONGEST_WORD: Final = 18
_LONGEST_PLAIN: Final = 34  # German compounds, in lower case but for the first letter
_PARAGRAPH: Final = re.compile(r"\n\s*\n")


class Kind(Enum):
    """What a word is for the question whether an identifier goes on."""

    PLAIN = "plain"  # of a language
    NEUTRAL = "neutral"  # a letter or a sign: decides nothing
    JOINER = "joiner"  # "at", "dot": part of a spelt-out address
    TELLING = "telling"  # "password": a secret may follow
    ODD = "odd"  # could be, or be part of, an identifier
    BREAK = "break"  # signs that end whatever came before


def kind_of(word: str) -> Kind:
    """Classify a word together with the punctuation around it.

    >>> kind_of("Hello,"), kind_of("030"), kind_of("(at)"), kind_of("|")
    (<Kind.PLAIN: 'plain'>, <Kind.ODD: 'odd'>, <Kind.JOINER: 'joiner'>, <Kind.BREAK: 'break'>)
    """
    core = word.lstrip(_OPENING).rstrip(_CLOSING)
    if not core:
        return Kind.NEUTRAL if _SOFT_SYMBOLS.issuperset(word) else Kind.BREAK
    letters = core.replace("-", "").replace("'", "").replace("’", "")
    if not letters:
        return Kind.ODD if len(core) > 3 else Kind.NEUTRAL
    if not letters.isalpha():
        return Kind.ODD if letters.isalnum() or any(map(str.isalnum, core)) else Kind.BREAK
    if len(letters) == 1:
        return Kind.NEUTRAL
    if core.lower() in _JOINERS:
        return Kind.JOINER
    if _TELLS.search(core):
        return Kind.TELLING
    if len(core) <= _LONGEST_WORD or (len(core) <= _LONGEST_PLAIN and letters[1:].islower()):
        return Kind.PLAIN
    return Kind.ODD


def joins(word: str) -> str:
    """``at`` or ``dot`` where the word stands for one, else nothing."""
    return _JOINERS.get(word.lstrip(_OPENING).rstrip(_CLOSING).lower(), "")


def ends_clause(word: str, space: str) -> bool:
    """Whether an identifier cannot go on behind ``word`` and the ``space`` that follows."""
    if "\n" in space:
        # A number may be wrapped; a paragraph, or a line that ends otherwise, is over.
        return _PARAGRAPH.search(space) is not None or not word[-1].isdigit()
    if word[-1] in _ENDS_CLAUSE:
        # The semicolon of "&#64;" ends a character, not a clause.
        return word[-1] != ";" or "&" not in word
    # The full stop of a sentence; "St. 5" and "Tel. 030" begin with what is odd, not end in it.
    return word[-1] == "." and len(word) > 4 and word[:-1].isalpha()


def ends_sentence(word: str, space: str) -> bool:
    """Whether a sentence ends here, for kinds that are made of words."""
    return "\n" in space or (word[-1] in ".!?…" and len(word) > 3)
