"""Accounts, banks, cards, wallets."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import re
from typing import Final

from guardrails.pii.recognizers.base import Rule, RuleRecognizer, has_digit
from guardrails.pii.recognizers.checksums import (
    base58_address,
    bech32_address,
    card_number,
    iban,
)

_IBANS: Final = (
    Rule(
        "checksum",
        r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])",
        1.0,
        iban,
    ),
    Rule(
        "in groups of four",
        r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?(?![A-Za-z0-9])",
        1.0,
        iban,
    ),
    Rule(
        "compact, before a word",
        r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}[A-Z0-9]{11,30}(?![A-Za-z0-9])",
        1.0,
        iban,
    ),
    # One digit mistyped is still somebody's account.
    Rule(
        "beside the word",
        r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}(?![A-Za-z0-9])",
        0.7,
        lambda value: sum(map(str.isdigit, value)) >= 8,
        context=r"\biban\b|account|konto|compte|账户|账号",
    ),
)
_BIC: Final = Rule(
    "beside the word",
    r"(?<![A-Za-z0-9])[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?(?![A-Za-z0-9])",
    0.75,
    context=r"\bbic\b|swift|\bbank|iban",
)
_CARDS: Final = (
    Rule(
        "luhn",
        r"(?<![A-Za-z0-9_.+-])\d(?:[ \u00a0-]?\d){11,18}(?![A-Za-z0-9_]|[.-]\d)",
        0.95,
        card_number,
    ),
    Rule(
        "beside the word",
        r"(?<![A-Za-z0-9_.+-])\d{4}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?![A-Za-z0-9_])",
        0.7,
        lambda value: len(set(value)) > 3,
        context=r"credit ?card|debit ?card|card (?:number|no)|\bvisa\b|mastercard|\bamex\b|kreditkarte|kartennummer|carte (?:bancaire|de cr[ée]dit|bleue)|信用卡|银行卡|卡号",
    ),
)  # fmt: skip
_WALLETS: Final = (
    Rule(
        "bitcoin",
        r"(?<![A-Za-z0-9_])[13][1-9A-HJ-NP-Za-km-z]{25,34}(?![A-Za-z0-9_])",
        1.0,
        base58_address,
    ),
    Rule(
        "bech32",
        r"(?<![A-Za-z0-9_])(?:bc|tb|ltc)1[02-9ac-hj-np-z]{11,87}(?![A-Za-z0-9_])",
        1.0,
        bech32_address,
    ),
    Rule("ethereum", r"(?<![A-Za-z0-9_])0x[0-9a-fA-F]{40}(?![A-Za-z0-9_])", 0.9),
    Rule("monero", r"(?<![A-Za-z0-9_])[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}(?![A-Za-z0-9_])", 0.9),
)
_UPPER: Final = re.compile(r"[A-Z]{6}")


def finance_recognizers() -> list[RuleRecognizer]:
    """IBAN, BIC, card, wallet."""
    return [
        RuleRecognizer("IBAN_CODE", _IBANS, wanted=has_digit),
        RuleRecognizer("BIC", (_BIC,), wanted=lambda text: _UPPER.search(text) is not None),
        RuleRecognizer("CREDIT_CARD", _CARDS, wanted=has_digit),
        RuleRecognizer("CRYPTO", _WALLETS, wanted=has_digit),
    ]
