"""RecBole's GRU4Rec -> rankd, its dense layer folded away.

RecBole: x = e (size n), GRU without biases to h (size m), u = W h + b with W [n, m], score = e · u. The contract's GRU
has one size d for its input, its state and the item table, and no layer after it. Both are met exactly:

    e · (W h + b) = (Wᵀ e) · h + e · b

The second term is a number an item: `ranker.bias`. For the first, the item table becomes ẽ = M e with M = [Wᵀ ; N]:
its first m numbers are Wᵀ e, and they meet h, the first m numbers of the state. The GRU's own input must be got back
from ẽ: W_ih e = (W_ih M⁺) ẽ, true where M has full column rank. N holds the directions that Wᵀ loses (none if m >= n
and W has rank n): its right singular vectors with a small singular value. So d = m + rows of N, max(m, n) for a W of
full rank. Further units of the state have zero weights: their candidate tanh(0) is 0, and they stay 0.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, Tuple

import torch
from torch import nn

from .checkpoint import CheckpointError, Tensors, setting
from .imported import Imported, dot_config

NAME = "recbole-gru4rec"
LARGEST_DIM = 4096
# A direction that W shortens this much against its longest is kept beside it instead: float32 stays exact to 1e-5.
SHORTEST = 0.01


def add_flags(sub: argparse.ArgumentParser) -> None:
    """What no tensor tells."""
    sub.add_argument("--max-history", type=int, help="MAX_ITEM_LIST_LENGTH (default: the checkpoint's)")


def fold(dense: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """W [n, m] -> M [d, n] and its left inverse M⁺ [n, d]."""
    _, lengths, directions = torch.linalg.svd(dense.T, full_matrices=True)
    longest = lengths[0] if lengths[0] > 0 else torch.ones_like(lengths[0])
    kept = int((lengths > SHORTEST * longest).sum())
    matrix = torch.cat([dense.T, longest * directions[kept:]])
    return matrix, torch.linalg.pinv(matrix)


def _gates(weight: torch.Tensor, dim: int) -> torch.Tensor:
    """[3m, k] -> [3d, d]: each of the gates r, z, n gets zero rows and columns up to d."""
    rows = weight.shape[0] // 3
    margin = (0, dim - weight.shape[1], 0, dim - rows)
    return torch.cat([nn.functional.pad(gate, margin) for gate in weight.split(rows)])


def convert(t: Tensors, settings: Dict[str, Any], args: argparse.Namespace) -> Imported:
    """The state dict of recbole.model.sequential_recommender.GRU4Rec."""
    items = t.take("item_embedding.weight", None, None)
    size = items.shape[1]
    dense = t.take("dense.weight", size, None)
    state = dense.shape[1]
    bias = t.take("dense.bias", size)
    layers = t.layers("gru_layers.weight_ih_l")
    weights = {}
    for index in range(layers):
        weights[f"weight_ih_l{index}"] = t.take(f"gru_layers.weight_ih_l{index}", 3 * state, state if index else size)
        weights[f"weight_hh_l{index}"] = t.take(f"gru_layers.weight_hh_l{index}", 3 * state, state)
    t.finish()
    longest = setting("max-history", args.max_history, settings, "MAX_ITEM_LIST_LENGTH")
    matrix, inverse = fold(dense)
    dim = len(matrix)
    if dim > LARGEST_DIM:
        raise CheckpointError(f"dense.weight: [{size}, {state}] folds to an item table of {dim} columns; the server "
                              f"takes at most {LARGEST_DIM}")
    tensors = {"items.embedding": items[1:] @ matrix.T, "ranker.bias": items[1:] @ bias}
    for name, weight in weights.items():
        tensors[f"encoder.gru.{name}"] = _gates(weight @ inverse if name == "weight_ih_l0" else weight, dim)
        tensors[f"encoder.gru.{name.replace('weight', 'bias')}"] = torch.zeros(3 * dim, dtype=torch.float64)
    gru = nn.GRU(size, state, layers, bias=False, batch_first=True).double()
    gru.load_state_dict(weights)

    @torch.no_grad()
    def original(history: List[int]) -> torch.Tensor:
        states, _ = gru(items[torch.tensor(history[-longest:])][None])
        return items @ (dense @ states[0, -1] + bias)

    encoder = {"type": "gru4rec", "layers": layers, "max_history": longest, "position": "none"}
    note = f"embedding {size}, GRU {state}: the dense layer is folded into an item table of {dim} columns"
    return Imported(dot_config(NAME, dim, encoder), tensors, original, notes=[note])
