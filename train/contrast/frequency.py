"""How often an item is drawn, estimated from the stream (Yi et al. 2019, "Sampling-bias-corrected neural modeling")."""

from __future__ import annotations

import torch
from torch import nn


class FrequencyEstimate(nn.Module):
    """B[j] is a running mean of the steps between two batches that hold item j, so Q(j) = 1/B[j] is how often one does.

    At step t, for every item j of the batch: B[j] <- (1 - alpha) B[j] + alpha (t - A[j]), A[j] <- t.
    An item that was never seen is believed to come once in `first` steps.
    """

    def __init__(self, n_items: int, rate: float, first: float) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer("last", torch.zeros(n_items))
        self.register_buffer("interval", torch.full((n_items,), float(first)))
        self.register_buffer("step", torch.zeros(1, dtype=torch.int64))

    @torch.no_grad()
    def update(self, items: torch.Tensor) -> None:
        """One batch's items [n], each once."""
        self.step += 1
        now = float(self.step)
        self.interval[items] = (1 - self.rate) * self.interval[items] + self.rate * (now - self.last[items])
        self.last[items] = now

    def log_q(self, items: torch.Tensor) -> torch.Tensor:
        """log Q of items [n]: the chance that a batch holds the item, at most 1."""
        return -self.interval[items].clamp(min=1.0).log()
