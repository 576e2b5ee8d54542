"""How much work a chunk of DeepSeek-V4 is: multiply-adds, by the shapes of its weights."""

from inference.model_config_deepseek_v4 import DeepseekV4Config


class DeepseekV4Work:
    """See `inference.engine.accounting.Work`."""

    def __init__(self, config: DeepseekV4Config) -> None:
        self._config = config
        self._expert = 3 * config.hidden_size * config.moe_intermediate_size
        self._fixed = sum(self._layer(index) for index in range(config.num_layers))
        self._head = config.hidden_size * config.vocab_size

    def weight(self, start: int, end: int, num_experts: int, samples: bool) -> int:
        config, tokens = self._config, end - start
        per_token = self._fixed + config.num_layers * num_experts * self._expert
        middle = (start + end + 1) // 2  # positions that its tokens see, on average
        seen = sum(self._seen(index, middle) for index in range(config.num_layers))
        return tokens * (per_token + seen) + (self._head if samples else 0)

    def _layer(self, index: int) -> int:
        """Weights of attention, compressors, router and mixing in one layer."""
        config, kind = self._config, self._config.layers[index]
        hidden, heads = config.hidden_size, config.num_heads * config.head_dim
        ranks = config.o_groups * config.o_lora_rank
        size = config.q_lora_rank * (hidden + heads) + hidden * config.head_dim
        size += config.o_lora_rank * heads + ranks * hidden
        if kind != "sliding":
            size += 2 * hidden * config.head_dim * (2 if kind == "csa" else 1)
        if kind == "csa":
            index_heads = config.index_heads * config.index_head_dim
            size += config.q_lora_rank * index_heads + hidden * config.index_heads
            size += 4 * hidden * config.index_head_dim
        streams = config.hc_mult
        mixing = 2 * (2 + streams) * streams * streams * hidden
        return size + mixing + hidden * config.num_routed_experts

    def _seen(self, index: int, position: int) -> int:
        """Multiply-adds of one token's attention over what it sees from ``position``."""
        config, kind = self._config, self._config.layers[index]
        keys, scored = min(position, config.window), 0
        if kind != "sliding":
            entries = position // config.rates[kind]
            if kind == "csa":
                scored = entries * config.index_heads * config.index_head_dim
                entries = min(entries, config.index_topk)
            keys += entries
        return 2 * config.num_heads * config.head_dim * keys + scored
