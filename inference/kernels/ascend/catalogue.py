"""Every kernel of this package. A new file is named here and is tested and lowered."""

from importlib import import_module

from inference.kernels.triton_common.spec import KernelSpec

MODULES: tuple[str, ...] = (
    "router",
    "router_choice",
    "pair_groups",
    "expand_rows",
    "grouped_gate_up",
    "grouped_down",
    "combine",
    "hyper_connections_pre",
    "hyper_connections_post",
    "hyper_connections_head",
    "rms_norm",
    "qkv_norm_rope_insert",
    "compress_store",
    "turn_heads",
    "index_queries",
    "index_scores",
    "index_choice",
    "gather_entries",
    "sparse_attention",
    "output_projection",
    "sampling",
)


def kernels() -> list[KernelSpec]:
    """The kernels in the order of ``MODULES``; imports Triton."""
    modules = (import_module(f"inference.kernels.ascend.{name}") for name in MODULES)
    return [spec for module in modules for spec in module.KERNELS]
