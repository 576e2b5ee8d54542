"""Examples as numbers, and the batches of a training run with their distortions.

Every distinct token is encoded once per batch; so a text is a row of token numbers, and changing
the case of a text is looking its numbers up in another list.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from guardrails.pii.names.tokens import feature_rows, tokenise
from guardrails.pii.names.training.examples import LABELS, UNKNOWN, Example
from guardrails.pii.names.training.network import pad

_LONGEST: Final = 160
_LOWER: Final = 0.15
_UPPER: Final = 0.02
_TITLE: Final = 0.03
_JOINED: Final = 0.5
_CASES: Final = (str.lower, str.upper, str.title)
# A word that stands this often in lower case and is no name: "little" tells nothing of Mr Little.
_EVERYDAY: Final = 20


@dataclass(frozen=True, slots=True)
class Batch:
    """``rows`` (u, f) of distinct tokens; ``places``, ``targets``, ``weights`` (b, t)."""

    rows: Tensor
    places: Tensor
    targets: Tensor
    weights: Tensor


class Targets:
    """Sets of labels by number: what may be right for a token."""

    def __init__(self) -> None:
        self._numbers: dict[frozenset[str], int] = {}

    def number(self, labels: frozenset[str]) -> int:
        return self._numbers.setdefault(labels, len(self._numbers))

    def sets(self) -> list[frozenset[str]]:
        """The sets in the order of their numbers."""
        return list(self._numbers)

    def penalties(self) -> Tensor:
        """(sets, L): 0 where a label is in the set, else so low that it counts for nothing."""
        table = torch.full((len(self._numbers), len(LABELS)), -1e4)
        for labels, number in self._numbers.items():
            for label in labels:
                table[number, LABELS.index(label)] = 0.0
        return table


class Corpus:
    """Examples as token numbers and target numbers."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.targets = Targets()
        self._keys: dict[str, int] = {}
        self.texts: list[tuple[NDArray[np.int32], NDArray[np.int32], float, str]] = []
        for example in examples:
            self._take(example)
        originals = list(self._keys)
        self.cases = [
            np.array([self._number(change(key)) for key in originals], np.int32)
            for change in _CASES
        ]
        self.line_break = self._number("\n")
        self.outside = self.targets.number(frozenset({"O"}))
        self._anything = self.targets.number(frozenset(LABELS))
        self._everyday = self._words_of_every_day()
        self.features = torch.tensor([feature_rows(key) for key in self._keys])

    @property
    def tokens(self) -> int:
        return sum(len(text[0]) for text in self.texts)

    def _number(self, key: str) -> int:
        return self._keys.setdefault(key, len(self._keys))

    def _words_of_every_day(self) -> NDArray[np.bool_]:
        """By token number: is it often no name, as it is written?"""
        self._named = np.array(["O" not in labels for labels in self.targets.sets()])
        counts = np.zeros(len(self._keys), np.int64)
        for numbers, targets, _, _ in self.texts:
            np.add.at(counts, numbers[~self._named[targets]], 1)
        return counts >= _EVERYDAY

    def _take(self, example: Example) -> None:
        tokens = tokenise(example.text)
        if not tokens.keys:
            return
        numbers = np.array([self._number(key) for key in tokens.keys], np.int32)
        targets = np.array(
            [
                self.targets.number(each)
                for each in token_targets(example, tokens.starts, tokens.ends)
            ],
            np.int32,
        )
        for start in range(0, len(numbers), _LONGEST):
            cut = slice(start, start + _LONGEST)
            self.texts.append((numbers[cut], targets[cut], example.weight, example.lang))

    def batches(self, size: int, generator: random.Random) -> Iterator[Batch]:
        """One pass over all texts in random order, in batches of about ``size`` tokens."""
        order = list(range(len(self.texts)))
        generator.shuffle(order)
        pieces = [self._distorted(chunk, generator) for chunk in self._joined(order, generator)]
        # Texts of like length together waste few places on padding.
        pieces.sort(key=lambda piece: len(piece[0]) + generator.random() * 8)
        groups: list[list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]]] = [[]]
        longest = 0
        for piece in pieces:
            longest = max(longest, len(piece[0]))
            if groups[-1] and longest * (len(groups[-1]) + 1) > size:
                groups.append([])
                longest = len(piece[0])
            groups[-1].append(piece)
        generator.shuffle(groups)
        for group in groups:
            yield self._batch(group)

    def _joined(self, order: list[int], generator: random.Random) -> Iterator[list[int]]:
        """Texts alone, or up to four in a row: what a user sends has more than one sentence."""
        at = 0
        while at < len(order):
            count = 1 if generator.random() >= _JOINED else generator.randint(2, 4)
            yield order[at : at + count]
            at += count

    def _distorted(
        self, chunk: list[int], generator: random.Random
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        numbers, targets, weights = [], [], []
        draw = generator.random()
        case = 0 if draw < _LOWER else 1 if draw < _LOWER + _UPPER else 2
        changed = draw < _LOWER + _UPPER + _TITLE
        for index in chunk:
            text, target, weight, _ = self.texts[index]
            if sum(map(len, numbers)) + len(text) > 2 * _LONGEST:
                break
            if numbers and generator.random() < 0.3:
                numbers.append(np.array([self.line_break], np.int32))
                targets.append(np.array([self.outside], np.int32))
                weights.append(np.array([weight], np.float32))
            if changed:
                text = self.cases[case][text]
                target = self._lowered(text, target) if case == 0 else target
            numbers.append(text)
            targets.append(target)
            weights.append(np.full(len(text), weight, np.float32))
        return np.concatenate(numbers), np.concatenate(targets), np.concatenate(weights)

    def _lowered(self, text: NDArray[np.int32], targets: NDArray[np.int32]) -> NDArray[np.int32]:
        """In lower case, an everyday word within a name could be either."""
        open_ = self._everyday[text] & self._named[targets]
        return np.where(open_, self._anything, targets).astype(np.int32)

    def _batch(
        self, group: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]]
    ) -> Batch:
        flat = np.concatenate([numbers for numbers, _, _ in group])
        distinct, inverse = np.unique(flat, return_inverse=True)
        ends = np.cumsum([len(numbers) for numbers, _, _ in group])[:-1]
        places = pad(np.split(inverse, ends))
        weights = torch.zeros(places.shape)
        for row, (_, _, weight) in enumerate(group):
            weights[row, : len(weight)] = torch.from_numpy(weight)
        return Batch(
            self.features[torch.from_numpy(distinct).long()],
            places,
            pad([target for _, target, _ in group], 0),
            weights,
        )


def token_targets(
    example: Example, starts: Sequence[int], ends: Sequence[int]
) -> Iterator[frozenset[str]]:
    """For each token the labels that may be right."""
    unsaid = [label for label in LABELS[1:] if label[2:] not in example.annotated]
    blank = frozenset(["O", *unsaid])
    spans = iter(example.spans)
    span = next(spans, None)
    begun = False
    for start, end in zip(starts, ends, strict=True):
        while span is not None and span.end <= start:
            span, begun = next(spans, None), False
        if span is None or end <= span.start:
            yield blank
        elif span.kind == UNKNOWN:
            yield frozenset(LABELS)
        else:
            yield frozenset({f"{'I' if begun else 'B'}-{span.kind}"})
            begun = True
