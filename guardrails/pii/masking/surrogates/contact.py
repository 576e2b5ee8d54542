"""E-mail, telephone, network addresses: values that by their registries belong to nobody.

Sources: RFC 2606 (example domains), RFC 5737 and 3849 (IPv4, IPv6), RFC 7042 (MAC), and the
telephone numbers set aside for films: NANPA 555-01xx, Ofcom, Bundesnetzagentur, Arcep.
"""

import ipaddress
import re
import unicodedata
from random import Random
from typing import Final

from guardrails.pii.masking.surrogates import pools
from guardrails.pii.masking.surrogates.names import NameWords
from guardrails.pii.masking.surrogates.numbers import refill

_DOMAINS: Final = ("example.com", "example.org", "example.net")
_NETWORKS: Final = ("192.0.2.", "198.51.100.", "203.0.113.")
_ADDRESS: Final = re.compile(r"([^@\s<>\"]+)@([^@\s<>\"]+)")
_UMLAUTS: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"}
)
_PIECE: Final = re.compile(r"([^\W\d_]+|\d+)")
_MAC: Final = re.compile(r"(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}")
_URL: Final = re.compile(r"(https?://|www\.)[^\s]+", re.IGNORECASE)
_US_AREAS: Final = "202 212 303 312 404 415 503 617 702 713 818 907".split()
# Country code -> significant numbers with # for the free digits.
_FICTION: Final = {
    "49": ["3023125###", "6990009###", "4066969###", "2214710###", "8999998###", "17139200##",
           "176040690##"],
    "44": ["2079460###", "7700900###", "1632960###", "1134960###", "1214960###"],
    "33": ["19900####", "26191####", "35301####", "46571####", "53649####", "63998####"],
}  # fmt: skip
_FRENCH_PAIRS: Final = re.compile(r"0[1-9](?:[ .]\d\d){4}")
_LANGUAGE_CODE: Final = {"de": "49", "fr": "33", "en": "44"}


def email(value: str, random: Random, words: NameWords, language: str) -> str | None:
    """At a reserved domain, with a local part of the same build."""
    match = _ADDRESS.fullmatch(value)
    if match is None or not match[1].isascii():
        return None
    spoken = language if language in pools.FAMILY else "en"
    pieces = _PIECE.split(match[1])
    for index in range(1, len(pieces), 2):
        piece = pieces[index]
        if piece.isdigit():
            pieces[index] = "".join(random.choice("0123456789") for _ in piece)
        elif piece.casefold() not in pools.ROLES:
            first = index == 1 and len(pieces) > 3
            pool = (pools.EITHER if first else pools.FAMILY)[spoken]
            plain = [word for word in pool if word.isascii()]
            replaced = words.word(piece, plain)
            if replaced is None:
                return None
            pieces[index] = _ascii(replaced)
    return f"{''.join(pieces)}@{random.choice(_DOMAINS)}"


def _ascii(word: str) -> str:
    """As addresses write it: Bärbel is baerbel, Hélène is helene."""
    plain = unicodedata.normalize("NFKD", word.translate(_UMLAUTS))
    return plain.encode("ascii", "ignore").decode()


def phone(value: str, random: Random, language: str) -> str | None:
    """A number set aside for fiction, written as the value is."""
    digits = "".join(character for character in value if character.isdecimal())
    if not digits.isascii() or any(character.isalpha() for character in value):
        return None
    stripped = value.strip()
    if stripped.startswith("+") or digits.startswith("00"):
        national = digits[2:] if digits.startswith("00") else digits
        return _international(value, digits, national, random)
    code = "33" if _FRENCH_PAIRS.fullmatch(stripped) else _LANGUAGE_CODE.get(language)
    if digits.startswith("0") and code is not None:
        return _fill(value, f"0{_fiction(code, digits[1:], random)}", 1)
    if len(digits) == 10 and digits[0] not in "01":
        return refill(value, _american(random))
    # Eleven bare digits from 13 up are a Chinese mobile number.
    if len(digits) == 11 and digits[0] == "1" and not stripped.isdigit():
        return refill(value, "1" + _american(random))
    return None


def _international(value: str, digits: str, national: str, random: Random) -> str | None:
    prefix = digits[: len(digits) - len(national)]
    if national.startswith("1") and len(national) == 11:
        return refill(value, f"{prefix}1{_american(random)}")
    for code in _FICTION:
        if national.startswith(code):
            trunk = "0" if national[len(code) :].startswith("0") else ""
            made = _fiction(code, national[len(code) + len(trunk) :], random)
            return _fill(value, f"{prefix}{code}{trunk}{made}", len(prefix) + len(code))
    return None


def _fiction(code: str, like: str, random: Random) -> str:
    """A significant number: a mobile one for a mobile one, of the same length if there is one."""
    numbers = _FICTION[code]
    alike = [number for number in numbers if number[:1] == like[:1]] or numbers
    fitting = [number for number in alike if len(number) == len(like)] or alike
    pattern = random.choice(fitting)
    return "".join(random.choice("0123456789") if c == "#" else c for c in pattern)


def _american(random: Random) -> str:
    return f"{random.choice(_US_AREAS)}55501{random.randrange(100):02d}"


def _fill(value: str, digits: str, kept: int) -> str:
    """Into the value's own spacing where the number of digits allows, else after its start."""
    if sum(map(str.isdecimal, value)) == len(digits):
        return refill(value, digits)
    head, count = "", 0
    for character in value:
        if count == kept:
            break
        head += digits[count] if character.isdecimal() else character
        count += character.isdecimal()
    gap = " " if " " in value else ""
    rest = digits[kept:]
    return f"{head}{gap}{rest}" if kept > 1 else head + rest


def ip_address(value: str, random: Random) -> str | None:
    """From the ranges of documentation."""
    try:
        version = ipaddress.ip_address(value).version
    except ValueError:
        return None
    if version == 4:
        return f"{random.choice(_NETWORKS)}{random.randrange(1, 255)}"
    groups = [f"{random.randrange(1, 16**4):x}" for _ in range(3)]
    return f"2001:db8:{groups[0]}:{groups[1]}::{groups[2]}"


def mac_address(value: str, random: Random) -> str | None:
    """From the documentation range 00-00-5E-00-53-xx."""
    match = _MAC.fullmatch(value)
    if match is None:
        return None
    made = match[1].join(["00", "00", "5e", "00", "53", f"{random.randrange(256):02x}"])
    return made.upper() if value == value.upper() else made


def url(value: str, random: Random) -> str | None:
    """At an example domain, with a path that says nothing."""
    match = _URL.fullmatch(value)
    if match is None:
        return None
    return f"{match[1]}{random.choice(_DOMAINS)}/{random.randrange(16**8):08x}"
