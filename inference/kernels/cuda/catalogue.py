"""Every kernel of this package. A new file is named here and is tested, compiled and timed."""

from importlib import import_module

from inference.kernels.triton_common.spec import KernelSpec

MODULES: tuple[str, ...] = (
    "router",
    "router_choice",
    "pair_groups",
    "grouped_gate_up",
    "grouped_down",
    "expert_rows",
    "sampling",
    "hyper_connections_pre",
    "hyper_connections_post",
    "hyper_connections_head",
    "rms_norm",
    "qkv_norm_rope_insert",
    "compress_store",
    "index_queries",
    "index_scores",
    "index_choice",
    "sparse_attention",
    "output_projection",
)


def kernels() -> list[KernelSpec]:
    """The kernels in the order of ``MODULES``; imports Triton."""
    modules = (import_module(f"inference.kernels.cuda.{name}") for name in MODULES)
    return [spec for module in modules for spec in module.KERNELS]


def kernel(name: str) -> KernelSpec:
    """Raises: KeyError: there is no kernel of that name."""
    return {spec.name: spec for spec in kernels()}[name]
