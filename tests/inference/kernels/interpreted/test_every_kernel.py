"""What holds for every kernel: it equals its reference, moves little more than it must, and needs
no order among its programs and threads."""

from typing import Any

import pytest
import torch

from inference.kernels.cuda.catalogue import kernels
from inference.kernels.cuda.traffic import counted
from inference.kernels.triton_common.spec import KernelSpec

CPU = torch.device("cpu")
MOST = 1.2  # of the fewest bytes possible


def _tensors(result: Any) -> tuple[torch.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("spec", kernels(), ids=lambda spec: spec.name)
def test_equals_its_reference_with_few_bytes_in_any_order(spec: KernelSpec) -> None:
    case = spec.make("counted", CPU)
    with counted() as traffic:
        found = _tensors(spec.run(**case.arguments))
    # Made anew: a kernel may write into its arguments.
    expected = _tensors(spec.reference(**spec.make("counted", CPU).arguments))
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=spec.tolerance, atol=spec.tolerance)
    assert case.floor_bytes <= traffic.moved <= MOST * case.floor_bytes
    assert traffic.conflicts == []
