"""On an Ascend NPU, with torch-npu, triton-ascend and CANN: never run by us, who had none."""

import pytest
import torch

from inference.kernels.interface import ExpertWeights
from inference.kernels.reference.moe import ReferenceExperts
from inference.kernels.registry import resolve_device


@pytest.mark.npu
def test_every_kernel_equals_its_reference() -> None:
    from inference.kernels.ascend.catalogue import kernels
    from inference.kernels.ascend.parity import difference

    device = resolve_device("npu")
    told = {spec.name: difference(spec, device) for spec in kernels()}
    assert {name: text for name, text in told.items() if text} == {}


@pytest.mark.npu
@pytest.mark.parametrize("whole", [True, False], ids=["torch_npu", "ours"])
def test_experts_equal_the_reference(whole: bool) -> None:
    from inference.kernels.ascend.experts import AscendExperts

    generator = torch.Generator().manual_seed(3)
    device, width, inner, count = resolve_device("npu"), 512, 256, 8

    def draw(out: int, inputs: int) -> list[torch.Tensor]:
        parts = torch.randn(count, out, inputs, generator=generator) * inputs**-0.5
        return list(parts.bfloat16())

    parts = (draw(inner, width), draw(inner, width), draw(width, inner))
    wide = ExpertWeights(*([w.float() for w in part] for part in parts), limit=1.0)
    there = ExpertWeights(*([w.to(device) for w in part] for part in parts), limit=1.0)
    hidden = torch.randn(40, width, generator=generator).bfloat16()
    gates = torch.rand(40, count, generator=generator)
    share, chosen = gates.topk(2)
    kept = torch.zeros_like(gates).scatter(1, chosen, share)
    expected = ReferenceExperts(wide)(hidden.float(), kept)
    found = AscendExperts(there, "bf16").run(
        hidden.to(device), chosen.int().to(device), share.to(device), None, whole=whole
    )
    torch.testing.assert_close(found.float().cpu(), expected, rtol=0.02, atol=0.02)
