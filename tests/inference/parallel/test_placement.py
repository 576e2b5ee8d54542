"""Placing experts by their load: every expert somewhere, slots alike, never worse than in order."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_v4 import published_config

from inference.errors import CheckpointInvalid, CheckpointUnsupported
from inference.model_config import parse_config
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.parallel import Layout, Placement, balance, even
from inference.parallel.checkpoint import split_dimension
from inference.parallel.layout import part_of
from inference.parallel.placement import add_up, read_loads, write_loads

LOADS = st.lists(st.integers(0, 10_000), min_size=8, max_size=40)


def peak(placement: Placement, tokens: list[int]) -> float:
    return max(placement.loads(tokens))


@given(LOADS, st.integers(1, 8), st.integers(0, 12))
@settings(max_examples=120, deadline=None)
def test_placements_are_whole_and_no_worse(tokens: list[int], ranks: int, redundant: int) -> None:
    placement = balance(tokens, ranks, redundant)
    assert len(placement.slots) == ranks
    assert {expert for held in placement.slots for expert in held} == set(range(len(tokens)))
    for held in placement.slots:
        assert len(set(held)) == len(held) <= -(-(len(tokens) + redundant) // ranks)
    assert sum(placement.loads(tokens)) == pytest.approx(sum(tokens))
    assert peak(placement, tokens) <= peak(even(len(tokens), ranks), tokens)


def test_a_few_busy_experts_are_divided() -> None:
    tokens = [8000, 4000] + [100] * 14  # what skewed routing looks like
    fair = sum(tokens) / 4
    assert peak(even(16, 4), tokens) > 3 * fair
    assert peak(balance(tokens, 4), tokens) == 8300  # four experts each
    assert peak(balance(tokens, 4, redundant=4), tokens) < 1.3 * fair


def test_greedy_is_near_the_best_where_slots_suffice() -> None:
    tokens = [((7 * at) % 13 + 1) ** 3 for at in range(64)]
    placement = balance(tokens, 8, redundant=8)
    assert peak(placement, tokens) < 1.05 * sum(tokens) / 8


def test_even_keeps_neighbours_together() -> None:
    assert even(6, 4).slots == ((0,), (1, 2), (3,), (4, 5))
    assert even(8, 2).copies() == [[0]] * 4 + [[1]] * 4


def test_what_cannot_be_shared_is_refused() -> None:
    v4 = parse_config(published_config())
    for layout, reason in ((Layout(3, 1), "4 heads evenly"), (Layout(1, 8), "share 7 experts")):
        with pytest.raises(CheckpointUnsupported, match=reason):
            part_of(v4, layout)
    part = part_of(v4, Layout(2, 4))
    assert isinstance(part, DeepseekV4Config)
    assert (part.num_heads, part.o_groups, part.num_experts) == (2, 1, 7)
    grid = Layout(2, 3)
    assert [grid.place(rank) for rank in range(6)] == [(e, t) for e in range(3) for t in range(2)]
    assert (grid.row(3), grid.column(3)) == ([2, 3], [1, 3, 5])


def test_loads_are_kept_between_starts(tmp_path: Path) -> None:
    path = tmp_path / "loads.json"
    assert read_loads(path) == {}
    write_loads(path, {"layers.3.ffn": [5, 0, 7]})
    assert read_loads(path) == {"layers.3.ffn": [5.0, 0.0, 7.0]}
    now = {"layers.3.ffn": [1, 1, 1], "layers.4.ffn": [2, 2]}
    assert add_up(read_loads(path), now) == {"layers.3.ffn": [6, 1, 8], "layers.4.ffn": [2, 2]}
    path.write_text("[1]")
    with pytest.raises(CheckpointInvalid, match="no record"):
        read_loads(path)


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        ("layers.3.attn.wq_b.weight", 0),
        ("layers.3.attn.indexer.wq_b.weight", None),
        ("layers.3.attn.wq_a.weight", None),
        ("layers.3.attn.attn_sink", 0),
        ("layers.3.attn.wo_a.weight", 0),
        ("mtp.0.attn.wo_b.weight", 1),
        ("layers.3.ffn.shared_experts.w1.weight", 0),
        ("layers.3.ffn.shared_experts.w2.weight", 1),
        ("layers.3.ffn.experts.12.w3.weight", 0),
        ("layers.3.ffn.gate.weight", None),
        ("head.weight", 0),
        ("hc_head_fn", None),
        ("embed.weight", None),
        ("model.layers.3.self_attn.q_proj.weight", 0),
        ("model.layers.3.self_attn.q_a_proj.weight", None),
        ("model.layers.3.self_attn.q_b_proj.weight", 0),
        ("model.layers.3.self_attn.kv_a_proj_with_mqa.weight", None),
        ("model.layers.3.self_attn.kv_b_proj.weight", 0),
        ("model.layers.3.self_attn.o_proj.weight", 1),
        ("model.layers.3.self_attn.q_norm.weight", None),
        ("model.layers.3.mlp.gate.weight", None),
        ("model.layers.3.mlp.down_proj.weight", 1),
        ("model.layers.3.block_sparse_moe.experts.0.w2.weight", 1),
        ("model.layers.3.mlp.shared_experts.0.gate_proj.weight", 0),
        ("lm_head.weight", 0),
        ("model.embed_tokens.weight", None),
    ],
)
def test_what_is_divided(name: str, dim: int | None) -> None:
    assert split_dimension(name) == dim
