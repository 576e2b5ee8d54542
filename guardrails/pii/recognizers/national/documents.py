"""What every country has: VAT numbers, passports, number plates, patient and member numbers."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

from collections.abc import Callable
from typing import Final

from guardrails.pii.recognizers.base import Rule, has_digit
from guardrails.pii.recognizers.checksums import digits_of, luhn
from guardrails.pii.recognizers.checksums_europe import (
    at_vat,
    be_vat,
    compact,
    de_vat,
    es_cif,
    es_dni,
    es_nie,
    fr_vat,
    it_vat,
    pl_nip,
    pt_nif,
    uk_vat,
)
from guardrails.pii.recognizers.national.kinds import Kind
from guardrails.pii.recognizers.national.shapes import TAX_WORDS, words

_VAT_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "DE": de_vat, "ATU": at_vat, "AT": at_vat, "FR": fr_vat, "IT": it_vat, "BE": be_vat, "PT": pt_nif, "PL": pl_nip,
    "GB": uk_vat, "XI": uk_vat, "NL": lambda value: len(digits_of(value)) == 11,
    "ES": lambda value: es_cif(value) or es_dni(value) or es_nie(value),
    "SE": lambda value: len(digits_of(value)) == 12 and luhn(digits_of(value)[:10]),
}  # fmt: skip
_VAT_WORDS: Final = words(
    r"vat(?: id\w{0,14}| number| no| reg\w{0,9}| code| nr)?(?: number| no)?|ust ?id\w{0,4}(?: nr| nummer)?|umsatzsteuer\w{0,26}|uid(?: nummer| nr)?|mwst\w{0,8}|tva|(?:n[ui]mero (?:de )?)?tva intracommunautaire|"
    r"partita iva|btw(?: nummer| nr| id)?|momsreg\w{0,16}|moms ?n[ru]\w{0,4}|alv ?n\w{0,8}",
    "增值税|税号",
    acronyms="IVA|NIP|BTW|MOMS",
)


def _vat(value: str) -> bool:
    text = compact(value)
    prefix = "ATU" if text.startswith("ATU") else text[:2]
    check = _VAT_CHECKS.get(prefix)
    return check is None or check(text[len(prefix) :])


def _mixed(value: str) -> bool:
    return sum(mark.isdigit() for mark in value) >= 4


def _plate(value: str) -> bool:
    text = compact(value)
    return 4 <= len(text) <= 9 and not text.isdigit() and not text.isalpha()


_EU: Final = r"(?:ATU|AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|GB|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)"
_PASSPORT: Final = words(
    r"passports?(?: number| no| nr| num| id)?|reisep[aä]ss\w{0,9}|pass(?:nummer| nr| no| number)|passeports?|pasaportes?|passaport[oie]|paszport\w{0,4}|paspoort\w{0,8}|passport book|travel document",
    "护照|通行证",
)
_PLATE: Final = words(
    r"\w{0,12}kennzeichen|nummernschild\w{0,4}|licen[cs]e plates?(?: number)?|number ?plates?|plates?(?: number| no)?|vehicle (?:number|no)|(?:vehicle |car )?reg(?:istration)?(?: number| no| plate| mark)|(?:vehicle|car) (?:reg|registration)|registered|vrn|immatricul\w{0,8}|plaque(?: d immatriculation)?|"
    r"targa|targhe|matr[íi]cula|kenteken\w{0,5}|rejestracyj\w{0,4}|tablic\w{0,4}|kontrollschild\w{0,2}|kfz\w{0,14}",
    "车牌|牌照|号牌",
)
_VEHICLE: Final = words(
    r"cars?|auto|wagen|fahrzeug\w{0,6}|pkw|parkt|geparkt\w{0,2}|parked|vehicles?|voiture|v[ée]hicule|garée?|coche|veh[íi]culo|macchina|veicolo|samoch[óo]d\w{0,3}|pojazd\w{0,3}|voertuig|drives?|driving|driver|van|truck|taxi|f[äa]hrt|halter\w{0,3}|sedan|suv|lkw|toyota|ford|bmw|vw|audi|mercedes|tesla|renault|peugeot|fiat|honda",
    "汽车|轿车|车辆|开车|驾驶",
)
_MRN: Final = words(
    r"mrns?|med(?:ical)? records?(?: number| no| nr| id| ?#)?|patient(?:en)? (?:id\w{0,12}|number|no|nr|nummer|record|file|akte)|patientennummer|fallnummer|chart (?:number|no|id)|hospital (?:number|no|id)|"
    r"krankenakte\w{0,8}|patientenakte\w{0,8}|aktenzeichen|dossier (?:m[ée]dical|patient)|num[ée]ro (?:de )?(?:patient|dossier)|historia cl[íi]nica|cartella clinica|health record(?: number| no)?|admission (?:number|no|id)|ipp|nhc",
    "病历号|病案号|住院号|门诊号|就诊号|患者编号",
)
_INSURANCE: Final = words(
    r"(?:health |medical )?insurance (?:id\w{0,12}|number|no|nr|card|member|policy|policy number)(?: number| no)?|(?:health )?insurance(?: plan)? (?:member )?id|member (?:id\w{0,12}|number|no)|policy ?holder (?:id|number)|subscriber (?:id|number)|health plan(?: id| number| beneficiary)?(?: number)?|"
    r"group (?:number|no|id)|policy (?:number|no|nr|id|#)|(?:blue cross|blue shield|aetna|cigna|humana|kaiser|anthem|united ?healthcare)(?: member| id)?|versicherungs ?(?:schein)? ?(?:nummer|nr)|police ?n?nummer|polizza|p[óo]liza|num[ée]ro (?:d assur[ée]|de contrat|d adh[ée]rent|de police|de mutuelle)|mutuelle|carte europ[ée]enne|ehic|medicaid(?: id| number| no)?|insurer",
    "医保卡号|医保号|医保编号|社保卡号|社会保障号|保单号|保险单号|医疗保险",
)
_ID_TOLD: Final = words(
    r"national (?:id|identity|identification)(?: number| no| card)?(?: number| no)?|identity (?:card|document|number|no)(?: number| no)?|id card(?: number| no)?|citizen id|government id|personalausweis\w{0,8}|ausweis ?(?:nummer|nr)|"
    r"carte d identit[ée]|pi[èe]ce d identit[ée]|personal (?:id|identity|identification) (?:number|code|no)",
    "身份证号?码?|证件号码?",
)
_TAX_TOLD: Final = words(
    r"tax(?:payer)? (?:id\w{0,12}|identification|ref\w{0,7})(?: number| no)?|tin(?: number| no)?|steuer ?(?:id\w{0,22}|nummer|nr)|num[ée]ro fiscal|codice fiscale|identificaci[óo]n fiscal|fiscal code",
    "税号|纳税人识别号",
)
# Letters then digits; a further group, after a gap, begins with at most three letters, so that no
# word of the sentence is taken for one.
_CODE: Final = r"(?:[A-Za-z]{1,6}[/._#-]?)?\d[A-Za-z0-9]{0,14}(?:[ /._-][A-Za-z]{0,3}\d[A-Za-z0-9]{0,11}){0,4}(?:-[A-Za-z]{1,3})?"
_STATES_IN: Final = "AN|AP|AR|AS|BR|CG|CH|DD|DL|DN|GA|GJ|HP|HR|JH|JK|KA|KL|LA|LD|MH|ML|MN|MP|MZ|NL|OD|OR|PB|PY|RJ|SK|TN|TR|TS|UK|UP|WB"
_CANTONS: Final = "AG|AI|AR|BE|BL|BS|FR|GE|GL|GR|JU|LU|NE|NW|OW|SG|SH|SO|SZ|TG|TI|UR|VD|VS|ZG|ZH"

DOCUMENTS: Final = (
    Kind("VAT_ID", rf"{_EU}[ -]?[A-Z0-9]{{2,4}}(?:[ .-]?[A-Z0-9]{{2,9}}){{1,3}}", _VAT_WORDS + "|" + TAX_WORDS, lambda value: _vat(value) and _mixed(value)),
    Kind("VAT_ID", rf"{_EU}[ ]?[A-Za-z0-9]{{0,4}}[ ]?\d{{7,12}}[A-Za-z0-9]{{0,3}}", _VAT_WORDS, _mixed, close=True, told=0.74),
    Kind("VAT_ID", r"(?i:ATU) ?\d{8}", bare=0.7),
    Kind("VAT_ID", r"ATU ?\d{8}|DE ?\d{9}|DE ?\d{3} \d{3} \d{3}|FR ?[0-9A-Z]{2} ?\d{9}|FR ?\d{2} \d{3} \d{3} \d{3}|NL ?\d{9}B\d{2}|BE ?[01]\d{9}|BE ?[01]\d{3}\.\d{3}\.\d{3}|GB ?\d{3} ?\d{4} ?\d{2}|ES ?[A-Z]\d{8}|ES ?[A-Z]\d{7}[A-Z]|ES ?\d{8}[A-Z]|PT ?\d{9}|SE ?\d{10}01", "", _vat, 0.8),
    Kind("PASSPORT", r"[A-Za-z]{0,3}\d{5,9}[A-Za-z]?|[A-Za-z]\d[A-Za-z\d]{6,8}|[A-Za-z]{1,2}[ -]\d{6,8}|\d{2} ?[A-Za-z]{2} ?\d{5}|\d{3} ?\d{3} ?\d{3}|[A-Za-z]\d ?\d{3} ?\d{3,4}|[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}\d?", _PASSPORT, _mixed, close=True, told=0.84),
    # German ones have no vowels, and may have few digits.
    Kind("PASSPORT", r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}", _PASSPORT, has_digit, close=True, told=0.84),
    Kind("LICENSE_PLATE", r"[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2}[ -]?[1-9]\d{0,3}[EH]?", _PLATE + "|" + _VEHICLE),
    Kind("LICENSE_PLATE", r"[A-Z]{2}\d{2} ?[A-Z]{3}|[A-Z]{2}[ -]?\d{3}[ -]?[A-Z]{2}|\d{4}[ -]?[BCDFGHJKLMNPRSTVWXYZ]{3}|[A-Z]{2,3} ?[0-9A-Z]{4,5}|\d{3}[ -]?[A-Z]{3}|[A-Z]{3}[ -]?\d{3,4}|\d[A-Z]{3}\d{3}|[A-Z]{1,2}-\d{3,5} ?[A-Z]{1,2}|\d{1,2}-[A-Z]{2,3}-\d{1,2}|[A-Z]{2}-\d{2,3}-[A-Z]|[A-Z]-\d{3}-[A-Z]{2}|[A-Z]{1,2}[ -]\d{3,5}[ -][A-Z]{1,2}", _PLATE + "|" + _VEHICLE, lambda value: any(map(str.isdigit, value)), told=0.8),
    Kind("LICENSE_PLATE", r"[A-Z0-9ÄÖÜ]{1,4}(?:[ ·-]?[A-Z0-9]{1,5}){1,3}", _PLATE, _plate, close=True, told=0.7),
    Kind("LICENSE_PLATE", rf"(?:{_CANTONS})[ -]?\d{{2,6}}", _PLATE + "|" + _VEHICLE, told=0.8),
    Kind("LICENSE_PLATE", r"[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} [1-9]\d{0,3}[EH]?", bare=0.7),
    Kind("LICENSE_PLATE", r"[A-HJ-NP-TV-Z]{2}-\d{3}-[A-HJ-NP-TV-Z]{2}", bare=0.7),
    Kind("LICENSE_PLATE", rf"(?:{_STATES_IN})[ -]?\d{{1,2}}[ -]?[A-Z]{{1,3}}[ -]?\d{{4}}|\d{{2}} ?BH ?\d{{4}} ?[A-Z]{{1,2}}", _PLATE + "|" + _VEHICLE, bare=0.66),
    Kind("MEDICAL_RECORD_NUMBER", _CODE, _MRN, _mixed, close=True, told=0.78),
    Kind("MEDICAL_RECORD_NUMBER", r"(?i:MRN)[-:#]? ?(?P<v>\d{5,12})", bare=0.8),
    Kind("HEALTH_INSURANCE_NUMBER", _CODE, _INSURANCE, lambda value: sum(map(str.isdigit, value)) >= 5, close=True, told=0.72),
    Kind("NATIONAL_ID", _CODE, _ID_TOLD, lambda value: sum(map(str.isdigit, value)) >= 6, close=True, told=0.6),
    Kind("TAX_ID", _CODE, _TAX_TOLD, lambda value: sum(map(str.isdigit, value)) >= 7, close=True, told=0.6),
)  # fmt: skip
# Chinese plates stand in running text, where no borders of words help.
PLATES: Final = (
    Rule(
        "chinese",
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领][A-Za-z][·• .-]?[A-HJ-NP-Za-hj-np-z0-9]{4,5}(?:[A-HJ-NP-Za-hj-np-z0-9]|[学警港澳挂试超领])?(?![A-Za-z0-9])",
        0.8,
        lambda value: any(map(str.isdigit, value)),
    ),
)  # fmt: skip
MRZ: Final = (
    Rule("machine-readable zone", r"P[A-Z<][A-Z]{3}[A-Z<]{30,39}\s+[A-Z0-9<]{40,44}", 1.0),
)
