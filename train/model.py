"""The whole model of the contract as one torch module; state_dict keys are the contract's tensor names.

Batches hold B states (a user's frozen history and context) and N rows
(candidates), each row pointing at its state, so that many candidates share
one pass of the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from .attention import select_feedback
from .context import Features
from .encoder import Encoder
from .layers import new_parameter
from .model_config import ModelConfig, load_config
from .ranker import Ranker
from .safetensors_file import load_file

TRAINING_ONLY = ("contrast.", "training.")


@dataclass
class Batch:
    """Inputs of the model. Item rows index the item table, -1 is an unknown item.

    history [B, L] int64, actions [B, L, n_actions], lengths [B] int64; state [N] int64 (row -> state), items [N] int64,
    numeric [N, *], categorical [N, *] int64; user_numeric [C, *], user_categorical [C, *] int64 and context [N] int64
    (row -> its user features: one state may stand in several contexts, the hours of a day for instance).
    """
    history: torch.Tensor
    actions: torch.Tensor
    lengths: torch.Tensor
    user_numeric: torch.Tensor
    user_categorical: torch.Tensor
    context: torch.Tensor
    state: torch.Tensor
    items: torch.Tensor
    numeric: torch.Tensor
    categorical: torch.Tensor


class Items(nn.Module):
    """`items.embedding` [V, d] and, optionally, `items.unknown` [d]."""

    def __init__(self, rows: int, dim: int, unknown: bool) -> None:
        super().__init__()
        if rows:
            self.embedding = new_parameter(rows, dim)
        self.unknown = new_parameter(dim) if unknown else None


class Model(nn.Module):
    """Encoder, target attention, context features and ranker.

    With rows = 0 the module has no item table of its own: training passes one
    in (`table`), made from ids and side features by the item tower.
    """

    def __init__(self, config: ModelConfig, rows: int = 0, unknown: bool = True, cold_start: bool = True,
                 bias: bool = False) -> None:
        super().__init__()
        self.config = config
        self.ids: List[str] = []
        self.items = Items(rows, config.dim, unknown)
        self.encoder = Encoder(config, cold_start)
        self.features = Features(config.user_features, config.candidate_features)
        width = 3 * config.dim + self.features.user.width + self.features.candidate.width
        if config.ranker.attention_heads is not None:
            width += config.dim * ((config.positive is not None) + (config.negative is not None))
        self.ranker = Ranker(config, width, rows if bias else 0)

    def set_dropout(self, encoder: float, ranker: float) -> None:
        """Dropout is a matter of training only; it is in no tensor."""
        self.encoder.dropout, self.ranker.dropout = encoder, ranker

    def forward(self, batch: Batch, table: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Logits [N, K]; table [V, d] stands in for `items.embedding`."""
        return self.rows(batch, *self.encode(batch, table), table)

    def encode(self, batch: Batch, table: Optional[torch.Tensor] = None) -> Tuple[torch.Tensor, torch.Tensor]:
        """H [B, L, d] and u [B, d]."""
        table = self.items.embedding if table is None else table
        return self.encoder(F.embedding(batch.history, table), batch.actions, batch.lengths)

    def item_vectors(self, items: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """[N] rows -> [N, d]; an unknown item (-1) gets `items.unknown` or zeros."""
        vectors = F.embedding(items.clamp(min=0), table)
        missing = (items < 0)[:, None]
        stand_in = torch.zeros_like(vectors[:1]) if self.items.unknown is None else self.items.unknown[None, :]
        return torch.where(missing, stand_in, vectors)

    def rows(self, batch: Batch, states: torch.Tensor, user: torch.Tensor,
             table: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Logits [N, K] of the batch's rows, from an encoder pass."""
        table = self.items.embedding if table is None else table
        if self.config.ranker.type == "dot":
            e, u = self.item_vectors(batch.items, table), user.index_select(0, batch.state)
            logit = (u * e).sum(1)
            if hasattr(self.ranker, "bias"):
                known = (batch.items >= 0).to(e.dtype)
                logit = logit + self.ranker.bias[batch.items.clamp(min=0)] * known
            return logit[:, None]
        return self.ranker(self.inputs(batch, states, user, table))

    def inputs(self, batch: Batch, states: torch.Tensor, user: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """z [N, n] = [u ; e ; u*e ; t+ ; t- ; c ; f], the parts that the config has. Not for `dot`."""
        e = self.item_vectors(batch.items, table)
        u = user.index_select(0, batch.state)
        parts = [u, e, u * e]
        if self.config.ranker.attention_heads is not None:
            for name in ("positive", "negative"):
                polarity = getattr(self.config, name)
                if polarity is not None:
                    attend = getattr(self.ranker, f"{name}_attention")
                    parts.append(self._attend(attend, polarity, batch, states, e))
        if self.config.user_features:
            context = self.features.user(batch.user_numeric, batch.user_categorical)
            parts.append(context.index_select(0, batch.context))
        if self.config.candidate_features:
            parts.append(self.features.candidate(batch.numeric, batch.categorical))
        return torch.cat(parts, 1)

    def _attend(self, attend, polarity, batch: Batch, states: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
        if states.shape[1] == 0:
            return torch.zeros_like(e)
        index, mask = select_feedback(self.config, polarity, batch.actions, batch.lengths)
        members = states.gather(1, index[:, :, None].expand(-1, -1, states.shape[2]))
        return attend(e, members, mask, batch.state)


def pack_ids(ids: List[str]) -> Dict[str, torch.Tensor]:
    """External ids -> `items.ids` where all are 64-bit decimal integers, else bytes and offsets."""
    numbers = [int(text) if text.lstrip("-").isdigit() else None for text in ids]
    if all(number is not None and str(number) == text for number, text in zip(numbers, ids)):
        return {"items.ids": torch.tensor(numbers, dtype=torch.int64)}
    encoded = [text.encode("utf-8") for text in ids]
    offsets = [0]
    for raw in encoded:
        offsets.append(offsets[-1] + len(raw))
    return {"items.id_bytes": torch.tensor(list(b"".join(encoded)), dtype=torch.uint8),
            "items.id_offsets": torch.tensor(offsets, dtype=torch.int64)}


def unpack_ids(tensors: Dict[str, torch.Tensor]) -> List[str]:
    """The inverse of pack_ids."""
    if "items.ids" in tensors:
        return [str(number) for number in tensors["items.ids"].tolist()]
    raw = bytes(tensors["items.id_bytes"].tolist())
    offsets = tensors["items.id_offsets"].tolist()
    return [raw[a:b].decode("utf-8") for a, b in zip(offsets, offsets[1:])]


def load_model(folder: Path, dtype: torch.dtype = torch.float64) -> Model:
    """Builds the model of a model folder; names and shapes must match exactly, training-only tensors are dropped."""
    config = load_config(folder)
    tensors = {name: tensor for name, tensor in load_file(Path(folder) / "model.safetensors").items()
               if not name.startswith(TRAINING_ONLY)}
    ids = unpack_ids(tensors)
    if len(set(ids)) != len(ids):
        raise ValueError("items: an id stands there twice")
    weights = {name: tensor.to(dtype) for name, tensor in tensors.items()
               if name not in ("items.ids", "items.id_bytes", "items.id_offsets")}
    model = Model(config, len(ids), "items.unknown" in weights, "encoder.cold_start" in weights,
                  "ranker.bias" in weights).to(dtype)
    model.load_state_dict(weights, strict=True)
    model.ids = ids
    return model.eval()
