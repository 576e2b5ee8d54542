"""Values made up for one run, each unique: names, addresses, numbers with valid checksums, secrets.

A scan for them (``support.canary_scan``) tells whether a value that the policy says to mask
has reached a place where it must not be.
"""

import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_FIRST = ("Greta", "Karl", "Amelie", "Jonas", "Claire", "Emma", "Lukas", "Sophie", "Paul", "Anna")
_HEADS = ("Linden", "Hohen", "Eichen", "Rosen", "Klingen", "Falken", "Silber", "Winter", "Aschen")
_MIDDLES = ("wald", "bach", "stein", "feld", "brunn", "grund", "moos")
_TAILS = ("berger", "hauser", "mayer", "thaler", "hofer", "reuter")


@dataclass(frozen=True, slots=True)
class Canary:
    """A value, the sentence that it comes in, and the field that it would be the value of.

    ``needle`` is the part of the value that a scan looks for: what nobody else could write.
    """

    kind: str
    value: str
    sentence: str
    field: str
    needle: str


def make_canaries(count: int = 500, seed: int = 5) -> list[Canary]:
    """``count`` values of all kinds in turn, no two alike."""
    source = random.Random(seed)
    makers: Sequence[Callable[[random.Random], Canary]] = (
        _person,
        _mail,
        _iban,
        _card,
        _phone,
        _openai_key,
        _github_token,
        _social_security,
    )
    found: dict[str, Canary] = {}
    while len(found) < count:
        canary = makers[len(found) % len(makers)](source)
        found.setdefault(canary.needle, canary)
    return list(found.values())


def groups_of(canaries: Sequence[Canary], size: int) -> list[list[Canary]]:
    return [list(canaries[at : at + size]) for at in range(0, len(canaries), size)]


def text_of(group: Sequence[Canary]) -> str:
    return " ".join(canary.sentence for canary in group)


def fields_of(group: Sequence[Canary]) -> dict[str, str]:
    """As arguments of a tool would hold them."""
    return {f"{canary.field}_{n}": canary.value for n, canary in enumerate(group)}


def _person(source: random.Random) -> Canary:
    last = source.choice(_HEADS) + source.choice(_MIDDLES) + source.choice(_TAILS)
    name = f"{source.choice(_FIRST)} {last}"
    return Canary("name", name, f"My name is {name}.", "full_name", last)


def _mail(source: random.Random) -> Canary:
    value = f"{_letters(source, 9)}@{_letters(source, 7)}.example.com"
    return Canary("mail", value, f"Write to {value} please.", "email", value)


def _iban(source: random.Random) -> Canary:
    account = _digits(source, 18)
    check = 98 - int(f"{account}131400") % 97  # DE00 moved to the end
    value = f"DE{check:02}{account}"
    return Canary("iban", value, f"The IBAN is {value}.", "iban", value)


def _card(source: random.Random) -> Canary:
    digits = "4" + _digits(source, 14)
    value = digits + _luhn(digits)
    return Canary("card", value, f"Charge the card {value} today.", "card_number", value)


def _phone(source: random.Random) -> Canary:
    value = f"+49151{source.randrange(10**7, 10**8)}"
    return Canary("phone", value, f"Call me at {value} tonight.", "phone", value[1:])


def _openai_key(source: random.Random) -> Canary:
    value = f"sk-{_mixed(source, 48)}"
    return Canary("secret", value, f"The API key is {value} here.", "api_key", value)


def _github_token(source: random.Random) -> Canary:
    value = f"ghp_{_mixed(source, 36)}"
    return Canary("secret", value, f"The token is {value} here.", "token", value)


def _social_security(source: random.Random) -> Canary:
    area, group, serial = source.randrange(101, 665), source.randrange(11, 99), _serial(source)
    value = f"{area}-{group}-{serial}"
    return Canary("id", value, f"My social security number is {value}.", "ssn", value)


def _serial(source: random.Random) -> str:
    return str(source.randrange(1001, 9999))


def _luhn(digits: str) -> str:
    """The digit that completes a card number."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def _digits(source: random.Random, count: int) -> str:
    return str(source.randrange(1, 10)) + "".join(
        source.choice(string.digits) for _ in range(count - 1)
    )


def _letters(source: random.Random, count: int) -> str:
    return "".join(source.choice(string.ascii_lowercase) for _ in range(count))


def _mixed(source: random.Random, count: int) -> str:
    return "".join(source.choice(string.ascii_letters + string.digits) for _ in range(count))
