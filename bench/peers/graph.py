"""The model as one graph for general runtimes, written as a careful engineer would for speed.

Nothing is padded, so there is no mask but the causal one; the user is encoded once and broadcast to the candidates; the
candidates' rows are gathered inside. What rankd does beyond that (folding the user's side into the weights) is not in
it: that is the difference to be measured.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Dict, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from train.layers import ACTIVATION
from train.model import TRAINING_ONLY
from train.model_config import ModelConfig, load_config
from train.safetensors_file import load_file

OUTPUTS = ("scores", "signals")
AXES = {"history": {0: "L"}, "actions": {0: "L"}, "positive": {0: "P"}, "negative": {0: "M"}, "candidates": {0: "N"},
        "scores": {0: "N"}, "signals": {0: "N"}}


class Graph(nn.Module):
    """R and its relatives: sasrec with pre-norm blocks, target attention, mlp, additive reward, no context features.

    With `any_history`, an empty history gives the zero user vector; that costs one small copy.
    """

    def __init__(self, config: ModelConfig, tensors: Dict[str, torch.Tensor], any_history: bool = False) -> None:
        super().__init__()
        encoder, ranker = config.encoder, config.ranker
        supported = (encoder.type == "sasrec" and encoder.norm == "pre" and encoder.position == "from_end"
                     and encoder.use_actions and not encoder.input_norm and not encoder.scale_embedding
                     and encoder.final_norm and ranker.type == "mlp" and ranker.attention_heads == 1
                     and config.positive and config.negative and config.reward.type == "additive"
                     and not config.user_features and not config.candidate_features)
        if not supported:
            raise ValueError("only models of the reference model's kind, with 1 head of target attention")
        self.config, self.any_history = config, any_history
        for name, tensor in tensors.items():
            if not name.startswith(TRAINING_ONLY) and name != "items.ids":
                self.register_buffer(name.replace(".", "_"), tensor.float())
        length = encoder.max_history
        self.register_buffer("future", torch.full((length, length), -1e9).triu(1))

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, getattr(self, name + "_weight"), getattr(self, name + "_bias"))

    def _norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, (self.config.dim,), getattr(self, name + "_weight"), getattr(self, name + "_bias"),
                            self.config.encoder.norm_eps)

    def _block(self, name: str, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        heads = self.config.encoder.heads
        width = self.config.dim // heads

        def split(y: torch.Tensor) -> torch.Tensor:
            return y.view(-1, heads, width).transpose(0, 1)

        y = self._norm(f"{name}_attention_norm", x)
        query, key, value = (split(self._linear(f"{name}_attention_{part}", y)) for part in ("query", "key", "value"))
        weights = (query @ key.transpose(1, 2) * (1.0 / math.sqrt(width)) + mask).softmax(-1)
        mixed = (weights @ value).transpose(0, 1).reshape(-1, self.config.dim)
        x = x + self._linear(f"{name}_attention_output", mixed)
        y = ACTIVATION[self.config.encoder.activation](
            self._linear(f"{name}_ffn_up", self._norm(f"{name}_ffn_norm", x)))
        return x + self._linear(f"{name}_ffn_down", y)

    def encode(self, history: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """H [L, d]."""
        length, longest = history.shape[0], self.config.encoder.max_history
        x = F.embedding(history, self.items_embedding) + self.encoder_position[longest - length:]
        x = x + actions @ self.encoder_action
        mask = self.future[:length, :length]
        for block in range(self.config.encoder.layers):
            x = self._block(f"encoder_blocks_{block}", x, mask)
        return self._norm("encoder_final_norm", x)

    def _attend(self, name: str, items: torch.Tensor, members: torch.Tensor) -> torch.Tensor:
        """[N, d] candidates and [S, d] events -> [N, d]."""
        query = self._linear(f"ranker_{name}_attention_query", items)
        key = self._linear(f"ranker_{name}_attention_key", members)
        value = self._linear(f"ranker_{name}_attention_value", members)
        weights = (query @ key.t() * (1.0 / math.sqrt(self.config.dim))).softmax(-1)
        return weights @ value

    def forward(self, history: torch.Tensor, actions: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor,
                candidates: torch.Tensor, weights: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """history [L] rows, actions [L, A] 0/1, positive [P] and negative [M] places in the history, candidates [N]
        rows, weights [K] -> scores [N], signals [N, K]. Integers are int64."""
        states = self.encode(history, actions)
        if self.any_history:
            user = torch.cat([torch.zeros(1, self.config.dim), states])[-1:]
        else:
            user = states[-1:]
        items = F.embedding(candidates, self.items_embedding)
        z = torch.cat([user.expand(candidates.shape[0], -1), items, user * items,
                       self._attend("positive", items, states[positive]),
                       self._attend("negative", items, states[negative])], 1)
        for layer in range(len(self.config.ranker.hidden)):
            z = ACTIVATION[self.config.ranker.activation](self._linear(f"ranker_mlp_{layer}", z))
        signals = torch.sigmoid(self._linear("ranker_heads", z))
        return signals @ weights, signals


def load_graph(folder: Path, any_history: bool = False) -> Graph:
    """The graph of a model folder, in float32."""
    return Graph(load_config(folder), load_file(Path(folder) / "model.safetensors"), any_history).eval()
