"""A second peer, written by others in another language, agrees: llama.cpp over the same weights.

It computes with float32 weights, caches and attention here, so what differs is the order of sums.
"""

import random
from collections.abc import Iterator

import pytest
from engine_helpers import logits_of, small_engine
from llama_cpp_peer import LlamaCpp, llama_cpp
from tiny_v4 import KINDS, TINY, make_tiny_v4

from benchmarks.engine.gguf_v4 import write_gguf
from benchmarks.engine.weights import dequantised, hugging_face
from inference.convert.gguf_source import GgufSource, default_source
from inference.engine.engine import Engine
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.tokenizer import Tokenizer

Peers = tuple[Engine, LlamaCpp]

# Sizes that llama.cpp has code for, with the published rates of compression.
SIZES = {**TINY, "vocab_size": 320, "head_dim": 128, "qk_rope_head_dim": 64, "index_head_dim": 64}
RATES = {"csa": 4, "hca": 128}
ANSWER = 8
# Where prompts end: before, at and past an entry of either kind, past the sliding window
# (16), past what the indexer chooses from (5 entries of 4), past several entries of 128.
LENGTHS = [1, 4, 17, 40, 127, 128, 129, 300]


def agree(peers: Peers, prompt: list[int], experts: int, listed: int, tolerance: float) -> None:
    """The same greedy answer, and the same log probabilities all along it."""
    engine, peer = peers
    theirs = peer.answer(prompt, ANSWER, listed)
    steps = [len(prompt)] + [1] * (ANSWER - 1)
    logprobs = logits_of(engine, prompt + theirs.ids[:-1], steps, experts).log_softmax(-1)
    assert logprobs.argmax(-1).tolist() == theirs.ids
    for place, listed_there in zip(logprobs, theirs.logprobs, strict=True):
        assert len(listed_there) == listed
        assert place[list(listed_there)].tolist() == pytest.approx(
            list(listed_there.values()), abs=tolerance
        )


@pytest.fixture(scope="module")
def v4(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    directory = tmp_path_factory.mktemp("v4")
    make_tiny_v4(directory, sizes=SIZES, rates=RATES)
    file = write_gguf(directory, tmp_path_factory.mktemp("gguf") / "v4.gguf")
    with llama_cpp(file, file.with_suffix(".log")) as peer:
        yield small_engine(directory, block_size=128), peer


def test_every_kind_of_layer_and_both_routers_are_compared(v4: Peers) -> None:
    config = v4[0].config
    assert isinstance(config, DeepseekV4Config)
    assert set(config.layers) == set(KINDS) == {"sliding", "csa", "hca"}
    assert 0 < len(config.hash_layers) < config.num_layers
    assert max(LENGTHS) > 2 * RATES["hca"] > config.window
    assert max(LENGTHS) // RATES["csa"] > config.index_topk


@pytest.mark.parametrize("length", LENGTHS)
def test_deepseek_v4_agrees(v4: Peers, length: int) -> None:
    draw = random.Random(length)
    prompt = [draw.randrange(3, SIZES["vocab_size"]) for _ in range(length)]
    experts = SIZES["num_experts_per_tok"] + SIZES["n_shared_experts"]
    agree(v4, prompt, experts, SIZES["vocab_size"], 1e-4)


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Peers, Tokenizer]]:
    directory = tmp_path_factory.mktemp("smollm2")
    source = GgufSource.open(default_source())
    checkpoint = hugging_face(directory / "checkpoint", source)
    file = dequantised(directory / "smollm2.gguf", source)
    with llama_cpp(file, file.with_suffix(".log")) as peer:
        yield (small_engine(checkpoint), peer), Tokenizer.load(checkpoint)


@pytest.mark.parametrize(
    "text",
    [
        "The capital of France is",
        "def quicksort(values: list[int]) -> list[int]:\n    ",
        "<|im_start|>user\nGröße, 但是: three words.<|im_end|>\n<|im_start|>assistant\n",
    ],
)
def test_smollm2_agrees(smollm2: tuple[Peers, Tokenizer], text: str) -> None:
    peers, tokenizer = smollm2
    agree(peers, tokenizer.encode(text), 0, 100, 1e-3)
