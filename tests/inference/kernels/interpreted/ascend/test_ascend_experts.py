"""Ascend's experts at the edges: odd sizes, experts without rows, empty places, rows of NaN."""

import pytest
import torch

from inference.kernels.ascend.experts import AscendExperts
from inference.kernels.ascend.grouped_gate_up import FORMS
from inference.kernels.ascend.packing import turned, turned_back
from inference.kernels.ascend.pair_groups import group_places
from inference.kernels.interface import ExpertWeights
from inference.kernels.reference import pair_groups as reference
from inference.kernels.reference.moe import ReferenceExperts
from inference.kernels.reference.packed_experts import ExpertFormat, pack_experts

WIDTH, INNER = 96, 40


def _weights(experts: int, limit: float | None) -> ExpertWeights:
    generator = torch.Generator().manual_seed(4)

    def draw(out: int, width: int) -> list[torch.Tensor]:
        parts = torch.randn(experts, out, width, generator=generator) * width**-0.5
        return list(parts.bfloat16())

    return ExpertWeights(draw(INNER, WIDTH), draw(INNER, WIDTH), draw(WIDTH, INNER), limit)


def _unpacked(weights: ExpertWeights, form: ExpertFormat) -> ReferenceExperts:
    """The reference over the numbers that are left of the weights in that format."""
    count = range(len(weights.gate))
    parts = (pack_experts(part, form) for part in (weights.gate, weights.up, weights.down))
    gate, up, down = ([part.unpacked(i) for i in count] for part in parts)
    return ReferenceExperts(ExpertWeights(gate, up, down, weights.limit))


@pytest.mark.parametrize("form", FORMS)
def test_a_layer_equals_the_reference_over_its_unpacked_weights(form: ExpertFormat) -> None:
    weights = _weights(4, 1.0 if form != "int8" else None)
    generator = torch.Generator().manual_seed(5)
    hidden = torch.randn(5, WIDTH, generator=generator).bfloat16()
    gates = torch.rand(5, 4, generator=generator)
    gates[:, 2] = 0  # an expert without rows
    gates[3] = 0  # a row without experts
    gates[1, :2] = 0
    found = AscendExperts(weights, form)(hidden, gates)
    expected = _unpacked(weights, form)(hidden.float(), gates)
    torch.testing.assert_close(found.float(), expected, rtol=0.02, atol=0.02)
    assert not found[3].any()


def test_a_row_that_is_no_number_spoils_itself_alone() -> None:
    experts = AscendExperts(_weights(2, 1.0), "bf16")
    hidden = torch.ones(3, WIDTH).bfloat16()
    gates = torch.tensor([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])
    alone = experts(hidden, gates)
    hidden[1] = float("nan")
    found = experts(hidden, gates)
    assert found[1].isnan().all()
    assert torch.equal(found[[0, 2]], alone[[0, 2]])


@pytest.mark.parametrize(("rows", "top_k", "experts"), [(1, 1, 1), (7, 3, 384), (90, 6, 20)])
def test_places_any_number(rows: int, top_k: int, experts: int) -> None:
    generator = torch.Generator().manual_seed(rows)
    chosen = torch.randint(experts, (rows, top_k), generator=generator).int()
    for given in (chosen, torch.where(chosen < experts // 2, -1, chosen)):
        found, expected = (f(given, experts, 16) for f in (group_places, reference.group_places))
        assert torch.equal(found[0], expected[0])
        assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize("form", FORMS)
def test_packing_loses_nothing(form: ExpertFormat) -> None:
    given = pack_experts(_weights(2, None).gate, form)
    again = turned_back(turned(given), WIDTH)
    assert all(torch.equal(again.unpacked(i), given.unpacked(i)) for i in range(2))
