"""Attention over a paged cache by gathering blocks (vLLM's PagedAttention, in plain torch)."""

import torch
from torch.nn.functional import scaled_dot_product_attention

from inference.kernels.interface import Batch, PrefillChunk

Cache = tuple[torch.Tensor, torch.Tensor]


def paged_attention(query: torch.Tensor, cache: Cache, batch: Batch) -> torch.Tensor:
    """See `KernelSet.attention`."""
    out = query.new_empty(*query.shape[:2], cache[1].shape[-1])
    if batch.num_decode:
        out[: batch.num_decode] = _decode(query[: batch.num_decode], cache, batch)
    for chunk in batch.prefill:
        rows = slice(chunk.row, chunk.row + chunk.end - chunk.start)
        out[rows] = _prefill(query[rows], cache, chunk)
    return out.flatten(1)


def _decode(query: torch.Tensor, cache: Cache, batch: Batch) -> torch.Tensor:
    """One new position for each of the first rows: [rows, heads, width]."""
    rows, heads, width = query.shape
    keys, values = (_gather(part, batch.decode_blocks) for part in cache)
    kv_heads = keys.shape[2]
    # The query heads that share a key head stand as that many query positions.
    grouped = query.view(rows, kv_heads, heads // kv_heads, width)
    out = scaled_dot_product_attention(
        grouped, keys.transpose(1, 2), values.transpose(1, 2), attn_mask=batch.decode_mask
    )
    return out.reshape(rows, heads, values.shape[-1])


def _gather(part: torch.Tensor, blocks: torch.Tensor) -> torch.Tensor:
    """[blocks, size, kv_heads, width] at [rows, n] -> [rows, n * size, kv_heads, width]"""
    rows, count = blocks.shape
    _, size, kv_heads, width = part.shape
    return part.index_select(0, blocks.flatten()).view(rows, count * size, kv_heads, width)


def _prefill(query: torch.Tensor, cache: Cache, chunk: PrefillChunk) -> torch.Tensor:
    """A run of positions of one sequence: [rows, heads, width]."""
    keys, values = (
        _gather(part, chunk.blocks[None])[0, : chunk.end].transpose(0, 1) for part in cache
    )
    if chunk.start == 0:
        out = scaled_dot_product_attention(
            query.transpose(0, 1)[None], keys[None], values[None], is_causal=True, enable_gqa=True
        )
    else:
        device = query.device
        here = torch.arange(chunk.start, chunk.end, device=device)
        mask = here[:, None] >= torch.arange(chunk.end, device=device)[None]
        out = scaled_dot_product_attention(
            query.transpose(0, 1)[None], keys[None], values[None], attn_mask=mask, enable_gqa=True
        )
    return out[0].transpose(0, 1)
