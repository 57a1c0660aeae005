"""Views of a history: what two encodings of one user may differ in.

mask, crop and shuffle follow CL4SRec (Xie et al. 2022); dropout alone follows SimCSE (Gao et al. 2021);
sample draws from a long history, recent and well answered events more often.
All work on whole batches, keep the order of time (but for the shuffled stretch) and leave an empty history empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Sequence

import torch

from .task import Histories


@dataclass
class SampleSettings:
    """How `sample` draws: at most `length` of the last `long` events, a share `ratio` of them.

    An event's weight halves every `half_life` events into the past, and grows by the feedback's weights (by action).
    """
    length: int = 50
    long: int = 100
    ratio: float = 0.6
    half_life: float = 50.0
    feedback: Dict[str, float] = field(default_factory=dict)


def _part(ratio: float, lengths: torch.Tensor, least: int) -> torch.Tensor:
    """floor(ratio length), at least `least`, at most the length."""
    return torch.minimum((ratio * lengths + 1e-6).long().clamp(min=least), lengths)


def take(histories: Histories, index: torch.Tensor, lengths: torch.Tensor) -> Histories:
    """Places [B, W] of the histories, the first `lengths` of which count."""
    width = max(1, int(lengths.max()) if len(lengths) else 1)
    index = index[:, :width].clamp(0, histories.items.shape[1] - 1)
    inside = torch.arange(width)[None, :] < lengths[:, None]
    items = histories.items.gather(1, index) * inside
    actions = histories.actions.gather(1, index[:, :, None].expand(-1, -1, histories.actions.shape[2]))
    return Histories(items, actions * inside[:, :, None], lengths)


def mask(histories: Histories, ratio: float) -> Histories:
    """Hides a share of the events (item and actions), at least one of two or more."""
    inside = histories.inside
    noise = torch.rand(inside.shape).masked_fill(~inside, 2.0)
    count = torch.where(histories.lengths > 1, _part(ratio, histories.lengths, 1), 0)
    hidden = (noise.argsort(1).argsort(1) < count[:, None]) & inside
    return Histories(histories.items, histories.actions * ~hidden[:, :, None], histories.lengths, hidden)


def crop(histories: Histories, ratio: float) -> Histories:
    """A stretch of a share of the events."""
    count = _part(ratio, histories.lengths, 1)
    start = (torch.rand(len(count)) * (histories.lengths - count + 1)).long()
    return take(histories, start[:, None] + torch.arange(histories.items.shape[1])[None, :], count)


def shuffle(histories: Histories, ratio: float) -> Histories:
    """A stretch of a share of the events in random order."""
    lengths = histories.lengths
    count = _part(ratio, lengths, 2)
    start = (torch.rand(len(count)) * (lengths - count + 1)).long()
    place = torch.arange(histories.items.shape[1])[None, :].expand(len(lengths), -1)
    moved = (place >= start[:, None]) & (place < (start + count)[:, None])
    key = torch.where(moved, start[:, None] + torch.rand(place.shape) * count[:, None], place.float())
    return take(histories, key.argsort(dim=1, stable=True), lengths)


def sample_weights(histories: Histories, settings: SampleSettings, actions: Sequence[str]) -> torch.Tensor:
    """[B, L] weight of every event for `sample`: recency times feedback."""
    age = (histories.lengths[:, None] - 1 - torch.arange(histories.items.shape[1])[None, :]).clamp(min=0)
    strength = torch.tensor([settings.feedback.get(name, 0.0) for name in actions])
    return torch.exp2(-age / settings.half_life) * (1.0 + histories.actions @ strength)


def sample(histories: Histories, settings: SampleSettings, actions: Sequence[str]) -> Histories:
    """Events drawn without replacement by their weights (Gumbel top-k, Kool et al. 2019), in order of time."""
    inside = histories.inside
    gumbel = -torch.log(-torch.log(torch.rand(inside.shape).clamp(1e-9, 1 - 1e-7)))
    key = (sample_weights(histories, settings, actions).log() + gumbel).masked_fill(~inside, -1e30)
    count = _part(settings.ratio, histories.lengths, 1).clamp(max=settings.length)
    chosen = key.argsort(1, descending=True).argsort(1) < count[:, None]
    order = (~chosen).int().argsort(dim=1, stable=True)
    return take(histories, order, count)
