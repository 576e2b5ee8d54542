"""Fits the network: Adam, the rate up and down once over a fixed time."""

import math
import random
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from guardrails.pii.names.tokens import ROWS, SLOTS
from guardrails.pii.names.training.batches import Batch, Corpus
from guardrails.pii.names.training.examples import LABELS
from guardrails.pii.names.training.network import Shape, TaggerModel


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the defaults are those of the shipped weights."""

    epochs: float = 1.7
    batch: int = 3_000
    rate: float = 3e-3
    embedding: int = 48
    hidden: int = 160
    width: int = 80
    dilations: tuple[int, ...] = (1, 1, 2, 1)
    dropout: float = 0.15
    slot_dropout: float = 0.12
    seed: int = 1


def fit(corpus: Corpus, recipe: Recipe) -> TaggerModel:
    """A model trained over ``recipe.epochs`` passes; on one thread, the same for the same seed."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)
    shape = Shape(
        rows=ROWS, slots=SLOTS, labels=LABELS, embedding=recipe.embedding,
        hidden=recipe.hidden, width=recipe.width, dilations=recipe.dilations,
    )  # fmt: skip
    model = TaggerModel(shape, dropout=recipe.dropout, slot_dropout=recipe.slot_dropout).train()
    step = _Step(model, corpus.targets.penalties(), recipe.rate)
    generator = random.Random(recipe.seed)
    total = recipe.epochs * corpus.tokens
    seen, started, losses = 0.0, time.monotonic(), list[float]()
    while seen < total:
        for batch in corpus.batches(recipe.batch, generator):
            losses.append(step(batch, _schedule(seen / total)))
            seen += float((batch.places >= 0).sum())
            if len(losses) % 500 == 0:
                recent, spent = sum(losses[-500:]) / 500, time.monotonic() - started
                print(f"{seen / total:5.1%} loss {recent:.4f} {spent:4.0f} s", flush=True)
            if seen >= total:
                break
    return model.eval()


class _Step:
    """One step of two optimisers: rows of the table that a batch lacks are left alone."""

    def __init__(self, model: TaggerModel, penalties: Tensor, rate: float) -> None:
        self._model, self._penalties, self._rate = model, penalties, rate
        named = list(model.named_parameters())
        self._dense = [each for name, each in named if not name.startswith("table")]
        table = [each for name, each in named if name.startswith("table")]
        self._optimisers: list[Any] = [
            torch.optim.SparseAdam(table, lr=rate, betas=(0.9, 0.99)),
            torch.optim.Adam(self._dense, lr=rate, betas=(0.9, 0.99)),
        ]

    def __call__(self, batch: Batch, share: float) -> float:
        """Learn from a batch at a share of the full rate; returns its loss."""
        for optimiser in self._optimisers:
            optimiser.param_groups[0]["lr"] = self._rate * share
            optimiser.zero_grad()
        logits = self._model(batch.rows, batch.places)
        loss = set_loss(logits, self._penalties[batch.targets], batch.weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._dense, 5.0)
        for optimiser in self._optimisers:
            optimiser.step()
        return float(loss.detach())


def set_loss(logits: Tensor, penalties: Tensor, weights: Tensor) -> Tensor:
    """Mean over tokens of -log of the probability that falls into the token's set of labels."""
    right = torch.logsumexp(logits + penalties, dim=2)
    loss = torch.logsumexp(logits, dim=2) - right
    return (loss * weights).sum() / weights.sum().clamp(min=1e-6)


def _schedule(done: float) -> float:
    """Up over the first twentieth, then down along a cosine."""
    if done < 0.05:
        return 0.05 + 0.95 * done / 0.05
    return 0.5 * (1 + math.cos(math.pi * min((done - 0.05) / 0.95, 1.0))) + 0.01
