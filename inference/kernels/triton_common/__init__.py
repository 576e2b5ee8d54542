"""What kernels of every Triton share: how one is declared, and `triton.jit` for type checkers."""
