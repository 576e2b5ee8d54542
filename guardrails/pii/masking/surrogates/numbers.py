"""Cards, accounts and national numbers: the same form, other digits, a right checksum.

A candidate is drawn in the form of the value until the recognizers' own check accepts it. Where
numbers are set aside for tests or never issued, they are drawn from there.
"""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Final

from guardrails.pii.recognizers import checksums, checksums_europe, checksums_world

Check = Callable[[str], bool]
_TRIES: Final = 2_000
_CHECKS: Final[dict[str, Check]] = {
    "IBAN_CODE": checksums.iban,
    "CREDIT_CARD": checksums.card_number,
    "CN_RESIDENT_ID": checksums.cn_resident_id,
    "DE_TAX_ID": checksums.de_tax_id,
    "DE_SOCIAL_SECURITY": checksums.de_social_security,
    "DE_ID_CARD": checksums.icao_check,
    "FR_NIR": checksums.fr_nir,
    "UK_NHS": checksums.nhs_number,
    "ES_NIF": checksums_europe.es_dni,
    "FR_TAX_ID": checksums_europe.fr_spi,
    "IT_VAT_CODE": checksums_europe.it_vat,
    "DE_FUEHRERSCHEIN": checksums_europe.de_licence,
    "FI_PERSONAL_IDENTITY_CODE": checksums_europe.fi_hetu,
    "SG_NRIC_FIN": checksums_world.sg_nric,
    "CN_USCC": checksums_world.cn_credit_code,
    "ABA_ROUTING_NUMBER": checksums_world.us_routing,
}
_VAT: Final[dict[str, Check]] = {
    "DE": checksums_europe.de_vat,
    "GB": checksums_europe.uk_vat,
    "FR": checksums_europe.fr_vat,
    "IT": checksums_europe.it_vat,
    "BE": checksums_europe.be_vat,
    "AT": checksums_europe.at_vat,
}
# Characters at the start that say what kind of number it is.
_KEPT: Final = {"CH_AHV": 3, "CH_UID": 3, "SG_NRIC_FIN": 1, "ES_NIE": 1, "IN_IFSC": 4, "VAT_ID": 2}
# No checksum: any number of the form will do.
_UNCHECKED: Final = frozenset(
    """
    PASSPORT LICENSE_PLATE US_DRIVER_LICENSE MEDICAL_RECORD_NUMBER HEALTH_INSURANCE_NUMBER
    US_BANK_NUMBER UK_SORT_CODE TAX_ID NATIONAL_ID DE_TAX_NUMBER FR_ID_CARD IT_IDENTITY_CARD
    IT_DRIVER_LICENSE IN_IFSC IN_VOTER MEDICAL_LICENSE AU_MEDICARE
    """.split()
)
# Set aside for tests or never issued: SSNs of area 9xx with groups below 50, NINOs that begin
# with QQ, NHS numbers that begin with 999, the card ranges that payment providers test with.
_CARD_RANGES: Final = {
    "2": "222300", "3": "378282", "4": "400000", "5": "520082", "6": "601111",
}  # fmt: skip
_CN_REGIONS: Final = "110105 310115 320106 330108 370203 420106 440305 500103 510107 610113".split()


def checked_number(entity_type: str, value: str, random: Random) -> str | None:
    """Another number of the same form and kind; ``None`` where none is known how to make."""
    special = _SPECIAL.get(entity_type)
    if special is not None:
        return special(value, random)
    check = _check_of(entity_type, value)
    kept = _KEPT.get(entity_type, 0)
    if check is None:
        return _like(value, random, kept) if entity_type in _UNCHECKED else None
    if not check(value):
        # Found by its words although its checksum is wrong: then any digits are as good.
        return _like(value, random, kept)
    for _ in range(_TRIES):
        candidate = _like(value, random, kept)
        if candidate != value and check(candidate):
            return candidate
    return None


def _check_of(entity_type: str, value: str) -> Check | None:
    if entity_type == "VAT_ID":
        return _VAT.get(value[:2].upper())
    check = _CHECKS.get(entity_type)
    for module in (checksums, checksums_europe, checksums_world):
        check = check or getattr(module, entity_type.lower(), None)
    return check


def _like(value: str, random: Random, kept: int = 0) -> str:
    """Digits for digits, letters for letters of the same case, the rest as it is."""
    return value[:kept] + "".join(_other(character, random) for character in value[kept:])


def _other(character: str, random: Random) -> str:
    if character.isdecimal():
        return random.choice("0123456789")
    if character.isascii() and character.isalpha():
        letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
        return random.choice(letters if character.isupper() else letters.lower())
    return character


def refill(value: str, digits: str) -> str:
    """``value`` with its letters and digits replaced in order by ``digits``, of that number."""
    source = iter(digits)
    return "".join(next(source) if character.isalnum() else character for character in value)


def _size(value: str) -> int:
    return sum(map(str.isalnum, value))


def _iban(value: str, random: Random) -> str | None:
    compact = "".join(filter(str.isalnum, value)).upper()
    if not checksums.iban(compact):
        return None
    body = _like(compact[4:], random)
    number = int("".join(str(int(character, 36)) for character in f"{body}{compact[:2]}00"))
    made = f"{compact[:2]}{98 - number % 97:02d}{body}"
    return refill(value, made if value.upper() == value else made.lower())


def _card(value: str, random: Random) -> str | None:
    size = _size(value)
    prefix = _CARD_RANGES.get(checksums.digits_of(value)[:1])
    if prefix is None or not 13 <= size <= 19:
        return None
    body = prefix + "".join(random.choice("0123456789") for _ in range(size - 7))
    return refill(value, next(body + last for last in "0123456789" if checksums.luhn(body + last)))


def _ssn(value: str, random: Random) -> str | None:
    if _size(value) != 9:
        return None
    area, group = random.randrange(900, 1000), random.randrange(1, 50)
    return refill(value, f"{area}{group:02d}{random.randrange(1, 10_000):04d}")


def _nino(value: str, random: Random) -> str | None:
    if _size(value) not in (8, 9):
        return None
    return refill(value, f"QQ{random.randrange(10**6):06d}{random.choice('ABCD')}"[: _size(value)])


def _nhs(value: str, random: Random) -> str | None:
    if _size(value) != 10:
        return None
    for _ in range(_TRIES):
        made = f"999{random.randrange(10**7):07d}"
        if checksums.nhs_number(made):
            return refill(value, made)
    return None


def _birthday(random: Random) -> date:
    return date(1945, 1, 1) + timedelta(days=random.randrange(60 * 365))


def _cn_resident(value: str, random: Random) -> str | None:
    if _size(value) != 18:
        return None
    sequence = random.randrange(1, 500) * 2 + int(value[-2]) % 2  # odd for men
    body = f"{random.choice(_CN_REGIONS)}{_birthday(random):%Y%m%d}{sequence % 1000:03d}"
    return refill(value, next(b for d in "0123456789X" if checksums.cn_resident_id(b := body + d)))


def _fr_nir(value: str, random: Random) -> str | None:
    compact = "".join(filter(str.isalnum, value))
    if len(compact) not in (13, 15):
        return None
    born = _birthday(random)
    place = f"{random.randrange(1, 90):02d}{random.randrange(1, 500):03d}"
    body = f"{compact[0]}{born:%y%m}{place.replace('20', '21', 1)}{random.randrange(1, 900):03d}"
    return refill(value, f"{body}{97 - int(body) % 97:02d}"[: len(compact)])


def _de_social(value: str, random: Random) -> str | None:
    if _size(value) != 12:
        return None
    letter = random.choice("ABCDEFGHKLMNPRSTVWZ")
    area = random.choice("02 03 04 08 09 10 11 13 15 16 17 18 19 21 24 25 26 28 29".split())
    body = f"{area}{_birthday(random):%d%m%y}{letter}{random.randrange(100):02d}"
    candidates = (body + last for last in "0123456789")
    made = next(filter(checksums.de_social_security, candidates), None)
    return None if made is None else refill(value, made)


def _bic(value: str, random: Random) -> str | None:
    if len(value) not in (8, 11) or not value.isalnum():
        return None
    # A location code that ends in 0 is a test code: no bank has it.
    return f"{_like(value[:4], random)}{value[4:6]}{random.choice('BCDEFGH')}0{value[8:] and 'XXX'}"


_SPECIAL: Final[dict[str, Callable[[str, Random], str | None]]] = {
    "IBAN_CODE": _iban,
    "CREDIT_CARD": _card,
    "US_SSN": _ssn,
    "UK_NINO": _nino,
    "UK_NHS": _nhs,
    "CN_RESIDENT_ID": _cn_resident,
    "FR_NIR": _fr_nir,
    "DE_SOCIAL_SECURITY": _de_social,
    "BIC": _bic,
}
