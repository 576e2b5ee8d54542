"""DeepSeek-V4's attention by this package's kernels."""

from typing import Any

from inference.kernels.cuda.compress_store import compress_store
from inference.kernels.cuda.index_choice import choose_entries
from inference.kernels.cuda.output_projection import output_projection
from inference.kernels.cuda.qkv_norm_rope_insert import qkv_norm_rope_insert
from inference.kernels.cuda.rms_norm import rms_norm
from inference.kernels.cuda.sparse_attention import sparse_attention
from inference.kernels.reference.deepseek_v4_seams import Fp8Groups
from inference.kernels.reference.packed_experts import ExpertFormat
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


class CudaAttention(FusedAttention):
    """Args: form: what weights are kept as; of a checkpoint in FP8 and MXFP4 the groups are FP8."""

    def __init__(self, plain: Any, form: ExpertFormat, steps: Steps, *, first: bool) -> None:
        groups = plain.output_groups.contiguous()
        kept = Fp8Groups.of(groups) if form in ("fp8", "mxfp4") else groups
        super().__init__(plain, kept, OPERATORS, steps, first=first)
