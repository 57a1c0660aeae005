"""Projection heads and the InfoNCE loss (van den Oord et al. 2018; NT-Xent: Chen et al. 2020)."""

from __future__ import annotations

from typing import Dict, Sequence, Tuple

import torch
from torch import nn
from torch.nn import functional as F

NEVER = -1e30  # the logit of what is masked: its exponential is 0, and no NaN comes of it


class Head(nn.Module):
    """z = normalise(MLP(h)): linear layers with ReLU between; without sizes the identity."""

    def __init__(self, inputs: int, sizes: Sequence[int], normalise: bool = True) -> None:
        super().__init__()
        widths = [inputs, *sizes]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.width, self.normalise = widths[-1], normalise

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """[..., inputs] -> [..., sizes[-1]], of length 1 if `normalise`."""
        for at, layer in enumerate(self.layers):
            h = layer(F.relu(h) if at else h)
        return F.normalize(h, dim=-1) if self.normalise else h


def info_nce(positive: torch.Tensor, negatives: torch.Tensor, pull: float = 1.0) -> torch.Tensor:
    """-pull s+ + log(exp(s+) + sum exp(s-)), a row each; positive [P], negatives [P, n] logits.

    With pull = 1 this is InfoNCE. A larger one is positive augmentation: the slope at s+ is -(pull - p+), so the pull
    towards the positive stays where p+ is near 1, and outweighs what the same item suffers as a negative of others.
    """
    return torch.logsumexp(torch.cat([positive[:, None], negatives], 1), 1) - pull * positive


def nt_xent(first: torch.Tensor, second: torch.Tensor, temperature: float,
            same: torch.Tensor) -> Tuple[torch.Tensor, Dict[str, float]]:
    """Both ways: row b of each view has its positive in row b of the other, all else in both views is negative.

    first, second [B, h]; same [B, B] bool marks rows of one user, which are no negatives of each other.
    """
    count = len(first)
    z = torch.cat([first, second])
    logits = z @ z.T / temperature
    positive = torch.cat([logits.diagonal(count), logits.diagonal(-count)])
    masked = (same | torch.eye(count, dtype=torch.bool)).repeat(2, 2)
    negatives = logits.masked_fill(masked, NEVER)
    loss = info_nce(positive, negatives).mean()
    with torch.no_grad():
        hits = (positive >= negatives.max(1).values).float().mean()
        alignment = (first - second).square().sum(1).mean()
    return loss, {"accuracy": float(hits), "alignment": float(alignment)}
