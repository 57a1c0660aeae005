"""A first-in-first-out memory of item vectors (He et al. 2020; for retrieval: Wang et al. 2021)."""

from __future__ import annotations

from typing import Tuple

import torch
from torch import nn


class MemoryBank(nn.Module):
    """`size` vectors without a gradient, and whose they are. vectors [size, dim], items [size] (-1 = empty)."""

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(size, dim))
        self.register_buffer("items", torch.full((size,), -1, dtype=torch.int64))
        self.register_buffer("head", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("filled", torch.zeros(1, dtype=torch.int64))

    @torch.no_grad()
    def push(self, vectors: torch.Tensor, items: torch.Tensor) -> None:
        """Puts vectors [n, dim] in the place of the oldest ones; of more than `size` only the last stay."""
        size = len(self.items)
        vectors, items = vectors.detach()[-size:], items[-size:]
        place = (int(self.head) + torch.arange(len(items))) % max(size, 1)
        self.vectors[place], self.items[place] = vectors, items
        self.head.fill_((int(self.head) + len(items)) % max(size, 1))
        self.filled.fill_(min(size, int(self.filled) + len(items)))

    def contents(self) -> Tuple[torch.Tensor, torch.Tensor]:
        """Copies of the filled part: vectors [n, dim], items [n]; the graph keeps them while the bank moves on."""
        filled = int(self.filled)
        return self.vectors[:filled].clone(), self.items[:filled].clone()
