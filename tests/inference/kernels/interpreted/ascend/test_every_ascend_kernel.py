"""What holds for every Ascend kernel: it equals its reference, at every shape that is small."""

from typing import Any

import pytest
import torch

from inference.kernels.ascend.catalogue import kernels
from inference.kernels.cuda.traffic import counted
from inference.kernels.triton_common.spec import KernelSpec

CPU = torch.device("cpu")
MOST = 1.2  # of the fewest bytes possible
SEARCHES = ("index_choice", "sampling")  # look at a row of L2 once for each digit; counted once


def _tensors(result: Any) -> tuple[torch.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("spec", kernels(), ids=lambda spec: spec.name)
def test_equals_its_reference_and_moves_few_bytes(spec: KernelSpec) -> None:
    case = spec.make("counted", CPU)
    with counted() as traffic:
        found = _tensors(spec.run(**case.arguments))
    # Made anew: a kernel may write into its arguments.
    expected = _tensors(spec.reference(**spec.make("counted", CPU).arguments))
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=spec.tolerance, atol=spec.tolerance)
    moved = traffic.distinct if spec.name in SEARCHES else traffic.moved
    assert case.floor_bytes <= moved <= MOST * case.floor_bytes
