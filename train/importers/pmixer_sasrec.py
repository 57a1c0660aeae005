"""The common PyTorch port of the original SASRec (pmixer/SASRec.pytorch) -> rankd.

x = √d e + P; blocks in one of three orders (`--norm`); a last LayerNorm; score = u · e. Histories are aligned to the
right, so event j of L has position maxlen - L + j: `from_end`. The 1x1 convolutions are linear layers.

Two generations of positions, told apart by the rows of `pos_emb` and maxlen:
  maxlen rows (until June 2024): position 0 is the first; padded places are set to 0 before every block;
  maxlen + 1 rows (since): row 0 belongs to the padding, the first position has row 1; padded places are left alone.

In both, padding comes before the events and no mask hides it: every event attends to maxlen - L copies of one
constant key and value. The contract has no such copies. A full history (L >= maxlen) is therefore exact, a shorter one
is not.
"""

from __future__ import annotations

import argparse
import math
import re
from typing import Any, Dict, List

import torch
from torch.nn import functional as F

from .checkpoint import CheckpointError, Tensors
from .imported import Imported, Pair, block_tensors, causal_attention, dot_config

NAME = "pmixer-sasrec"
EPS = 1e-8


def add_flags(sub: argparse.ArgumentParser) -> None:
    """What no tensor tells; the file names that the port's main.py gives hold maxlen and head."""
    sub.add_argument("--norm", choices=("query", "post", "pre"), required=True,
                     help="query: code before May 2025; since then post, or pre if trained with --norm_first")
    sub.add_argument("--maxlen", type=int, help="default: from a file name with maxlen=N")
    sub.add_argument("--heads", type=int, help="num_heads (default: from a file name with head=N)")


def _from_name(args: argparse.Namespace, flag: str, word: str) -> int:
    given, found = getattr(args, flag), re.search(rf"\b{word}=(\d+)", args.checkpoint.name)
    if given is None and not found:
        raise CheckpointError(f"--{flag}: the file's name does not tell `{word}`, and no tensor does; give the flag")
    return int(found[1]) if given is None else given


def _take(t: Tensors, dim: int) -> List[Dict[str, Pair]]:
    """One dict a block, in the contract's names below `encoder.blocks.{i}.`."""
    blocks = []
    for index in range(t.layers("attention_layers.")):
        packed = (t.take(f"attention_layers.{index}.in_proj_weight", 3 * dim, dim),
                  t.take(f"attention_layers.{index}.in_proj_bias", 3 * dim))
        thirds = zip(packed[0].split(dim), packed[1].split(dim))
        block = dict(zip(("attention.query", "attention.key", "attention.value"), thirds))
        for ours, theirs, shape in (
                ("attention.output", f"attention_layers.{index}.out_proj", (dim, dim)),
                ("attention_norm", f"attention_layernorms.{index}", (dim,)),
                ("ffn_norm", f"forward_layernorms.{index}", (dim,)),
                ("ffn.up", f"forward_layers.{index}.conv1", (dim, dim, 1)),
                ("ffn.down", f"forward_layers.{index}.conv2", (dim, dim, 1))):
            weight, bias = t.take(f"{theirs}.weight", *shape), t.take(f"{theirs}.bias", dim)
            block[ours] = (weight.squeeze(2) if len(shape) == 3 else weight, bias)
        blocks.append(block)
    return blocks


def _run_block(block: Dict[str, Pair], x: torch.Tensor, norm: str, heads: int) -> torch.Tensor:
    """One block of the original on all places, [maxlen, d]."""
    dim = x.shape[1]

    def layer_norm(y: torch.Tensor, part: str) -> torch.Tensor:
        return F.layer_norm(y, (dim,), *block[part], EPS)

    def attend(q: torch.Tensor, kv: torch.Tensor) -> torch.Tensor:
        parts = (F.linear(y, *block[f"attention.{part}"]) for y, part in ((q, "query"), (kv, "key"), (kv, "value")))
        return F.linear(causal_attention(*parts, heads), *block["attention.output"])

    def forward(y: torch.Tensor) -> torch.Tensor:
        return F.linear(F.relu(F.linear(y, *block["ffn.up"])), *block["ffn.down"])

    if norm == "pre":
        y = layer_norm(x, "attention_norm")
        x = x + attend(y, y)
        return x + forward(layer_norm(x, "ffn_norm"))
    if norm == "post":
        x = layer_norm(x + attend(x, x), "attention_norm")
        return layer_norm(x + forward(x), "ffn_norm")
    q = layer_norm(x, "attention_norm")
    y = layer_norm(q + attend(q, x), "ffn_norm")
    return y + forward(y)


def convert(t: Tensors, _: Dict[str, Any], args: argparse.Namespace) -> Imported:
    """The state dict of the port's SASRec."""
    items = t.take("item_emb.weight", None, None)
    dim = items.shape[1]
    position = t.take("pos_emb.weight", None, dim)
    blocks = _take(t, dim)
    last = (t.take("last_layernorm.weight", dim), t.take("last_layernorm.bias", dim))
    t.finish()
    maxlen, heads = _from_name(args, "maxlen", "maxlen"), _from_name(args, "heads", "head")
    if len(position) not in (maxlen, maxlen + 1):
        raise CheckpointError(f"pos_emb.weight: expected [{maxlen}, {dim}] or [{maxlen + 1}, {dim}] "
                              f"for maxlen {maxlen}, found {list(position.shape)}")
    if heads < 1 or dim % heads:
        raise CheckpointError(f"--heads: expected a divisor of {dim}, found {heads}")
    zeroed = len(position) == maxlen
    if zeroed and args.norm != "query":
        raise CheckpointError(f"--norm: `{args.norm}` came after position row 0 became the padding's, but pos_emb has "
                              f"{maxlen} rows, not {maxlen + 1}; expected query")
    tensors = {"items.embedding": items[1:], "encoder.position": position if zeroed else position[1:],
               "encoder.final_norm.weight": last[0], "encoder.final_norm.bias": last[1]}
    tensors.update(block_tensors(blocks))

    def original(history: List[int]) -> torch.Tensor:
        rows = torch.zeros(maxlen, dtype=torch.int64)
        kept = history[-maxlen:]
        rows[maxlen - len(kept):] = torch.tensor(kept)
        real = (rows != 0)[:, None].double()
        places = torch.arange(maxlen) if zeroed else torch.arange(1, maxlen + 1) * (rows != 0)
        x = items[rows] * math.sqrt(dim) + position[places]
        for block in blocks:
            x = _run_block(block, x * real if zeroed else x, args.norm, heads)
        return items @ F.layer_norm(x[-1], (dim,), *last, EPS)

    encoder = {"type": "sasrec", "layers": len(blocks), "heads": heads, "ffn": dim, "activation": "relu",
               "norm": args.norm, "position": "from_end", "max_history": maxlen, "scale_embedding": True,
               "final_norm": True, "norm_eps": EPS}
    return Imported(dot_config(NAME, dim, encoder), tensors, original, shortest_exact=maxlen,
                    remark="the original lets events attend to its padding, the server has none")
