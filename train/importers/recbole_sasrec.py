"""RecBole's SASRec -> rankd.

RecBole keeps a history to the left (padding follows, so causal attention never sees it), adds position j to event j,
normalises the sum, and runs post-norm blocks: x ← LN(x + MHA(x)); x ← LN(x + FFN(x)). The score is u · e with the
same item table. That is the contract's `post` with `input_norm` and `from_start`, tensor by tensor.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, List

import torch
from torch.nn import functional as F

from .checkpoint import CheckpointError, Tensors, setting
from .imported import Imported, Pair, block_tensors, causal_attention, dot_config

NAME = "recbole-sasrec"
ACTIVATIONS = {"gelu": "gelu", "relu": "relu", "swish": "silu"}
_FUNCTIONS = {"gelu": F.gelu, "relu": F.relu, "silu": F.silu}
# The contract's part of a block, RecBole's name of it below `trm_encoder.layer.{i}.`, its weight's shape.
_PARTS = (("attention.query", "multi_head_attention.query", ("d", "d")),
          ("attention.key", "multi_head_attention.key", ("d", "d")),
          ("attention.value", "multi_head_attention.value", ("d", "d")),
          ("attention.output", "multi_head_attention.dense", ("d", "d")),
          ("attention_norm", "multi_head_attention.LayerNorm", ("d",)),
          ("ffn.up", "feed_forward.dense_1", ("ffn", "d")),
          ("ffn.down", "feed_forward.dense_2", ("d", "ffn")),
          ("ffn_norm", "feed_forward.LayerNorm", ("d",)))


def add_flags(sub: argparse.ArgumentParser) -> None:
    """What no tensor tells; a checkpoint that RecBole's trainer wrote holds all three."""
    sub.add_argument("--heads", type=int, help="n_heads (default: the checkpoint's)")
    sub.add_argument("--activation", choices=sorted(ACTIVATIONS), help="hidden_act (default: the checkpoint's)")
    sub.add_argument("--eps", type=float, help="layer_norm_eps (default: the checkpoint's)")


def _pair(t: Tensors, name: str, *shape: int) -> Pair:
    return t.take(f"{name}.weight", *shape), t.take(f"{name}.bias", shape[0])


def _run_block(block: Dict[str, Pair], x: torch.Tensor, heads: int, activation: str, eps: float) -> torch.Tensor:
    """RecBole's TransformerLayer on the places of one history, [L, d]."""
    dim = x.shape[1]
    q, k, v = (F.linear(x, *block[f"attention.{part}"]) for part in ("query", "key", "value"))
    mixed = F.linear(causal_attention(q, k, v, heads), *block["attention.output"])
    x = F.layer_norm(x + mixed, (dim,), *block["attention_norm"], eps)
    hidden = _FUNCTIONS[activation](F.linear(x, *block["ffn.up"]))
    return F.layer_norm(x + F.linear(hidden, *block["ffn.down"]), (dim,), *block["ffn_norm"], eps)


def convert(t: Tensors, settings: Dict[str, Any], args: argparse.Namespace) -> Imported:
    """The state dict of recbole.model.sequential_recommender.SASRec."""
    items = t.take("item_embedding.weight", None, None)
    dim = items.shape[1]
    position = t.take("position_embedding.weight", None, dim)
    ffn = t.take("trm_encoder.layer.0.feed_forward.dense_1.weight", None, dim).shape[0]
    size = {"d": dim, "ffn": ffn}
    blocks = [{ours: _pair(t, f"trm_encoder.layer.{index}.{theirs}", *(size[name] for name in shape))
               for ours, theirs, shape in _PARTS} for index in range(t.layers("trm_encoder.layer."))]
    norm = _pair(t, "LayerNorm", dim)
    t.finish()
    heads, eps = setting("heads", args.heads, settings, "n_heads"), setting("eps", args.eps, settings, "layer_norm_eps")
    named = setting("activation", args.activation, settings, "hidden_act")
    if named not in ACTIVATIONS:
        raise CheckpointError(f"hidden_act: expected one of {', '.join(ACTIVATIONS)}, found {named!r}, "
                              "which the server does not compute")
    if heads < 1 or dim % heads:
        raise CheckpointError(f"--heads: expected a divisor of {dim}, found {heads}")
    activation = ACTIVATIONS[named]
    tensors = {"items.embedding": items[1:], "encoder.position": position,
               "encoder.input_norm.weight": norm[0], "encoder.input_norm.bias": norm[1]}
    tensors.update(block_tensors(blocks))

    def original(history: List[int]) -> torch.Tensor:
        rows = torch.tensor(history[-len(position):])
        x = F.layer_norm(items[rows] + position[:len(rows)], (dim,), *norm, eps)
        for block in blocks:
            x = _run_block(block, x, heads, activation, eps)
        return items @ x[-1]

    encoder = {"type": "sasrec", "layers": len(blocks), "heads": heads, "ffn": ffn, "activation": activation,
               "norm": "post", "position": "from_start", "max_history": len(position), "input_norm": True,
               "norm_eps": eps}
    return Imported(dot_config(NAME, dim, encoder), tensors, original)
