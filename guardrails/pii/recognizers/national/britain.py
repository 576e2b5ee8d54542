"""The United Kingdom and Ireland."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

from typing import Final

from guardrails.pii.recognizers.checksums import nhs_number
from guardrails.pii.recognizers.checksums_europe import ie_pps, uk_driving_licence, uk_utr
from guardrails.pii.recognizers.national.kinds import Kind
from guardrails.pii.recognizers.national.shapes import ID_WORDS, TAX_WORDS, groups, words

_NINO: Final = words(
    r"nino|nat(?:ional)? ins(?:urance)?(?: number| no| nr)?|ni (?:number|no)|n\.i\.(?: number| no)?"
)
_NHS: Final = words(
    r"nhs(?: number| no)?|national health(?: service)?(?: number)?|patient(?: id\w{0,12}| number| no)?|health service(?: number)?|medical|hospital",
    acronyms="GP",
)
_DRIVING: Final = words(
    r"driv(?:ing|er s?) ?licen[cs]es?(?: number| no)?|dvla|licen[cs]e(?: number| no)?"
)

BRITAIN: Final = (
    Kind(
        "UK_NINO",
        r"(?!(?i:BG|GB|NK|KN|TN|NT|ZZ))[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z][A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z][ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-Da-d]",
        _NINO,
        bare=0.8,
    ),
    Kind("UK_NINO", r"[A-Za-z]{2}[ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-Za-z]", words(r"nino|national insurance(?: number| no)?|ni (?:number|no)"), told=0.8),
    Kind("UK_NINO", r"ZZ ?\d{2} ?\d{2} ?\d{2} ?T", bare=0.7),
    Kind("UK_NHS", groups(3, 3, 4, gap="[ -]"), _NHS, nhs_number, 0.7, names=words(r"nhs(?: number| no)?")),
    Kind("UK_NHS", r"\d{10}", _NHS, nhs_number, names=words(r"nhs(?: number| no)?")),
    Kind("UK_UTR", groups(5, 5, gap="[ -]"), words(r"utr|unique tax(?:payer)? ref\w{0,7}(?: number)?|self assessment|hmrc"), uk_utr, 0, TAX_WORDS, names=words(r"utr|unique tax(?:payer)? ref\w{0,7}(?: number)?")),
    Kind("UK_UTR", r"\d{10}[Kk]?", words(r"utr|unique tax(?:payer)? ref\w{0,7}(?: number)?|self assessment|hmrc"), uk_utr, 0, TAX_WORDS, names=words(r"utr|unique tax(?:payer)? ref\w{0,7}(?: number)?")),
    Kind("UK_DRIVING_LICENCE", r"[A-Za-z9]{5}[ -]?\d{6}[ -]?[A-Za-z9]{2}[ -]?[A-Za-z0-9][ -]?[A-Za-z]{2}", _DRIVING, uk_driving_licence, 0.8, names=words(r"driving licence(?: number| no)?|dvla")),
    Kind("UK_SORT_CODE", r"\d{2}[- ]?\d{2}[- ]?\d{2}", words(r"sort codes?|sortcode|bank code|s/c"), told=0.84),
    Kind("IE_PPS", r"\d{7}[A-W][A-IW]?", "", ie_pps, 0.6),
    Kind("IE_PPS", r"\d{7}[ ]?[A-Wa-w][A-IWa-iw]?", words(r"pps(?: number| no|n)?|ppsn|personal public service(?: number)?|rsi"), ie_pps, 0, ID_WORDS + "|" + TAX_WORDS, names=words(r"pps(?: number| no)|ppsn")),
)  # fmt: skip
