"""History encoders: SASRec (Kang & McAuley 2018), GRU4Rec (Hidasi et al. 2016), mean.

Shapes: B states, L events (the longest history of the batch), d item
dimension. Histories are aligned to the left: event j of a state stands at
place j, padding follows. With causal attention (and a GRU) padding after the
last event cannot reach it, so no padding mask is needed and nothing is NaN.
"""

from __future__ import annotations

import math
from typing import Tuple

import torch
from torch import nn
from torch.nn import functional as F

from .layers import ACTIVATION, new_parameter
from .model_config import ModelConfig


class SelfAttention(nn.Module):
    """Causal multi-head attention, softmax(q k^T / sqrt(d/heads)) v, then the output projection."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.value, self.output = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, q: torch.Tensor, kv: torch.Tensor) -> torch.Tensor:
        """q, kv [B, L, d] -> [B, L, d]."""
        batch, length, dim = q.shape

        def split(x: torch.Tensor) -> torch.Tensor:
            return x.view(batch, length, self.heads, dim // self.heads).transpose(1, 2)

        queries = split(self.query(q)) * (1.0 / math.sqrt(dim // self.heads))
        scores = queries @ split(self.key(kv)).transpose(2, 3)
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, float("-inf")).softmax(-1)
        mixed = weights @ split(self.value(kv))
        return self.output(mixed.transpose(1, 2).reshape(batch, length, dim))


class FeedForward(nn.Module):
    """down(act(up(x)))."""

    def __init__(self, dim: int, hidden: int, activation: str) -> None:
        super().__init__()
        self.up, self.down, self.activation = nn.Linear(dim, hidden), nn.Linear(hidden, dim), activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(ACTIVATION[self.activation](self.up(x)))


class Block(nn.Module):
    """One SASRec block; `norm` is pre, post or query (the original SASRec code)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        encoder, dim = config.encoder, config.dim
        self.norm = encoder.norm
        self.attention = SelfAttention(dim, encoder.heads)
        self.attention_norm = nn.LayerNorm(dim, encoder.norm_eps)
        self.ffn = FeedForward(dim, encoder.ffn, encoder.activation)
        self.ffn_norm = nn.LayerNorm(dim, encoder.norm_eps)

    def forward(self, x: torch.Tensor, dropout: float) -> torch.Tensor:
        """x [B, L, d] -> [B, L, d]."""

        def drop(y: torch.Tensor) -> torch.Tensor:
            return F.dropout(y, dropout, self.training)

        if self.norm == "pre":
            q = self.attention_norm(x)
            x = x + drop(self.attention(q, q))
            return x + drop(self.ffn(self.ffn_norm(x)))
        if self.norm == "post":
            x = self.attention_norm(x + drop(self.attention(x, x)))
            return self.ffn_norm(x + drop(self.ffn(x)))
        q = self.attention_norm(x)
        x = q + drop(self.attention(q, x))
        y = self.ffn_norm(x)
        return y + drop(self.ffn(y))


class Encoder(nn.Module):
    """Turns a history into one vector an event (H) and one a user (u)."""

    def __init__(self, config: ModelConfig, cold_start: bool) -> None:
        super().__init__()
        self.config, encoder, dim = config, config.encoder, config.dim
        self.dropout = 0.0
        if encoder.position != "none":
            self.position = new_parameter(encoder.max_history, dim)
        if encoder.use_actions:
            self.action = new_parameter(len(config.actions), dim)
        if encoder.input_norm:
            self.input_norm = nn.LayerNorm(dim, encoder.norm_eps)
        if encoder.type == "sasrec":
            self.blocks = nn.ModuleList(Block(config) for _ in range(encoder.layers))
            if encoder.final_norm:
                self.final_norm = nn.LayerNorm(dim, encoder.norm_eps)
        elif encoder.type == "gru4rec":
            self.gru = nn.GRU(dim, dim, encoder.layers, batch_first=True)
        self.cold_start = new_parameter(dim) if cold_start else None

    def events(self, embedded: torch.Tensor, actions: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Event vectors x_j = s E[item] + P[pos] + sum A[action]: [B, L, d]."""
        encoder = self.config.encoder
        x = embedded * math.sqrt(self.config.dim) if encoder.scale_embedding else embedded
        place = torch.arange(x.shape[1])[None, :]
        if encoder.position == "from_start":
            x = x + self.position[place]
        elif encoder.position == "from_end":
            place = encoder.max_history - lengths[:, None] + place
            x = x + self.position[place.clamp(max=encoder.max_history - 1)]
        if encoder.use_actions:
            x = x + actions.to(x.dtype) @ self.action
        if encoder.input_norm:
            x = self.input_norm(x)
        return F.dropout(x, self.dropout, self.training)

    def forward(self, embedded: torch.Tensor, actions: torch.Tensor,
                lengths: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """embedded [B, L, d], actions [B, L, n_actions], lengths [B] -> H [B, L, d], u [B, d]."""
        kind = self.config.encoder.type
        x = self.events(embedded, actions, lengths)
        if kind == "sasrec":
            for block in self.blocks:
                x = block(x, self.dropout)
            states = self.final_norm(x) if self.config.encoder.final_norm else x
        elif kind == "gru4rec":
            states, _ = self.gru(x)
        else:
            states = x
        empty = (lengths == 0)[:, None]
        if kind == "mean":
            kept = (torch.arange(x.shape[1])[None, :] < lengths[:, None]).to(x.dtype)
            user = (x * kept[:, :, None]).sum(1) / lengths.clamp(min=1)[:, None].to(x.dtype)
        else:
            last = (lengths - 1).clamp(min=0)
            user = states[torch.arange(len(lengths)), last]
        cold = torch.zeros_like(user) if self.cold_start is None else self.cold_start.expand_as(user)
        return states, torch.where(empty, cold, user)
