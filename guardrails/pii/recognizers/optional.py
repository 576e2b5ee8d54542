"""Dates and times, nationalities, forms of address: found only where a policy names them."""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import re
from typing import Final

from guardrails.pii.recognizers.base import ANY_LANGUAGE, Rule, RuleRecognizer, has_digit

_MONTH: Final = (
    r"(?:jan(?:uary|uar|vier|v)?|jän(?:ner)?|feb(?:ruary|ruar)?|f[ée]v(?:rier|r)?|mar(?:ch|s)?|märz?|mrz|apr(?:il)?|avr(?:il)?|"
    r"may|mai|june?|juni?|juin|july?|juli?|juillet|juil|aug(?:ust)?|ao[uû]t|sep(?:tember|tembre|t)?|oct(?:ober|obre)?|okt(?:ober)?|"
    r"nov(?:ember|embre)?|dec(?:ember)?|dez(?:ember)?|d[ée]c(?:embre)?)\.?"
)
_WEEKDAY: Final = (
    r"(?:(?:mon|tues?|wed(?:nes)?|thurs?|fri|sat(?:ur)?|sun)(?:day)?|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|"
    r"sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)"
)
_TIME: Final = r"\d{1,2}(?::\d{2}){1,2}(?:[.,]\d{1,6})?(?:\s?[ap]\.?m\b\.?|\s?Uhr\b)?(?:Z|\s?[+-]\d{2}:?\d{2})?"
_DATES: Final = (
    Rule("year first", rf"(?<![\w./-])(?:19|20)\d{{2}}(?:-\d{{1,2}}-\d{{1,2}}|/\d{{1,2}}/\d{{1,2}}|\.\d{{1,2}}\.\d{{1,2}})(?:[T ]{{1,2}}{_TIME})?(?![\w/-])", 0.8),
    Rule("year last", rf"(?<![\w./-])\d{{1,2}}(?:/\d{{1,2}}/|-\d{{1,2}}-|\.\s?\d{{1,2}}\.\s?)(?:\d{{4}}|\d{{2}})(?:,?\s{_TIME})?(?![\w/-])", 0.75),
    Rule("day and month", rf"(?<!\w)(?:{_WEEKDAY},?\s)?\d{{1,2}}(?:st|nd|rd|th|er|\.)?[ -](?:of )?{_MONTH}(?:,?[ -](?:\d{{4}}|'\d{{2}}))?(?:,?\s{_TIME})?(?!\w)", 0.75, flags=re.I),
    Rule("month and day", rf"(?<!\w)(?:{_WEEKDAY},?\s)?{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?(?:,?\s{_TIME})?(?!\w)", 0.75, flags=re.I),
    Rule("month and year", rf"(?<!\w){_MONTH},? (?:19|20)\d{{2}}(?!\w)", 0.7, flags=re.I),
    Rule("time", r"(?<![\w:.])(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?[ap]\.?m\b\.?|\s?Uhr\b)?(?![\w:])", 0.6),
    Rule("chinese", r"(?:(?:19|20)\d{2}|[〇零一二三四五六七八九]{4})\s?年(?:\s?[\d一二三四五六七八九十]{1,3}\s?月(?:\s?[\d一二三四五六七八九十]{1,3}\s?[日号])?)?", 0.75),
)  # fmt: skip
_DATE_HINT: Final = re.compile(r"\d|[〇零一二三四五六七八九]年")
_TITLES: Final = (
    Rule("english", r"(?<!\w)(?:Mr|Mrs|Ms|Mx|Miss|Dr|Prof|Sir|Madam|Rev|mr|mrs|ms|miss|dr|prof|MR|MRS|MS|MISS|DR)\b\.?(?=\s[^\W\d_])", 0.8),
    Rule("german", r"(?<!\w)(?:Herrn?|Frau|Fräulein|Prof\. Dr\.)(?=\s[A-ZÄÖÜ])", 0.75),
    Rule("french", r"(?<!\w)(?:M\.|Mme|Mlle|Monsieur|Madame|Mademoiselle|Maître|Mgr)(?=\s[A-ZÀ-Ý])", 0.75),
    Rule("chinese", r"(?<=[\u4e00-\u9fff])(?:先生|女士|小姐|太太)", 0.7),
)  # fmt: skip
_NATIONS: Final = (
    "afghan|albanian|algerian|american|angolan|argentin(?:e|ian)|armenian|australian|austrian|azerbaijani|bahraini|bangladeshi|"
    "belarusian|belgian|bolivian|bosnian|brazilian|british|bulgarian|burmese|cambodian|cameroonian|canadian|chilean|chinese|"
    "colombian|congolese|croatian|cuban|cypriot|czech|danish|dominican|dutch|ecuadorian|egyptian|emirati|english|eritrean|"
    "estonian|ethiopian|filipino|finnish|french|gambian|georgian|german|ghanaian|greek|guatemalan|guinean|haitian|honduran|"
    "hungarian|icelandic|indian|indonesian|iranian|iraqi|irish|israeli|italian|ivorian|jamaican|japanese|jordanian|kazakh|kenyan|"
    "korean|kurdish|kuwaiti|kyrgyz|laotian|latvian|lebanese|liberian|libyan|lithuanian|macedonian|malagasy|malaysian|malian|"
    "maltese|mauritian|mexican|moldovan|mongolian|moroccan|mozambican|namibian|nepalese|nicaraguan|nigerian|norwegian|omani|"
    "pakistani|palestinian|panamanian|paraguayan|peruvian|polish|portuguese|qatari|romanian|russian|rwandan|salvadoran|saudi|"
    "scottish|senegalese|serbian|singaporean|slovak|slovenian|somali|spanish|sudanese|swedish|swiss|syrian|taiwanese|tajik|"
    "tanzanian|thai|tibetan|tunisian|turkish|turkmen|ugandan|ukrainian|uruguayan|uzbek|venezuelan|vietnamese|welsh|yemeni|"
    "zambian|zimbabwean|christian|catholic|protestant|orthodox|muslim|islamic|jewish|hindu|buddhist|sikh|democrat|republican"
)
_GROUPS: Final = (
    Rule("english", rf"(?<!\w)(?:{_NATIONS})s?(?!\w)", 0.6, flags=re.IGNORECASE),
    Rule("chinese", r"[\u4e00-\u9fff]{1,4}(?:族|国人)|(?:穆斯林|基督徒|天主教徒|佛教徒)", 0.55),
)


def optional_recognizers() -> list[RuleRecognizer]:
    """DATE_TIME, TITLE, NRP (nationality, religion, political group)."""
    return [
        RuleRecognizer(
            "DATE_TIME",
            _DATES,
            wanted=lambda text: has_digit(text) or _DATE_HINT.search(text) is not None,
        ),
        RuleRecognizer("TITLE", _TITLES, language=ANY_LANGUAGE),
        RuleRecognizer("NRP", _GROUPS, language=ANY_LANGUAGE),
    ]
