"""Germany, Austria, Switzerland."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

from typing import Final

from guardrails.pii.recognizers.checksums import (
    de_social_security,
    de_tax_id,
    icao_check,
)
from guardrails.pii.recognizers.checksums_europe import (
    at_svnr,
    at_tax_number,
    ch_ahv,
    ch_uid,
    compact,
    de_health_insurance,
    de_licence,
)
from guardrails.pii.recognizers.national.kinds import Kind
from guardrails.pii.recognizers.national.shapes import (
    ID_WORDS,
    TAX_WORDS,
    digits,
    groups,
    words,
)

_TAX_ID: Final = words(
    r"steuer ?(?:liche )?(?:id|ident\w{0,22}|identifikations(?: nummer| nr))(?: nummer| nr)?|identifikations ?(?:nummer|nr)|(?:st )?id nr|st id(?: nr)?|idnr|"
    r"steuerliche\w? (?:id\w{0,20}|identifikations\w{0,8})|german tax (?:id\w{0,20}|number)|tax id\w{0,20}",
    "德国税号",
    acronyms="TIN",
)
_TAX_NUMBER: Final = words(
    r"steuer ?(?:nummer|nr)n?|st ?nr|finanzamt|german tax number|steuerliche nummer|tax number|tax no"
)
_PENSION: Final = words(
    r"(?:renten|sozial)?versicherungs? ?(?:nummer|nr)|rentenversicherung\w{0,10}|sozialversicherung\w{0,10}|sozialvers\w{0,5}|sv ?(?:nummer|nr)|rv ?(?:nummer|nr)|rvnr|svnr|"
    r"(?:german )?(?:social (?:security|insurance)|pension insurance)(?: number| no)?"
)
_HEALTH: Final = words(
    r"kranken(?:versicherten|versicherungs|kassen|versicherung|kasse)\w{0,10}(?: nummer| nr)?|versicherten ?(?:nummer|nr)|gesundheitskarte|egk|kvnr|kv ?(?:nummer|nr)|"
    r"health insurance(?: number| no| id)?|insured? (?:id|number|person)|barmer|techniker(?: krankenkasse)?",
    acronyms="AOK|TK|DAK",
)
_CARD: Final = words(
    r"(?:personal)?ausweis\w{0,14}|perso|id ?karte|identity card(?: number)?|id card(?: number)?|dokumenten ?nummer|serien ?nummer",
    "身份证",
)
_LICENCE: Final = words(
    r"f[üu]hrerschein\w{0,10}|fs ?nr|fahrerlaubnis\w{0,10}|german driv\w{0,5} licen[cs]e|driv(?:ing|er s?) ?licen[cs]es?(?: number| no)?|licen[cs]e(?: number| no)?"
)
_UID: Final = words(r"uid|mwst ?n\w{0,8}|unternehmens\w{0,24}", acronyms="IDE")
_AHV: Final = words(
    r"ahv\w{0,10}|avs|oasi|sozialversicherungs\w{0,10}|(?:num[ée]ro|no|n°) (?:d )?avs|social (?:security|insurance)(?: number)?|versicherten ?(?:nummer|nr)"
)
_SVNR: Final = words(
    r"svnr|sv ?(?:nummer|nr)|sozialversicherungs\w{0,10}|vers(?:icherungs)? ?(?:nummer|nr)|e card|[öo]gk|vsnr|social (?:security|insurance)(?: number)?|austrian"
)


def _id_card(value: str) -> bool:
    text = compact(value)
    return sum(mark.isdigit() for mark in text) >= 4 and icao_check(text[:10])


def _mixed(value: str) -> bool:
    return sum(mark.isdigit() for mark in value) >= 4


GERMANIC: Final = (
    Kind("DE_TAX_ID", digits(11, gap=r"[ \u00a0.\-/]"), _TAX_ID, de_tax_id, 0, TAX_WORDS, names=words(r"steuer ?(?:liche )?(?:id|ident\w{0,22}|identifikations(?: nummer| nr))(?: nummer| nr)?|identifikations ?(?:nummer|nr)|idnr")),
    Kind("DE_TAX_ID", r"[1-9]\d(?:[ \u00a0]?\d{3}){3}", "", de_tax_id, 0.7),
    Kind("DE_TAX_NUMBER", r"\d{2,3} ?/ ?\d{3,4} ?/ ?\d{4,5}", _TAX_NUMBER + "|" + TAX_WORDS, bare=0.6),
    Kind("DE_TAX_NUMBER", r"\d{10,11}|\d{3} \d{3} \d{5}|\d{2} \d{3} \d{5}|\d{3} \d{4} \d{4}|\d{4}0\d{8}", _TAX_NUMBER, told=0.84),
    Kind("DE_SOCIAL_SECURITY", r"\d{2}[ -]?\d{6}[ -]?[A-Za-z][ -]?\d{3}|\d{2} \d{2} ?\d{2} ?\d{2} [A-Za-z] \d{2} ?\d", _PENSION, de_social_security, 0.84, ID_WORDS),
    Kind("DE_SOCIAL_SECURITY", r"\d{2}[ ]?\d{6}[ ]?[A-Z][ ]?\d{3}", _PENSION, told=0.75),
    Kind("DE_HEALTH_INSURANCE", r"[A-Za-z][ ]?\d{3}[ ]?\d{3}[ ]?\d{3}|[A-Za-z]\d{9}(?:\d{10})?", _HEALTH, de_health_insurance, 0.62, names=words(r"kranken(?:versicherten|versicherungs|kassen)\w{0,10}(?: nummer| nr)?|versicherten ?(?:nummer|nr)|kvnr|kv ?(?:nummer|nr)")),
    Kind("DE_ID_CARD", r"[LMNPRTVWXYlmnprtvwxy][0-9CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz]{8}[ ]?\d[ ]?(?:[Dd]|[Dd]<<)?", _CARD + "|" + ID_WORDS, _id_card, 0.65),
    Kind("DE_ID_CARD", r"(?=[A-Z]{0,8}\d)[LMNPRTVWXY][0-9CFGHJKLMNPRTVWXYZ]{8}|T\d{8}", _CARD, _mixed, close=True, told=0.78),
    Kind("DE_FUEHRERSCHEIN", r"[A-Za-z0-9]\d{2}[A-Za-z0-9]{6}[0-9Xx][A-Za-z0-9]", _LICENCE, lambda value: de_licence(value) and _mixed(value), close=True, told=0.84),
    Kind("AT_SVNR", r"\d{4}[ /-]?\d{6}|\d{4} \d{2} \d{2} \d{2}", _SVNR, at_svnr, 0, ID_WORDS, names=words(r"svnr|sv ?(?:nummer|nr)|sozialversicherungs\w{0,10}")),
    Kind("AT_SVNR", groups(4, 6, gap="[ -]"), "", at_svnr, 0.72, names=words(r"svnr|sv ?(?:nummer|nr)|sozialversicherungs\w{0,10}")),
    Kind("AT_TAX_NUMBER", r"\d{2}[ -]?\d{3}/?\d{4}", words(r"steuer ?(?:nummer|nr)|st ?nr|abgabenkonto\w{0,8}|finanzamt|tax (?:number|no|id\w{0,12})|finanzonline"), at_tax_number, names=words(r"abgabenkonto\w{0,8}")),
    Kind("AT_TAX_NUMBER", r"\d{2}[ -]\d{3}/\d{4}", TAX_WORDS, at_tax_number, 0.7, names=words(r"abgabenkonto\w{0,8}")),
    Kind("CH_AHV", r"756[. -]?\d{4}[. -]?\d{4}[. -]?\d{2}", _AHV, ch_ahv, 0.84, names=words(r"ahv\w{0,10}|avs")),
    Kind("CH_AHV", r"756\.\d{4}\.\d{4}\.\d{2}", _AHV, told=0.8, names=words(r"ahv\w{0,10}|avs")),
    Kind("CH_UID", r"CHE-\d{3}\.\d{3}\.\d{3}|CHE\d{9}", bare=0.7),
    Kind("CH_UID", r"(?i:CHE)[ -]?\d{3}[. ]?\d{3}[. ]?\d{3}(?:[ ]?(?i:MWST|TVA|IVA|HR))?", words(r"uid|mwst\w{0,8}|unternehmens\w{0,24}|vat|tva", acronyms="IDE"), ch_uid, 0.84, names=_UID),
)  # fmt: skip
