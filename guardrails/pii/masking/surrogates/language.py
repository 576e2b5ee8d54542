"""A guess at the language of a request, for the choice between lists of words only."""

import re
from collections.abc import Iterable
from typing import Final

from guardrails.pii.masking.surrogates import pools

LANGUAGES: Final = ("en", "de", "fr", "zh")
CJK: Final = re.compile("[\u3400-\u9fff]")
_WORD: Final = re.compile(r"[^\W\d_]+")
_READ: Final = 2_000
_TELLING: Final = {
    "en": frozenset("the is are was my your and with you for this that have please from".split()),
    "de": frozenset(
        "der die das ist sind und ich nicht mit für ein eine mein bitte sie wir".split()
    ),
    "fr": frozenset(
        "le la les est sont et je une pour avec mon vous dans merci bonjour des".split()
    ),
}
_MARKS: Final = {"de": frozenset("äöüß"), "fr": frozenset("éèêëçàâîïôûœ")}
_KNOWN: Final = {
    language: frozenset(
        word.casefold()
        for pool in (pools.FEMALE, pools.MALE, pools.FAMILY, pools.CITIES)
        for word in pool[language]
    )
    for language in ("en", "de", "fr")
}


def language_of_texts(texts: Iterable[str]) -> str:
    """The language whose little words are most frequent in the first characters."""
    read = "\n".join(texts)[:_READ].lower()
    if len(CJK.findall(read)) * 4 > len(read):
        return "zh"
    words = _WORD.findall(read)
    return max(_TELLING, key=lambda language: sum(word in _TELLING[language] for word in words))


def language_of_name(value: str, otherwise: str) -> str:
    """By its letters and by the words of it that the lists hold."""
    if CJK.search(value):
        return "zh"
    folded = value.casefold()
    words = _WORD.findall(folded)
    votes = {language: sum(word in known for word in words) for language, known in _KNOWN.items()}
    best = max(votes.values(), default=0)
    winners = [language for language, count in votes.items() if count == best and best]
    if len(winners) == 1:
        return winners[0]
    for language, marks in _MARKS.items():
        if not marks.isdisjoint(folded):
            return language
    if otherwise in winners or not winners:
        return otherwise if otherwise != "zh" else "en"
    return winners[0]
