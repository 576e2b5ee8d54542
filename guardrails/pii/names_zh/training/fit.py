"""Train the network on labelled samples, one core, a few minutes.

Names of the lexicon are overlooked at random, so that the network also reads names that no
lexicon has; features are made anew for every epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from guardrails.pii.names.training.network import Shape, TaggerModel
from guardrails.pii.names_zh.codes import Codes, encode
from guardrails.pii.names_zh.features import COLUMNS, SLOTS, TABLE_ROWS, rows
from guardrails.pii.names_zh.lexicon import LENGTHS, Lexicon
from guardrails.pii.names_zh.training.sample import IGNORED, LABELS, Sample, labels_of


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train.

    Args:
        characters: about how many a batch holds.
        forget: share of the lexicon's names that are overlooked.
    """

    epochs: int = 3
    characters: int = 4_000
    rate: float = 3e-3
    forget: float = 0.25
    seed: int = 1
    embedding: int = 32
    hidden: int = 96
    width: int = 64
    dilations: tuple[int, ...] = (1, 2, 1)
    dropout: float = 0.15
    slot_dropout: float = 0.1


def fit(samples: Sequence[Sample], fold: Codes, lexicon: Lexicon, plan: Plan) -> TaggerModel:
    """Train a network; the same plan and samples give the same weights on one machine."""
    torch.manual_seed(plan.seed)
    random = np.random.default_rng(plan.seed)
    shape = Shape(
        TABLE_ROWS, SLOTS, LABELS, plan.embedding, plan.hidden, plan.width, plan.dilations
    )
    model = TaggerModel(shape, dropout=plan.dropout, slot_dropout=plan.slot_dropout)
    dense = [value for name, value in model.named_parameters() if name != "table.weight"]
    optimizers = (
        torch.optim.SparseAdam([model.table.weight], lr=plan.rate),
        torch.optim.AdamW(dense, lr=plan.rate, weight_decay=1e-3),
    )
    encoded = [(encode(each.text, fold), labels_of(each)) for each in samples if each.text]
    batches = _plan_batches([len(codes) for codes, _ in encoded], plan.characters)
    total, step = plan.epochs * len(batches), 0
    for epoch in range(plan.epochs):
        losses = []
        for batch in random.permutation(len(batches)):
            for optimizer in optimizers:
                optimizer.param_groups[0]["lr"] = plan.rate * _schedule(step / total)
                optimizer.zero_grad()
            chosen = [encoded[index] for index in batches[batch]]
            loss = _loss(model, chosen, lexicon, plan.forget, random)
            loss.backward()
            nn.utils.clip_grad_norm_(dense, 1.0)
            for optimizer in optimizers:
                optimizer.step()
            losses.append(loss.item())
            step += 1
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
    return model.eval()


def _schedule(done: float) -> float:
    return min(1.0, done * 20 + 0.05) * (1.0 - done) + 0.01


def _plan_batches(lengths: Sequence[int], characters: int) -> list[list[int]]:
    """Numbers of samples of like length, about ``characters`` together."""
    batches: list[list[int]] = [[]]
    for index in sorted(range(len(lengths)), key=lambda number: lengths[number]):
        if batches[-1] and (len(batches[-1]) + 1) * lengths[index] > characters:
            batches.append([])
        batches[-1].append(index)
    return batches


def _loss(
    model: TaggerModel,
    chosen: Sequence[tuple[Codes, NDArray[np.int64]]],
    lexicon: Lexicon,
    forget: float,
    random: np.random.Generator,
) -> Tensor:
    longest = max(len(codes) for codes, _ in chosen)
    inputs = np.zeros((len(chosen), longest, COLUMNS), np.int64)
    wanted = np.full((len(chosen), longest), IGNORED, np.int64)
    present = torch.zeros(wanted.shape, dtype=torch.bool)
    for row, (codes, numbers) in enumerate(chosen):
        drop = random.random((LENGTHS, len(codes))) < forget
        inputs[row, : len(codes)] = rows(codes, lexicon, drop)
        wanted[row, : len(codes)] = numbers
        present[row, : len(codes)] = True
    vectors = model.vectors(torch.from_numpy(inputs).flatten(0, 1))
    logits = model.tag_vectors(vectors.view(*wanted.shape, -1), present)
    return nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.from_numpy(wanted).flatten(), ignore_index=IGNORED
    )
