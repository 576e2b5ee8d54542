"""European numbers with check digits worked out from the digits before them.

Each function draws one number from ``random``, without separators.
"""

# A table, or a formula, reads best on one line.
# ruff: noqa: E501

import random
import string
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

LETTERS: Final = string.ascii_uppercase


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def letters(rng: random.Random, count: int, among: str = LETTERS) -> str:
    return "".join(rng.choice(among) for _ in range(count))


def birthday(rng: random.Random) -> date:
    return date(1935, 1, 1) + timedelta(days=rng.randrange(26_000))


def luhn_digit(payload: str) -> str:
    """The digit that makes the sum of all, every second doubled from the right, end in 0."""
    total = 0
    for place, mark in enumerate(payload[::-1]):
        value = int(mark)
        if place % 2 == 0:
            value *= 2
            if value >= 10:
                value = value // 10 + value % 10
        total += value
    return str((10 - total % 10) % 10)


def with_digit(payload: str, right: Callable[[str], int | None]) -> str | None:
    check = right(payload)
    return None if check is None else payload + str(check)


def retry(make: Callable[[], str | None]) -> str:
    while True:
        made = make()
        if made is not None:
            return made


def mod11(payload: str, weights: list[int]) -> int:
    return sum(int(payload[i]) * weights[i] for i in range(len(weights))) % 11


def iso_hybrid(payload: str) -> str:
    """ISO 7064 MOD 11,10."""
    carry = 10
    for mark in payload:
        carry = (int(mark) + carry) % 10
        carry = 10 if carry == 0 else carry
        carry = carry * 2 % 11
    return str((11 - carry) % 10)


def de_tax_id(rng: random.Random) -> str:
    pool = list("0123456789")
    rng.shuffle(pool)
    first = pool[:9]
    first.insert(rng.randrange(10), rng.choice(first))
    if first[0] == "0":
        return de_tax_id(rng)
    payload = "".join(first)
    return payload + iso_hybrid(payload)


def de_pension(rng: random.Random) -> str:
    day = birthday(rng)
    body = f"{rng.choice(['04', '10', '12', '15', '20', '38', '53', '65'])}{day:%d%m%y}"
    letter = rng.choice(LETTERS)
    serial = digits(rng, 2)
    expanded = body + f"{LETTERS.index(letter) + 1:02d}" + serial
    total = 0
    for mark, weight in zip(expanded, [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1], strict=True):
        product = int(mark) * weight
        total += product // 10 + product % 10
    return f"{body}{letter}{serial}{total % 10}"


def de_health(rng: random.Random) -> str:
    letter, body = rng.choice(LETTERS), digits(rng, 8)
    expanded = f"{ord(letter) - ord('A') + 1:02d}{body}"
    total = 0
    for place, mark in enumerate(expanded):
        product = int(mark) * (2 if place % 2 else 1)
        total += product - 9 if product > 9 else product
    return f"{letter}{body}{total % 10}"


def de_card(rng: random.Random) -> str:
    pool = "CFGHJKLMNPRTVWXYZ0123456789"
    body = rng.choice("LMNPRTVWXY") + letters(rng, 8, pool)
    if sum(mark.isdigit() for mark in body) < 4:
        return de_card(rng)
    total = 0
    for place, mark in enumerate(body):
        value = int(mark) if mark.isdigit() else ord(mark) - 55
        total += value * [7, 3, 1][place % 3]
    return body + str(total % 10)


def de_licence(rng: random.Random) -> str:
    return f"{rng.choice(LETTERS)}{digits(rng, 3)}{letters(rng, 5, LETTERS + '0123456789')}{digits(rng, 1)}{rng.randrange(1, 9)}"


def at_svnr(rng: random.Random) -> str | None:
    serial, day = str(rng.randrange(100, 1000)), f"{birthday(rng):%d%m%y}"
    total = sum(int(m) * w for m, w in zip(serial + day, [3, 7, 9, 5, 8, 4, 2, 1, 6], strict=True))
    return None if total % 11 == 10 else f"{serial}{total % 11}{day}"


def at_tax(rng: random.Random) -> str:
    payload = f"{rng.randrange(3, 99):02d}{digits(rng, 6)}"
    total = 0
    for place, mark in enumerate(payload):
        value = int(mark) * (1 if place % 2 == 0 else 2)
        total += value if value < 10 else value - 9
    return payload + str((10 - total % 10) % 10)


def ch_ahv(rng: random.Random) -> str:
    payload = "756" + digits(rng, 9)
    total = sum(int(mark) * (3 if place % 2 else 1) for place, mark in enumerate(payload))
    return payload + str((10 - total % 10) % 10)


def ch_uid(rng: random.Random) -> str | None:
    payload = str(rng.randrange(1, 10)) + digits(rng, 7)
    check = 11 - mod11(payload, [5, 4, 3, 2, 7, 6, 5, 4])
    return None if check == 10 else payload + ("0" if check == 11 else str(check))


def fr_nir(rng: random.Random) -> str:
    day = birthday(rng)
    department = rng.choice(["75", "13", "69", "33", "59", "06", "2A", "2B", "92"])
    body = f"{rng.choice('12')}{day:%y%m}{department}{rng.randrange(1, 500):03d}{rng.randrange(1, 900):03d}"
    number = int(body.replace("2A", "19").replace("2B", "18"))
    return body + f"{97 - number % 97:02d}"


def fr_spi(rng: random.Random) -> str:
    body = rng.choice("0123") + digits(rng, 9)
    return body + f"{int(body) % 511:03d}"


def fr_siren(rng: random.Random) -> str:
    body = rng.choice("3456789") + digits(rng, 7)
    return body + luhn_digit(body)


def fr_siret(rng: random.Random) -> str:
    body = fr_siren(rng) + f"{rng.randrange(1, 90):04d}"
    return body + luhn_digit(body)


def es_dni(rng: random.Random) -> str:
    number = rng.randrange(1_000_000, 99_999_999)
    return f"{number:08d}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def es_nie(rng: random.Random) -> str:
    first, body = rng.choice("XYZ"), digits(rng, 7)
    return first + body + "TRWAGMYFPDXBNJZSQVHLCKE"[int({"X": "0", "Y": "1", "Z": "2"}[first] + body) % 23]  # fmt: skip


def es_cif(rng: random.Random) -> str:
    kind, body = rng.choice("ABEHGFJUVPQS"), digits(rng, 7)
    odd = 0
    for mark in body[0::2]:
        twice = int(mark) * 2
        odd += twice // 10 + twice % 10
    control = (10 - (odd + sum(int(mark) for mark in body[1::2])) % 10) % 10
    return kind + body + ("JABCDEFGHI"[control] if kind in "PQS" else str(control))


def es_nuss(rng: random.Random) -> str:
    province, number = rng.randrange(1, 53), rng.randrange(10_000_000, 99_999_999)
    return f"{province:02d}{number:08d}{int(f'{province}{number:08d}') % 97:02d}"


def it_code(rng: random.Random) -> str:
    day = birthday(rng)
    consonants = "BCDFGLMNPRSTVZ"
    number = day.day + (40 if rng.random() < 0.5 else 0)
    body = (
        letters(rng, 6, consonants) + f"{day:%y}" + "ABCDEHLMPRST"[day.month - 1] + f"{number:02d}"
        + rng.choice(["H501", "F205", "L219", "D612", "A944", "Z112"])
    )  # fmt: skip
    odd_digit = dict(zip("0123456789", [1, 0, 5, 7, 9, 13, 15, 17, 19, 21], strict=True))
    odd_letter = dict(zip(LETTERS, [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23], strict=True))  # fmt: skip
    total = 0
    for place, mark in enumerate(body, start=1):
        if place % 2:
            total += odd_digit[mark] if mark.isdigit() else odd_letter[mark]
        else:
            total += int(mark) if mark.isdigit() else LETTERS.index(mark)
    return body + LETTERS[total % 26]


def it_vat(rng: random.Random) -> str:
    body = "0" + digits(rng, 6) + f"{rng.randrange(1, 100):03d}"
    return body + luhn_digit(body)


def pl_pesel(rng: random.Random) -> str:
    day = birthday(rng)
    month = day.month + (20 if day.year >= 2000 else 0)
    body = f"{day:%y}{month:02d}{day:%d}{digits(rng, 4)}"
    total = sum(int(m) * w for m, w in zip(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3], strict=True))
    return body + str((10 - total % 10) % 10)


def pl_nip(rng: random.Random) -> str | None:
    body = rng.choice("123456789") + digits(rng, 8)
    check = mod11(body, [6, 5, 7, 2, 3, 4, 5, 6, 7])
    return None if check == 10 else body + str(check)


def pl_regon(rng: random.Random) -> str:
    body = digits(rng, 8)
    return body + str(mod11(body, [8, 9, 2, 3, 4, 5, 6, 7]) % 10)


def pl_card(rng: random.Random) -> str:
    series, number = letters(rng, 3), digits(rng, 5)
    total = sum((ord(mark) - 55) * weight for mark, weight in zip(series, [7, 3, 1], strict=True))
    total += sum(int(mark) * weight for mark, weight in zip(number, [7, 3, 1, 7, 3], strict=True))
    return f"{series}{total % 10}{number}"


def nl_bsn(rng: random.Random) -> str | None:
    body = rng.choice("123456789") + digits(rng, 7)
    check = sum(int(body[i]) * (9 - i) for i in range(8)) % 11
    return None if check == 10 else body + str(check)


def be_number(rng: random.Random) -> str:
    day = birthday(rng)
    body = f"{day:%y%m%d}{rng.randrange(1, 998):03d}"
    number = int(("2" if day.year >= 2000 else "") + body)
    return body + f"{97 - number % 97:02d}"


def se_number(rng: random.Random) -> str:
    body = f"{birthday(rng):%y%m%d}{digits(rng, 3)}"
    return body + luhn_digit(body)


def dk_number(rng: random.Random) -> str:
    return f"{birthday(rng):%d%m%y}{digits(rng, 4)}"


def no_number(rng: random.Random) -> str | None:
    body = f"{birthday(rng):%d%m%y}{digits(rng, 3)}"
    first = (11 - mod11(body, [3, 7, 6, 1, 8, 9, 4, 5, 2])) % 11
    second = (
        (11 - mod11(f"{body}{first}", [5, 4, 3, 2, 7, 6, 5, 4, 3, 2])) % 11 if first < 10 else 10
    )
    return None if first == 10 or second == 10 else f"{body}{first}{second}"


def fi_number(rng: random.Random) -> str:
    day, serial = birthday(rng), rng.randrange(2, 900)
    sign = "A" if day.year >= 2000 else "-"
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(f"{day:%d%m%y}{serial:03d}") % 31]
    return f"{day:%d%m%y}{sign}{serial:03d}{check}"


def pt_nif(rng: random.Random) -> str:
    body = rng.choice("125") + digits(rng, 7)
    rest = sum(int(mark) * (9 - place) for place, mark in enumerate(body)) % 11
    return body + ("0" if rest < 2 else str(11 - rest))


def ie_pps(rng: random.Random) -> str:
    body = digits(rng, 7)
    total = sum(int(mark) * (8 - place) for place, mark in enumerate(body))
    return body + "WABCDEFGHIJKLMNOPQRSTUV"[total % 23]


def uk_nino(rng: random.Random) -> str | None:
    made = rng.choice("ABCEGHJKLMNPRSTWXYZ") + rng.choice("ABCEGHJKLMNPRSTWXYZ")
    return None if made in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ") else made + digits(rng, 6) + rng.choice("ABCD")  # fmt: skip


def uk_nhs(rng: random.Random) -> str | None:
    body = rng.choice("4679") + digits(rng, 8)
    check = 11 - sum(int(body[i]) * (10 - i) for i in range(9)) % 11
    return None if check == 10 else body + ("0" if check == 11 else str(check))


def uk_utr(rng: random.Random) -> str:
    body = digits(rng, 9)
    rest = sum(int(m) * w for m, w in zip(body, [6, 7, 8, 9, 10, 5, 4, 3, 2], strict=True)) % 11
    return {0: "2", 1: "1", 2: "9", 3: "8", 4: "7", 5: "6", 6: "5", 7: "4", 8: "3", 9: "2", 10: "1"}[rest] + body  # fmt: skip


def uk_driving(rng: random.Random) -> str:
    day = birthday(rng)
    surname = rng.choice(["MORGA", "SMITH", "JONES", "LEE99", "EVANS", "PATEL", "WOOD9", "KHAN9"])
    month = day.month + (50 if rng.random() < 0.5 else 0)
    decade, year = f"{day:%y}"
    tail = letters(rng, 1) + rng.choice("9ABCJM") + rng.choice("23456789") + letters(rng, 2)
    return f"{surname}{decade}{month:02d}{day:%d}{year}{tail}"
