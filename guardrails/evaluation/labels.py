"""Which of our entity types answer to a label of another author's data set.

Sets name the same thing differently: ``ES_DNI``, ``SPANISH_ID``, ``NATIONAL_ID``. A label that
names a country and a kind is matched by that country's type only; one that names a kind in
general (``TAX_ID``) by that kind's types of every country. It knows names, no texts.
"""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import re
from functools import cache
from typing import Final

from guardrails.pii.entities import NUMBERS, RANK

_SECRETS: Final = ("API_KEY", "PASSWORD", "JWT", "PRIVATE_KEY", "CONNECTION_STRING")
_DRIVING: Final = ("US_DRIVER_LICENSE", "UK_DRIVING_LICENCE", "DE_FUEHRERSCHEIN", "IT_DRIVER_LICENSE")  # fmt: skip
_HEALTH: Final = tuple(
    "HEALTH_INSURANCE_NUMBER DE_HEALTH_INSURANCE US_MBI UK_NHS AU_MEDICARE FR_NIR CH_AHV AT_SVNR".split()
)
_ACCOUNTS: Final = ("US_BANK_NUMBER", "UK_SORT_CODE", "IBAN_CODE", "ABA_ROUTING_NUMBER")
_TAXES: Final = tuple(
    """
    TAX_ID VAT_ID US_EIN US_ITIN US_SSN UK_UTR DE_TAX_ID DE_TAX_NUMBER AT_TAX_NUMBER CH_UID FR_TAX_ID FR_SIREN
    FR_SIRET ES_NIF ES_NIE ES_CIF IT_FISCAL_CODE IT_VAT_CODE PL_NIP PL_PESEL NL_BSN PT_NIF IE_PPS CN_USCC IN_PAN
    IN_GSTIN AU_TFN AU_ABN CA_SIN BR_CPF BR_CNPJ MX_RFC
    """.split()
)  # fmt: skip
_SOCIAL: Final = tuple(
    """
    US_SSN UK_NINO DE_SOCIAL_SECURITY FR_NIR ES_SOCIAL_SECURITY CH_AHV AT_SVNR NL_BSN CA_SIN
    BE_NATIONAL_NUMBER IE_PPS PL_PESEL NATIONAL_ID
    """.split()
)
_NOT_NATIONAL: Final = {
    *_ACCOUNTS, "PHONE_NUMBER", "CREDIT_CARD", "LICENSE_PLATE", "IN_UPI", "IN_IFSC",
    "MEDICAL_RECORD_NUMBER", "HEALTH_INSURANCE_NUMBER", "US_NPI", "MEDICAL_LICENSE",
}  # fmt: skip
_NATIONAL: Final = tuple(kind for kind in NUMBERS if kind not in _NOT_NATIONAL)
# Names of single kinds, with or without their country before them.
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "DNI": ("ES_NIF",), "NIF": ("ES_NIF", "ES_NIE", "ES_CIF", "PT_NIF"), "NIE": ("ES_NIE",),
    "CIF": ("ES_CIF",), "NUSS": ("ES_SOCIAL_SECURITY",), "NSS": ("ES_SOCIAL_SECURITY", "FR_NIR"),
    "PESEL": ("PL_PESEL",), "NIP": ("PL_NIP", "VAT_ID"), "REGON": ("PL_REGON",),
    "DOWOD": ("PL_ID_CARD",), "DOWOD_OSOBISTY": ("PL_ID_CARD",), "BSN": ("NL_BSN",),
    "AADHAAR": ("IN_AADHAAR",), "AADHAR": ("IN_AADHAAR",), "PAN": ("IN_PAN",),
    "GSTIN": ("IN_GSTIN",), "GST": ("IN_GSTIN",), "VOTER_ID": ("IN_VOTER",), "EPIC": ("IN_VOTER",),
    "IFSC": ("IN_IFSC",), "UPI": ("IN_UPI", "EMAIL_ADDRESS"), "UPI_ID": ("IN_UPI", "EMAIL_ADDRESS"),
    "NINO": ("UK_NINO",), "NATIONAL_INSURANCE": ("UK_NINO",), "NHS": ("UK_NHS",),
    "UTR": ("UK_UTR",), "SVNR": ("AT_SVNR", "DE_SOCIAL_SECURITY"), "AHV": ("CH_AHV",),
    "AVS": ("CH_AHV",), "NIR": ("FR_NIR",), "INSEE": ("FR_NIR",), "SPI": ("FR_TAX_ID",),
    "NUMERO_FISCAL": ("FR_TAX_ID",), "SIREN": ("FR_SIREN", "FR_SIRET"), "CNI": ("FR_ID_CARD",),
    "SIRET": ("FR_SIRET", "FR_SIREN"), "CODICE_FISCALE": ("IT_FISCAL_CODE",),
    "CF": ("IT_FISCAL_CODE",), "PARTITA_IVA": ("IT_VAT_CODE", "VAT_ID"),
    "PIVA": ("IT_VAT_CODE", "VAT_ID"), "CARTA_IDENTITA": ("IT_IDENTITY_CARD",),
    "CIE": ("IT_IDENTITY_CARD",), "PERSONALAUSWEIS": ("DE_ID_CARD",), "REISEPASS": ("PASSPORT",),
    "STEUER_ID": ("DE_TAX_ID",), "STEUERID": ("DE_TAX_ID",), "IDNR": ("DE_TAX_ID",),
    "STEUERNUMMER": ("DE_TAX_NUMBER", "AT_TAX_NUMBER"), "RVNR": ("DE_SOCIAL_SECURITY",),
    "RENTENVERSICHERUNG": ("DE_SOCIAL_SECURITY",), "KVNR": ("DE_HEALTH_INSURANCE",),
    "SOZIALVERSICHERUNGSNUMMER": ("DE_SOCIAL_SECURITY", "AT_SVNR", "CH_AHV"),
    "USCC": ("CN_USCC",), "SOCIAL_CREDIT": ("CN_USCC",), "RESIDENT_ID": ("CN_RESIDENT_ID",),
    "ID15": ("CN_RESIDENT_ID",), "ID18": ("CN_RESIDENT_ID",), "CPF": ("BR_CPF",),
    "CNPJ": ("BR_CNPJ",), "CURP": ("MX_CURP",), "RFC": ("MX_RFC",), "SIN": ("CA_SIN",),
    "TFN": ("AU_TFN",), "ABN": ("AU_ABN",), "RRN": ("KR_RRN",), "NRIC": ("SG_NRIC_FIN",),
    "FIN": ("SG_NRIC_FIN",), "PPS": ("IE_PPS",), "PPSN": ("IE_PPS",), "CPR": ("DK_CPR",),
    "HETU": ("FI_PERSONAL_IDENTITY_CODE",), "FNR": ("NO_FNR",), "MY_NUMBER": ("JP_MY_NUMBER",),
    "PERSONNUMMER": ("SE_PERSONNUMMER",), "RIJKSREGISTER": ("BE_NATIONAL_NUMBER",),
    "SSN": ("US_SSN",), "ITIN": ("US_ITIN",), "EIN": ("US_EIN",), "NPI": ("US_NPI",),
    "DEA": ("MEDICAL_LICENSE",), "MBI": ("US_MBI",), "MEDICARE": ("US_MBI", "AU_MEDICARE"),
    "TC_KIMLIK": ("TR_NATIONAL_ID",), "SORT_CODE": ("UK_SORT_CODE", "US_BANK_NUMBER"),
    "UID": ("CH_UID", "VAT_ID"), "VAT": ("VAT_ID", "IT_VAT_CODE", "PL_NIP", "CH_UID", "ES_CIF", "ES_NIF"),
    "DL": _DRIVING, "IP": ("IP_ADDRESS",), "DOB": ("DATE_OF_BIRTH",), "AGE": ("AGE",),
    "MRN": ("MEDICAL_RECORD_NUMBER",), "BIC": ("BIC",), "IBAN": ("IBAN_CODE",),
}  # fmt: skip
# What a part of a name says; the first that fits decides.
_PARTS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("PASSPORT|REISEPASS|PASSEPORT", ("PASSPORT",)),
    ("PLATE|KFZ|KENNZEICHEN|VEHICLE_REG|REGISTRATION_NUM", ("LICENSE_PLATE",)),
    ("MEDICAL_LICEN|DEA_", ("MEDICAL_LICENSE",)),
    ("DRIV|FUEHRERSCHEIN|PATENTE|PERMIS", _DRIVING),
    ("MEDICAL_REC|MRN|PATIENT", ("MEDICAL_RECORD_NUMBER",)),
    ("HEALTH|INSURANCE|KRANKEN|MEDICARE", (*_HEALTH, "UK_NINO")),
    ("PHONE|MOBILE|CELL|FAX|TELEFON|^TEL", ("PHONE_NUMBER",)),
    ("MAIL", ("EMAIL_ADDRESS",)),
    ("CREDIT_?CARD|DEBIT|BANK_?CARD|CARD_?NUM|UNIONPAY|PAYMENT_CARD|^CARD|VISA|AMEX", ("CREDIT_CARD",)),
    ("IBAN", ("IBAN_CODE",)),
    ("SWIFT|BIC", ("BIC",)),
    ("ROUTING|ABA", ("ABA_ROUTING_NUMBER",)),
    ("ACCOUNT|BANK", _ACCOUNTS),
    ("CRYPTO|WALLET|BTC|ETH_|^ETH|BITCOIN|ETHEREUM|LTC|XRP|TRX|SOL_|^SOL$|XMR|MONERO", ("CRYPTO",)),
    ("MAC_?ADD|^MAC", ("MAC_ADDRESS",)),
    ("IPV?[46]|IP_?ADDR|^IP_", ("IP_ADDRESS",)),
    ("URL|WEBSITE|LINK", ("URL", "CONNECTION_STRING")),
    ("JWT", ("JWT", "API_KEY")),
    ("PRIVATE_KEY|PEM|SSH", ("PRIVATE_KEY",)),
    ("CONNECTION|DSN|DATABASE", ("CONNECTION_STRING", "URL")),
    ("PASSW|PWD|PIN$", ("PASSWORD",)),
    ("KEY|TOKEN|SECRET|CREDENTIAL", _SECRETS),
    ("BIRTH|DOB", ("DATE_OF_BIRTH",)),
    ("VAT|UST", ("VAT_ID", "IT_VAT_CODE", "PL_NIP", "CH_UID", "AT_TAX_NUMBER", "ES_CIF", "FR_SIREN")),
    ("TAX|TIN|STEUER|FISCAL|FISCALE", _TAXES),
    ("SOCIAL|SSN|SOZIAL", _SOCIAL),
    ("NATIONAL|ID_?NUM|ID_?CARD|IDENTITY|IDENTITE|PERSONAL_ID|PERSONAL_NUM|RESIDENT|GOV|_ID$|^ID$|IDCARD", _NATIONAL),
    ("DATE|TIME", ("DATE_TIME", "DATE_OF_BIRTH")),
    ("ADDRESS|STREET|ZIP|POST|BUILDING", ("STREET_ADDRESS", "LOCATION")),
    ("COMPANY|ORGANI[SZ]|EMPLOYER", ("ORGANIZATION",)),
    ("CITY|COUNTRY|STATE|COUNTY|LOC|GPE|REGION", ("LOCATION", "STREET_ADDRESS")),
    ("NAME|PERSON", ("PERSON",)),
)  # fmt: skip
# Our names for kinds of which we do not tell the countries apart.
_OF_ALL: Final = ("US_DRIVER_LICENSE", "US_BANK_NUMBER")
_FAMILIES: Final = {"NATIONAL_ID": _NATIONAL, "TAX_ID": _TAXES, "HEALTH_INSURANCE_NUMBER": _HEALTH}
# Kinds that authors tell apart in different ways.
_ALIKE: Final = (
    _SECRETS,
    ("FR_SIREN", "FR_SIRET"),
    ("IT_VAT_CODE", "VAT_ID"),
    ("PL_NIP", "VAT_ID"),
    ("CH_UID", "VAT_ID"),
    ("PT_NIF", "VAT_ID"),
    ("ES_CIF", "VAT_ID", "ES_NIF"),
    ("US_DRIVER_LICENSE", "UK_DRIVING_LICENCE", "DE_FUEHRERSCHEIN", "IT_DRIVER_LICENSE"),
)
_COUNTRIES: Final = {
    "GB": "UK", "UK": "UK", "GERMAN": "DE", "GERMANY": "DE", "FRENCH": "FR", "FRANCE": "FR",
    "SPAIN": "ES", "SPANISH": "ES", "ITALY": "IT", "ITALIAN": "IT", "POLAND": "PL", "POLISH": "PL",
    "DUTCH": "NL", "NETHERLANDS": "NL", "SWISS": "CH", "AUSTRIA": "AT", "AUSTRIAN": "AT",
    "CHINA": "CN", "CHINESE": "CN", "INDIA": "IN", "INDIAN": "IN", "USA": "US", "BRITISH": "UK",
}  # fmt: skip
_PREFIXES: Final = frozenset(
    [*(kind[:2] for kind in NUMBERS if kind[2:3] == "_"), *_COUNTRIES]
) | {"EU", "LU", "CZ", "RO", "HU", "GR", "SK", "NG"}  # fmt: skip


@cache
def kinds_of(label: str) -> tuple[str, ...]:
    """The entity types that answer to ``label``; itself where nothing is known of it."""
    key = re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", label).upper()).strip("_")
    for group in _ALIKE:
        if key in group:
            return _with_general(key, *group)
    if key in _FAMILIES:
        return _FAMILIES[key]
    if key in RANK:
        return _with_general(key)
    prefix, _, rest = key.partition("_")
    country = _COUNTRIES.get(prefix, prefix) if prefix in _PREFIXES and rest else ""
    name = rest if country else key
    for suffix in ("", "_NUMBER", "_ID", "_NO", "_CODE", "_CARD", "_NUM"):
        if name.endswith(suffix) and name.removesuffix(suffix) in _ALIASES:
            return _of_country(_ALIASES[name.removesuffix(suffix)], country)
    for part, kinds in _PARTS:
        if re.search(part, name):
            return _of_country(kinds, country)
    of_country = tuple(kind for kind in _NATIONAL if country and kind.startswith(country + "_"))
    return of_country or (key,)


def _of_country(kinds: tuple[str, ...], country: str) -> tuple[str, ...]:
    """Only that country's types and those of no country; all where it has none."""
    if not country:
        return _with_general(*kinds)
    own = tuple(kind for kind in kinds if kind.startswith(country + "_"))
    general = tuple(kind for kind in kinds if kind[2:3] != "_" or kind in _OF_ALL)
    return _with_general(*own, *general) if own or general else kinds


def _with_general(*kinds: str) -> tuple[str, ...]:
    """A number found beside a general word ("Tax ID:") is found, too."""
    more: list[str] = []
    if any(kind in _NATIONAL for kind in kinds):
        more.append("NATIONAL_ID")
    if any(kind in _TAXES for kind in kinds):
        more.append("TAX_ID")
    if any(kind in _HEALTH for kind in kinds):
        more.append("HEALTH_INSURANCE_NUMBER")
    return tuple(dict.fromkeys((*kinds, *more)))
