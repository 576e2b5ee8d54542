"""Whether a definition is fit to run: compiled, tried out, measured on ordinary text.

A pattern that masks ordinary words makes answers useless, one that matches nothing at all
finds everywhere, and an allow list of that kind would switch the guard off.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Final

from guardrails.pii.custom.allow import Allowed
from guardrails.pii.custom.definition import AllowList, PatternSpec, RecognizerSpec
from guardrails.pii.custom.errors import (
    InvalidRecognizer,
    PatternMatchesEmpty,
    PatternTooBroad,
)
from guardrails.pii.custom.linear import LinearPattern
from guardrails.pii.custom.recognizer import CustomRecognizer, linear

THRESHOLD: Final = 0.5  # of the engine: below it a finding does not count
# The share of the sample's words that a recognizer may mask ("the" alone is 6% of English), and
# of the values below that an allow list may let through.
MAX_ORDINARY_SHARE: Final = 0.03
MAX_ALLOWED_SHARE: Final = 0.2
_WORD: Final = re.compile("[\u4e00-\u9fff]|[^\\W\u4e00-\u9fff]+")
# Values of many kinds, all made up.
_PERSONAL: Final = (
    "Greta Vogel",
    "Jean-Luc Moreau",
    "王小明",
    "greta.vogel@example.com",
    "j.moreau@mail.example.org",
    "+49 30 1234567",
    "(212) 555-0147",
    "DE89 3704 0044 0532 0130 00",
    "4111 1111 1111 1111",
    "219-09-9999",
    "110101199003078515",
    "192.168.10.24",
    "2001:db8::8a2e:370:7334",
    "12 High Street, Springfield",
    "Lindenstraße 4, 10969 Berlin",
    "1990-03-07",
    "B-XY 1234",
    "sk-live-9aF3kQ77ZpLm20",
    "Contoso GmbH",
    "Springfield",
)


def check(spec: RecognizerSpec) -> list[InvalidRecognizer]:
    """Everything that is wrong with a definition; nothing for a fit one.

    The first problem of each pattern and list is reported; ``param`` says where it is, such as
    ``patterns.0.regex``.
    """
    problems: list[InvalidRecognizer] = []
    for index, pattern in enumerate(spec.patterns):
        problems += _placed(f"patterns.{index}", lambda each=pattern: _check_pattern(each, spec))
    if spec.deny_list is not None:
        problems += _placed("deny_list", lambda: _check_deny_list(spec))
    if spec.allow_list is not None:
        problems += _placed("allow_list", lambda: check_allow_list(spec.allow_list))
    return problems


def require(spec: RecognizerSpec) -> None:
    """Raises: the first problem of ``check``."""
    for problem in check(spec):
        raise problem


def check_allow_list(allow: AllowList | None) -> None:
    """Raises: InvalidRecognizer of the first pattern that is not fit."""
    for index, pattern in enumerate(allow.patterns if allow else []):
        flag = "(?i)" if allow and allow.ignore_case else ""
        try:
            LinearPattern(flag + pattern)
        except InvalidRecognizer as problem:
            raise type(problem)(problem.message, param=f"patterns.{index}") from None
        allowed = Allowed([AllowList(patterns=[pattern], ignore_case=bool(flag))])
        share = sum(map(allowed, _PERSONAL)) / len(_PERSONAL)
        if share > MAX_ALLOWED_SHARE:
            raise PatternTooBroad(
                f"The pattern would leave {share:.0%} of a sample of personal data unmasked;"
                " make it say more exactly what may pass.",
                param=f"patterns.{index}",
            )


def _placed(where: str, step: Callable[[], None]) -> list[InvalidRecognizer]:
    try:
        step()
    except InvalidRecognizer as problem:
        param = f"{where}.{problem.param}" if problem.param else where
        return [type(problem)(problem.message, param=param)]
    return []


def _check_pattern(pattern: PatternSpec, spec: RecognizerSpec) -> None:
    compiled = linear(pattern)
    if compiled.matches_empty():
        raise PatternMatchesEmpty(
            "The pattern matches the empty text; make at least one part of it necessary.",
            param="regex",
        )
    boost = spec.context.boost if spec.context else 0.0
    if pattern.score + boost < THRESHOLD:
        raise InvalidRecognizer(
            f"The score stays below {THRESHOLD}, so nothing would ever be found; raise it, or"
            " give context words.",
            param="score",
        )
    alone = spec.model_copy(update={"patterns": [pattern], "deny_list": None, "allow_list": None})
    _check_breadth(alone, "regex")


def _check_deny_list(spec: RecognizerSpec) -> None:
    _check_breadth(spec.model_copy(update={"patterns": [], "allow_list": None}), "values")


def _check_breadth(spec: RecognizerSpec, param: str) -> None:
    share = ordinary_share(spec)
    if share > MAX_ORDINARY_SHARE:
        raise PatternTooBroad(
            f"It would mask {share:.0%} of ordinary text; make it say more exactly what it is"
            " about, or require context words.",
            param=param,
        )


def ordinary_share(spec: RecognizerSpec) -> float:
    """The largest share of words masked in a language's ordinary text, 0 to 1."""
    recognizer = CustomRecognizer(spec)
    return max(_share(recognizer, texts) for texts in samples())


def _share(recognizer: CustomRecognizer, texts: Sequence[str]) -> float:
    masked = total = 0
    for text in texts:
        covered = set[int]()
        for result in recognizer.analyze(text, recognizer.supported_entities):
            if result.score >= THRESHOLD:
                covered.update(range(result.start, result.end))
        words = [word.span() for word in _WORD.finditer(text)]
        masked += sum(not covered.isdisjoint(range(*span)) for span in words)
        total += len(words)
    return masked / total


@cache
def samples() -> tuple[tuple[str, ...], ...]:
    """Ordinary sentences without personal data, by language."""
    text = resources.files("guardrails.pii.custom").joinpath("samples.txt").read_text("utf-8")
    return tuple(tuple(part.splitlines()) for part in text.strip().split("\n\n"))
