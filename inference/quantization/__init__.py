"""Numbers in few bits: how weights and cache entries are packed, in plain torch.

A format is a module with ``pack`` and ``unpack``; kernels that read packed numbers are tested
against these.
"""

from inference.quantization import fp8_block, int4, int8, mxfp4
from inference.quantization.index_keys import Fp8IndexCodec, Mxfp4IndexCodec, hadamard
from inference.quantization.kv_fp8 import KeyCodec
from inference.quantization.pages import PagedEntries

__all__ = [
    "Fp8IndexCodec",
    "KeyCodec",
    "Mxfp4IndexCodec",
    "PagedEntries",
    "fp8_block",
    "hadamard",
    "int4",
    "int8",
    "mxfp4",
]
