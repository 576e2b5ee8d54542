"""Numbers of America, Asia, Australia, Africa; cards, accounts, wallets; check digits worked out.

Each function draws one number from ``random``, without separators.
"""

# A table, or a formula, reads best on one line.
# ruff: noqa: E501

import random
from hashlib import sha256
from typing import Final

from guardrails.training.structured.numbers_europe import (
    LETTERS,
    birthday,
    digits,
    letters,
    luhn_digit,
)

_B58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_XRP: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_B32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def us_ssn(rng: random.Random) -> str:
    area = rng.choice([n for n in (rng.randrange(1, 900) for _ in range(4)) if n != 666])
    return f"{area:03d}{rng.randrange(1, 100):02d}{rng.randrange(1, 10_000):04d}"


def us_itin(rng: random.Random) -> str:
    return f"9{digits(rng, 2)}{rng.choice([*range(50, 66), *range(70, 89), 90, 91, 92, 94, 99])}{rng.randrange(1, 10_000):04d}"


def us_ein(rng: random.Random) -> str:
    return rng.choice(["10", "12", "20", "27", "36", "45", "52", "61", "74", "82", "94"]) + digits(rng, 7)  # fmt: skip


def us_routing(rng: random.Random) -> str:
    body = f"{rng.choice([*range(1, 13), *range(21, 33)]):02d}{digits(rng, 6)}"
    total = sum(int(mark) * [3, 7, 1][place % 3] for place, mark in enumerate(body))
    return body + str((10 - total % 10) % 10)


def us_npi(rng: random.Random) -> str:
    body = rng.choice("12") + digits(rng, 8)
    return body + luhn_digit("80840" + body)


def us_dea(rng: random.Random) -> str:
    body = digits(rng, 6)
    total = int(body[0]) + int(body[2]) + int(body[4])
    total += 2 * (int(body[1]) + int(body[3]) + int(body[5]))
    return rng.choice("ABFGM") + rng.choice(LETTERS) + body + str(total % 10)


def us_mbi(rng: random.Random) -> str:
    pool = "ACDEFGHJKMNPQRTUVWXY"
    mixed = pool + "0123456789"
    return (
        rng.choice("123456789") + rng.choice(pool) + rng.choice(mixed) + digits(rng, 1) + rng.choice(pool)
        + rng.choice(mixed) + digits(rng, 1) + letters(rng, 2, pool) + digits(rng, 2)
    )  # fmt: skip


def ca_sin(rng: random.Random) -> str:
    body = rng.choice("1234567") + digits(rng, 7)
    return body + luhn_digit(body)


def br_cpf(rng: random.Random) -> str:
    body = digits(rng, 9)
    for size in (10, 11):
        rest = sum(int(mark) * (size - place) for place, mark in enumerate(body)) % 11
        body += "0" if rest < 2 else str(11 - rest)
    return body


def br_cnpj(rng: random.Random) -> str:
    body = digits(rng, 8) + "0001"
    for weights in ([5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]):
        rest = sum(int(mark) * weight for mark, weight in zip(body, weights, strict=True)) % 11
        body += "0" if rest < 2 else str(11 - rest)
    return body


def mx_curp(rng: random.Random) -> str:
    day = birthday(rng)
    body = (
        letters(rng, 1, "BCDGLMRSV") + rng.choice("AEIOU") + letters(rng, 2, "BCDGLMRSV") + f"{day:%y%m%d}"
        + rng.choice("HM") + rng.choice(["DF", "JC", "NL", "MC", "PL"]) + letters(rng, 3, "BCDGLMRSV") + rng.choice("0123")
    )  # fmt: skip
    order = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(order.index(mark) * (18 - place) for place, mark in enumerate(body))
    return body + str((10 - total % 10) % 10)


def cn_id(rng: random.Random) -> str:
    region = rng.choice(["110101", "310115", "440305", "330106", "510107", "320102", "420106"])
    body = f"{region}{birthday(rng):%Y%m%d}{rng.randrange(1, 1000):03d}"
    total = sum(int(mark) * (2 ** (17 - place) % 11) for place, mark in enumerate(body))
    rest = (12 - total % 11) % 11
    return body + ("X" if rest == 10 else str(rest))


def cn_id_old(rng: random.Random) -> str:
    day = birthday(rng)
    return f"{rng.choice(['110101', '310115', '440305', '330106'])}{day:%y%m%d}{rng.randrange(1, 1000):03d}"


def cn_code(rng: random.Random) -> str:
    order = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = rng.choice(["91", "92", "12"]) + rng.choice(["110108", "310115", "440300"]) + letters(rng, 9, order)  # fmt: skip
    weight, total = 1, 0
    for mark in body:
        total += order.index(mark) * weight
        weight = weight * 3 % 31
    return body + order[(31 - total % 31) % 31]


def in_aadhaar(rng: random.Random) -> str:
    """Verhoeff by the group itself: the digits are the symmetries of a pentagon."""

    def times(a: int, b: int) -> int:
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b - 5) % 5
        return 5 + (a - 5 - b) % 5 if b < 5 else (a - b) % 5

    permutation = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    body = rng.choice("23456789") + digits(rng, 10)
    check = 0
    for place, mark in enumerate(body[::-1], start=1):
        value = int(mark)
        for _ in range(place % 8):
            value = permutation[value]
        check = times(check, value)
    return body + str(next(d for d in range(10) if times(check, d) == 0))


def in_pan(rng: random.Random) -> str:
    return letters(rng, 3) + rng.choice("PPPCHFAT") + letters(rng, 1) + digits(rng, 4) + letters(rng, 1)  # fmt: skip


def in_gstin(rng: random.Random) -> str:
    order = "0123456789" + LETTERS
    body = f"{rng.randrange(1, 38):02d}{in_pan(rng)}{rng.randrange(1, 9)}Z"
    total = 0
    for place, mark in enumerate(body):
        product = order.index(mark) * (2 if place % 2 else 1)
        total += product // 36 + product % 36
    return body + order[(36 - total % 36) % 36]


def au_tfn(rng: random.Random) -> str | None:
    body = rng.choice("123456789") + digits(rng, 7)
    total = sum(int(mark) * weight for mark, weight in zip(body, [1, 4, 3, 7, 5, 8, 6, 9], strict=True))  # fmt: skip
    fitting = [last for last in range(10) if (total + 10 * last) % 11 == 0]
    return f"{body}{fitting[0]}" if fitting else None


def au_medicare(rng: random.Random) -> str:
    body = rng.choice("23456") + digits(rng, 7)
    check = sum(int(mark) * weight for mark, weight in zip(body, [1, 3, 7, 9, 1, 3, 7, 9], strict=True)) % 10  # fmt: skip
    return f"{body}{check}{rng.randrange(1, 6)}"


def jp_number(rng: random.Random) -> str:
    body = digits(rng, 11)
    total = sum(int(mark) * weight for mark, weight in zip(body, [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], strict=True))  # fmt: skip
    return body + str(0 if total % 11 < 2 else 11 - total % 11)


def kr_rrn(rng: random.Random) -> str:
    day = birthday(rng)
    body = f"{day:%y%m%d}{rng.choice('12' if day.year < 2000 else '34')}{digits(rng, 5)}"
    total = sum(int(mark) * weight for mark, weight in zip(body, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5], strict=True))  # fmt: skip
    return body + str((11 - total % 11) % 10)


def sg_nric(rng: random.Random) -> str:
    first, body = rng.choice("STFG"), digits(rng, 7)
    total = sum(int(mark) * weight for mark, weight in zip(body, [2, 7, 6, 5, 4, 3, 2], strict=True))  # fmt: skip
    total += 4 if first in "TG" else 0
    return first + body + ("JZIHGFEDCBA" if first in "ST" else "XWUTRQPNMLK")[total % 11]


def za_id(rng: random.Random) -> str:
    body = f"{birthday(rng):%y%m%d}{digits(rng, 4)}08"
    return body + luhn_digit(body)


def tr_id(rng: random.Random) -> str:
    body = rng.choice("123456789") + digits(rng, 8)
    tenth = (7 * sum(map(int, body[0::2])) - sum(map(int, body[1::2]))) % 10
    return f"{body}{tenth}{(sum(map(int, body)) + tenth) % 10}"


def card(rng: random.Random) -> str:
    prefix, size = rng.choice([("4", 16), ("51", 16), ("55", 16), ("2223", 16), ("34", 15), ("37", 15), ("36", 14), ("6011", 16), ("65", 16), ("3530", 16), ("62", 16), ("62", 19)])  # fmt: skip
    body = prefix + digits(rng, size - 1 - len(prefix))
    return body + luhn_digit(body)


def cn_card(rng: random.Random) -> str:
    body = rng.choice(["622202", "621700", "622848", "621661"]) + digits(rng, 12)
    return body + luhn_digit(body)


def iban(rng: random.Random) -> str:
    country, shape = rng.choice([("DE", "n18"), ("FR", "n10a11n2"), ("GB", "l4n14"), ("ES", "n20"), ("IT", "l1n10a12"), ("NL", "l4n10"), ("PL", "n24"), ("AT", "n16"), ("CH", "n5a12"), ("BE", "n12"), ("SE", "n20"), ("PT", "n21"), ("DK", "n14"), ("IE", "l4n14"), ("LU", "n3a13")])  # fmt: skip
    body, index = "", 0
    while index < len(shape):
        kind, size = shape[index], ""
        index += 1
        while index < len(shape) and shape[index].isdigit():
            size += shape[index]
            index += 1
        pool = {"n": "0123456789", "l": LETTERS, "a": "0123456789" + "ABCDEFGHJK"}[kind]
        body += letters(rng, int(size), pool)
    number = "".join(str(ord(m) - 55) if m.isalpha() else m for m in body + country + "00")
    return f"{country}{98 - int(number) % 97:02d}{body}"


def _base58(data: bytes, order: str) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = order[rest] + text
    return order[0] * (len(data) - len(data.lstrip(b"\0"))) + text


def base58_address(rng: random.Random, version: int, order: str = _B58) -> str:
    payload = bytes([version]) + rng.randbytes(20)
    return _base58(payload + sha256(sha256(payload).digest()).digest()[:4], order)


def ripple(rng: random.Random) -> str:
    return base58_address(rng, 0, _XRP)


def solana(rng: random.Random) -> str:
    return _base58(bytes([rng.randrange(1, 256)]) + rng.randbytes(31), _B58)


def segwit(rng: random.Random, human: str, version: int) -> str:
    """BIP-173 and, from version 1 on, BIP-350."""
    value = int.from_bytes(rng.randbytes(20 if version == 0 else 32), "big")
    bits = f"{value:0{160 if version == 0 else 256}b}"
    bits += "0" * (-len(bits) % 5)
    data = [version] + [int(bits[i : i + 5], 2) for i in range(0, len(bits), 5)]
    expanded = [ord(m) // 32 for m in human] + [0] + [ord(m) % 32 for m in human]
    remainder = _polymod(expanded + data + [0] * 6) ^ (1 if version == 0 else 0x2BC830A3)
    data += [remainder >> 5 * (5 - i) & 31 for i in range(6)]
    return human + "1" + "".join(_B32[value] for value in data)


def _polymod(values: list[int]) -> int:
    generators = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    state = 1
    for value in values:
        high, state = state >> 25, (state & 0x1FFFFFF) * 32 ^ value
        for place, generator in enumerate(generators):
            if high & 1 << place:
                state ^= generator
    return state
