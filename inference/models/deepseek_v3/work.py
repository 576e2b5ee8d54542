"""How much work a chunk of DeepSeek-V3 is: multiply-adds, by the shapes of its weights."""

from inference.model_config_deepseek_v3 import DeepseekV3Config


class DeepseekV3Work:
    """See `inference.engine.accounting.Work`."""

    def __init__(self, config: DeepseekV3Config) -> None:
        hidden, heads, latent = config.hidden_size, config.num_heads, config.kv_lora_rank
        query = heads * (config.nope_dim + config.rope_dim)
        low = config.q_lora_rank
        attention = hidden * query if low is None else low * (hidden + query)
        attention += hidden * (latent + config.rope_dim)
        attention += heads * latent * (config.nope_dim + config.value_dim)
        attention += heads * config.value_dim * hidden
        dense = len(config.dense_layers)
        self._sparse = config.num_layers - dense
        self._fixed = config.num_layers * attention + dense * 3 * hidden * config.intermediate_size
        self._fixed += self._sparse * hidden * config.num_routed_experts
        self._expert = 3 * hidden * config.moe_intermediate_size
        self._per_position = config.num_layers * heads * (2 * latent + config.rope_dim)
        self._head = hidden * config.vocab_size

    def weight(self, start: int, end: int, num_experts: int, samples: bool) -> int:
        tokens = end - start
        per_token = self._fixed + self._sparse * num_experts * self._expert
        seen = (start + 1 + end) * tokens // 2
        return tokens * per_token + seen * self._per_position + (self._head if samples else 0)
