"""E-mail addresses, telephone numbers, addresses in networks, URLs that name a user."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import ipaddress
import re
from dataclasses import replace
from typing import Final

from guardrails.pii.recognizers.base import Rule, RuleRecognizer, has_any, has_digit
from guardrails.pii.recognizers.checksums import digits_of
from guardrails.pii.recognizers.other_numbers import other_number

# Latin, Greek, Cyrillic, Arabic, Hebrew letters. CJK text runs on without spaces, so its
# letters count only where the whole address is CJK.
_L: Final = r"A-Za-z0-9\u00c0-\u024f\u0370-\u052f\u05d0-\u05ea\u0620-\u064a\u1e00-\u1eff"
_CJK: Final = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_EMAILS: Final = (
    Rule(
        "mailbox",
        rf"(?<![{_L}])[{_L}_.+%&'*/=?^~!#$-]{{0,63}}[{_L}_+-]@"
        rf"(?:[{_L}](?:[{_L}-]{{0,61}}[{_L}])?\.){{1,6}}[{_L}-]{{2,63}}",
        1.0,
    ),
    Rule(
        "cjk mailbox",
        rf"[{_CJK}{_L}._-]{{1,40}}@(?:[{_L}-]{{0,59}}[{_CJK}][{_CJK}{_L}-]{{0,59}}\.(?:中国|公司|网络|香港|[a-z]{{2,6}})"
        rf"|[{_L}-]{{1,60}}\.(?:中国|公司|网络|香港))",
        0.9,
        check=lambda value: re.search(f"[{_CJK}]", value.partition("@")[2]) is not None,
    ),
    Rule("at host", rf"(?<![{_L}])[{_L}._+-]{{1,64}}@(?:localhost|\[?\d{{1,3}}(?:\.\d{{1,3}}){{3}}\]?)", 0.8),
)  # fmt: skip
_SPELT: Final = Rule(
    "spelt out",
    rf"(?<![{_L}])[{_L}_.+-]{{1,64}}\s?(?:\(at\)|\[at\]|\{{at\}}|<at>| at )\s?"
    rf"[{_L}-]{{1,60}}(?:\s?(?:\.|\(dot\)|\[dot\]|\{{dot\}}|\(punkt\)|\[punkt\]| dot )\s?[{_L}-]{{1,60}}){{0,4}}?"
    r"\s?(?:\.|\(dot\)|\[dot\]|\{dot\}|\(punkt\)|\[punkt\]| dot )\s?[a-z]{2,10}\b",
    0.8,
    check=lambda value: re.search(r"[(\[{<]at| dot ", value, re.IGNORECASE) is not None,
    flags=re.IGNORECASE,
)  # fmt: skip

_PHONE_WORDS: Final = (
    r"(?<!over the )(?<!by )(?<!via )(?<!per )(?:tele)?phone|mobiel|mobile|\bcell|\btel\b|tel[.:]|\bfax|call me|reach (?:me|him|her|us|them)|whats ?app|\bsms\b|text me|signal|viber|telegram|pager|"
    r"\bring\b|contact (?:number|no)|telefon|handy|mobil|rufnummer|anruf|erreichbar|durchwahl|t[ée]l[ée]ph|portable|appele|joindre|\bm[óo]vil|celular|cellulare|tel[ée]fono|telefonu|kom[óo]rk|numer tel|gsm|"
    r"电话|手机|联系方式|热线|致电|拨打|座机|传真|t[ée]l\b|hotline|voicemail|ll[áa]ma|chiam[ai]|zadzwo|dzwoni|\bbel me|\bruf\b|rufen sie|hit me up|\bdigits\b|natel|answering at|answer at|\boffice\b|\bhome\b|\bdial|call back|\bcall\b|gateway number|(?:my|his|her|their|our|your|new) number|mon num[ée]ro(?! d[eu] [^t])|meine nummer|号码是"
)
_EXTENSION: Final = (
    r"(?:[ ,]{0,2}(?:ext\.?|x|Ext\.?|extension|Durchwahl|poste|#|转|分机)\s?\d{1,6})?"
)
_END: Final = _EXTENSION + r"(?![\dA-Za-z_]|[.,/-]\d|-[A-Za-z]{1,2}(?![A-Za-z])|\w*@)"
_BEGIN: Final = r"(?<![A-Za-z0-9_+./-])(?<!\d[ ])"
_GAP: Final = r"[ ().\-/\u2010-\u2015\u00a0\u202f]"


def _is_phone(value: str) -> bool:
    digits = digits_of(value)
    if not 7 <= len(digits) <= 19 or len(set(digits)) <= 2:
        return False
    return _OTHER.fullmatch(value.strip()) is None


def _is_national(value: str) -> bool:
    """With its area code a number has nine digits or more; "0714-2025" is a code."""
    return _is_phone(value) and len(digits_of(value)) >= 9


def _is_grouped(value: str) -> bool:
    """Shapes of telephone numbers, so no range of years, no amount, no date."""
    return _is_phone(value) and len(digits_of(value)) >= 8 and _YEARS.fullmatch(value) is None


# Dates, addresses in networks, characters' codes.
_OTHER: Final = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}|0\d\d(?: 0\d\d){2,}|"
    r"(?:19|20)\d\d[-/. ](?:0?\d|1[0-2])[-/. ][0-3]?\d(?:[ T]\d{1,2})?|[0-3]?\d[-/. ][0-3]?\d[-/. ](?:19|20)\d\d(?: \d{1,2})?"
)
_YEARS: Final = re.compile(r"(?:19|20)\d\d ?- ?(?:19|20)\d\d|\d{1,3}(?:[ .]\d{3}){2,3}")
_PHONES_ANYWHERE: Final = (
    Rule(
        "international",
        r"(?<![A-Za-z0-9_+.])(?:\+|00[1-9](?=\d?\d?[ /().-])|\(\+)[ (]?[1-9](?:" + _GAP + r"{0,3}\d){6,16}" + _END,
        0.85,
        _is_phone,
    ),
    Rule("international, dialled", r"(?<![A-Za-z0-9_+./-])00[1-9]\d{9,13}" + _END, 0.65, _is_phone),
    Rule(
        "north american",
        _BEGIN + r"(?:\(?1\)?[ .-])?(?:\(\d{3}\)[ .-]?|\d{3}[ .\u2010-\u2015-])\d{3}[ .\u2010-\u2015-]\d{4}" + _END,
        0.75,
        _is_phone,
    ),
    Rule("american trunk", _BEGIN + r"(?:00)?1[-.]\d{3}-\d{3}-\d{4}" + _END, 0.75),
    Rule(
        "european, grouped",
        _BEGIN + r"(?:\(0[1-9]\d{0,4}\)|0[1-9]\d{1,4})(?: ?[/-] ?| )\d{2,4}(?:[ -]?\d{2,4}){1,4}" + _END,
        0.7,
        _is_national,
    ),
    Rule("dutch", _BEGIN + r"06(?:[ -]?\d{8}|(?:[ -]\d{2}){4}|[ -]\d{4}[ -]?\d{4})" + _END, 0.65, _is_phone),
    Rule("area code", _BEGIN + r"(?:\(0\d{1,4}\)|0\d{1,4})[ /-]{1,2}\d{5,8}" + _END, 0.65, _is_phone),
    Rule("german mobile", _BEGIN + r"01(?:5\d|6[023]|7\d)[ /-]?\d{7,9}" + _END, 0.75),
    Rule("austrian, swiss mobile", _BEGIN + r"0(?:6[5-9]\d|7[5-9])[ /-]?\d{3}[ ]?\d{2,4}(?:[ ]?\d{2,3})?" + _END, 0.6, _is_phone),
    Rule("french", _BEGIN + r"0[1-9](?:[ .-]?\d{2}){4}" + _END, 0.65, _is_phone),
    Rule("spanish, grouped", _BEGIN + r"[679]\d{2}(?:[ .-]\d{2}){3}" + _END, 0.65, _is_phone),
    Rule("italian, grouped", _BEGIN + r"3[2-9]\d[ ./-]\d{3}[ .-]?\d{3,4}" + _END, 0.55, _is_grouped),
    Rule("indian, grouped", _BEGIN + r"(?:0|91[ -])?[6-9]\d{4}[ -]\d{5}" + _END, 0.7, _is_phone),
    Rule("chinese mobile", r"(?<![\dA-Za-z_.+/-])(?:86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![\dA-Za-z_]|[.-]\d)", 0.75),
    Rule("chinese landline", r"(?<![\dA-Za-z_.+/-])(?:\(0\d{2,3}\)|（0\d{2,3}）|0\d{2,3}[ -])\d{7,8}(?:-\d{1,5})?(?![\dA-Za-z_]|[.-]\d)", 0.7, _is_phone),
    Rule("chinese service", r"(?<![\dA-Za-z_.+/-])[48]00-?\d{3}-?\d{4}(?![\dA-Za-z_]|[.-]\d)", 0.55, _is_phone),
    Rule("british", _BEGIN + r"(?:\(0\d{2,4}\)[ -]?\d{3,6}(?:[ -]\d{3,4})?|0(?:\d{4}[ -]\d{6}|\d{3}[ -]\d{3}[ -]?\d{4}|\d{2}[ -]\d{4}[ -]?\d{4}|\d{4}[ -]?\d{3}[ -]\d{3}|7\d{9}))" + _END, 0.7),
    Rule(
        "grouped, beside a word for telephone",
        _BEGIN + r"(?:\(\d{2,5}\)|\d{2,5})(?:[ ./-]\d{2,4}){1,4}" + _END,
        0.76,
        _is_grouped,
        context=_PHONE_WORDS,
    ),
    Rule(
        "after a word for telephone",
        _BEGIN + r"(?:\((?=\d{1,5}\)))?\d(?:[ ().\-/\u00a0\u202f]{0,2}\d){5,16}" + _END,
        0.8,
        _is_phone,
        context=_PHONE_WORDS + r"|\bcontact",
        close=True,
    ),
)  # fmt: skip
# "+" and a country's code, or groups of three, three and four, are no order's number; another
# form may be anything's.
_SURE: Final = frozenset({"international", "north american", "american trunk"})
_PHONES: Final = tuple(
    rule
    if rule.name in _SURE
    else replace(rule, unless=other_number(_PHONE_WORDS + r"|\bcontact|kontakt|rückfragen|联系"))
    for rule in _PHONES_ANYWHERE
)


def _is_ip(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return False
    # Loopback, "any" and masks of networks name nobody, and code is full of them.
    return not (address.is_loopback or address.is_unspecified or value.startswith(("255.", "0.")))


_IPS: Final = (
    Rule("v4", r"(?<![A-Za-z0-9_.])(?<![vV])(?:\d{1,3}\.){3}\d{1,3}(?![A-Za-z0-9_]|\.\d)", 0.8, _is_ip),
    Rule(
        "v6",
        r"(?<![A-Za-z0-9_.])(?<![^A-Za-z][0-9A-Fa-f]:)(?<!::)(?=[0-9A-Fa-f]{0,4}:)(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?(?![A-Za-z0-9_:])",
        0.8,
        lambda value: value.count(":") >= 2 and len(value) > 4 and _is_ip(value),
    ),
)  # fmt: skip
_MAC: Final = Rule(
    "mac",
    r"(?<![A-Za-z0-9_-])(?<![^A-Za-z][0-9A-Fa-f]{2}:)(?:[0-9A-Fa-f]{2}(?P<s>[:-])(?:[0-9A-Fa-f]{2}(?P=s)){4}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![A-Za-z0-9_:-])",
    0.9,
    lambda value: len(set(value)) > 3,
)  # fmt: skip
_URLS: Final = (
    Rule("with a login", r"(?<![A-Za-z\d])[a-z][a-z0-9+.-]{1,20}://[^\s/@:\"'<>]+(?::[^\s/@\"'<>]*)?@[^\s\"'<>]+", 0.9),
    Rule(
        "with user data in the query",
        r"(?<![A-Za-z\d])https?://[^\s\"'<>?]{1,300}\?[^\s\"'<>]{0,600}?\b(?:e?-?mail|user(?:_?name|_?id)?|login|name|first_?name|last_?name|phone|tel|token|access_token|api_?key|key|sig|signature|session(?:_?id)?|sid|auth|password|pwd|secret|code|customer(?:_?id)?|account)=[^\s\"'<>&]{2,}[^\s\"'<>]*",
        0.8,
        flags=re.IGNORECASE,
    ),
    Rule(
        "somebody's own site",
        r"\b(?i:(?:my|our|his|her|personal|own) (?:website|web ?site|site|blog|homepage|home page|portfolio|web page|url)(?: is| at|:)? |meine (?:website|webseite|homepage|seite) (?:ist |lautet )?|mon site(?: web)?(?: est)? |just posted a (?:photo|picture|video) |我的(?:网站|博客|主页)(?:是|：|:)?\s?)(?P<v>(?:https?://|www\.)[^\s\"'<>，。]{3,200})",
        0.7,
    ),
    Rule(
        "profile",
        r"\b(?:https?://)?(?:www\.|[a-z]{2}\.)?(?:linkedin\.com/in/|xing\.com/profile/|facebook\.com/|instagram\.com/|(?:twitter|x)\.com/|t\.me/|tiktok\.com/@|weibo\.com/u/)[\w.%\u00c0-\u024f-]{3,60}",
        0.75,
    ),
)  # fmt: skip


def contact_recognizers() -> list[RuleRecognizer]:
    """E-mail, telephone, IP, MAC, URL."""
    return [
        RuleRecognizer("EMAIL_ADDRESS", _EMAILS, wanted=has_any("@")),
        RuleRecognizer(
            "EMAIL_ADDRESS",
            (_SPELT,),
            wanted=has_any("(at)", "[at]", "{at}", "<at>", " dot ", "(AT)", "[AT]"),
            name="email_address_spelt",
        ),
        RuleRecognizer("PHONE_NUMBER", _PHONES, wanted=has_digit),
        RuleRecognizer("IP_ADDRESS", _IPS, wanted=has_digit),
        RuleRecognizer("MAC_ADDRESS", (_MAC,), wanted=has_digit),
        RuleRecognizer("URL", _URLS, wanted=has_any("://", "www.", ".com/", "t.me/", ".COM/")),
    ]
