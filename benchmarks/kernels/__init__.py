"""What the accelerator's kernels cost: counted without a card (`roofline`), timed on one."""
