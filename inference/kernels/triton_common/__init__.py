"""What kernels of every Triton share: how one is declared, bodies, and a model's layers."""
