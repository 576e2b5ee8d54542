"""Dates moved by the same number of days throughout a conversation, in the form they came in."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

_MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_NUMERIC: Final = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{2,4})")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})(st|nd|rd|th|er|\.)?(\s+)([^\W\d_]+)(,?\s+)(\d{4})")
_MONTH_FIRST: Final = re.compile(r"([^\W\d_]+)(\s+)(\d{1,2})(st|nd|rd|th)?(,?\s+)(\d{4})")
_CHINESE: Final = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})(日|号)")


def moved_date(value: str, days: int, language: str) -> str | None:
    """``value`` ``days`` later; ``None`` where its form or its date is not understood."""
    try:
        for read in (_numeric, _chinese, _words):
            moved = read(value, days, language)
            if moved is not None:
                return moved
    except (ValueError, OverflowError):
        return None
    return None


def _numeric(value: str, days: int, language: str) -> str | None:
    match = _NUMERIC.fullmatch(value)
    if match is None:
        return None
    first, separator, second, third = match.groups()
    if len(first) == 4:
        moved = _later(first, second, third, days)
        return _joined(separator, (moved.year, moved.month, moved.day), (first, second, third))
    american = separator == "/" and language == "en" and int(first) <= 12
    day, month = (second, first) if american else (first, second)
    if int(month) > 12:
        day, month, american = month, day, not american
    century = "" if len(third) == 4 else "19" if int(third) > 30 else "20"
    moved = _later(century + third, month, day, days)
    start = (moved.month, moved.day) if american else (moved.day, moved.month)
    year = moved.year if len(third) == 4 else moved.year % 100
    return _joined(separator, (*start, year), (first, second, third))


def _chinese(value: str, days: int, language: str) -> str | None:
    match = _CHINESE.fullmatch(value)
    if match is None:
        return None
    moved = _later(match[1], match[2], match[3], days)
    return f"{moved.year}年{_wide(moved.month, match[2])}月{_wide(moved.day, match[3])}{match[4]}"


def _words(value: str, days: int, language: str) -> str | None:
    match = _DAY_FIRST.fullmatch(value)
    if match is not None:
        day, mark, gap, word, gap_after, year = match.groups()
        if mark not in (None, "."):
            return None  # "1st" may not fit another day
        names, month = _month(word)
        moved = _later(year, str(month), day, days)
        name = names[moved.month - 1]
        return f"{_wide(moved.day, day)}{mark or ''}{gap}{name}{gap_after}{moved.year}"
    match = _MONTH_FIRST.fullmatch(value)
    if match is None or match[4] is not None:
        return None
    names, month = _month(match[1])
    moved = _later(match[6], str(month), match[3], days)
    day = _wide(moved.day, match[3])
    return f"{names[moved.month - 1]}{match[2]}{day}{match[5]}{moved.year}"


def _month(word: str) -> tuple[list[str], int]:
    for line in _MONTHS.values():
        names = line.split()
        if word in names:
            return names, names.index(word) + 1
    raise ValueError("no month")


def _later(year: str, month: str, day: str, days: int) -> date:
    return date(int(year), int(month), int(day)) + timedelta(days=days)


def _joined(separator: str, numbers: Sequence[int], like: Sequence[str]) -> str:
    return separator.join(map(_wide, numbers, like))


def _wide(number: int, like: str) -> str:
    return (
        str(number).zfill(len(like))
        if like.startswith("0") or len(like) == 4
        else (f"{number:02d}" if len(like) == 2 else str(number))
    )
