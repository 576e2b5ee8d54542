"""config.json: what is read, and what is refused with a reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from inference.errors import CheckpointInvalid, CheckpointUnsupported
from inference.model_config import ModelConfig, load_config, parse_config

MIXTRAL: dict[str, Any] = {
    "model_type": "mixtral",
    "vocab_size": 100,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "rope_theta": 1e6,
    "eos_token_id": 2,
}


def test_mixtral_as_published() -> None:
    config = parse_config(MIXTRAL)
    assert isinstance(config, ModelConfig)
    assert (config.num_experts, config.num_experts_per_tok, config.head_dim) == (8, 2, 16)
    assert (config.rope_theta, config.eos_token_ids, config.max_context) == (1e6, (2,), 512)


def test_rope_parameters_of_newer_files_count() -> None:
    rope = {"rope_type": "default", "rope_theta": 5e5}
    assert parse_config({**MIXTRAL, "rope_parameters": rope}).rope_theta == 5e5


def test_a_sliding_window_limits_the_context() -> None:
    assert parse_config({**MIXTRAL, "sliding_window": 128}).max_context == 128
    off = {"sliding_window": 128, "use_sliding_window": False}
    assert parse_config({**MIXTRAL, **off}).max_context == 512


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"model_type": "gpt2"}, "gpt2"),
        ({"model_type": "deepseek_v41"}, r"of V4\.1 it knows the prompts, .* deepseek_v4\. Serve"),
        ({"hidden_act": "gelu"}, "gelu"),
        ({"attention_bias": True}, "attention_bias"),
        ({"rope_scaling": {"rope_type": "yarn"}}, "yarn"),
        ({"quantization_config": {"bits": 4}}, "Quantised"),
    ],
)
def test_what_is_not_run_is_refused_by_name(change: dict[str, Any], word: str) -> None:
    with pytest.raises(CheckpointUnsupported, match=word):
        parse_config({**MIXTRAL, **change})


def test_a_missing_field_is_named() -> None:
    raw = {key: value for key, value in MIXTRAL.items() if key != "hidden_size"}
    with pytest.raises(CheckpointInvalid, match="hidden_size"):
        parse_config(raw)


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(CheckpointInvalid, match=r"no config\.json"):
        load_config(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(CheckpointInvalid, match="one JSON object"):
        load_config(tmp_path)


def test_end_tokens_of_the_generation_config_win(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(MIXTRAL))
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [5, 6]}')
    assert load_config(tmp_path).eos_token_ids == (5, 6)
