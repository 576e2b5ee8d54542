"""Checksums of national numbers of the Americas, Asia, Australia, Africa. Text to bool.

Sources: SSA and IRS (ITIN ranges, EIN prefixes), ABA, CMS (NPI, Medicare number), DEA's number
form, GB 32100-2015 (unified social credit code), UIDAI (Verhoeff), the GST network, ATO, Services
Australia, CRA, Receita Federal, RENAPO, Japan's MIC ordinance 85, Korea's resident registration
rules, Singapore's and South Africa's number schemes, Turkey's MERNIS.
"""

import re
from typing import Final

from guardrails.pii.recognizers.checksums import cn_resident_id, digits_of, luhn
from guardrails.pii.recognizers.checksums_europe import compact, is_date, weighted

_ITIN_GROUPS: Final = frozenset({*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)})
_NO_EIN: Final = frozenset("00 07 08 09 17 18 19 28 29 49 69 70 78 79 89 96 97".split())
_MBI: Final = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d{2}"
)
_USCC: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_BASE36: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CURP: Final = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_DIHEDRAL: Final = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATION: Final = "1576283094"
_NRIC: Final = {"S": "JZIHGFEDCBA", "T": "GFEDCBAJZIH", "F": "XWUTRQPNMLK", "G": "RQPNMLKXWUT"}


def us_itin(text: str) -> bool:
    digits = digits_of(text)
    return len(digits) == 9 and digits[0] == "9" and int(digits[3:5]) in _ITIN_GROUPS


def us_ein(text: str) -> bool:
    digits = digits_of(text)
    return len(digits) == 9 and digits[:2] not in _NO_EIN and len(set(digits)) > 2


def us_routing(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 9 or len(set(digits)) == 1:
        return False
    first = int(digits[:2])
    if not (first <= 12 or 21 <= first <= 32 or 61 <= first <= 72 or first == 80):
        return False
    return weighted(digits, (3, 7, 1) * 3) % 10 == 0


def us_npi(text: str) -> bool:
    digits = digits_of(text)
    return len(digits) == 10 and digits[0] in "12" and luhn("80840" + digits)


def us_dea(text: str) -> bool:
    value = compact(text)
    if not re.fullmatch(r"[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}", value):
        return False
    return weighted(value[2:8], (1, 2) * 3) % 10 == int(value[8])


def us_mbi(text: str) -> bool:
    return _MBI.fullmatch(compact(text)) is not None


def ca_sin(text: str) -> bool:
    digits = digits_of(text)
    return len(digits) == 9 and digits[0] != "8" and len(set(digits)) > 2 and luhn(digits)


def br_cpf(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    first = weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return digits[9:] == f"{first}{second}"


def br_cnpj(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 14 or len(set(digits)) == 1:
        return False
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    first = -weighted(digits[:12], weights[1:]) % 11
    second = -weighted(digits[:13], weights) % 11
    return digits[12:] == f"{first % 10 if first < 10 else 0}{second if second < 10 else 0}"


def mx_curp(text: str) -> bool:
    value = text.upper().strip()
    if not re.fullmatch(r"[A-ZÑ]{4}\d{6}[HMX][A-Z]{2}[A-ZÑ]{3}[0-9A-Z]\d", value):
        return False
    total = sum(_CURP.index(mark) * (18 - index) for index, mark in enumerate(value[:17]))
    return -total % 10 == int(value[17])


def mx_rfc(text: str) -> bool:
    value = compact(text.replace("Ñ", "N").replace("ñ", "n"))
    match = re.fullmatch(r"[A-Z&]{3,4}(\d\d)(\d\d)(\d\d)[A-Z0-9]{2}[0-9A]", value)
    return match is not None and is_date(*map(int, match.groups()))


def cn_resident_id_old(text: str) -> bool:
    """15 digits, of before 1999: region, six digits of a day, serial."""
    digits = digits_of(text)
    if len(digits) != 15 or not 11 <= int(digits[:2]) <= 82:
        return False
    return is_date(1900 + int(digits[6:8]), int(digits[8:10]), int(digits[10:12]))


def cn_region(text: str) -> bool:
    """An 18-digit number with a right checksum of a province that exists."""
    value = compact(text)
    return len(value) == 18 and 11 <= int(value[:2]) <= 91 and cn_resident_id(value)


def cn_credit_code(text: str) -> bool:
    value = compact(text)
    if not re.fullmatch(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}", value):
        return False
    if value[0] not in "123456789ANY" or len(set(value)) <= 3:
        return False
    total = sum(_USCC.index(mark) * (3**index % 31) for index, mark in enumerate(value[:17]))
    return -total % 31 == _USCC.index(value[17])


def cn_credit_code_alone(text: str) -> bool:
    """As ``cn_credit_code``; 18 digits with a day amid them are rather a person's number."""
    value = compact(text)
    dated = value[:17].isdigit() and value[6:8] in ("19", "20") and value[10:12] <= "12"
    return not dated and cn_credit_code(value)


def verhoeff(text: str) -> bool:
    check = 0
    for index, digit in enumerate(reversed(digits_of(text))):
        turned = int(digit)
        for _ in range(index % 8):
            turned = int(_PERMUTATION[turned])
        check = int(_DIHEDRAL[check][turned])
    return check == 0


def in_aadhaar(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 12 or digits[0] in "01" or len(set(digits)) <= 2:
        return False
    return digits != digits[::-1] and verhoeff(digits)


def in_pan(text: str) -> bool:
    return re.fullmatch(r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", compact(text)) is not None


def in_gstin(text: str) -> bool:
    value = compact(text)
    if len(value) != 15 or not value[:2].isdigit() or not in_pan(value[2:12]):
        return False
    total = 0
    for index, mark in enumerate(value[:14]):
        total += sum(divmod(_BASE36.index(mark) * (1 + index % 2), 36))
    return _BASE36[-total % 36] == value[14]


def au_tfn(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) not in (8, 9) or len(set(digits)) <= 2:
        return False
    weights = (1, 4, 3, 7, 5, 8, 6, 9, 10) if len(digits) == 9 else (10, 7, 8, 4, 6, 3, 5, 1)
    return weighted(digits, weights) % 11 == 0


def au_medicare(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) not in (10, 11) or digits[0] not in "23456":
        return False
    return weighted(digits[:8], (1, 3, 7, 9) * 2) % 10 == int(digits[8])


def au_abn(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 11 or digits[0] == "0":
        return False
    shifted = str(int(digits[0]) - 1) + digits[1:]
    return weighted(shifted, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0


def jp_my_number(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 12 or len(set(digits)) <= 2:
        return False
    rest = weighted(digits, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(digits[11])


def kr_rrn(text: str) -> bool:
    """The day and the century's digit; numbers issued since October 2020 have no checksum."""
    digits = digits_of(text)
    if len(digits) != 13 or digits[6] not in "12345678":
        return False
    return is_date(int(digits[:2]), int(digits[2:4]), int(digits[4:6]))


def kr_rrn_checked(text: str) -> bool:
    digits = digits_of(text)
    if not kr_rrn(digits):
        return False
    total = weighted(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return (11 - total % 11) % 10 == int(digits[12])


def sg_nric(text: str) -> bool:
    value = compact(text)
    if not re.fullmatch(r"[STFGM]\d{7}[A-Z]", value):
        return False
    if value[0] == "M":  # since 2022, letters not published
        return True
    return _NRIC[value[0]][weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) % 11] == value[8]


def za_id_number(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 13 or digits[10] not in "012":
        return False
    return is_date(int(digits[:2]), int(digits[2:4]), int(digits[4:6])) and luhn(digits)


def tr_national_id(text: str) -> bool:
    digits = digits_of(text)
    if len(digits) != 11 or digits[0] == "0":
        return False
    numbers = [int(digit) for digit in digits]
    tenth = (7 * sum(numbers[0:9:2]) - sum(numbers[1:8:2])) % 10
    return tenth == numbers[9] and sum(numbers[:10]) % 10 == numbers[10]
