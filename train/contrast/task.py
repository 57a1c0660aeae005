"""The one interface of the tasks: what they are given, and what they give back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from ..model import Model


@dataclass
class Histories:
    """Event sequences, oldest first, aligned to the left.

    items [B, L] int64, actions [B, L, n_actions] float32, lengths [B] int64; hidden [B, L] bool marks events that are
    replaced by a task's mask vector.
    """
    items: torch.Tensor
    actions: torch.Tensor
    lengths: torch.Tensor
    hidden: Optional[torch.Tensor] = None

    @property
    def inside(self) -> torch.Tensor:
        """[B, L] bool: which places hold an event."""
        return torch.arange(self.items.shape[1])[None, :] < self.lengths[:, None]

    def select(self, rows: torch.Tensor) -> "Histories":
        """The same histories, only those of `rows`."""
        return Histories(self.items[rows], self.actions[rows], self.lengths[rows],
                         None if self.hidden is None else self.hidden[rows])


@dataclass
class LongHistories(Histories):
    """More of the past than the encoder reads.

    skipped [B, L] bool marks short views that are safe to take for negative feedback: the duration is known, the share
    watched is under a threshold, and the user has liked the item neither before nor after.
    """
    skipped: Optional[torch.Tensor] = None


@dataclass
class Positives:
    """Pairs of a user's vector and an item that he answered positively.

    query [P, d], item [P], owner [P] (row of the batch's states), weight [P] (strength of the feedback).
    """
    query: torch.Tensor
    item: torch.Tensor
    owner: torch.Tensor
    weight: torch.Tensor


@dataclass
class TaskInputs:
    """What the main loss has already computed for a batch of B states.

    table [V, d] the item table, states [B, L, d] and user [B, d] the encoder's output for `histories`, users [B] who
    they are; known [B, V'] int64 rows of items that each user is known to want (padded with -1); targets: the rows to
    score, items [N] and the state [N] that each belongs to.
    """
    model: Model
    table: torch.Tensor
    histories: Histories
    states: torch.Tensor
    user: torch.Tensor
    users: torch.Tensor
    positives: Positives
    known: torch.Tensor
    target_items: torch.Tensor
    target_state: torch.Tensor
    long: Optional[LongHistories] = None

    def embed(self, histories: Histories, mask_vector: Optional[torch.Tensor] = None) -> torch.Tensor:
        """[B, L, d]: the events' rows of the table, the mask vector where they are hidden."""
        embedded = F.embedding(histories.items, self.table)
        if histories.hidden is None:
            return embedded
        return torch.where(histories.hidden[:, :, None], mask_vector, embedded)

    def encode(self, histories: Histories, mask_vector: Optional[torch.Tensor] = None
               ) -> Tuple[torch.Tensor, torch.Tensor]:
        """The model's own encoder on other histories: states [B, L, d] and user vectors [B, d]."""
        return self.model.encoder(self.embed(histories, mask_vector), histories.actions, histories.lengths)


Metrics = Dict[str, float]


class Task(nn.Module):
    """Base class. `weight` is lambda in the total loss; `long_history` how many events of the past the task reads."""

    long_history = 0

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, inputs: TaskInputs) -> Tuple[torch.Tensor, Metrics]:
        """An unweighted mean loss (0 with a gradient of 0 where the batch offers nothing) and metrics to log."""
        raise NotImplementedError

    @staticmethod
    def nothing(inputs: TaskInputs) -> torch.Tensor:
        """A loss of 0 that still belongs to the graph."""
        return inputs.user.sum() * 0.0
