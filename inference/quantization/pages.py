"""Quantised cache entries in pages of 64, written and read like rows of a tensor."""

from typing import Protocol

import torch

PAGE = 64


class Codec(Protocol):
    """How rows become bytes; a page's size is a multiple of ``alignment``."""

    width: int
    data_bytes: int
    scale_bytes: int
    alignment: int

    def encode(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]: ...
    def decode(self, data: torch.Tensor, scales: torch.Tensor) -> torch.Tensor: ...


class PagedEntries:
    """Rows [count, width] kept as bytes; ``rows[places] = values`` rounds them, reading does not.

    ``storage`` is uint8 [pages, page bytes]: the data of 64 entries, then their scales, then what
    fills the page up.
    """

    def __init__(self, count: int, codec: Codec, device: torch.device, dtype: torch.dtype) -> None:
        self.codec, self.dtype, self._count = codec, dtype, count
        entry = codec.data_bytes + codec.scale_bytes
        size = -(-PAGE * entry // codec.alignment) * codec.alignment
        # Zeros are entries of zeros in every format: rows that nobody wrote are masked, not NaN.
        self.storage = torch.zeros(-(-count // PAGE), size, dtype=torch.uint8, device=device)
        middle = PAGE * codec.data_bytes
        self.data = self.storage[:, :middle].unflatten(1, (PAGE, codec.data_bytes))
        scales = self.storage[:, middle : PAGE * entry]
        self.scales = scales.unflatten(1, (PAGE, codec.scale_bytes))

    def __getitem__(self, places: torch.Tensor) -> torch.Tensor:
        """[..., width] of the entries at ``places`` [...]."""
        at = (places // PAGE, places % PAGE)
        return self.codec.decode(self.data[at], self.scales[at]).to(self.dtype)

    def __setitem__(self, places: torch.Tensor, values: torch.Tensor) -> None:
        """``values`` [n, width] at ``places`` [n]."""
        at = (places // PAGE, places % PAGE)
        self.data[at], self.scales[at] = self.codec.encode(values)

    def rounded(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows [..., width] as they would be read if they were kept; none is."""
        data, scales = self.codec.encode(rows.flatten(0, -2))
        return self.codec.decode(data, scales).view(rows.shape).to(rows.dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of the entries, without what fills pages up."""
        return self._count * (self.codec.data_bytes + self.codec.scale_bytes)

    @property
    def allocated_bytes(self) -> int:
        return self.storage.nbytes
