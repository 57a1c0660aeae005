"""Feedback sets and target attention: the candidate asks, the set answers."""

from __future__ import annotations

import math
from typing import Tuple

import torch
from torch import nn

from .model_config import ModelConfig, Polarity


def _last(mask: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Of each row's true places, keeps the last `count` ([B] or a number)."""
    from_end = mask.flip(1).cumsum(1).flip(1)
    limit = count[:, None] if torch.is_tensor(count) else count
    return mask & (from_end <= limit)


def select_feedback(config: ModelConfig, polarity: Polarity, actions: torch.Tensor,
                    lengths: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """Places of a polarity's events.

    actions [B, L, n_actions] (0/1), lengths [B] -> index [B, S], mask [B, S];
    S is min(polarity.max, L). The order inside a set does not matter, since
    target attention has no positions.
    """
    length = actions.shape[1]
    here = torch.arange(length)[None, :] < lengths[:, None]

    def bears(names) -> torch.Tensor:
        columns = [config.actions.index(name) for name in names]
        return (actions[:, :, columns] > 0).any(2) & here

    explicit = bears(polarity.explicit)
    chosen = _last(explicit, polarity.max)
    if polarity.implicit:
        rest = polarity.max - chosen.sum(1)
        chosen = chosen | _last(bears(polarity.implicit) & ~explicit, rest)
    key = torch.where(chosen, torch.arange(length)[None, :], torch.full((1, 1), -1))
    top = key.topk(min(polarity.max, length), dim=1).values
    return top.clamp(min=0), top >= 0


class TargetAttention(nn.Module):
    """t_i = concat_t softmax(q_{i,t} K_t^T / sqrt(d/T)) V_t; no output projection; zero for an empty set."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, items: torch.Tensor, members: torch.Tensor, mask: torch.Tensor,
                state: torch.Tensor) -> torch.Tensor:
        """items [N, d], members [B, S, d], mask [B, S], state [N] (row -> state) -> [N, d]."""
        rows, dim = items.shape
        width = dim // self.heads
        q = self.query(items).view(rows, self.heads, width) * (1.0 / math.sqrt(width))
        if members.shape[0] == 1:
            k = self.key(members[0]).view(-1, self.heads, width)
            v = self.value(members[0]).view(-1, self.heads, width)
            scores = torch.einsum("nhw,shw->nhs", q, k).masked_fill(~mask, -1e30)
            mixed = torch.einsum("nhs,shw->nhw", scores.softmax(-1), v)
            return mixed.reshape(rows, dim) * mask.any(1).to(items.dtype)
        batch, size = mask.shape
        k = self.key(members).view(batch, size, self.heads, width).transpose(1, 2).index_select(0, state)
        v = self.value(members).view(batch, size, self.heads, width).transpose(1, 2).index_select(0, state)
        row_mask = mask.index_select(0, state)
        # products and sums, since a batched product of a matrix with one vector is slow
        scores = (k * q.unsqueeze(2)).sum(3).masked_fill(~row_mask[:, None, :], -1e30)
        mixed = (scores.softmax(-1).unsqueeze(3) * v).sum(2)
        return mixed.reshape(rows, dim) * row_mask.any(1, keepdim=True).to(items.dtype)
