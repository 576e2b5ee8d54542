"""How numbers are written: where they may begin and end, how they are grouped, told words.

It knows notations only, no country.
"""

# A pattern, or a row of a table, reads best on one line.
# ruff: noqa: E501

from typing import Final

# Not within a word, after "+", or amid a date, version, amount or dashed code.
BEGIN: Final = r"(?<![A-Za-z\d_+])(?<!\d[./:-])(?<![A-Za-z][-.])(?<![$€£¥])"
END: Final = r"(?![A-Za-z\d_])(?![./-]\d)(?!,\d\d?(?!\d))"
GAP: Final = r"[ \u00a0\u202f.-]"


def whole(shape: str) -> str:
    """The shape as a number of its own."""
    return f"{BEGIN}(?:{shape}){END}"


def alone(shape: str) -> str:
    """The shape as a number of its own, and no group of a longer one."""
    return rf"{BEGIN}(?<!\d[ \u00a0])(?:{shape}){END}(?![ \u00a0]\d)"


def digits(count: int, *, gap: str = GAP) -> str:
    """So many digits, a gap allowed between any two."""
    return rf"\d(?:{gap}?\d){{{count - 1}}}"


def groups(*sizes: int, gap: str = GAP, need: bool = True) -> str:
    """Digits in groups of these sizes; ``need``: the gaps must be there."""
    mark = gap if need else f"{gap}?"
    return mark.join(rf"\d{{{size}}}" for size in sizes)


def words(latin: str, cjk: str = "", *, acronyms: str = "") -> str:
    """A pattern of words, upper case or lower; a space in it stands for any of `` _.-``, or none.

    Latin words must not be part of a longer one; Chinese has no borders between words.

    Args:
        acronyms: are words of some language in lower case ("ein", "sin", "nie"), so that they
            count in capitals, or in lower case as a field's name.
    """
    loose = latin.replace(" ", r"[ _.'’-]{0,2}")
    parts = [rf"(?<![A-Za-zÀ-ÿ])(?:{loose})(?![A-Za-zÀ-ÿ])"] if latin else []
    if acronyms:
        parts.append(rf"(?-i:(?<![A-Za-z])(?:{acronyms})s?(?![A-Za-z]))")
        parts.append(rf"(?<![A-Za-zÀ-ÿ])(?:{acronyms})(?=[\"']?[ ]?[:=;|\t])")
        parts.append(rf"(?<=[,;|\"'\t])(?:{acronyms})(?=[,\"'])")
    if cjk:
        parts.append(cjk)
    return "|".join(parts)


# Words that say "a number of a person" or "a number for taxes" of no country in particular.
ID_WORDS: Final = words(
    r"national (?:id|identity|identification)(?: number| no| card| code)?|national number|"
    r"id (?:numbers?|no|nr|card|code)|identity (?:card|number|document|no|code)|identification (?:number|no|card|code)|"
    r"personal (?:id|identity|identification|number|code|no)(?: number| code| no)?|"
    r"(?:citizen|government|resident) id|ausweis\w{0,12}|identit[äa]tsnummer|"
    r"(?:num[ée]ro|carte) d identit[ée]|identifiant|documento(?: de identidad)?|document (?:no|number)|"
    r"social (?:security|insurance)(?: number| no)?|sozialversicherungs\w{0,10}|s[ée]curit[ée] sociale",
    "身份证|证件|识别码|个人编号",
)
TAX_WORDS: Final = words(
    r"tax(?:payer)?(?: payer)? (?:id\w{0,12}|number|no|nr|code|ref\w{0,7}|file)(?: number| no| code)?|t\.i\.n\.|"
    r"steuer (?:id\w{0,20}|nr|nummer|kennung)|num[ée]ro (?:fiscal|d identification fiscale)|identifiant fiscal|"
    r"(?:identificaci[óo]n|n[úu]mero) fiscal|fiscal (?:code|number|id)|fiscale?|impuestos|vat(?: id| number| no| reg\w{0,8})?|"
    r"ust id\w{0,4}|umsatzsteuer\w{0,22}|partita iva|podatk\w{0,5}|imposta",
    "税号|纳税人识别号|税务",
    acronyms="TIN|IVA|TVA",
)  # fmt: skip
