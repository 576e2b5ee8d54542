"""The United States, Canada, Brazil, Mexico."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

from typing import Final

from guardrails.pii.recognizers.checksums import us_ssn
from guardrails.pii.recognizers.checksums_world import (
    br_cnpj,
    br_cpf,
    ca_sin,
    mx_curp,
    mx_rfc,
    us_dea,
    us_ein,
    us_itin,
    us_mbi,
    us_npi,
    us_routing,
)
from guardrails.pii.recognizers.national.kinds import Kind
from guardrails.pii.recognizers.national.shapes import ID_WORDS, TAX_WORDS, digits, groups, words

_SSN: Final = words(
    r"ssns?|social(?: security)?(?: number| no| num)?|ss ?#|(?:num[ée]ro de )?s[ée]curit[ée] sociale(?: am[ée]ricaine?)?|sozialversicherungs\w{0,10}(?: usa)?|soc sec\w{0,6}",
    "社会安全号|社安号",
)
_LICENCE: Final = words(
    r"driver s? ?(?:licen[cs]es?|lic)(?: number| no)?|driving licen[cs]es?(?: number| no)?|dl (?:number|no|#)|licen[cs]e (?:number|no)|"
    r"f[üu]hrerschein\w{0,10}|permis(?: de conduire)?|patente(?: di guida)?|carnet de conducir|permiso de conducir|prawo jazdy|rijbewijs\w{0,8}|drv lic\w{0,5}",
    "驾照|驾驶证",
    acronyms="DL",
)
_ACCOUNT: Final = words(
    r"(?:bank |checking |savings? |current )?(?:account|acct|a/c)(?: number| numbers| no| nr| num| ?#)|(?:bank|checking|savings?|current) (?:account|acct)|"
    r"(?:account|acct|a/c)(?= ?[:：#]| is)|konto(?:nummer| nr)|bankverbindung|num[ée]ro de compte|compte(?: bancaire)?|(?:n[úu]mero de )?cuenta|"
    r"numero (?:di )?conto|conto corrente|numer (?:konta|rachunku)|rekening\w{0,8}|beneficiary account",
    "账号|帐号|账户|银行账",
)


def _unissued(value: str) -> bool:
    return value[0] == "9" and len(set(value)) > 2


def _licence(value: str) -> bool:
    return sum(mark.isdigit() for mark in value) >= 4


AMERICAS: Final = (
    Kind("US_SSN", groups(3, 2, 4, gap="-"), _SSN, us_ssn, 0.8, names=words(r"ssns?|social security(?: number| no)?")),
    Kind("US_SSN", groups(3, 2, 4, gap=r"[ .\u2010-\u2015\u00a0]?"), _SSN, us_ssn, names=words(r"ssns?|social security(?: number| no)?")),
    # The range that is never issued: what people write to stand for a number, or mistype.
    Kind("US_SSN", groups(3, 2, 4, gap="-"), "", _unissued, 0.6, names=words(r"ssns?|social security(?: number| no)?")),
    Kind("US_ITIN", groups(3, 2, 4, gap="[ -]"), words(r"itins?|individual taxpayer\w{0,30}") + "|" + TAX_WORDS, us_itin, 0.82, names=words(r"itins?")),
    Kind("US_ITIN", r"9\d{8}", words(r"itins?|individual taxpayer\w{0,30}"), us_itin, names=words(r"itins?")),
    Kind("US_EIN", r"\d{2}-?\d{7}", words(r"feins?|employer (?:id\w{0,20})(?: number| no)?|federal (?:tax|employer)(?: id\w{0,20})?(?: number)?|(?:federal )?tax id\w{0,20}(?: number| no)?", acronyms="EIN"), us_ein),
    Kind("US_EIN", r"\d{2}-\d{7}", TAX_WORDS + "|" + words(r"irs|w 9|1099"), us_ein, close=True, told=0.8),
    Kind("ABA_ROUTING_NUMBER", r"\d{4}[- ]?\d{4}[- ]?\d", words(r"rtn|routing(?: transit)?(?: number| no| code| ?#)?|transit number|wire (?:transfer|instructions)", acronyms="ABA|ACH"), us_routing, names=words(r"routing(?: transit)? (?:number|no|code)", acronyms="ABA|RTN")),
    Kind("US_BANK_NUMBER", r"\d(?:[ -]?\d){5,16}", _ACCOUNT, lambda value: len(set(value)) > 2, close=True, told=0.8),
    Kind("US_BANK_NUMBER", r"(?i:account|acct|a/c|konto|compte)[ :#.]{1,3}(?P<v>\d(?:[ -]?\d){6,16})", bare=0.8),
    Kind("US_NPI", digits(10, gap="[ -]"), words(r"npi|national provider(?: id\w{0,12})?(?: number)?|provider (?:id\w{0,12}|number|no)"), us_npi, names=words("npi|national provider id\\w{0,12}(?: number)?")),
    Kind("MEDICAL_LICENSE", r"[A-HJ-MPRSTUXa-hj-mprstux][A-Za-z9][ -]?\d{7}", words(r"deas?(?: number| no| registration)?|prescriber|physician|doctor|pharmac\w{0,5}|controlled substances?"), us_dea, names=words(r"dea (?:number|no|registration)(?: number| no)?", acronyms="DEA")),
    Kind("MEDICAL_LICENSE", r"(?=[A-Za-z.-]{0,5}\d)[A-Za-z]{0,3}[.-]?\d{4,9}", words(r"medical licen[cs]e(?: number| no)?|physician licen[cs]e(?: number| no)?|state licen[cs]e(?: number| no)?"), told=0.8, names=words(r"dea (?:number|no|registration)(?: number| no)?", acronyms="DEA")),
    Kind("US_MBI", r"[1-9][A-Za-z][A-Za-z0-9]\d[ -]?[A-Za-z][A-Za-z0-9]\d[ -]?[A-Za-z]{2}\d{2}", words(r"mbi|medicare(?: beneficiary)?(?: id\w{0,12}| number| no)?|beneficiary"), us_mbi, 0.75),
    Kind("US_DRIVER_LICENSE", r"(?=[A-Za-z]{0,3}[ -]?\d)[A-Za-z]{0,3}[ -]?\d(?:[ -]?\d){3,14}[A-Za-z]{0,2}|[A-Za-z]\d{3,5}(?:[ -]\d{3,5}){1,3}|[A-Z]{2,8}[0-9*]{2,5}[A-Z0-9]{1,5}", _LICENCE, _licence, close=True, told=0.8),
    Kind("CA_SIN", groups(3, 3, 3, gap="[ -]"), words(r"social insurance(?: number| no)?|num[ée]ro d assurance sociale", acronyms="SIN|NAS"), ca_sin, 0.6, ID_WORDS + "|" + TAX_WORDS, names=words(r"social insurance(?: number| no)?", acronyms="SIN|NAS")),
    Kind("CA_SIN", r"\d{9}", words(r"social insurance(?: number| no)?|num[ée]ro d assurance sociale", acronyms="SIN|NAS"), ca_sin, names=words(r"social insurance(?: number| no)?", acronyms="SIN|NAS")),
    Kind("BR_CPF", r"\d{3}\.?\d{3}\.?\d{3}-\d{2}", words(r"cpf"), br_cpf, 0.84, names=words("cpf")),
    Kind("BR_CPF", r"\d{11}", words(r"cpf|cadastro de pessoas? f[íi]sicas?"), br_cpf, 0, ID_WORDS + "|" + TAX_WORDS, names=words("cpf")),
    Kind("BR_CNPJ", r"\d{2}\.?\d{3}\.?\d{3}/?\d{4}-\d{2}", words(r"cnpj"), br_cnpj, 0.84, names=words("cnpj")),
    Kind("BR_CNPJ", r"\d{14}", words(r"cnpj"), br_cnpj, 0, TAX_WORDS, names=words("cnpj")),
    Kind("MX_CURP", r"[A-Za-zÑñ]{4}\d{6}[HMXhmx][A-Za-z]{2}[A-Za-zÑñ]{3}[0-9A-Za-z]\d", words("curp"), mx_curp, 0.84, names=words("curp")),
    Kind("MX_RFC", r"[A-Za-zÑñ&]{3,4}[ -]?\d{6}[ -]?[A-Za-z0-9]{2}[0-9Aa]", words(r"rfc|registro federal\w{0,10}"), mx_rfc, 0, TAX_WORDS),
)  # fmt: skip
