"""Refuses operators with which the host asks the device, so that a step cannot be captured."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten
# Numbers read by the host, shapes that depend on numbers, and constants that the host sends.
_ASKING = {
    _aten._local_scalar_dense,
    _aten.nonzero,
    _aten.masked_select,
    _aten.unique_consecutive,
    _aten._unique2,
    _aten.unique_dim,
    _aten.bincount,
    _aten.equal,
    _aten.lift_fresh,
}
_INDEXED = {_aten.index, _aten.index_put, _aten.index_put_}
_MASKS = (torch.bool, torch.uint8)


class AskingError(AssertionError):
    pass


class Unasked(TorchDispatchMode):
    """Within it nothing is asked. ``seen`` counts operators, so that a test knows it looked."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        self.seen += 1
        packet = func.overloadpacket
        counted = packet is _aten.repeat_interleave and not (kwargs or {}).get("output_size")
        masked = packet in _INDEXED and any(
            index is not None and index.dtype in _MASKS for index in args[1]
        )
        if packet in _ASKING or counted or masked:
            raise AskingError(f"{func} asks the device")
        return func(*args, **(kwargs or {}))
