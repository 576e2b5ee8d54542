"""Dates of birth and ages, where the wording shows that they are somebody's.

A date without such words may be any day; those are found by the optional recognizers.
"""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

import re
from typing import Final

from guardrails.pii.recognizers.base import Rule, RuleRecognizer, has_digit
from guardrails.pii.recognizers.checksums import digits_of

_MONTH: Final = (
    r"(?:jan|feb|m[äae]r|apr|ma[iyjg]|jun|jul|aug|sep|set|oct|okt|out|ott|nov|de[czs]|dic|jän|"
    r"januar|februar|m[äa]rz|janv|f[ée]vr?|mars|avr|juin|juil|ao[ûu]t|d[ée]c|ene|abr|ago|gen|giu|lug|mag|lut|kwi|cze|lip|sie|wrz|paź|lis|gru|sty|maj|mrt|mei)[a-zéûźńó]{0,8}\.?"
)
_SPACE: Final = r"[ \u00a0]"
_DATE: Final = (
    rf"(?:\d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}}|\d{{1,2}}[./-]{_SPACE}?\d{{1,2}}[./-]{_SPACE}?(?:\d{{4}}|\d{{2}})|(?:19|20)\d{{6}}|"
    rf"\d{{1,2}}(?:st|nd|rd|th|er|\.|º|°)?[ -]?(?:of |de |di |d['’])?{_MONTH},?[ -](?:de |del )?(?:\d{{4}}|['’]?\d{{2}})|{_MONTH}{_SPACE}?\d{{1,2}}(?:st|nd|rd|th)?,?{_SPACE}\d{{2,4}}|"
    rf"\d{{4}}[ -]{_MONTH}[ -]\d{{1,2}}|"
    r"\d{4}\s?年\s?\d{1,2}\s?月\s?\d{1,2}\s?[日号]?|[〇零一二三四五六七八九○]{4}年[一二三四五六七八九十]{1,3}月[一二三四五六七八九十]{1,3}[日号]?)"
)
_BIRTH: Final = (
    r"(?:date[ _-]?of[ _-]?birth|birth[ _-]?(?:date|day)|\bd\.?o\.?b\b\.?|(?<![a-z])dob(?![a-z])|(?<![a-z])born(?![a-z])|geboren|geburts(?:datum|tag)|\bgeb\.|\bgeb\. ?dat|"
    r"\bn[ée]{1,2}e?(?:\(e\))? le\b|\bn[ée]e?(?![a-zà-ÿ])|date[ _]de[ _]naissance|ddn|anniversaire|naissance|fecha[ _]de[ _]nacimiento|nacid[oa]|nacimiento|data[ _]di[ _]nascita|nat[oa] (?:il|a)|nascita|"
    r"data[ _]urodzenia|urodzon[yae]|ur\.|geboortedatum|geboren op|出生日期|出生于|出生年月日?|生日|出生|生于|生年月日)"
)
_YEAR: Final = r"(?:19[0-9]{2}|20[0-2][0-9])"


def _day(value: str) -> bool:
    """Some day that exists; a compact one must have a month and a day."""
    digits = digits_of(value)
    if value.isdigit():
        return len(digits) == 8 and "01" <= digits[4:6] <= "12" and "01" <= digits[6:] <= "31"
    numbers = [int(part) for part in re.findall(r"\d+", value)]
    return not numbers or any(1 <= number <= 31 for number in numbers)


_BIRTHS: Final = (
    Rule("after the word", rf"(?i:{_BIRTH}[^\d\n]{{0,40}}?)(?P<v>(?i:{_DATE}))(?!\d)", 0.9, _day),
    Rule("after the word, next line", rf"(?i:{_BIRTH}[:：|\"' \t]{{0,5}}\n[ \t\"'|]{{0,5}})(?P<v>(?i:{_DATE}))(?!\d)", 0.85, _day),
    Rule("below its column", rf"(?i:{_BIRTH}[^\d\n]{{0,40}}\n(?:[|:+ -]{{1,80}}\n)?[^\n]{{0,60}}?)(?<![\d./-])(?P<v>(?i:{_DATE}))(?!\d)", 0.6, _day),
    Rule("before the word", rf"(?<![\d./-])(?P<v>(?i:{_DATE}))(?=[\s,]{{0,2}}(?i:\(?(?:geboren|出生|生于|geb\b|birth ?da|dob\b|date of birth|born\b|né\b|née\b|生)))", 0.85, _day),
    Rule("year of birth", rf"(?i:\b(?:born in|geboren|jahrgang|née? en|born|birth year|year of birth|geburtsjahr|ann[ée]e de naissance|nacid[oa] en|nat[oa] nel|yob)[ :]{{1,2}}(?:im[ ](?:Jahr[ ])?|in[ ])?)(?P<v>{_YEAR})(?![\d-])", 0.7),
    Rule("year of birth, chinese", r"(?P<v>(?:19|20)\d{2}年(?:\d{1,2}月)?)(?=出?生)", 0.7),
    # On a passport, an index card, an obituary.
    Rule("star", rf"(?<!\w)\*[ ]?(?P<v>\d{{1,2}}\.[ ]?(?:\d{{1,2}}\.|(?i:{_MONTH}))[ ]?\d{{4}})(?!\d)", 0.8),
)  # fmt: skip
_BIRTH_HINT: Final = re.compile(_BIRTH + r"|jahrgang|geburtsjahr|yob|\*|birth year", re.IGNORECASE)

_N: Final = r"(?:1[01]\d|\d{1,2})"
_WHO: Final = r"man|woman|boy|girl|male|female|patient|mother|father|son|daughter|student|person|resident|driver|employee|lady|gentleman|kid|child|teenager|victim|suspect|husband|wife|brother|sister"
_AGES: Final = (
    Rule("years old", rf"(?<![\w.,$€£-])(?P<v>{_N}(?:[ -]years?[ -]olds?|[ ]?-?(?:y/?o|yrs?[ -]old|y\.o\.))(?!\w))", 0.8),
    Rule("months old", r"(?<![\w.,$-])(?P<v>\d{1,2}[ -](?:months?|weeks?)[ -]olds?)(?!\w)", 0.65),
    Rule("aged", rf"(?i:\baged?[ ]?(?:[:=：]|of|is|was|around|about)?[ ]?)(?P<v>{_N})(?![\w%]|[.,:/-]\d)", 0.75),
    Rule("age in a field", rf"(?i:(?<![a-z])(?:age|alter|[âa]ge|edad|età|wiek|leeftijd)[\"']?[ ]?[:=：|][ ]?[\"']?)(?P<v>{_N})(?![\w%]|[.,:/-]\d)", 0.75),
    Rule("at the age of", rf"(?i:\b(?:at (?:the )?age(?: of)?|turn(?:s|ed|ing)?|im Alter von|à l['’][âa]ge de|mit(?= \d{{1,3}} Jahren)|con(?= \d{{1,3}} años)) )(?P<v>{_N}(?:[ ](?:years|Jahren|ans|años))?)(?![\w%]|[.,:/-]\d|[ ](?:percent|Prozent|pages|degrees|times|of|Tage|Stunden))", 0.55, lambda value: not value.isdigit() or int(value) >= 10),
    Rule("am years", rf"(?i:\b(?:I['’]m|I am|he is|she is|he['’]s|she['’]s|who is|who['’]s|(?:{_WHO})(?: is|,)) )(?P<v>{_N}(?:[ ](?:years? of age|yrs?|years))?)(?=[.,;!)]|$|[ ](?:and|from|male|female|now|today|years of age)\b)(?![.,:/-]\d)", 0.6),
    Rule("person, age", rf"(?<=[a-zà-ÿ][a-zà-ÿ],[ ])(?P<v>{_N})(?=,[ ](?:male|female|from|of|a[ ]|an[ ]|who|m\b|f\b|lives|single|married|was|is))", 0.6),
    Rule("year-old person", rf"(?<![\w.,-])(?P<v>{_N})(?=[ -](?:yo|y/o|yrs?)[ ]?(?:old)?[ ](?:{_WHO})\b|[ ]?(?:[MF]|m|f)\b[ ](?:patient|with|presents))", 0.65),
    Rule("german", rf"(?<![\w.,-])(?P<v>{_N}(?:[ ]Jahre?n?[ ](?:alt|jung)|-?[ ]?jährige[rnm]?|-?[ ]?jähriges(?=[ ](?:Kind|Mädchen|Baby|Opfer))))(?!\w)", 0.8),
    Rule("german, told", rf"(?:\b(?:[Aa]lter|ist|bin|wird|wurde)[ :]{{1,2}})(?P<v>{_N}[ ]Jahre)(?!\w)", 0.7),
    Rule("french", rf"(?i:\b(?:âgée?s?|agée?s?)[ ](?:de|d['’])?[ ]?)(?P<v>{_N}(?:[ ]ans)?)(?!\w)", 0.8),
    Rule("french, years", rf"(?i:\b(?:j['’]ai|il a|elle a|ayant|aura|avait|de|a|,)[ ])(?P<v>{_N}[ ]ans)(?=[.,;:!?)]|$|[ ](?:et|est|qui|habit|né|a\b|souffr|demeur))", 0.65),
    Rule("chinese", rf"(?<![\d.])(?P<v>{_N}[ ]?(?:周?岁|歲))(?!月)", 0.8),
    Rule("chinese, told", rf"(?:年龄|年齡|现年|今年|芳龄)(?:是|为|：|:)?[ ]?(?P<v>{_N})(?![\d年月%.])", 0.75),
    Rule("chinese words", r"(?P<v>[一二三四五六七八九]?十[一二三四五六七八九]?(?:周?岁))", 0.7),
    Rule("spanish, italian, polish, dutch", rf"(?<![\w.,-])(?P<v>{_N}[ ](?:años(?: de edad)?|anni|lat|jaar(?: oud)?))(?=[.,;:!?)]|$|[ ](?:y|e|i|en|de edad)\b)", 0.6),
)  # fmt: skip
_AGE_HINT: Final = re.compile(
    r"old|\by/?o\b|yrs|age|alt\b|jähr|Jahr|âg|ans\b|岁|歲|年龄|年齡|现年|今年|芳龄|años|anni|\blat\b|jaar|turn|\b(?:is|am|a)\b|['’][ms]\b|edad|età|wiek|leeftijd|"
    + _WHO,
    re.IGNORECASE,
)


def life_date_recognizers() -> list[RuleRecognizer]:
    """DATE_OF_BIRTH, AGE."""
    return [
        RuleRecognizer(
            "DATE_OF_BIRTH",
            _BIRTHS,
            wanted=lambda text: _BIRTH_HINT.search(text) is not None,
        ),
        RuleRecognizer(
            "AGE",
            _AGES,
            wanted=lambda text: (
                (has_digit(text) or "岁" in text) and _AGE_HINT.search(text) is not None
            ),
        ),
    ]
