"""The NPU's kernels where there is no NPU: not loaded, said in sentences, within its memories."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
import torch

from inference.errors import DeviceUnavailable
from inference.kernels.ascend.buffers import buffers
from inference.kernels.ascend.choosing import choose_ascend_kernels, has_kernels

CPU = torch.device("cpu")
IMPORTING = """
import pkgutil, sys
from importlib import import_module
import torch
import inference, inference.engine.loading, inference.server.worker, inference.devices.doctor
from inference.kernels.registry import choose_kernels
choose_kernels(torch.device("cpu"), torch.float32)
print([name for name in sys.modules if name.startswith("inference.kernels.ascend.")])
for found in pkgutil.walk_packages(inference.__path__, "inference."):
    if not found.name.endswith("__main__"):
        import_module(found.name)
assert "inference.kernels.ascend.vendor" in sys.modules
print([name for name in sys.modules if name.startswith(("torch_npu", "triton.backends.ascend"))])
"""
MATRIX = """
module {
  func.func @kernel(%arg0: memref<?xbf16>, %arg1: i32) attributes {mix_mode = "mix"} {
    %cst = arith.constant 0.0 : f32
    %0 = tensor.empty() : tensor<64x64xf32>
    %1 = linalg.fill ins(%cst : f32) outs(%0 : tensor<64x64xf32>) -> tensor<64x64xf32>
    %2 = scf.for %arg2 = %c0 to %arg1 step %c1 iter_args(%arg3 = %1) -> (tensor<64x64xf32>)  : i32 {
      %alloc = memref.alloc() : memref<64x128xbf16>
      memref.copy %arg0, %alloc : memref<?xbf16> to memref<64x128xbf16>
      %3 = bufferization.to_tensor %alloc restrict writable : memref<64x128xbf16>
      %alloc_0 = memref.alloc() : memref<128x4xi8>
      %4 = bufferization.to_tensor %alloc_0 restrict writable : memref<128x4xi8>
      %5 = arith.extsi %4 : tensor<128x4xi8> to tensor<128x4xi32>
      %6 = linalg.matmul ins(%3, %5 : tensor<64x128xbf16>, tensor<128x4xi32>) outs(%arg3 : tensor<64x64xf32>) -> tensor<64x64xf32>
      scf.yield %6 : tensor<64x64xf32>
    }
    %7 = math.exp %2 : tensor<64x64xf32>
    %8 = arith.addf %7, %2 : tensor<64x64xf32>
    return
  }
}
"""  # noqa: E501  (as triton-adapter-opt writes it)


def test_nothing_of_an_npu_is_imported_elsewhere() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTING], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['inference.kernels.ascend.choosing']", "[]"]


def test_what_is_chosen_is_said() -> None:
    installed = {name for names in packages_distributions().values() for name in names}
    assert has_kernels() == ("triton-ascend" in installed)
    chosen = choose_ascend_kernels(CPU, torch.bfloat16, "mxfp4")
    assert any("widen mxfp4 weights" in text for text in chosen.choices)
    assert any("ever run on an NPU" in text for text in chosen.choices)
    plain = choose_ascend_kernels(CPU, torch.float16, "auto")
    assert re.search(r"plain torch .* because .*float16", plain.choices[0])
    with pytest.raises(DeviceUnavailable, match="int8 weights cannot be kept so here"):
        choose_ascend_kernels(CPU, torch.float16, "int8")


def test_tiles_are_counted_where_they_lie() -> None:
    found = buffers(MATRIX)
    # The sum, and what `exp` gives and `addf` leaves in its place; within the loop it is less.
    assert found.unified == 2 * 64 * 64 * 4
    assert found.l1 == 64 * 128 * 2  # for the product alone
    assert found.l0c == 64 * 64 * 4
    assert (found.padded, found.narrow) == (1, 2)
    # Were each row 512 B: within the loop the sum, the codes as loaded, and widened.
    assert found.widest == (64 + 128 + 128) * 512
