"""The demo checkpoint (made once per run), tiny random checkpoints, and a real server."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the helper modules beside this file

from worker_process import run_cli, serving


@pytest.fixture(scope="session")
def demo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The converted SmolLM2 checkpoint; ``SOVGATE_TEST_MODEL_DIR`` names one to use instead."""
    given = os.environ.get("SOVGATE_TEST_MODEL_DIR")
    if given:
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out = shared / "demo-model" / "smollm2-moe"
    out.parent.mkdir(exist_ok=True)
    with (shared / "demo-model.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "manifest.json").exists():
            done = run_cli("model", "convert", "--out", str(out), "--json")
            assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def worker_url(demo_model: Path) -> Iterator[str]:
    aliases = ("--alias", "sov-pro=8", "--alias", "sov-flash=7")
    with serving(demo_model, *aliases, "--name", "smollm2-moe") as (url, _):
        yield url


SMALL = {
    "vocab_size": 160,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def _make_mixtral() -> Any:
    from transformers import MixtralConfig, MixtralForCausalLM

    config = MixtralConfig(
        **SMALL, intermediate_size=64, num_local_experts=6, num_experts_per_tok=2
    )
    return MixtralForCausalLM(config)


def _make_qwen3_moe() -> Any:
    from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

    config = Qwen3MoeConfig(
        **SMALL,
        intermediate_size=96,
        moe_intermediate_size=32,
        num_experts=8,
        num_experts_per_tok=3,
        norm_topk_prob=True,
        mlp_only_layers=[1],
        head_dim=16,
        tie_word_embeddings=True,
    )
    return Qwen3MoeForCausalLM(config)


def _make_llama() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**SMALL, intermediate_size=96))


MAKERS: dict[str, Callable[[], Any]] = {
    "mixtral": _make_mixtral,
    "qwen3_moe": _make_qwen3_moe,
    "llama": _make_llama,
}


@pytest.fixture(scope="session", params=sorted(MAKERS))
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(directory, transformers model) of a tiny random checkpoint, float32."""
    return make_tiny(request.param, tmp_path_factory.mktemp(request.param))


def make_tiny(kind: str, directory: Path) -> tuple[Path, Any]:
    import torch

    torch.manual_seed(7)
    model = MAKERS[kind]().eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:  # wide enough that greedy choices are not near ties
            parameter.data.normal_(std=0.15)
    model.save_pretrained(directory)
    return directory, model
