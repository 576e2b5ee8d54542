"""Values that look like identifiers and are none."""

# A table reads best with a row on one line.
# ruff: noqa: E501

import random
import uuid
from collections.abc import Callable
from typing import Final

from guardrails.training.structured import numbers_world as world
from guardrails.training.structured.numbers_europe import digits, letters, luhn_digit


def _order(rng: random.Random) -> str:
    year = rng.randrange(2019, 2027)
    return rng.choice([
        f"#{digits(rng, 6)}", f"ORD-{year}-{digits(rng, 5)}", f"{digits(rng, 4)}-{year}", f"INV{digits(rng, 8)}", f"RE-{year}/{digits(rng, 4)}",
        f"{letters(rng, 2)}-{digits(rng, 7)}", digits(rng, 7), digits(rng, 8), digits(rng, 10), f"PO{digits(rng, 6)}", f"{year}{digits(rng, 6)}",
        f"1{digits(rng, 2)}-{digits(rng, 7)}-{digits(rng, 7)}",
    ])  # fmt: skip


def _moment(rng: random.Random) -> str:
    day = f"20{rng.randrange(10, 27)}-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"
    return rng.choice(
        [
            f"{day}T{rng.randrange(24):02d}:30:12Z",
            f"{day} 14:05:{rng.randrange(60):02d}",
            day,
            f"1{digits(rng, 9)}",
            f"1{digits(rng, 12)}",
            day.replace("-", "") + "120501",
            f"{rng.randrange(1, 28)}.{rng.randrange(1, 13)}.2024",
        ]
    )


def _version(rng: random.Random) -> str:
    return rng.choice(
        [
            f"{rng.randrange(20)}.{rng.randrange(20)}.{rng.randrange(20)}",
            f"v{rng.randrange(9)}.{rng.randrange(9)}.{rng.randrange(9)}-rc{rng.randrange(9)}",
            f"v{rng.randrange(9)}.{rng.randrange(9)}.{rng.randrange(9)}.{rng.randrange(9)}",
            "2024.1.3",
            f"10.0.{rng.randrange(10000, 30000)}",
        ]
    )


def _hash(rng: random.Random) -> str:
    return rng.choice(
        [
            rng.randbytes(20).hex(),
            rng.randbytes(16).hex(),
            rng.randbytes(32).hex(),
            rng.randbytes(4).hex()[:7],
            "sha256:" + rng.randbytes(32).hex(),
            str(uuid.UUID(bytes=rng.randbytes(16), version=4)),
            str(uuid.UUID(bytes=rng.randbytes(16), version=4)).upper(),
        ]
    )


def _ean(rng: random.Random) -> str:
    body = rng.choice(["400", "978", "979", "590", "871", "301"]) + digits(rng, 9)
    total = sum(int(mark) * (3 if place % 2 else 1) for place, mark in enumerate(body))
    code = body + str((10 - total % 10) % 10)
    return rng.choice(
        [
            code,
            f"{code[:3]}-{code[3]}-{code[4:6]}-{code[6:12]}-{code[12]}",
            f"{code[:3]} {code[3:]}",
        ]
    )


def _price(rng: random.Random) -> str:
    return rng.choice(
        [
            f"${rng.randrange(10, 99)},{digits(rng, 3)}.{digits(rng, 2)}",
            f"{rng.randrange(1, 99)}.{digits(rng, 3)},{digits(rng, 2)} EUR",
            f"{digits(rng, 4)},{digits(rng, 2)} €",
            f"¥{digits(rng, 5)}",
            f"{rng.randrange(1, 9)} {digits(rng, 3)} {digits(rng, 3)} €",
            f"{rng.randrange(1, 9)},{digits(rng, 3)},{digits(rng, 3)} USD",
        ]
    )


def _part(rng: random.Random) -> str:
    return rng.choice(
        [
            f"{digits(rng, 3)}-{digits(rng, 4)}-{letters(rng, 2)}",
            f"PN-{digits(rng, 3)}-{digits(rng, 3)}-{digits(rng, 4)}-A",
            f"{letters(rng, 3)}-{digits(rng, 4)}-{letters(rng, 1)}",
            f"SKU{digits(rng, 9)}",
            f"{letters(rng, 2)}{digits(rng, 5)}-{digits(rng, 2)}",
            f"RTX {digits(rng, 4)}",
            f"A{digits(rng, 4)}/{digits(rng, 2)}",
            f"{letters(rng, 4)}-{digits(rng, 10)}",
        ]
    )


def _place(rng: random.Random) -> str:
    return rng.choice(
        [
            f"52.{digits(rng, 6)}, 13.{digits(rng, 6)}",
            f"48.{digits(rng, 4)}° N, 2.{digits(rng, 4)}° E",
            f"-33.{digits(rng, 5)},151.{digits(rng, 5)}",
        ]
    )


def _wrong(rng: random.Random) -> str:
    """Right shapes with wrong check digits."""
    body = "4" + digits(rng, 14)
    card = body + str((int(luhn_digit(body)) + rng.randrange(1, 10)) % 10)
    code = world.cn_id(rng)
    return rng.choice([
        f"{card[:4]} {card[4:8]} {card[8:12]} {card[12:]}", card,
        f"{code[:17]}{'0123456789X'[('0123456789X'.index(code[17]) + rng.randrange(1, 11)) % 11]}",
        f"DE00{digits(rng, 18)}", f"666-{rng.randrange(10, 99)}-{digits(rng, 4)}", f"000-{rng.randrange(10, 99)}-{digits(rng, 4)}",
    ])  # fmt: skip


def _tracking(rng: random.Random) -> str:
    return rng.choice(
        [
            f"1Z{letters(rng, 3)}{digits(rng, 2)}{digits(rng, 10)}",
            f"JD0{digits(rng, 17)}",
            f"{letters(rng, 2)}{digits(rng, 9)}{rng.choice(['DE', 'CN', 'FR'])}",
            f"9400 1{digits(rng, 3)} {digits(rng, 4)} {digits(rng, 4)} {digits(rng, 4)} {digits(rng, 2)}",
            f"0034{digits(rng, 16)}",
            f"SF{digits(rng, 13)}",
        ]
    )


def _machine(rng: random.Random) -> str:
    return rng.choice(
        [
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.0",
            "::1",
            f"localhost:{rng.randrange(1000, 9999)}",
            f"0x{rng.randbytes(4).hex()}",
            f"{rng.randbytes(2).hex()}:{rng.randbytes(2).hex()}",
            f"port {rng.randrange(1000, 65000)}",
            f"pid {rng.randrange(1000, 99999)}",
            f"v1.2.3.{rng.randrange(9)}",
            f"#{rng.randbytes(3).hex()}",
        ]
    )


def _score(rng: random.Random) -> str:
    return rng.choice(
        [
            f"{rng.randrange(5)}:{rng.randrange(5)}",
            f"{rng.randrange(60, 130)}-{rng.randrange(60, 130)}",
            f"{rng.randrange(100)}.{digits(rng, 1)}%",
            f"{rng.randrange(2, 9)}/10",
            f"{digits(rng, 1)}.{digits(rng, 12)}",
            f"1:{digits(rng, 5)}",
            f"{digits(rng, 6)} / {digits(rng, 6)}",
        ]
    )


MAKERS: Final[tuple[Callable[[random.Random], str], ...]] = (_order, _moment, _version, _hash, _ean, _price, _part, _place, _wrong, _tracking, _machine, _score)  # fmt: skip


def look_alike(rng: random.Random) -> str:
    return rng.choice(MAKERS)(rng)
