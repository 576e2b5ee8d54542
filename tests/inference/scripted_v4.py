"""A DeepSeek-V4 checkpoint that says what it is told: each token is followed by one other.

Attention and experts run, and add nothing: the head finds the next token by the last one's
embedding.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer
from v4_chats import mark, tokenizer_json

# Thinking in which a control token slips; then a call, whose mark is a control token too.
THOUGHT = ["<think>", "I may have", "<｜User｜>", " to look.", "</think>"]
CALL = [
    "</think>", "Let me see.", "\n\n", "<", mark("@"), "tool_calls>",
    mark('\n<@invoke name="get_weather">\n<@parameter name="city" string="true">'), "Par", "is",
    mark("</@parameter>\n</@invoke>\n</@tool_calls>"), "<｜end▁of▁sentence｜>",
]  # fmt: skip
# Goes on after a text of the client that ends with a question mark.
ANSWER = ["?", "Forty", "-two.", "<｜end▁of▁sentence｜>"]
ENDLESS = ["</think>", " and", " so", " on", " and"]


def make_scripted_v4(
    directory: Path, chains: Sequence[list[str]] = (THOUGHT, CALL, ANSWER)
) -> Path:
    import tiny_v4
    import torch
    from safetensors.torch import load_file, save_file

    tokenizer = Tokenizer.from_str(tokenizer_json())
    words = [word for chain in chains for word in chain if tokenizer.token_to_id(word) is None]
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in dict.fromkeys(words)])
    tokenizer.save(str(directory / "tokenizer.json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tiny_v4.TINY, "vocab_size", tokenizer.get_vocab_size())
        tiny_v4.make_tiny_v4(directory)
    config = json.loads((directory / "config.json").read_text())
    config["eos_token_id"] = tokenizer.token_to_id(CALL[-1])
    config["max_position_embeddings"] = 8192  # every byte of a prompt is a token
    (directory / "config.json").write_text(json.dumps(config))

    weights = load_file(directory / "model.safetensors")
    for name, tensor in weights.items():
        if name.endswith((".wo_b.weight", ".w2.weight")):
            tensor.zero_()
    embed = torch.nn.functional.normalize(torch.randn_like(weights["embed.weight"]), dim=-1)
    head = torch.zeros_like(embed)
    for chain in chains:
        ids = [tokenizer.token_to_id(word) for word in chain]
        for now, then in itertools.pairwise(ids):
            head[then] += embed[now]
    weights |= {"embed.weight": embed, "head.weight": head}
    weights["norm.weight"].fill_(1.0)
    save_file(weights, directory / "model.safetensors")
    return directory
