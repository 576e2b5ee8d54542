"""Rows of ``{text, lang, source, spans}``: a value in a frame, or look-alikes alone."""

import random
from collections.abc import Iterator
from typing import Any, Final

from guardrails.training.structured.frames import AGES, BARE, FIELDS, HARMLESS, NAMED
from guardrails.training.structured.freely import age, born, plate
from guardrails.training.structured.kinds import SORTS, Sort
from guardrails.training.structured.lookalikes import look_alike
from guardrails.training.structured.numbers_europe import retry

SOURCE: Final = "sovgate/structured"
_HARMLESS_SHARE: Final = 0.3
_FULL_WIDTH: Final = str.maketrans("0123456789", "０１２３４５６７８９")


def make_rows(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """``count`` rows; the same seed gives the same ones."""
    rng = random.Random(seed)
    for index in range(count):
        if rng.random() < _HARMLESS_SHARE:
            yield _harmless(rng)
        else:
            yield _labelled(rng, SORTS[index % len(SORTS)])


def _harmless(rng: random.Random) -> dict[str, Any]:
    language = rng.choice(list(HARMLESS))
    frame = rng.choice(HARMLESS[language])
    if rng.random() < 0.15:
        frame = rng.choice(BARE[language]).replace("{v}", "{o}")
    text = frame
    while "{o}" in text:
        text = text.replace("{o}", look_alike(rng), 1)
    return {"text": text, "lang": language, "source": SOURCE, "spans": []}


def _labelled(rng: random.Random, sort: Sort) -> dict[str, Any]:
    language = rng.choice(sort.languages.split())
    value = _value(rng, sort, language)
    frame = _frame(rng, sort, language)
    while "{o}" in frame:
        frame = frame.replace("{o}", look_alike(rng), 1)
    before, _, after = frame.partition("{v}")
    start = len(before)
    span = {"start": start, "end": start + len(value), "label": sort.label}
    return {"text": before + value + after, "lang": language, "source": SOURCE, "spans": [span]}


def _value(rng: random.Random, sort: Sort, language: str) -> str:
    if sort.label == "AGE":
        return age(rng, language)
    if sort.label == "DATE_OF_BIRTH":
        return born(rng, language)
    if sort.label == "LICENSE_PLATE":
        return plate(rng, language)
    made = retry(lambda: sort.make(rng))
    if sort.notations:
        made = _written(made, rng.choice(sort.notations))
    if sort.label not in _CASED and any(map(str.isalpha, made)) and rng.random() < 0.06:
        made = made.lower()
    if made.replace(" ", "").isdigit() and rng.random() < 0.02:
        made = made.translate(_FULL_WIDTH)
    return made


_CASED: Final = frozenset(
    "EMAIL URL SECRET CRYPTO_BTC CRYPTO_LTC CRYPTO_XRP CRYPTO_TRX CRYPTO_SOL CRYPTO_ETH CRYPTO_XMR"
    " IP_ADDRESS MAC_ADDRESS PASSPORT US_DRIVER_LICENSE BIC MEDICAL_RECORD HEALTH_INSURANCE"
    " FR_CNI DE_DRIVER_LICENSE".split()
)


def _written(value: str, notation: str) -> str:
    if notation.startswith("group4"):
        mark = notation[6:] or " "
        return mark.join(value[i : i + 4] for i in range(0, len(value), 4))
    if "#" not in notation:
        return value
    marks = iter(value)
    return "".join(next(marks, "") if mark == "#" else mark for mark in notation) + "".join(marks)


def _frame(rng: random.Random, sort: Sort, language: str) -> str:
    if sort.label == "AGE":
        return rng.choice(AGES[language])
    names = [name for key in ("", language) for name in sort.names.get(key, "").split("|") if name]
    if (sort.bare and rng.random() < 0.3) or not names:
        return rng.choice(BARE.get(language, BARE["en"]))
    name = rng.choice(names)
    if rng.random() < 0.2:
        field = rng.choice(FIELDS).replace("\\n", "\n").replace("\\t", "\t")
        field = field.replace("{{", "{").replace("}}", "}")
        key = name.lower().replace(" ", "_") if rng.random() < 0.5 else name
        return field.replace("{n}", key)
    frame = rng.choice(NAMED.get(language, NAMED["en"]))
    if rng.random() < 0.1:
        name = name.upper()
    if name[-1].isascii():
        frame = frame.replace("{n}{v}", "{n} {v}")
    return frame.replace("{n}", name)
