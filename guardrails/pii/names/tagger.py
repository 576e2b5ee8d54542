"""Names, places, organisations and what else tells who somebody is, in Latin script.

Weights, thresholds and their figures: ``MODEL_CARD.md``. It knows English, German and French;
other languages in Latin script profit from their spelling. Nothing here needs more than numpy.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from guardrails.pii.names.decode import Decoder, TokenSpan
from guardrails.pii.names.network import TaggerNetwork, TokenVectors
from guardrails.pii.names.tokens import Tokens, feature_rows, is_mark, tokenise

if TYPE_CHECKING:
    from guardrails.pii.names._native import Tagger

WEIGHTS: Final = Path(__file__).parent / "weights" / "latin.npz"
# How likely a token must be of a kind. Low on purpose: a missed name is a leak, a false mask a
# nuisance. Organisations are the least personal and the most confused kind.
LEAST: Final = {
    "PERSON": 0.22,
    "LOCATION": 0.22,
    "ORGANIZATION": 0.27,
    "STREET_ADDRESS": 0.4,
    "DATE_TIME": 0.5,
    "TITLE": 0.5,
    "AGE": 0.7,
    "NRP": 0.5,
}
NAMES: Final = frozenset({"PERSON", "LOCATION", "ORGANIZATION"})
_KEPT: Final = 8_192


class Name(NamedTuple):
    """``text[start:end]`` is of a kind; ``score`` 0..1."""

    start: int
    end: int
    kind: str
    score: float


class NameTagger:
    """Finds names in one window of text; threads may share it.

    Args:
        kept: distinct tokens whose vectors are kept; 1.3 kB each once used.
    """

    def __init__(self, network: TaggerNetwork, kept: int = _KEPT) -> None:
        self.network = network
        self._decoder = Decoder(network.labels, LEAST)
        self.kinds = self._decoder.kinds
        self._native = _in_c(network, self._decoder, kept)
        self._vectors = TokenVectors(network, feature_rows, kept)

    @property
    def is_native(self) -> bool:
        return self._native is not None

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Self:
        """Read the weights.

        Raises:
            OSError, ValueError, KeyError: no such file, or not one of ours.
        """
        return cls(TaggerNetwork.load(path))

    def find(self, text: str) -> list[Name]:
        """The names of a text of at most some thousand words, in order."""
        if self._native is not None:
            return [Name(*found) for found in self._native.find(text)]
        tokens = tokenise(text)
        if not tokens.keys:
            return []
        scores = self.network.scores(self._vectors.of(tokens.keys))
        found = (_trimmed(tokens, span) for span in self._decoder.spans(scores))
        return [name for name in found if name is not None]


def _in_c(network: TaggerNetwork, decoder: Decoder, kept: int) -> "Tagger | None":
    """All of ``find`` in C, where the network runs there."""
    if network.native is None:
        return None
    from guardrails.pii.names._native import Tagger

    labels, kinds = network.labels, decoder.kinds
    return Tagger(
        network.native,
        feature_rows,
        kinds,
        tuple(labels.index(f"B-{kind}") for kind in kinds),
        tuple(labels.index(f"I-{kind}") for kind in kinds),
        tuple(LEAST[kind] for kind in kinds),
        kept,
    )


def _trimmed(tokens: Tokens, span: TokenSpan) -> Name | None:
    """Marks at the ends of a span belong to the sentence, and so does the "'s" of a name."""
    first, last = span.first, span.last
    while first <= last and is_mark(tokens.keys[first]):
        first += 1
    while last >= first and is_mark(tokens.keys[last]):
        last -= 1
    if first > last:
        return None
    return Name(tokens.starts[first], tokens.ends[last], span.kind, span.score)
