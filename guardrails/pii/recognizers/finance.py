"""Accounts, banks, cards, wallets."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import re
from typing import Final

from guardrails.pii.recognizers.base import Rule, RuleRecognizer, has_any, has_digit
from guardrails.pii.recognizers.checksums import (
    IBAN_LENGTHS,
    bech32_address,
    card_number,
    card_number_sure,
    card_number_told,
    iban,
)
from guardrails.pii.recognizers.checksums_crypto import (
    base58_check,
    ethereum,
    monero,
    ripple,
    solana,
    tron,
)
from guardrails.pii.recognizers.national.shapes import BEGIN, END, words
from guardrails.pii.recognizers.other_numbers import other_number

_IBAN_WORDS: Final = words(
    r"ibans?|(?:bank )?account(?: number| no)?|konto\w{0,8}|bankverbindung|compte|conto|cuenta|rekening\w{0,8}|rachun\w{0,4}|konta",
    "账户|账号|银行",
)
_BIC_WORDS: Final = words(
    r"bics?|swift(?: code| bic)?|bank(?:leitzahl| code| identifier)?|iban|blz|banque|banca|banco",
    "银行|国际代码",
)
_CARD_WORDS: Final = words(
    r"(?:credit|debit|bank|payment|gift|prepaid|charge|atm) ?cards?(?: number| no| nr)?|cards?(?: number| no| nr| num| ending)?|card ?number|visa|master ?card|amex|american express|discover|maestro|diners(?: club)?|jcb|union ?pay|rupay|"
    r"(?:kredit|bank|giro|ec|debit) ?karten?(?: nummer| nr)?|karten ?(?:nummer|nr)|karte|carte(?: bancaire| de cr[ée]dit| bleue| visa)?|tarjeta(?: de cr[ée]dito| de d[ée]bito)?|carta di credito|carta|karta|karty|creditcard\w{0,6}|betaalpas\w{0,4}",
    "信用卡|银行卡|卡号|借记卡|储蓄卡",
    acronyms="PAN|CB",
)
# ISO 3166, as the fifth and sixth letter of a BIC; it keeps most words in capitals out.
_COUNTRY: Final = (
    "A[DEFGILMOQRTUZ]|B[ABDEFGHIJLMNORSTWYZ]|C[ADFGHIKLMNORUVWYZ]|D[EJKMOZ]|E[CEGRST]|F[IJKMOR]|G[ABDEFGHILMNPQRTUWY]|H[KNRTU]|I[DELMNOQRST]|J[EMOP]|K[EGHIMNPRWYZ]|"
    "L[ABCIKRSTUVY]|M[ACDEFGHKLMNOPQRSTUVWXYZ]|N[ACEFGILOPRUZ]|OM|P[AEFGHKLMNRSTWY]|QA|R[EOSUW]|S[ABCDEGHIJKLMNORTVXYZ]|T[CDFGHJKLMNORTVWZ]|U[AGKSYZ]|V[ACEGINU]|W[FS]|XK|Y[ET]|Z[AMW]"
)


def _iban_shape() -> str:
    """Each country's length is known, so that an IBAN ends where it ends."""
    lengths: dict[int, list[str]] = {}
    for country, length in IBAN_LENGTHS.items():
        lengths.setdefault(length, []).append(country)
    return "|".join(
        rf"(?i:{'|'.join(sorted(countries))})[ ]?\d\d(?:[ \u00a0\u202f.-]?[A-Za-z0-9]){{{length - 4}}}"
        for length, countries in sorted(lengths.items())
    )


_IBANS: Final = (
    Rule("checksum", rf"(?<![A-Za-z0-9])(?:{_iban_shape()})(?![A-Za-z0-9])", 1.0, iban),
    # One digit mistyped is still somebody's account.
    Rule(
        "beside the word",
        r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){3,7}(?:[ -]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])",
        0.7,
        lambda value: sum(map(str.isdigit, value)) >= 8 and value[:2] in IBAN_LENGTHS,
        context=_IBAN_WORDS,
        close=True,
    ),
)  # fmt: skip
_BIC: Final = (
    Rule(
        "beside the word",
        rf"(?<![A-Za-z0-9])[A-Z]{{4}}(?:{_COUNTRY})[A-Z0-9]{{2}}(?:[A-Z0-9]{{3}})?(?![A-Za-z0-9])",
        0.75,
        context=_BIC_WORDS,
    ),
    Rule(
        "branch of a head office",
        rf"(?<![A-Za-z0-9])[A-Z]{{4}}(?:{_COUNTRY})[A-Z0-9]{{2}}XXX(?![A-Za-z0-9])",
        0.7,
    ),
    Rule(
        "lower case, at its word",
        rf"(?i:\b(?:bic|swift)(?:[ /-]?(?:code|bic|swift))?(?:[ ]?[:=]| is| ist| lautet| est)?[ ]?)(?P<v>(?i:[A-Z]{{4}}(?:{_COUNTRY})[A-Z0-9]{{2}}(?:[A-Z0-9]{{3}})?))(?![A-Za-z0-9])",
        0.7,
        lambda value: value.isupper() or value.islower(),
    ),
)  # fmt: skip
_S: Final = r"[ \u00a0\u202f.\u2010-\u2015-]"
_OTHER: Final = other_number(_CARD_WORDS)
_CARDS: Final = (
    Rule("luhn", rf"{BEGIN}\d{{12,19}}{END}", 0.83, card_number_sure, unless=_OTHER),
    Rule("luhn, in groups", rf"{BEGIN}(?:\d{{4}}(?:{_S}{{1,2}}\d{{4}}){{2,3}}(?:{_S}{{1,2}}\d{{1,4}})?|\d{{4}}{_S}{{1,2}}\d{{6}}{_S}{{1,2}}\d{{4,5}}|\d{{6}}{_S}\d{{10,13}}){END}", 0.84, card_number),
    Rule("luhn and word", rf"{BEGIN}\d(?:{_S}{{0,2}}\d){{11,18}}{END}", 0.88, card_number_told, context=_CARD_WORDS, unless=_OTHER),
    Rule(
        "beside the word",
        rf"{BEGIN}[3-6]\d{{3}}(?:{_S}?\d{{4}}){{3}}{END}",
        0.7,
        lambda value: len(set(value)) > 4,
        context=_CARD_WORDS,
        close=True,
        unless=_OTHER,
    ),
)  # fmt: skip
_WALLETS: Final = (
    Rule("bitcoin, litecoin, dogecoin", r"(?<![A-Za-z0-9_])[13LMDmn2][1-9A-HJ-NP-Za-km-z]{25,34}(?![A-Za-z0-9_])", 1.0, base58_check),
    Rule("bech32", r"(?<![A-Za-z0-9_])(?i:bc|tb|ltc|addr|cosmos|bnb)1[02-9ac-hj-np-zAC-HJ-NP-Z]{11,98}(?![A-Za-z0-9_])", 1.0, bech32_address),
    Rule("ethereum", r"(?<![A-Za-z0-9_])0[xX][0-9a-fA-F]{40}(?![A-Za-z0-9_])", 0.9, ethereum),
    Rule("ripple", r"(?<![A-Za-z0-9_])r[1-9A-HJ-NP-Za-km-z]{24,34}(?![A-Za-z0-9_])", 1.0, ripple),
    Rule("tron", r"(?<![A-Za-z0-9_])T[1-9A-HJ-NP-Za-km-z]{33}(?![A-Za-z0-9_])", 1.0, tron),
    Rule("solana", r"(?<![A-Za-z0-9_/+.-])[1-9A-HJ-NP-Za-km-z]{43,44}(?![A-Za-z0-9_/+=-]|\.\w)", 0.6, solana),
    Rule(
        "solana, told",
        r"(?<![A-Za-z0-9_])[1-9A-HJ-NP-Za-km-z]{32,44}(?![A-Za-z0-9_])",
        0.8,
        solana,
        context=words(r"solana|phantom|wallet(?: address)?|address", acronyms="SOL|SPL"),
    ),
    Rule("monero", r"(?<![A-Za-z0-9_])[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}(?:[1-9A-HJ-NP-Za-km-z]{11})?(?![A-Za-z0-9_])", 0.9, monero),
    Rule("monero, told", r"(?<![A-Za-z0-9_])[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}(?![A-Za-z0-9_])", 0.8, context=words(r"xmr|monero|wallet")),
    Rule("bitcoin cash", r"(?<![A-Za-z0-9_])(?:bitcoincash:)[qp][02-9ac-hj-np-z]{41}(?![A-Za-z0-9_])", 0.9),
    Rule("stellar", r"(?<![A-Za-z0-9_])G[A-D][A-Z2-7]{54}(?![A-Za-z0-9_])", 0.7),
)  # fmt: skip
_UPI: Final = Rule(
    "virtual payment address",
    r"(?<![A-Za-z0-9._@-])[A-Za-z0-9][A-Za-z0-9._-]{1,60}@(?i:ok(?:axis|sbi|hdfcbank|icici)|ybl|ibl|axl|paytm|pt(?:axis|hdfc|sbi|yes)|upi|apl|yapl|rapl|waicici|wa(?:axis|hdfcbank|sbi)|sbi|hdfcbank|icici|axisbank|axisb|kotak|ikwik|fbl|barodampay|cnrb|pnb|jupiteraxis|freecharge|airtel|jio|idfcbank|indus|federal|yesbank|yesbankltd|mahb|uboi|unionbank|aubank|dbs|hsbc|sc|citi|rbl|kbl|superyes|axis|slice|cred|gpay|phonepe|amazonpay)(?![A-Za-z0-9_@-]|\.[A-Za-z])",
    0.9,
)  # fmt: skip
_UPI_TOLD: Final = Rule(
    "told",
    r"(?<![A-Za-z0-9._@-])[A-Za-z0-9][A-Za-z0-9._-]{1,60}@[A-Za-z]{2,20}(?![A-Za-z0-9_@-]|\.[A-Za-z])",
    0.8,
    context=words(r"upi(?: id| address| handle)?|vpa|bhim|gpay|google pay|phonepe"),
)  # fmt: skip
_LONG_WORD: Final = re.compile(r"[A-Za-z0-9]{25}")
_UPPER: Final = re.compile(r"[A-Z]{6}|(?i:bic|swift)")


def finance_recognizers() -> list[RuleRecognizer]:
    """IBAN, BIC, card, wallet, Indian payment address."""
    return [
        RuleRecognizer("IBAN_CODE", _IBANS, wanted=has_digit),
        RuleRecognizer("BIC", _BIC, wanted=lambda text: _UPPER.search(text) is not None),
        RuleRecognizer("CREDIT_CARD", _CARDS, wanted=has_digit),
        RuleRecognizer("CRYPTO", _WALLETS, wanted=lambda text: _LONG_WORD.search(text) is not None),
        RuleRecognizer("IN_UPI", (_UPI, _UPI_TOLD), wanted=has_any("@")),
    ]
