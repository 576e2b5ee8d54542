"""A linear router that guesses how much each expert will contribute.

Fitted by ridge regression in closed form: input = what enters the
feed-forward, target = log of the size of the expert's output on that token.
Dropping the lowest guesses drops what would have been missed least.
"""

import torch

RIDGE = 0.03


def fit_router(inputs: torch.Tensor, sizes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Least-squares weights and bias.

    Args:
        inputs: [tokens, hidden].
        sizes: [tokens, experts], positive.
    Returns:
        weight [experts, hidden], bias [experts].
    """
    target = torch.log(sizes + 1e-6).double()
    points = inputs.double()
    mean, target_mean = points.mean(0), target.mean(0)
    centred = points - mean
    gram = centred.T @ centred
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    weight = torch.linalg.solve(gram, centred.T @ (target - target_mean)).T
    return weight.float(), (target_mean - weight @ mean).float()
