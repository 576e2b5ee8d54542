"""DeepSeek-V4's attention by this package's kernels."""

from typing import Any

from inference.kernels.ascend.compress_store import compress_store
from inference.kernels.ascend.index_choice import choose_entries
from inference.kernels.ascend.output_projection import lay_out, output_projection
from inference.kernels.ascend.qkv_norm_rope_insert import qkv_norm_rope_insert
from inference.kernels.ascend.rms_norm import rms_norm
from inference.kernels.ascend.sparse_attention import sparse_attention
from inference.kernels.triton_common.fused_attention import FusedAttention, Operators
from inference.kernels.triton_common.step_rows import Steps

OPERATORS = Operators(
    norm=rms_norm,
    insert=qkv_norm_rope_insert,
    compress=compress_store,
    choose=choose_entries,
    attend=sparse_attention,
    project=output_projection,
)


class AscendAttention(FusedAttention):
    """Its output groups are numbers, laid out once."""

    def __init__(self, plain: Any, steps: Steps, *, first: bool) -> None:
        super().__init__(plain, lay_out(plain.output_groups), OPERATORS, steps, first=first)
