"""Checksums of cards, accounts and national numbers. Pure functions of text to bool.

Sources: ISO 7812 (Luhn), ISO 13616 / 7064 (IBAN), GB 11643-1999 (CN), the Bundeszentralamt für
Steuern's description of the IdNr (ISO 7064 MOD 11,10), DRV's of the insurance number, INSEE's
of the NIR, NHS data dictionary, BIP-173 (bech32), ICAO 9303.
"""

import re
from datetime import date
from typing import Final

IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def digits_of(text: str) -> str:
    """ASCII digits only; full-width ones are folded."""
    return "".join(str(int(character)) for character in text if character.isdecimal())


def _letters_and_digits(text: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", text.upper())


def luhn(text: str) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits_of(text))):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


# Issuer ranges and the lengths they come in (ISO/IEC 7812, the brands' own publications).
_BRANDS: Final = (
    (re.compile(r"4"), (13, 16, 19)),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),  # Mastercard
    (re.compile(r"3[47]"), (15,)),  # American Express
    (re.compile(r"30[0-59]|36|38|39"), (14, 16)),  # Diners Club
    (re.compile(r"6011|64[4-9]|65"), (16, 17, 18, 19)),  # Discover
    (re.compile(r"352[89]|35[3-8]"), (16, 17, 18, 19)),  # JCB
    (re.compile(r"1800|2131"), (15,)),  # JCB, older
    (re.compile(r"62|81"), (16, 17, 18, 19)),  # UnionPay
    (re.compile(r"60|82|508"), (16,)),  # RuPay
    (re.compile(r"220[0-4]|9792|50[0-9]{2}|506[0-9]|6304|67|56|58|63"), (16, 17, 18, 19)),
    (re.compile(r"5018|5020|5038|5893|6304|6759|676[1-3]|0604"), (12, 13, 14, 15)),  # Maestro
)


def card_number(text: str) -> bool:
    """A right Luhn digit, of a known issuer range and length."""
    digits = digits_of(text)
    if len(set(digits)) < 2 or not luhn(digits):
        return False
    return any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _BRANDS)


def card_number_sure(text: str) -> bool:
    """As ``card_number``, but for 13 digits: most of those that begin with 4 are EANs."""
    return len(digits_of(text)) != 13 and card_number(text)


def card_number_told(text: str) -> bool:
    """Beside its word also any of Maestro's ranges and lengths."""
    digits = digits_of(text)
    return card_number(text) or (digits[:1] in ("5", "6") and luhn(digits))


def iban(text: str) -> bool:
    value = _letters_and_digits(text)
    if IBAN_LENGTHS.get(value[:2]) != len(value) or not "02" <= value[2:4] <= "98":
        return False
    rearranged = value[4:] + value[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


def cn_resident_id(text: str) -> bool:
    value = text.upper()
    if not _date(value[6:10], value[10:12], value[12:14]):
        return False
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(value[:17], weights, strict=True))
    return "10X98765432"[total % 11] == value[17]


def de_tax_id(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 11 or digits[0] == "0":
        return False
    counts = sorted((digits[:10].count(digit) for digit in set(digits[:10])), reverse=True)
    if counts[0] not in (2, 3) or (len(counts) > 1 and counts[1] > 1):
        return False
    return iso7064_mod_11_10(digits)


def iso7064_mod_11_10(digits: str) -> bool:
    """ISO 7064 MOD 11,10 over all but the last digit."""
    product = 10
    for digit in digits[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def de_social_security(text: str) -> bool:
    value = _letters_and_digits(text)
    if not re.fullmatch(r"\d{8}[A-Z]\d{3}", value):
        return False
    if not (1 <= int(value[2:4]) % 50 <= 31 and 1 <= int(value[4:6]) <= 12):
        return False
    letter = f"{ord(value[8]) - 64:02d}"
    numbers = value[:8] + letter + value[9:11]
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    total = sum(
        sum(divmod(int(digit) * weight, 10)) for digit, weight in zip(numbers, weights, strict=True)
    )
    return total % 10 == int(value[11])


def icao_check(text: str) -> bool:
    """A document number whose last digit checks the rest (weights 7, 3, 1)."""
    value = _letters_and_digits(text)
    if len(value) != 10 or not value[9].isdigit():
        return False
    total = sum(int(c, 36) * (7, 3, 1)[index % 3] for index, c in enumerate(value[:9]))
    return total % 10 == int(value[9])


def fr_nir(text: str) -> bool:
    value = _letters_and_digits(text)
    if not re.fullmatch(r"[1-478]\d{4}(?:\d{2}|2[AB])\d{8}", value):
        return False
    number = (
        value[:13].replace("2A", "19", 1).replace("2B", "18", 1)
        if (value[5:7] in ("2A", "2B"))
        else value[:13]
    )
    return 97 - int(number) % 97 == int(value[13:])


def nhs_number(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 10 or len(set(digits)) == 1:
        return False
    weighted = zip(digits, range(10, 1, -1), strict=False)
    total = sum(int(digit) * weight for digit, weight in weighted)
    return (11 - total % 11) % 11 == int(digits[9])


def us_ssn(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 9 or digits[:3] in ("000", "666") or digits[0] == "9":
        return False
    return digits[3:5] != "00" and digits[5:] != "0000" and digits != "123456789"


def bech32_address(text: str) -> bool:
    """BIP-173 and BIP-350 checksums."""
    human, _, data = text.lower().rpartition("1")
    values = [ord(character) >> 5 for character in human] + [0]
    values += [ord(character) & 31 for character in human]
    if any(character not in _BECH32 for character in data):
        return False
    values += [_BECH32.index(character) for character in data]
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum in (1, 0x2BC830A3)


def _date(year: str, month: str, day: str) -> bool:
    try:
        return 1850 <= date(int(year), int(month), int(day)).year <= 2100
    except ValueError:
        return False
