r"""Python's regular expressions in RE2's syntax, with Python's meaning of ``\w \d \s \b``.

RE2 runs in linear time, so no pattern of a customer can hold a request up. It lacks look-around
and backreferences, and its ``\b \w \d`` know ASCII only, which would miss "Größe". Hence a
pattern is parsed, its classes are written out in Unicode, and what looks at its neighbours
(``\b``, ``(?<!\d)``, ``(?!\w)``) is taken off both ends: ``Edges`` says what must stand there.
Anywhere else such a look is refused. It knows nothing of texts; ``linear`` runs the outcome.

The parse tree is the standard library's own (``re._parser``), so what is accepted is what
Python accepts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from re import _constants as codes  # pyright: ignore[reportAttributeAccessIssue]
from re import _parser as parser  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any, Final

from guardrails.pii.custom.errors import InvalidPattern, PatternTooComplex, UnsupportedPattern

Node = tuple[Any, Any]
Nodes = list[Node]

_CLASSES: Final = {
    codes.CATEGORY_DIGIT: r"\p{Nd}",
    codes.CATEGORY_WORD: r"\p{L}\p{N}_",
    codes.CATEGORY_SPACE: r"\t-\r\x{1c}-\x{20}\x{85}\p{Z}",
}
_ASCII_CLASSES: Final = {
    codes.CATEGORY_DIGIT: "0-9",
    codes.CATEGORY_WORD: "0-9A-Za-z_",
    codes.CATEGORY_SPACE: r"\t-\r ",
}
_OPPOSITES: Final = {
    codes.CATEGORY_NOT_DIGIT: codes.CATEGORY_DIGIT,
    codes.CATEGORY_NOT_WORD: codes.CATEGORY_WORD,
    codes.CATEGORY_NOT_SPACE: codes.CATEGORY_SPACE,
}
_MOST_ALTERNATIVES: Final = 64
_MOST_REPEATS: Final = 1000
_WORD: Final = _CLASSES[codes.CATEGORY_WORD]
NOT_AT_EDGE: Final = (
    "Look-around and \\b are only understood at the beginning and the end of a pattern, for one"
    " character; write the neighbouring characters into the pattern and name the group that is"
    " the finding."
)


@dataclass(frozen=True, slots=True)
class Behind:
    """What must stand before a finding: a character of ``characters``, or none of them.

    ``boundary``: whether it is a word's character must differ from the finding's first one.
    """

    characters: re.Pattern[str] | None = None
    negative: bool = False
    boundary: bool = False


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to match: RE2 source with the whole match as its first group.

    Args:
        behind: all of these hold before a match.
        group: RE2's number of the group that is the finding.
    """

    source: str
    behind: tuple[Behind, ...]
    group: int


def translate(regex: str, flags: int = 0, group: int | str = 0) -> list[Alternative]:
    """The alternatives that together are ``regex``.

    Args:
        flags: of ``re``: IGNORECASE, MULTILINE, DOTALL, ASCII, VERBOSE.
        group: the finding.

    Raises:
        InvalidPattern: Python does not take it, or it has no such group.
        UnsupportedPattern: it needs what RE2 cannot do.
        PatternTooComplex: a repetition beyond 1,000, or too many alternatives.
    """
    try:
        tree = parser.parse(regex, flags)
    except (re.error, OverflowError, RecursionError) as error:
        position = getattr(error, "pos", None)
        where = "" if position is None else f" at character {position + 1}"
        raise InvalidPattern(
            f"The pattern is no regular expression of Python's{where}; correct it.", param="regex"
        ) from None
    number = _group_number(tree.state, group)
    writer = _Writer(tree.state.flags)
    found = [writer.alternative(nodes, number) for nodes in _alternatives(_plain(tree))]
    kept = [each for each in found if each is not None]
    if not kept:
        raise InvalidPattern("The group named is never part of a match.", param="group")
    return kept


def _group_number(state: Any, group: int | str) -> int:
    number = state.groupdict.get(group) if isinstance(group, str) else group
    if number is None or not 0 <= number < state.groups:
        raise InvalidPattern("The pattern has no group of that name or number.", param="group")
    return number


def _plain(tree: Any) -> Nodes:
    return list(tree.data)


def _looks(node: Node) -> bool:
    op, value = node
    if op in (codes.ASSERT, codes.ASSERT_NOT):
        return True
    return op is codes.AT and value in (codes.AT_BOUNDARY, codes.AT_NON_BOUNDARY)


def _inner(node: Node) -> list[Any]:
    """The sub-patterns of a node."""
    op, value = node
    if op is codes.SUBPATTERN:
        return [value[3]]
    if op is codes.BRANCH:
        return list(value[1])
    if op in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        return [value[2]]
    return []


def _has_looks(nodes: Sequence[Node]) -> bool:
    return any(
        _looks(node) or any(_has_looks(_plain(part)) for part in _inner(node)) for node in nodes
    )


def _alternatives(nodes: Nodes) -> list[Nodes]:
    r"""Branches pulled apart where a look stands at a branch's edge, as in ``(\ba\b|\bb\b)``."""
    for index in dict.fromkeys((0, len(nodes) - 1)):
        if not nodes or not _has_looks([nodes[index]]):
            continue
        expanded = _expand(nodes[index])
        if expanded is not None:
            whole = [[*nodes[:index], *middle, *nodes[index + 1 :]] for middle in expanded]
            return _bounded([part for each in whole for part in _alternatives(each)])
    return [nodes]


def _bounded(found: list[Nodes]) -> list[Nodes]:
    if len(found) > _MOST_ALTERNATIVES:
        raise PatternTooComplex(
            f"The pattern has more than {_MOST_ALTERNATIVES} alternatives with \\b or"
            " look-around; split it.",
            param="regex",
        )
    return found


def _expand(node: Node) -> list[Nodes] | None:
    """The alternatives of a node; ``None`` where it has but one and nothing to move out."""
    op, value = node
    if op is codes.BRANCH:
        return [_plain(part) for part in value[1]]
    if op is not codes.SUBPATTERN:
        return None
    number, add, remove, part = value
    inner = _plain(part)
    several = _alternatives(inner)
    if len(several) > 1:
        return [[(op, (number, add, remove, _tree(part, each)))] for each in several]
    lead = _count(inner)
    trail = _count(inner[lead:][::-1])
    if not lead and not trail:
        return None
    middle = inner[lead : len(inner) - trail]
    wrapped = [(op, (number, add, remove, _tree(part, middle)))]
    return [[*inner[:lead], *wrapped, *inner[len(inner) - trail :]]]


def _tree(like: Any, nodes: Nodes) -> Any:
    return parser.SubPattern(like.state, nodes)


def _count(nodes: Sequence[Node]) -> int:
    """How many looks stand first."""
    return next((index for index, node in enumerate(nodes) if not _looks(node)), len(nodes))


class _Writer:
    """Writes parsed nodes as RE2 source."""

    def __init__(self, flags: int) -> None:
        self._flags = flags
        self._groups: list[int] = []

    def alternative(self, nodes: Nodes, group: int) -> Alternative | None:
        """One alternative; ``None`` where it does not hold the group."""
        lead = _count(nodes)
        trail = _count(nodes[lead:][::-1])
        core = nodes[lead : len(nodes) - trail]
        self._groups = []
        source = self._nodes(core, self._flags)
        if group and group not in self._groups:
            return None
        ahead = self._ahead(nodes[len(nodes) - trail :], core)
        behind = tuple(self._behind(node, core) for node in nodes[:lead])
        number = 2 + self._groups.index(group) if group else 1
        return Alternative(f"({source}){ahead}", behind, number)

    def _behind(self, node: Node, core: Nodes) -> Behind:
        op, value = node
        if op is codes.AT and value is codes.AT_BOUNDARY:
            first = _word_edge(core, 0)
            if first is None:
                return Behind(boundary=True)
            return Behind(re.compile(r"\w"), negative=first)
        if op is codes.AT or value[0] != -1:
            raise UnsupportedPattern(NOT_AT_EDGE, param="regex")
        one = self._one_character(value[1])
        if one is None:  # (?<!^), (?<=^) and longer ones
            raise UnsupportedPattern(NOT_AT_EDGE, param="regex")
        ignore = re.IGNORECASE if self._flags & re.IGNORECASE else 0
        return Behind(re.compile(_for_python(one), ignore), negative=op is codes.ASSERT_NOT)

    def _ahead(self, nodes: Nodes, core: Nodes) -> str:
        tails = [tail for node in nodes if (tail := self._tail(node, core))]
        if len(tails) > 1:
            raise UnsupportedPattern(NOT_AT_EDGE, param="regex")
        return tails[0] if tails else ""

    def _tail(self, node: Node, core: Nodes) -> str:
        """Consumes the character after a finding, or the end of the text."""
        op, value = node
        if op is codes.AT and value is codes.AT_BOUNDARY:
            last = _word_edge(core, -1)
            if last is None:
                # RE2 cannot give back characters that it took; without the look it finds a
                # few more of them, never fewer.
                return ""
            return f"(?:[^{_WORD}]|\\z)" if last else f"[{_WORD}]"
        if op is codes.AT or value[0] != 1:
            raise UnsupportedPattern(NOT_AT_EDGE, param="regex")
        end, part = _without_end(value[1])
        if op is codes.ASSERT_NOT and not end:
            one = self._one_character(part)
            if one is not None:
                return self._cased(f"(?:{_negated(one)}|\\z)")
        if op is codes.ASSERT and (not part or self._one_character(part) is not None):
            one = self._one_character(part) if part else None
            ways = [way for way in (one, "(?m:$)" if end else None) if way]
            return self._cased(f"(?:{'|'.join(ways)})")
        raise UnsupportedPattern(NOT_AT_EDGE, param="regex")

    def _cased(self, source: str) -> str:
        return f"(?i:{source})" if self._flags & re.IGNORECASE else source

    def _one_character(self, part: Any) -> str | None:
        """A bracket expression, where the sub-pattern is exactly one character."""
        nodes = part if isinstance(part, list) else _plain(part)
        if len(nodes) == 1 and nodes[0][0] is codes.SUBPATTERN:
            return self._one_character(nodes[0][1][3])
        if len(nodes) != 1:
            return None
        op, value = nodes[0]
        if op is codes.LITERAL:
            return f"[{_code(value)}]"
        if op is codes.NOT_LITERAL:
            return f"[^{_code(value)}]"
        if op is codes.IN:
            written = self._class(value, self._flags)
            return written if written.startswith("[") else None
        return None

    def _nodes(self, nodes: Sequence[Node], flags: int) -> str:
        source = "".join(self._node(node, flags) for node in nodes)
        return f"(?i:{source})" if nodes and flags & re.IGNORECASE else source

    def _node(self, node: Node, flags: int) -> str:
        op, value = node
        if op is codes.LITERAL:
            return _code(value)
        if op is codes.NOT_LITERAL:
            return f"[^{_code(value)}]"
        if op is codes.ANY:
            return "(?s:.)" if flags & re.DOTALL else r"[^\n]"
        if op is codes.IN:
            return self._class(value, flags)
        if op is codes.BRANCH:
            return f"(?:{'|'.join(self._nodes(_plain(each), flags) for each in value[1])})"
        if op is codes.SUBPATTERN:
            return self._group(value, flags)
        if op in (codes.MAX_REPEAT, codes.MIN_REPEAT):
            return self._repeat(op, value, flags)
        if op is codes.AT:
            return _anchor(value, flags)
        raise UnsupportedPattern(
            NOT_AT_EDGE
            if _looks(node)
            else "Backreferences, atomic groups and possessive repetitions are not understood;"
            " write the pattern without them.",
            param="regex",
        )

    def _group(self, value: Any, flags: int) -> str:
        number, add, remove, part = value
        inner_flags = (flags | add) & ~remove
        if number is None:
            source = self._nodes(_plain(part), inner_flags)
            off = flags & re.IGNORECASE and not inner_flags & re.IGNORECASE
            return f"(?-i:{source})" if off else f"(?:{source})"
        self._groups.append(number)
        return f"({self._nodes(_plain(part), inner_flags)})"

    def _repeat(self, op: Any, value: Any, flags: int) -> str:
        least, most, part = value
        most = None if most == codes.MAXREPEAT else int(most)
        if least > _MOST_REPEATS or (most or 0) > _MOST_REPEATS:
            raise PatternTooComplex(
                f"A repetition goes beyond {_MOST_REPEATS}; use a smaller one, or * and +.",
                param="regex",
            )
        count = f"{{{least},{'' if most is None else most}}}"
        lazy = "?" if op is codes.MIN_REPEAT else ""
        return f"(?:{self._nodes(_plain(part), flags)}){count}{lazy}"

    def _class(self, items: Sequence[Node], flags: int) -> str:
        classes = _ASCII_CLASSES if flags & re.ASCII else _CLASSES
        negate = bool(items) and items[0][0] is codes.NEGATE
        inside, opposites = "", []
        for op, value in items[1:] if negate else items:
            if op is codes.LITERAL:
                inside += _code(value)
            elif op is codes.RANGE:
                inside += f"{_code(value[0])}-{_code(value[1])}"
            elif value in _OPPOSITES:
                opposites.append(_OPPOSITES[value])
            else:
                inside += classes[value]
        if not opposites:
            return f"[{'^' if negate else ''}{inside}]"
        return _with_opposites(inside, [classes[each] for each in opposites], negate, items)


def _with_opposites(inside: str, opposites: list[str], negate: bool, items: Any) -> str:
    r"""Classes that hold ``\W``, ``\D`` or ``\S``: RE2 has no intersection."""
    if not negate:
        ways = [f"[^{each}]" for each in opposites]
        if not inside and len(ways) == 1:
            return ways[0]
        return f"(?:{'|'.join([*ways, *([f'[{inside}]'] if inside else [])])})"
    if not inside and len(opposites) == 1:
        return f"[{opposites[0]}]"
    named = {value for op, value in items[1:] if op is codes.CATEGORY}
    literals = {value for op, value in items[1:] if op is codes.LITERAL}
    if len(named) + len(literals) == len(items) - 1 and literals == {ord("_")}:
        if named == {codes.CATEGORY_NOT_WORD}:
            return r"[\p{L}\p{N}]"
        if named == {codes.CATEGORY_NOT_WORD, codes.CATEGORY_DIGIT}:
            return r"[\p{L}\p{Nl}\p{No}]"
    raise UnsupportedPattern(
        "A class such as [^\\W...] is not understood; name the characters that it means.",
        param="regex",
    )


def _anchor(value: Any, flags: int) -> str:
    if value is codes.AT_BEGINNING:
        return "(?m:^)" if flags & re.MULTILINE else r"\A"
    if value is codes.AT_BEGINNING_STRING:
        return r"\A"
    if value is codes.AT_END:
        # Python's $ also stands before a last line end; any line's end is a little more.
        return "(?m:$)"
    if value is codes.AT_END_STRING:
        return r"\z"
    raise UnsupportedPattern(NOT_AT_EDGE, param="regex")


def _without_end(part: Any) -> tuple[bool, list[Node]]:
    r"""Whether ``$`` or ``\Z`` is one way of a look-ahead, and the other way's nodes."""
    nodes = _plain(part)
    if len(nodes) == 1 and nodes[0][0] is codes.SUBPATTERN:
        return _without_end(nodes[0][1][3])
    ends = (codes.AT_END, codes.AT_END_STRING)
    if len(nodes) == 1 and nodes[0][0] is codes.AT and nodes[0][1] in ends:
        return True, []
    if len(nodes) == 1 and nodes[0][0] is codes.BRANCH:
        ways = [_plain(each) for each in nodes[0][1][1]]
        others = [way for way in ways if way not in [[(codes.AT, end)] for end in ends]]
        if len(ways) == 2 and len(others) == 1:
            return True, others[0]
    return False, nodes


def _word_edge(nodes: Sequence[Node], side: int) -> bool | None:
    """Whether the first (0) or last (-1) character is always a word's; ``None``: it depends."""
    answers: set[bool | None] = set()
    for node in nodes if side == 0 else reversed(nodes):
        op, value = node
        if op in (codes.MAX_REPEAT, codes.MIN_REPEAT):
            answers.add(_word_edge(_plain(value[2]), side))
            if value[0] == 0:
                continue
        elif op is codes.SUBPATTERN:
            answers.add(_word_edge(_plain(value[3]), side))
        elif op is codes.BRANCH:
            answers |= {_word_edge(_plain(each), side) for each in value[1]}
        else:
            answers.add(_is_word(node))
        return answers.pop() if len(answers) == 1 else None
    return None


def _is_word(node: Node) -> bool | None:
    op, value = node
    if op is codes.LITERAL:
        return _letter(value)
    if op is not codes.IN or value[0][0] is codes.NEGATE:
        return None
    kinds = {_item_is_word(item) for item in value}
    return kinds.pop() if len(kinds) == 1 else None


def _item_is_word(item: Node) -> bool | None:
    op, value = item
    if op is codes.LITERAL:
        return _letter(value)
    if op is codes.RANGE:
        low, high = value
        plain = any(low >= ord(a) and high <= ord(b) for a, b in ("09", "AZ", "az"))
        return True if plain or (low >= 0xC0 and high - low < 0x6000 and _all(low, high)) else None
    if value in (codes.CATEGORY_WORD, codes.CATEGORY_DIGIT):
        return True
    return False if value in (codes.CATEGORY_NOT_WORD, codes.CATEGORY_SPACE) else None


def _all(low: int, high: int) -> bool:
    return all(_letter(code) for code in range(low, high + 1))


def _letter(code: int) -> bool:
    character = chr(code)
    return character.isalnum() or character == "_"


def _code(value: int) -> str:
    character = chr(value)
    return character if character.isascii() and character.isalnum() else f"\\x{{{value:x}}}"


def _negated(one: str) -> str:
    return "[" + one[2:] if one.startswith("[^") else "[^" + one[1:]


def _for_python(one: str) -> str:
    r"""A bracket expression as written for RE2, in Python's syntax."""
    one = re.sub(r"\\x\{([0-9a-f]+)\}", lambda match: f"\\U{int(match[1], 16):08x}", one)
    for category, written in _CLASSES.items():
        python = re.sub(r"\\x\{([0-9a-f]+)\}", lambda m: f"\\U{int(m[1], 16):08x}", written)
        letter = {"CATEGORY_DIGIT": "d", "CATEGORY_WORD": "w", "CATEGORY_SPACE": "s"}
        one = one.replace(python, f"\\{letter[str(category)]}")
    return one
