"""A checkpoint of which one process reads its part only.

Which weights are divided, and along what, follows from their names. Experts are not read when a
model asks for them: it gets a token for each, and `ParallelKernels`, who knows which experts belong
here, reads those.
"""

import re
from pathlib import Path

import torch
from torch.utils.weak import WeakIdKeyDictionary

from inference.checkpoint import Checkpoint
from inference.parallel.groups import Group

_EXPERT = re.compile(r"\.(shared_)?experts\.\d+\.")
_OUTPUTS = re.compile(  # divided by outputs: [out / parts, in]
    r"""\.attn\.(wq_b|wo_a)\.weight$ | \.attn\.attn_sink$
    | \.self_attn\.([qkv]|q_b|kv_b)_proj\.weight$
    | (experts|mlp)(\.\d+)?\.(w1|w3|gate_proj|up_proj)\.weight$
    | ^(lm_)?head\.weight$""",
    re.VERBOSE,
)
_INPUTS = re.compile(  # divided by inputs: [out, in / parts]; the parts' products add up
    r"""\.attn\.wo_b\.weight$ | \.self_attn\.o_proj\.weight$
    | (experts|mlp)(\.\d+)?\.(w2|down_proj)\.weight$""",
    re.VERBOSE,
)


class PartialCheckpoint(Checkpoint):
    """Args: group: those who share heads and widths."""

    def __init__(
        self, directory: Path, device: torch.device, dtype: torch.dtype, group: Group
    ) -> None:
        super().__init__(directory, device, dtype)
        self._group = group
        self._later: WeakIdKeyDictionary = WeakIdKeyDictionary()

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> torch.Tensor:
        """This process's part; of an expert a token, for `expert`."""
        if not _EXPERT.search(name):
            return self._part(name, dtype)
        token = torch.empty(0, device="meta")
        self._later[token] = name
        return token

    def name_of(self, weight: torch.Tensor) -> str:
        """Of an expert's token; "" for other weights."""
        return str(self._later[weight]) if weight in self._later else ""

    def expert(self, token: torch.Tensor) -> torch.Tensor:
        """What the token stands for, or a weight that is none."""
        name = self.name_of(token)
        return self._part(name, None) if name else token

    def _part(self, name: str, dtype: torch.dtype | None) -> torch.Tensor:
        whole = super().tensor(name, dtype)
        dim = split_dimension(name)
        if self._group.size == 1 or dim is None:
            return whole
        rows = self._group.rows(whole.shape[dim])
        return whole.narrow(dim, rows.start, rows.stop - rows.start).contiguous()


def split_dimension(name: str) -> int | None:
    """Along which dimension those who share heads and widths divide a tensor; None: not at all."""
    if _INPUTS.search(name):
        return 1
    return 0 if _OUTPUTS.search(name) else None


def layer_of(expert_name: str) -> str:
    """``layers.3.ffn`` of ``layers.3.ffn.experts.7.w1.weight``."""
    return _EXPERT.split(expert_name)[0]
