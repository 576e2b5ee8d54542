"""Checksums of European national numbers. Pure functions of text to bool.

Each takes a number as it was written, with or without separators, in either case. What a number
must look like is said here too, so a function may be given any text.

Sources: the issuers' own descriptions (HMRC, gematik and GKV for KVNR, DGFiP for the SPI, INSEE,
Real Decreto 1065/2007 and 84/1996 for Spain, D.M. 23 December 1976 for Italy, GUS and the act on
PESEL, RvIG's eleven-test, BSV's AHV leaflet, Hauptverband for SVNR), ISO 7064, and for the EU's
VAT numbers the national formats published with VIES.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

from guardrails.pii.recognizers.checksums import digits_of, iso7064_mod_11_10, luhn

_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_CIF_LETTERS: Final = "JABCDEFGHI"
_ODD: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)  # fmt: skip  # noqa: E501
_CF_MONTHS: Final = "ABCDEHLMPRST"
_OMOCODE: Final = str.maketrans("LMNPQRSTUV", "0123456789")
_FI_CHECK: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_PPS_CHECK: Final = "WABCDEFGHIJKLMNOPQRSTUV"


def compact(text: str) -> str:
    """Letters in upper case and ASCII digits, nothing else."""
    folded = (
        str(int(mark)) if mark.isdecimal() else mark.upper() if mark.isascii() else ""
        for mark in text
    )
    return "".join(mark for mark in folded if mark.isalnum())


def weighted(digits: Iterable[str], weights: Iterable[int]) -> int:
    """The sum of products, over the shorter of both."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def is_date(year: int, month: int, day: int) -> bool:
    """A day that exists; a year of 0..99 is taken for one of 2000..2099."""
    try:
        date(year if year > 99 else 2000 + year, month, day)
    except ValueError:
        return False
    return True


def uk_utr(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 10 or len(set(digits)) == 1:
        return False
    return "21987654321"[weighted(digits[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11] == digits[0]


def uk_driving_licence(text: str) -> bool:
    """Surname, decade, month (+50 for women), day, year, initials, three more."""
    value = compact(text)
    if not re.fullmatch(r"[A-Z9]{5}\d{6}[A-Z9]{2}[A-Z0-9]{3}", value):
        return False
    month = int(value[6:8])
    return (1 <= month <= 12 or 51 <= month <= 62) and 1 <= int(value[8:10]) <= 31


def uk_vat(text: str) -> bool:
    digits = digits_of(text)[:9]
    if len(digits) != 9:
        return False
    total = weighted(digits[:7], (8, 7, 6, 5, 4, 3, 2)) + int(digits[7:])
    return total % 97 in (0, 42, 55)  # 55 since 2010


def de_health_insurance(text: str) -> bool:
    """KVNR: the letter counts as two digits, products alternate by 1 and 2."""
    value = compact(text)
    if not re.fullmatch(r"[A-Z]\d{9}", value):
        return False
    numbers = f"{ord(value[0]) - 64:02d}{value[1:9]}"
    total = sum(sum(divmod(int(d) * (1 + i % 2), 10)) for i, d in enumerate(numbers))
    return total % 10 == int(value[9])


def de_vat(text: str) -> bool:
    digits = digits_of(text)
    return len(digits) == 9 and digits[0] != "0" and iso7064_mod_11_10(digits)


def de_licence(text: str) -> bool:
    """Authority (four), serial (five), check character, issue number."""
    value = compact(text)
    return re.fullmatch(r"[A-Z0-9]\d{2}[A-Z0-9]{6}[0-9X][A-Z0-9]", value) is not None


def fr_spi(text: str) -> bool:
    """Tax number of a person: the first ten digits modulo 511 are the last three."""
    digits = digits_of(text)
    if len(digits) != 13 or digits[0] not in "0123":
        return False
    return int(digits[:10]) % 511 == int(digits[10:])


def fr_siren(text: str) -> bool:
    digits = digits_of(text)
    return len(digits) == 9 and len(set(digits)) > 2 and luhn(digits)


def fr_siret(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 14 or len(set(digits)) <= 2:
        return False
    # La Poste's establishments have a plain sum instead.
    postal = digits.startswith("356000000") and sum(map(int, digits)) % 5 == 0
    return postal or (luhn(digits) and luhn(digits[:9]))


def fr_vat(text: str) -> bool:
    value = compact(text).removeprefix("FR")
    if len(value) != 11 or not value[2:].isdigit() or not fr_siren(value[2:]):
        return False
    return not value[:2].isdigit() or int(value[:2]) == (12 + 3 * (int(value[2:]) % 97)) % 97


def es_dni(text: str) -> bool:
    value = compact(text)
    if not re.fullmatch(r"\d{8}[A-Z]", value):
        return False
    return _DNI_LETTERS[int(value[:8]) % 23] == value[8]


def es_nie(text: str) -> bool:
    value = compact(text)
    if not re.fullmatch(r"[XYZ]\d{7,8}[A-Z]", value):
        return False
    return _DNI_LETTERS[int(f"{'XYZ'.index(value[0])}{value[1:-1]}") % 23] == value[-1]


def es_cif(text: str) -> bool:
    value = compact(text)
    if not re.fullmatch(r"[ABCDEFGHJNPQRSUVW]\d{7}[0-9A-J]", value):
        return False
    even = sum(map(int, value[2:8:2]))
    odd = sum(sum(divmod(2 * int(digit), 10)) for digit in value[1:8:2])
    control = -(even + odd) % 10
    letter, digit = value[8] == _CIF_LETTERS[control], value[8] == str(control)
    if value[0] in "PQS":
        return letter
    return digit if value[0] in "ABEH" else letter or digit


def es_social_security(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 12 or not 1 <= int(digits[:2]) <= 66:
        return False
    province, number = int(digits[:2]), int(digits[2:10])
    base = number + province * 10_000_000 if number < 10_000_000 else int(digits[:10])
    return base % 97 == int(digits[10:])


def it_fiscal_code(text: str) -> bool:
    value = compact(text)
    if not re.fullmatch(r"[A-Z]{6}[\dL-NP-V]{2}[A-EHLMPRST][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z]", value):  # fmt: skip  # noqa: E501
        return False
    day = int(value[9:11].translate(_OMOCODE)) % 40
    total = sum(
        _ODD[int(mark, 36) % 36 if mark.isdigit() else ord(mark) - 65]
        if index % 2 == 0
        else (int(mark) if mark.isdigit() else ord(mark) - 65)
        for index, mark in enumerate(value[:15])
    )
    return 1 <= day <= 31 and chr(65 + total % 26) == value[15]


def it_vat(text: str) -> bool:
    digits = digits_of(text)
    return len(digits) == 11 and digits[:7] != "0000000" and luhn(digits)


def pl_pesel(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 11:
        return False
    month = int(digits[2:4])
    century = (1900, 2000, 2100, 2200, 1800)[month // 20]
    if not is_date(century + int(digits[:2]), month % 20, int(digits[4:6])):
        return False
    return weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def pl_nip(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 10 or len(set(digits)) <= 2:
        return False
    return weighted(digits, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(digits[9])


def pl_regon(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) not in (9, 14) or len(set(digits)) <= 2:
        return False
    short = weighted(digits[:8], (8, 9, 2, 3, 4, 5, 6, 7)) % 11 % 10 == int(digits[8])
    if len(digits) == 9 or not short:
        return short
    return weighted(digits, (2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8)) % 11 % 10 == int(digits[13])


def pl_id_card(text: str) -> bool:
    value = compact(text)
    if not re.fullmatch(r"[A-Z]{3}\d{6}", value):
        return False
    numbers = [int(mark, 36) for mark in value]
    total = sum(n * w for n, w in zip(numbers, (7, 3, 1, 0, 7, 3, 1, 7, 3), strict=True))
    return total % 10 == numbers[3]


def nl_bsn(text: str) -> bool:
    digits = digits_of(text).zfill(9)
    if len(digits) != 9 or len(set(digits)) <= 2:
        return False
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def be_national_number(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 11 or int(digits[2:4]) > 52 or int(digits[4:6]) > 31:
        return False
    check = int(digits[9:])
    return any(97 - int(century + digits[:9]) % 97 == check for century in ("", "2"))


def be_vat(text: str) -> bool:
    digits = digits_of(text).zfill(10)
    return len(digits) == 10 and digits[0] in "01" and 97 - int(digits[:8]) % 97 == int(digits[8:])


def ch_ahv(text: str) -> bool:
    """13 digits from 756 on, with the check digit of an EAN."""
    digits = digits_of(text)
    if len(digits) != 13 or not digits.startswith("756"):
        return False
    return weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def ch_uid(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 9:
        return False
    return (11 - weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4)) % 11) % 11 == int(digits[8])


def at_svnr(text: str) -> bool:
    """Serial (three), check digit, day, month (up to 15 where a day ran out), year."""
    digits = digits_of(text)
    if len(digits) != 10 or digits[0] == "0":
        return False
    if not (1 <= int(digits[4:6]) <= 31 and 1 <= int(digits[6:8]) <= 15):
        return False
    return weighted(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == int(digits[3])


def at_tax_number(text: str) -> bool:
    """Office (two), number (six), check digit: products by 1 and 2, digits summed."""
    digits = digits_of(text)
    if len(digits) != 9 or int(digits[:2]) < 2:
        return False
    total = sum(sum(divmod(int(d) * (1 + i % 2), 10)) for i, d in enumerate(digits[:8]))
    return -total % 10 == int(digits[8])


def at_vat(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 8:
        return False
    total = sum(sum(divmod(int(d) * (1 + i % 2), 10)) for i, d in enumerate(digits[:7]))
    return (96 - total) % 10 == int(digits[7])


def se_personnummer(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) not in (10, 12):
        return False
    short = digits[-10:]
    day = int(short[4:6])
    return is_date(int(short[:2]), int(short[2:4]), day - 60 if day > 60 else day) and luhn(short)


def dk_cpr(text: str) -> bool:
    """Only the day is sure: since 2007 numbers without a right check digit are issued."""
    digits = digits_of(text)
    return len(digits) == 10 and is_date(int(digits[4:6]), int(digits[2:4]), int(digits[:2]))


def no_fnr(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 11:
        return False
    day, month = int(digits[:2]) % 40, int(digits[2:4]) % 40
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return False
    first = weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
    return first and weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def fi_hetu(text: str) -> bool:
    value = re.sub(r"\s", "", text.upper())
    if not re.fullmatch(r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", value):
        return False
    if not (1 <= int(value[:2]) <= 31 and 1 <= int(value[2:4]) <= 12):
        return False
    return _FI_CHECK[int(value[:6] + value[7:10]) % 31] == value[10]


def pt_nif(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 9 or digits[0] == "0":
        return False
    check = 11 - weighted(digits, range(9, 1, -1)) % 11
    return (0 if check > 9 else check) == int(digits[8])


def ie_pps(text: str) -> bool:
    value = compact(text)
    if not re.fullmatch(r"\d{7}[A-W][A-IW]?", value):
        return False
    second = 0 if len(value) == 8 or value[8] == "W" else ord(value[8]) - 64
    return _PPS_CHECK[(weighted(value, range(8, 1, -1)) + 9 * second) % 23] == value[7]
