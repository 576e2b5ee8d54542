"""Checksums of wallets' addresses. Pure functions of text to bool.

Sources: BIP-13, BIP-173, BIP-350 (Bitcoin), ERC-55 (Ethereum's mixed case) with Keccak-f[1600] as
submitted to the SHA-3 contest, XRPL's and TRON's base58 encodings, Monero's block-wise base58.
"""

from hashlib import sha256
from typing import Final

_BITCOIN: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_MASK: Final = (1 << 64) - 1
_ROTATIONS: Final = (
    (0, 36, 3, 41, 18), (1, 44, 10, 45, 2), (62, 6, 43, 15, 61),
    (28, 55, 25, 21, 56), (27, 20, 39, 8, 14),
)  # fmt: skip
_RATE: Final = 136


def base58_decode(text: str, length: int, alphabet: str = _BITCOIN) -> bytes | None:
    """The number as so many bytes; ``None`` if a character is foreign or it does not fit."""
    number = 0
    for character in text:
        digit = alphabet.find(character)
        if digit < 0:
            return None
        number = number * 58 + digit
    return number.to_bytes(length, "big") if number < 1 << (8 * length) else None


def base58_check(text: str, alphabet: str = _BITCOIN) -> bool:
    """Version byte, 20 bytes, four bytes of double SHA-256."""
    data = base58_decode(text, 25, alphabet)
    return data is not None and sha256(sha256(data[:21]).digest()).digest()[:4] == data[21:]


def ripple(text: str) -> bool:
    """XRP: the same in another alphabet."""
    return base58_check(text, _RIPPLE)


def tron(text: str) -> bool:
    """TRX: a version byte of 0x41, so a leading T."""
    return text.startswith("T") and base58_check(text)


def solana(text: str) -> bool:
    """A 32-byte key without a checksum; digits and both cases, as a random one has."""
    mixed = any(map(str.isdigit, text)) and any(map(str.islower, text))
    data = base58_decode(text, 32)
    return mixed and any(map(str.isupper, text)) and data is not None and data[0] != 0


def monero(text: str) -> bool:
    """Blocks of eleven characters make 8 bytes, the last seven make 5; Keccak checks it."""
    if len(text) not in (95, 106):
        return False
    data = b""
    for start in range(0, len(text), 11):
        block = text[start : start + 11]
        size = {11: 8, 7: 5}.get(len(block))
        part = base58_decode(block, size) if size else None
        if part is None:
            return False
        data += part
    return keccak_256(data[:-4])[:4] == data[-4:]


def ethereum(text: str) -> bool:
    """Forty hexadecimal digits; in mixed case they must carry ERC-55's checksum."""
    body = text[2:]
    if body in (body.lower(), body.upper()):
        return len(set(body)) > 3
    digest = keccak_256(body.lower().encode()).hex()
    return all(
        mark.isdigit() or mark.isupper() == (int(digest[index], 16) >= 8)
        for index, mark in enumerate(body)
    )


def keccak_256(data: bytes) -> bytes:
    """Keccak with the padding of the contest, as Ethereum uses it; not FIPS 202's SHA3-256."""
    padded = bytearray(data + b"\x01" + b"\x00" * (-(len(data) + 1) % _RATE))
    padded[-1] |= 0x80
    state = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            word = padded[start + 8 * lane : start + 8 * lane + 8]
            state[lane % 5][lane // 5] ^= int.from_bytes(word, "little")
        state = _permuted(state)
    return b"".join(state[lane % 5][lane // 5].to_bytes(8, "little") for lane in range(4))


def _permuted(state: list[list[int]]) -> list[list[int]]:
    register = 1
    for _ in range(24):
        parity = [a ^ b ^ c ^ d ^ e for a, b, c, d, e in state]
        turn = [parity[x - 1] ^ _rotate(parity[(x + 1) % 5], 1) for x in range(5)]
        mixed = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                lane = _rotate(state[x][y] ^ turn[x], _ROTATIONS[x][y])
                mixed[y][(2 * x + 3 * y) % 5] = lane
        state = [
            [mixed[x][y] ^ (~mixed[(x + 1) % 5][y] & mixed[(x + 2) % 5][y]) for y in range(5)]
            for x in range(5)
        ]
        for bit in range(7):
            register = (register << 1) ^ ((register >> 7) * 0x171)
            state[0][0] ^= (register >> 1 & 1) << ((1 << bit) - 1) if register & 2 else 0
    return state


def _rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _MASK
