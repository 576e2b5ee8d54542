"""National numbers, travel documents, licences, number plates."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import re
from typing import Final

from guardrails.pii.recognizers.base import Rule, RuleRecognizer, has_digit
from guardrails.pii.recognizers.checksums import (
    cn_resident_id,
    de_social_security,
    de_tax_id,
    digits_of,
    fr_nir,
    icao_check,
    nhs_number,
    us_ssn,
)

_B: Final = r"(?<![A-Za-z0-9_.+/-])"
_E: Final = r"(?![A-Za-z0-9_]|[.,/-]\d)"

# A document number without its word is any code: the word is required.
_PASSPORT: Final = r"passport|reisepass|\bpass(?:nummer|-?nr)|ausweis|passeport|护照|通行证"
_ID_CARD: Final = r"personalausweis|ausweis|\bperso\b|id[ -]?card|identity card"
_LICENCE: Final = (
    r"driver'?s? ?licen[cs]e|driving licen[cs]e|f[üu]hrerschein|permis de conduire|驾照|驾驶证"
)
_PLATE: Final = (
    r"kennzeichen|nummernschild|licen[cs]e plate|number plate|\bplate\b|registration|\bkfz\b|"
    r"\bauto\b|\bwagen\b|fahrzeug|\bpkw\b|immatriculation|plaque|parkt|geparkt|vehicle|\bcar\b"
)
_DE_PLATE: Final = r"[A-ZÄÖÜ]{1,3}[- ][A-ZÄÖÜ]{1,2}[ -]?[1-9]\d{0,3}[EH]?"


def _mixed(value: str) -> bool:
    return len(digits_of(value)) >= 4


_RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "US_SSN": (
        Rule("grouped", _B + r"\d{3}-\d{2}-\d{4}" + _E, 0.85, us_ssn),
        Rule(
            "beside the word",
            _B + r"\d{3}[- .]?\d{2}[- .]?\d{4}" + _E,
            0.7,
            context=r"\bssns?\b|social security|\bss#|sozialversicherung.{0,20}usa",
        ),
    ),
    "US_DRIVER_LICENSE": (
        Rule(
            "beside the word",
            _B + r"(?=\w*\d)[A-Za-z]{0,2}\d{4,14}[A-Za-z]?(?![A-Za-z0-9_])",
            0.65,
            context=_LICENCE + r"|driver.{0,3} licen",
        ),
    ),
    "UK_NINO": (
        Rule(
            "grouped",
            _B + r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]" + _E,
            0.8,
        ),
    ),
    "UK_NHS": (
        Rule("grouped", _B + r"\d{3}[ -]\d{3}[ -]\d{4}" + _E, 0.75, nhs_number,
             context=r"\bnhs\b|health service|patient|medical|health|hospital"),
        Rule("beside the word", _B + r"\d{10}" + _E, 0.75, nhs_number, context=r"\bnhs\b"),
    ),
    "DE_TAX_ID": (
        Rule("checksum", _B + r"[1-9]\d(?: ?\d{3}){3}" + _E, 0.7, de_tax_id),
        Rule(
            "beside the word",
            _B + r"[1-9]\d(?: ?\d{3}){3}" + _E,
            0.7,
            context=r"steuer-?id|identifikationsnummer|\bidnr|steuerliche|tax[ -]?id",
        ),
        Rule(
            "tax number",
            _B + r"\d{2,3}/\d{3,4}/\d{4,5}" + _E,
            0.75,
            context=r"steuernummer|steuer-?nr|st\.?-?nr|finanzamt",
        ),
    ),
    "DE_SOCIAL_SECURITY": (
        Rule("checksum", _B + r"\d{2} ?\d{6} ?[A-Za-z] ?\d{3}" + _E, 0.9, de_social_security),
        Rule(
            "beside the word",
            _B + r"\d{2} ?\d{6} ?[A-Z] ?\d{3}" + _E,
            0.75,
            context=r"versicherungsnummer|rentenversicherung|sozialversicherung|sv-?nummer|\brvnr",
        ),
        Rule(
            "health insurance",
            _B + r"[A-Z]\d{9}" + _E,
            0.7,
            context=r"krankenversicher|versichertennummer|gesundheitskarte|\bkvnr",
        ),
    ),
    "DE_ID_CARD": (
        Rule("checksum", _B + r"[LMNPRTVWXY][0-9CFGHJKLMNPRTVWXYZ]{8}\d" + r"D?" + _E, 0.65,
             lambda value: icao_check(value.rstrip("D")) and _mixed(value)),
        Rule(
            "beside the word",
            _B + r"(?=\w*\d)(?:[LMNPRTVWXY][0-9CFGHJKLMNPRTVWXYZ]{8}\d?|T\d{8,9})D?" + _E,
            0.7,
            context=_ID_CARD,
        ),
    ),
    "FR_NIR": (
        Rule(
            "checksum",
            _B + r"[1-478] ?\d{2} ?\d{2} ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2}" + _E,
            0.95,
            fr_nir,
        ),
        Rule(
            "beside the word",
            _B + r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3}(?: ?\d{2})?" + _E,
            0.75,
            context=r"s[ée]curit[ée] sociale|\bnir\b|num[ée]ro de s[ée]cu|\bnss\b",
        ),
    ),
    "CN_RESIDENT_ID": (
        Rule("checksum", r"(?<![\dA-Za-z])[1-9]\d{16}[\dXx](?![\dA-Za-z])", 1.0, cn_resident_id),
        Rule(
            "beside the word",
            r"(?<![\dA-Za-z])[1-9]\d{16}[\dXx](?![\dA-Za-z])",
            0.7,
            context=r"身份证|证件号|id (?:card|number)|resident id",
        ),
    ),
    "PASSPORT": (
        Rule(
            "beside the word",
            r"(?<![A-Za-z0-9])(?=[A-Z]*\d)[A-Z0-9]{8,9}(?![A-Za-z0-9])",
            0.7,
            _mixed,
            context=_PASSPORT,
        ),
        Rule("machine-readable zone", r"P[A-Z<][A-Z]{3}[A-Z<]{30,39}\s+[A-Z0-9<]{40,44}", 1.0),
    ),
    "LICENSE_PLATE": (
        Rule(
            "german",
            _B + _DE_PLATE + r"(?![A-Za-z0-9_-])",
            0.6,
            context=_PLATE,
        ),
        Rule("german, hyphen and space", _B + r"[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} [1-9]\d{0,3}[EH]?(?![A-Za-z0-9_-])", 0.7),
        Rule("chinese", r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]·?[A-HJ-NP-Z0-9]{5,6}(?![A-Za-z0-9])", 0.8, has_digit),
        Rule("french", _B + r"[A-HJ-NP-TV-Z]{2}-\d{3}-[A-HJ-NP-TV-Z]{2}" + _E, 0.7),
    ),
}  # fmt: skip
_MRZ: Final = re.compile("P[A-Z<]")


def national_id_recognizers() -> list[RuleRecognizer]:
    """One recognizer per kind of number."""
    return [
        RuleRecognizer(entity, rules, wanted=(lambda text: has_digit(text) or "<<" in text))
        for entity, rules in _RULES.items()
    ]
