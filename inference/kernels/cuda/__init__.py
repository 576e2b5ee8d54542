"""Triton kernels for NVIDIA's and AMD's accelerators (docs/kernels.md).

One file is one kernel: its ``@triton.jit`` functions, its launch wrapper with the signature of the
torch reference it is tested against, and its `KernelSpec`. Nothing here is imported on a machine
without such a device: `kernels.registry` does it when the device is ``cuda``, and the tests under
Triton's interpreter.
"""
