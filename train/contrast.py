"""The place of auxiliary tasks that take part in training only (docs/training.md).

A task is a module that is put into `Trainee.contrast` under a name. Its
tensors (projection heads, memory banks) are kept in checkpoints as
`contrast.<name>.*`, and export drops them: nothing that is served knows of
them. With no task attached training runs exactly as if this module were not
there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .model import Batch, Model


@dataclass
class TaskInputs:
    """What the main loss has already computed for a batch of B states and N rows.

    table [V, d] the item table, states [B, L, d] the encoder's output, user [B, d],
    labels and mask [N, 9] in the order of stats.SIGNALS.
    """
    model: Model
    batch: Batch
    table: torch.Tensor
    states: torch.Tensor
    user: torch.Tensor
    labels: torch.Tensor
    mask: torch.Tensor


class Task(nn.Module):
    """Base class: forward returns an unweighted mean loss; weight is lambda in the total loss."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, inputs: TaskInputs) -> torch.Tensor:
        raise NotImplementedError
