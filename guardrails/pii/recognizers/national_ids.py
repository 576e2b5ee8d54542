"""National and tax numbers, travel documents, licences, number plates, patient numbers.

The tables stand in ``national/``, a region a file; this module makes a recognizer of each type.
"""

from guardrails.pii.recognizers.base import Rule, RuleRecognizer, has_digit
from guardrails.pii.recognizers.national.americas import AMERICAS
from guardrails.pii.recognizers.national.asia import ASIA
from guardrails.pii.recognizers.national.britain import BRITAIN
from guardrails.pii.recognizers.national.documents import DOCUMENTS, MRZ, PLATES
from guardrails.pii.recognizers.national.germanic import GERMANIC
from guardrails.pii.recognizers.national.kinds import kinds
from guardrails.pii.recognizers.national.northern import NORTHERN
from guardrails.pii.recognizers.national.romance import ROMANCE


def national_id_recognizers() -> list[RuleRecognizer]:
    """One recognizer per kind of number."""
    return [
        RuleRecognizer(entity, rules, wanted=(lambda text: has_digit(text) or "<<" in text))
        for entity, rules in national_id_rules().items()
    ]


def national_id_rules() -> dict[str, tuple[Rule, ...]]:
    """Entity type -> its rules."""
    rules = kinds(AMERICAS, BRITAIN, GERMANIC, ROMANCE, NORTHERN, ASIA, DOCUMENTS)
    rules["LICENSE_PLATE"] += PLATES
    rules["PASSPORT"] += MRZ
    return rules
