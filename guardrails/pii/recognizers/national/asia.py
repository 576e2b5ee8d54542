"""China, India, Japan, Korea, Singapore, Turkey; Australia and South Africa."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

from typing import Final

from guardrails.pii.recognizers.checksums_world import (
    au_abn,
    au_medicare,
    au_tfn,
    cn_credit_code,
    cn_credit_code_alone,
    cn_region,
    cn_resident_id_old,
    in_aadhaar,
    in_gstin,
    in_pan,
    jp_my_number,
    kr_rrn,
    kr_rrn_checked,
    sg_nric,
    tr_national_id,
    za_id_number,
)
from guardrails.pii.recognizers.national.kinds import Kind
from guardrails.pii.recognizers.national.shapes import ID_WORDS, TAX_WORDS, digits, groups, words

_CN_ID: Final = words(
    r"(?:chinese )?(?:resident )?(?:id|identity)(?: card)?(?: number| no)?|shenfenzheng|prc id|personalausweis\w{0,8}|carte d identit[ée]",
    "身份证|证件号|身份号|公民身份|证号",
)
_USCC: Final = words(
    r"uscc|unified social credit(?: code| identifier)?|social credit code|credit code|business licen[cs]e",
    "信用代码|税号|纳税人|营业执照|组织机构",
)
_AADHAAR: Final = words(r"aadha+r(?: card)?(?: number| no)?|adhaar|uid(?:ai)?|enrolment", "आधार")
_PAN: Final = words(
    r"pan (?:card|number|no)(?: number| no)?|permanent account(?: number)?|income tax|it return",
    acronyms="PAN",
)
_MY: Final = words(r"my ?number|individual number", "マイナンバー|個人番号")
_RRN: Final = words(r"rrn|resident registration(?: number| no)?|jumin|korean", "주민등록|주민번호")
_NRIC: Final = words(r"nric|fin (?:number|no)|singapore\w{0,3}", acronyms="FIN")
_TFN: Final = words(r"tfn|tax file(?: number| no)?")
_AU_MEDICARE: Final = words(r"medicare(?: card)?(?: number| no)?")


def _resident_date(value: str) -> bool:
    return value[6:8] in ("19", "20") and value[10:12] <= "12" and value[12:14] <= "31"


ASIA: Final = (
    Kind("CN_RESIDENT_ID", r"[1-9]\d{16}[\dXx]", _CN_ID, cn_region, 0.85),
    Kind("CN_RESIDENT_ID", r"[1-9]\d{5}[ -](?:19|20)\d{6}[ -]\d{3}[\dXx]|[1-9]\d{5} \d{4} \d{4} \d{3}[\dXx]|[1-9]\d{5} \d{4} \d{2} \d{2} \d{3}[\dXx]|[1-9]\d{2} ?\d{3} (?:19|20)\d{2} \d{4} \d{3}[\dXx]", _CN_ID, cn_region, 0.85),
    Kind("CN_RESIDENT_ID", r"[1-9]\d{16}[\dXx]", _CN_ID, _resident_date, told=0.75),
    Kind("CN_RESIDENT_ID", r"[1-8]\d{14}", _CN_ID, cn_resident_id_old),
    Kind("CN_USCC", r"[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{2}[ -]?\d{6}[ -]?[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{9}[ -]?[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]", _USCC + "|" + TAX_WORDS, cn_credit_code),
    Kind("CN_USCC", r"[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{2}[ -]?\d{6}[ -]?[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]{9}[ -]?[0-9A-HJ-NPQRTUWXYa-hj-npqrtuwxy]", "", cn_credit_code_alone, 0.8),
    Kind("IN_AADHAAR", groups(4, 4, 4, gap=r"[ \u00a0-]"), _AADHAAR, in_aadhaar, 0.72, ID_WORDS, names=words(r"aadha+r(?: card)?(?: number| no)?|uidai(?: no| number)?")),
    Kind("IN_AADHAAR", r"\d{12}", _AADHAAR, in_aadhaar, 0, ID_WORDS, names=words(r"aadha+r(?: card)?(?: number| no)?|uidai(?: no| number)?")),
    Kind("IN_PAN", r"[A-Za-z]{3}[ABCFGHJLPTabcfghjlpt][A-Za-z]\d{4}[A-Za-z]", _PAN, in_pan, 0.75),
    Kind("IN_GSTIN", r"\d{2}[ -]?[A-Za-z]{5}[ -]?\d{4}[ -]?[A-Za-z][ -]?[A-Za-z0-9]{3}", words(r"gst(?:in)?(?: number| no)?|goods and services(?: tax)?"), in_gstin, 0.84, names=words(r"gst(?:in)?(?: number| no)?")),
    Kind("IN_VOTER", r"[A-Za-z]{3}[ /]?\d{7}", words(r"voters?(?: id| card| s id)?(?: card)?(?: number| no)?|epic(?: number| no)?|election (?:card|id)|electoral"), told=0.84),
    Kind("IN_IFSC", r"[A-Za-z]{4}0[A-Za-z0-9]{6}", words(r"ifsc?(?: code)?|bank|branch|neft|rtgs|imps"), lambda value: sum(map(str.isdigit, value)) >= 3, 0.55),
    Kind("JP_MY_NUMBER", groups(4, 4, 4, gap="[ -]", need=False), _MY, jp_my_number, 0, ID_WORDS, names=_MY),
    Kind("KR_RRN", r"\d{6}[- ]?[1-8]\d{6}", _RRN, kr_rrn, 0, ID_WORDS, names=_RRN),
    Kind("KR_RRN", r"\d{6}-[1-8]\d{6}", "", kr_rrn_checked, 0.76),
    Kind("KR_RRN", r"\d{6}-[1-8]\d{6}", "", kr_rrn, 0.6),
    Kind("SG_NRIC_FIN", r"[STFGMstfgm]\d{7}[A-Za-z]", _NRIC, sg_nric, 0.75, ID_WORDS, names=words("nric")),
    Kind("AU_TFN", groups(3, 3, 3, gap="[ -]", need=False) + r"|\d{8}|\d{2} \d{3} \d{3}", _TFN, au_tfn, 0, TAX_WORDS, names=words(r"tfn|tax file(?: number| no)?")),
    Kind("AU_MEDICARE", r"[2-6]\d{3}[ -]?\d{5}[ -]?\d(?:[ /-]?\d)?", _AU_MEDICARE, au_medicare, 0, ID_WORDS),
    Kind("AU_MEDICARE", r"[2-6]\d{3} \d{5} \d(?:[ /-]\d)?", "", au_medicare, 0.7),
    Kind("AU_ABN", groups(2, 3, 3, 3, gap="[ -]", need=False), words(r"abn|australian business(?: number)?"), au_abn, 0, TAX_WORDS, names=words("abn")),
    Kind("ZA_ID_NUMBER", digits(13, gap=" "), words(r"(?:rsa|sa|south african) id(?: number| no)?|south africa\w{0,1}"), za_id_number, 0.6, ID_WORDS),
    Kind("TR_NATIONAL_ID", r"[1-9]\d{10}", words(r"tc kimlik(?: no| numaras[ıi])?|t\.c\.|kimlik(?: no)?|turkish", acronyms="TC|TCKN"), tr_national_id, 0.6, ID_WORDS, names=words(r"kimlik(?: no)?", acronyms="TC|TCKN")),
)  # fmt: skip
