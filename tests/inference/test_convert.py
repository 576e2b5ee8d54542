"""The converted checkpoint is the dense model, split: nothing lost, nothing added."""

from pathlib import Path

import numpy as np
import pytest
import torch
from engine_helpers import logits_of, run_all, small_engine
from safetensors.torch import load_file

from inference.convert.gguf_source import GgufSource, default_source
from inference.convert.router_fit import fit_router
from inference.convert.split import split_neurons
from inference.engine.sequence import Sequence
from inference.sampling_params import SamplingParams
from inference.tokenizer import Tokenizer

TEXT = "The harbour was quiet that morning, and 27 boats lay side by side."


@pytest.fixture(scope="module")
def weights(demo_model: Path) -> dict[str, torch.Tensor]:
    return load_file(demo_model / "model.safetensors")


@pytest.fixture(scope="module")
def source() -> GgufSource:
    return GgufSource.open(default_source())


def joined(weights: dict[str, torch.Tensor], layer: int, part: str) -> torch.Tensor:
    """One projection of all experts of a layer, shared first."""
    prefix = f"model.layers.{layer}.mlp"
    names = ["shared_experts.0", *(f"experts.{i}" for i in range(7))]
    parts = [weights[f"{prefix}.{name}.{part}_proj.weight"] for name in names]
    return torch.cat(parts, dim=1 if part == "down" else 0)


@pytest.mark.parametrize("layer", [0, 13, 29])
def test_experts_hold_every_neuron_of_the_source_once(
    weights: dict[str, torch.Tensor], source: GgufSource, layer: int
) -> None:
    prefix = f"model.layers.{layer}.mlp"
    dense = [
        torch.from_numpy(source.tensor(f"{prefix}.{part}_proj.weight").copy())
        for part in ("gate", "up", "down")
    ]
    expected = torch.cat([dense[0], dense[1], dense[2].T], dim=1)
    parts = [joined(weights, layer, part) for part in ("gate", "up", "down")]
    found = torch.cat([parts[0], parts[1], parts[2].T], dim=1)
    expected = expected.to(found.dtype).float().numpy()
    found = found.float().numpy()
    assert np.array_equal(expected[np.lexsort(expected.T[:8])], found[np.lexsort(found.T[:8])])


@pytest.fixture(scope="module")
def dense_oracle(weights: dict[str, torch.Tensor], source: GgufSource):
    """transformers' dense Llama, attention and norms straight from the GGUF file."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
        tie_word_embeddings=True,
    )
    stored = weights["model.embed_tokens.weight"].dtype
    state = {}
    for name in LlamaForCausalLM(config).state_dict():
        if name != "lm_head.weight":
            state[name] = torch.from_numpy(source.tensor(name).copy()).to(stored).float()
    model = LlamaForCausalLM(config).eval()
    model.load_state_dict(state, strict=False)
    return model


def test_with_all_experts_the_logits_are_the_dense_ones(demo_model: Path, dense_oracle) -> None:
    ids = Tokenizer.load(demo_model).encode(TEXT)
    engine = small_engine(demo_model)
    ours = logits_of(engine, ids, [1] * len(ids), 8)
    with torch.inference_mode():
        theirs = dense_oracle(torch.tensor([ids])).logits[0]
    assert (ours - theirs).abs().max() <= 5e-4  # logits are up to 20 here
    assert torch.equal(ours.argmax(-1), theirs.argmax(-1))
    fewer = logits_of(engine, ids, [1] * len(ids), 7)
    assert (fewer - theirs).abs().max() > 0.1


def test_fewer_experts_still_answer(demo_model: Path) -> None:
    from inference.chat import ChatTemplate

    tokenizer = Tokenizer.load(demo_model)
    chat = ChatTemplate.load(demo_model, tokenizer)
    assert chat is not None
    engine = small_engine(demo_model, dtype="auto")
    ids = chat.encode([{"role": "user", "content": "What is the capital of France?"}])
    sequences = [
        Sequence(list(ids), SamplingParams(max_tokens=12, temperature=0), k, frozenset({2}))
        for k in (8, 7)
    ]
    for answer in run_all(engine, *sequences):
        assert "Paris" in tokenizer.decode(answer)


def test_split_puts_neurons_that_fire_together_together() -> None:
    rng = np.random.default_rng(0)
    tokens, groups = 400, 3
    on = rng.random((tokens, groups)) < 0.3
    routed = np.repeat(on, 10, axis=1) * rng.uniform(0.5, 1.5, (tokens, 30))
    always = rng.uniform(2, 3, (tokens, 10))
    order = rng.permutation(40)
    contribution = np.concatenate([always, routed], axis=1)[:, order]
    found = split_neurons(contribution.astype(np.float32), groups)
    truth = [
        {int(np.flatnonzero(order == n)[0]) for n in range(g * 10, g * 10 + 10)} for g in range(4)
    ]
    assert set(found[0].tolist()) == truth[0]
    assert {frozenset(g.tolist()) for g in found[1:]} == {frozenset(t) for t in truth[1:]}


def test_every_neuron_lands_in_exactly_one_expert() -> None:
    contribution = np.random.default_rng(1).random((64, 80)).astype(np.float32)
    groups = split_neurons(contribution, 7)
    assert sorted(np.concatenate(groups).tolist()) == list(range(80))
    assert {len(g) for g in groups} == {10}


def test_the_router_learns_a_linear_rule() -> None:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(600, 12, generator=generator)
    rule = torch.randn(3, 12, generator=generator)
    weight, bias = fit_router(inputs, torch.exp(inputs @ rule.T * 0.5 + 1))
    guesses = inputs @ weight.T + bias
    agreement = (guesses.argmax(1) == (inputs @ rule.T).argmax(1)).float().mean()
    assert agreement > 0.95
