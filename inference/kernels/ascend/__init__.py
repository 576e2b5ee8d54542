"""Triton kernels for Huawei's Ascend NPUs (docs/kernels.md, "Ascend").

As in ``kernels.cuda`` one file is one kernel: its Triton functions, its wrapper with the signature
of its torch reference, its `KernelSpec`. The functions keep to what triton-ascend 3.2 lowers: a
grid of physical cores that take tasks in turn, tiles that fit a core's unified buffer, int32
offsets and masks, no FP8 product. Nothing here is imported on a machine without an NPU, but by the
tests under Triton's interpreter and by `make check-ascend`.
"""
