"""positive-negative feedback: negative feedback is sparse and looks like positive; this task tells them apart.

From the user's long history S+ is drawn among positively answered events and S- takes every explicit dislike, filled
up with short views that are safe to take for one. S+ and an augmented view of it are pulled together, S- is pushed
away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, List, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from . import views
from .info_nce import NEVER, Head, info_nce
from .task import Histories, LongHistories, Metrics, Task, TaskInputs


@dataclass
class FeedbackSettings:
    """positives: drawing weight by action; explicit: the actions of which all events go to S-; skip_ratio: the share
    watched under which a view may fill S- (read when histories are made); size: events of S+ and S- at most.

    variant "plain" contrasts the encodings of the three sequences, "target_attention" what the ranker's own attention
    makes of them for each target item. marked: the events keep their actions, and S- has the negative attention; then
    S+ and S- can be told apart without a look at any item, and nothing is learned of them. Without marks all sides go
    the same way. augment: "mask", "crop" or "dropout"; in_batch: other users' S- are negatives too.
    """
    enabled: bool = True
    weight: float = 0.1
    temperature: float = 0.1
    head: List[int] = field(default_factory=list)
    normalise: bool = True
    variant: str = "plain"
    marked: bool = True
    positives: Dict[str, float] = field(default_factory=lambda: {"follow": 4.0, "forward": 3.0, "like": 2.0})
    explicit: List[str] = field(default_factory=lambda: ["hate"])
    skip_ratio: float = 0.1
    size: int = 20
    long: int = 100
    augment: str = "mask"
    ratio: float = 0.3
    in_batch: bool = True
    limit: int = 512


def draw_positive(long: LongHistories, actions: Tuple[str, ...], weights: Dict[str, float], size: int) -> Histories:
    """S+: up to `size` events that bear a weighted action, drawn without replacement by weight, in order of time."""
    each = torch.tensor([weights.get(name, 0.0) for name in actions])
    strength = (long.actions * each).amax(2) if len(actions) else torch.zeros(long.items.shape)
    eligible = (strength > 0) & long.inside
    gumbel = -torch.log(-torch.log(torch.rand(strength.shape).clamp(1e-9, 1 - 1e-7)))
    key = (strength.clamp(min=1e-9).log() + gumbel).masked_fill(~eligible, -1e30)
    return _chosen(long, key, eligible, size)


def draw_negative(long: LongHistories, actions: Tuple[str, ...], explicit: List[str], size: int) -> Histories:
    """S-: the last explicit dislikes, then the latest safe short views; at most `size` events, in order of time."""
    columns = [at for at, name in enumerate(actions) if name in explicit]
    disliked = (long.actions[:, :, columns] > 0).any(2) & long.inside
    skipped = long.skipped & long.inside & ~disliked
    key = torch.arange(long.items.shape[1])[None, :] + long.items.shape[1] * disliked
    return _chosen(long, key.float(), disliked | skipped, size)


def _chosen(long: Histories, key: torch.Tensor, eligible: torch.Tensor, size: int) -> Histories:
    """The `size` eligible events with the greatest keys, moved together, still in order of time."""
    rank = key.masked_fill(~eligible, NEVER).argsort(dim=1, descending=True, stable=True).argsort(1)
    chosen = eligible & (rank < size)
    order = (~chosen).int().argsort(dim=1, stable=True)
    return views.take(long, order, chosen.sum(1))


class FeedbackTask(Task):
    """The mask vector and the heads are the task's own; encoder and attention are the model's."""

    def __init__(self, settings: FeedbackSettings, dim: int, n_items: int, actions: Tuple[str, ...]) -> None:
        super().__init__(settings.weight)
        if settings.variant not in ("plain", "target_attention"):
            raise ValueError("contrast.feedback.variant: not one of plain, target_attention")
        if settings.augment not in ("mask", "crop", "dropout"):
            raise ValueError("contrast.feedback.augment: not one of mask, crop, dropout")
        unknown = sorted({*settings.positives, *settings.explicit} - set(actions))
        if unknown:
            raise ValueError(f"contrast.feedback: not an action of the model: {unknown}")
        self.settings, self.actions, self.long_history = settings, actions, settings.long
        self.head = Head(dim, settings.head, settings.normalise)
        self.mask_vector = nn.Parameter(torch.randn(dim) * 0.02)

    def _shown(self, side: Histories) -> Histories:
        """What the encoder sees of a side: its items, and the actions if they are kept."""
        return side if self.settings.marked else replace(side, actions=torch.zeros_like(side.actions))

    def augmented(self, positive: Histories) -> Histories:
        """A second view of S+; the encoder's dropout differs in any case."""
        if self.settings.augment == "dropout":
            return positive
        return {"mask": views.mask, "crop": views.crop}[self.settings.augment](positive, self.settings.ratio)

    def _attended(self, inputs: TaskInputs, rows: torch.Tensor, sides: "list[Histories]") -> "list[torch.Tensor]":
        """What the ranker's target attention makes of S+, its view and S- for the targets of `rows`: [N, d] each."""
        ranker = inputs.model.ranker
        if not hasattr(ranker, "positive_attention") or not hasattr(ranker, "negative_attention"):
            raise ValueError("contrast.feedback: target_attention wants a ranker that attends to both polarities")
        place = torch.full((len(inputs.users),), -1)
        place[rows] = torch.arange(len(rows))
        targets = torch.nonzero(place[inputs.target_state] >= 0)[:, 0]
        if len(targets) > self.settings.limit:
            targets = targets[torch.randperm(len(targets))[:self.settings.limit]]
        state = place[inputs.target_state[targets]]
        query = F.embedding(inputs.target_items[targets], inputs.table)
        found = []
        away = ranker.negative_attention if self.settings.marked else ranker.positive_attention
        for side, attend in zip(sides, (ranker.positive_attention, ranker.positive_attention, away)):
            members, _ = inputs.encode(side, self.mask_vector)
            usable = side.inside if side.hidden is None else side.inside & ~side.hidden
            found.append(attend(query, members, usable, state))
        return found

    def forward(self, inputs: TaskInputs) -> Tuple[torch.Tensor, Metrics]:
        s = self.settings
        positive = draw_positive(inputs.long, self.actions, s.positives, s.size)
        negative = draw_negative(inputs.long, self.actions, s.explicit, s.size)
        rows = torch.nonzero((positive.lengths > 0) & (negative.lengths > 0))[:, 0]
        if not len(rows):
            return self.nothing(inputs), {"users": 0.0}
        positive, negative = (self._shown(side.select(rows)) for side in (positive, negative))
        sides = [positive, self.augmented(positive), negative]
        if s.variant == "plain":
            found = [inputs.encode(side, self.mask_vector)[1] for side in sides]
        else:
            found = self._attended(inputs, rows, sides)
            if not len(found[0]):
                return self.nothing(inputs), {"users": 0.0}
        anchor, view, away = (self.head(vectors) for vectors in found)
        similar = (anchor * view).sum(1) / s.temperature
        losses = []
        for side in (anchor, view):
            pushed = side @ away.T / s.temperature if s.in_batch else (side * away).sum(1, keepdim=True) / s.temperature
            losses.append(info_nce(similar, pushed))
        with torch.no_grad():
            own = (anchor * away).sum(1) / s.temperature
            apart = float((similar > own).float().mean())
        return torch.cat(losses).mean(), {"users": float(len(rows)), "told_apart": apart}
