"""What an importer hands over, and the attention that the original scores share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Sequence, Tuple

import torch

SIGNAL = "next_item"
Pair = Tuple[torch.Tensor, torch.Tensor]


@dataclass
class Imported:
    """A model that was trained elsewhere, in the contract's names, beside the original's own computation.

    `tensors` are the contract's, without ids; row r of the original's item table is row r - 1 here, since its row 0
    is the padding. `original(history)` computes, in float64 and from the original tensors by the original's formulas,
    the logits [V + 1] of all its rows for a history of rows (oldest first). It shares no code with the contract's
    reference and is what golden.jsonl is made of. Histories shorter than `shortest_exact` are those that the contract
    does not reproduce; `remark` says why.
    """
    config: Dict[str, Any]
    tensors: Dict[str, torch.Tensor]
    original: Callable[[List[int]], torch.Tensor]
    shortest_exact: int = 1
    remark: str = ""
    notes: List[str] = field(default_factory=list)


def dot_config(name: str, dim: int, encoder: Dict[str, Any]) -> Dict[str, Any]:
    """config.json of a next-item model: one signal, score = exp(u · e), ordered by u · e."""
    return {"format": "rankd-model/1", "name": name, "dim": dim, "encoder": encoder, "ranker": {"type": "dot"},
            "signals": [SIGNAL], "reward": {"type": "odds", "signal": SIGNAL}}


def block_tensors(blocks: Sequence[Dict[str, Pair]]) -> Dict[str, torch.Tensor]:
    """Blocks of {part: (weight, bias)} -> `encoder.blocks.{i}.{part}.{weight,bias}`."""
    return {f"encoder.blocks.{index}.{part}.{kind}": tensor for index, block in enumerate(blocks)
            for part, pair in block.items() for kind, tensor in zip(("weight", "bias"), pair)}


def causal_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int) -> torch.Tensor:
    """softmax(q kᵀ / √(d/heads)) v over the places up to the query's own: [L, d] three times -> [L, d]."""
    mixed = []
    width = q.shape[1] // heads
    for columns in (slice(head * width, (head + 1) * width) for head in range(heads)):
        scores = q[:, columns] @ k[:, columns].T / math.sqrt(width)
        seen = torch.ones_like(scores).tril() > 0
        mixed.append(torch.where(seen, scores, torch.full_like(scores, -math.inf)).softmax(1) @ v[:, columns])
    return torch.cat(mixed, 1)
