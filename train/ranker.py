"""Rankers: mlp, DCN-V2 (Wang et al. 2021), MMoE (Ma et al. 2018), dot (plain SASRec)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .attention import TargetAttention
from .layers import Named, hidden_layers, run_hidden
from .model_config import ModelConfig


class Tower(nn.Module):
    """Hidden layers named 0, 1, ... and one logit named out."""

    def __init__(self, inputs: int, sizes) -> None:
        super().__init__()
        self.layers = []
        for index, layer in enumerate(hidden_layers(inputs, sizes)):
            self._modules[str(index)] = layer
        self.out = nn.Linear(([inputs, *sizes])[-1], 1)

    def forward(self, x: torch.Tensor, activation: str, dropout: float) -> torch.Tensor:
        layers = [layer for name, layer in self._modules.items() if name != "out"]
        return self.out(run_hidden(layers, x, activation, dropout, self.training))


class Ranker(nn.Module):
    """Everything under `ranker.`; input_width is the length of z."""

    def __init__(self, config: ModelConfig, input_width: int, bias_rows: int = 0) -> None:
        super().__init__()
        self.config, ranker = config, config.ranker
        self.dropout = 0.0
        if ranker.attention_heads is not None and ranker.type != "dot":
            if config.positive is not None:
                self.positive_attention = TargetAttention(config.dim, ranker.attention_heads)
            if config.negative is not None:
                self.negative_attention = TargetAttention(config.dim, ranker.attention_heads)
        if ranker.type == "dot":
            if bias_rows:
                self.bias = nn.Parameter(torch.zeros(bias_rows))
            return
        last = [input_width, *ranker.hidden][-1]
        if ranker.type == "dcn_v2":
            self.cross = nn.ModuleList(nn.Linear(input_width, input_width) for _ in range(ranker.cross_layers))
        if ranker.type == "mmoe":
            self.experts = nn.ModuleList(hidden_layers(input_width, ranker.hidden) for _ in range(ranker.experts))
            self.gates = Named({name: nn.Linear(input_width, ranker.experts) for name in config.signals})
            self.towers = Named({name: Tower(last, ranker.tower_hidden) for name in config.signals})
        else:
            self.mlp = hidden_layers(input_width, ranker.hidden)
            self.heads = nn.Linear(last, len(config.signals))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z [N, n] -> logits [N, K]. Not for `dot`."""
        ranker, act = self.config.ranker, self.config.ranker.activation
        if ranker.type == "mmoe":
            experts = torch.stack([run_hidden(expert, z, act, self.dropout, self.training)
                                   for expert in self.experts], 1)
            logits = []
            for name in self.config.signals:
                gate = self.gates[name](z).softmax(-1)
                mixed = (gate.unsqueeze(2) * experts).sum(1)
                logits.append(self.towers[name](mixed, act, self.dropout))
            return torch.cat(logits, 1)
        return self.heads(self.hidden(z))

    def hidden(self, z: torch.Tensor) -> torch.Tensor:
        """z [N, n] -> the last hidden layer [N, h], which the heads read. For mlp and dcn_v2."""
        x = F.dropout(z, self.dropout * 0.5, self.training)
        if self.config.ranker.type == "dcn_v2":
            x0 = x
            for layer in self.cross:
                x = x0 * layer(x) + x
        return run_hidden(self.mlp, x, self.config.ranker.activation, self.dropout, self.training)
