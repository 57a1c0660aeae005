"""user-item: a user's positive items against many others (popularity bias, exposure bias)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Dict, List, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from .frequency import FrequencyEstimate
from .info_nce import NEVER, Head, info_nce
from .memory_bank import MemoryBank
from .task import Metrics, Positives, Task, TaskInputs


@dataclass
class AugmentSettings:
    """Positive augmentation: by "weight" the pull is `factor` times as strong, by "repeat" the pair is pulled `factor`
    times, each with its own dropout on the user's vector; "none" is plain InfoNCE."""
    by: str = "weight"
    factor: float = 2.0
    dropout: float = 0.1


@dataclass
class UserItemSettings:
    """positives: which feedback makes an item positive, and how much the pair weighs (ranking; retrieval has targets).

    in_batch, uniform (sampled items a batch) and queue (size of the memory bank) are the sources of negatives;
    limit bounds the pairs of one batch. momentum 0 fills the bank with the item vectors of the moment, else with those
    of a momentum encoder. mask_known: items that the user is known to want are no negatives of his.
    """
    enabled: bool = True
    weight: float = 0.1
    temperature: float = 0.1
    head: List[int] = field(default_factory=list)
    normalise: bool = True
    positives: Dict[str, float] = field(default_factory=dict)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    in_batch: bool = True
    uniform: int = 256
    queue: int = 2048
    momentum: float = 0.0
    limit: int = 512
    log_q: bool = True
    frequency_rate: float = 0.05
    correct_positive: bool = False
    mask_known: bool = True


class UserItemTask(Task):
    """Heads for users and items, a memory bank, a frequency estimate, and (with momentum) a slow copy of the items."""

    def __init__(self, settings: UserItemSettings, dim: int, n_items: int, actions: Tuple[str, ...]) -> None:
        super().__init__(settings.weight)
        if settings.augment.by not in ("none", "weight", "repeat"):
            raise ValueError("contrast.user_item.augment.by: not one of none, weight, repeat")
        self.settings, self.n_items = settings, n_items
        self.user_head = Head(dim, settings.head, settings.normalise)
        self.item_head = Head(dim, settings.head, settings.normalise)
        self.bank = MemoryBank(settings.queue, self.item_head.width)
        self.frequency = FrequencyEstimate(n_items, settings.frequency_rate, n_items / 64.0)
        if settings.momentum:
            self.slow_head = Head(dim, settings.head, settings.normalise)
            self.slow_head.load_state_dict(self.item_head.state_dict())
            self.slow_head.requires_grad_(False)
            self.register_buffer("slow_table", torch.zeros(n_items, dim))
            self.register_buffer("started", torch.zeros(1, dtype=torch.int64))

    @torch.no_grad()
    def _keys_to_remember(self, inputs: TaskInputs, items: torch.Tensor) -> torch.Tensor:
        """Vectors for the bank, from the momentum encoder if there is one (it is moved first)."""
        m = self.settings.momentum
        if not m:
            return self.item_head(F.embedding(items, inputs.table))
        if not int(self.started):
            self.slow_table.copy_(inputs.table)
            self.slow_head.load_state_dict(self.item_head.state_dict())
            self.started.fill_(1)
        self.slow_table.mul_(m).add_(inputs.table, alpha=1 - m)
        for slow, fast in zip(self.slow_head.parameters(), self.item_head.parameters()):
            slow.mul_(m).add_(fast, alpha=1 - m)
        return self.slow_head(F.embedding(items, self.slow_table))

    def _negatives(self, inputs: TaskInputs, batch_items: torch.Tensor
                   ) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Vectors [n, h], items [n] and log of how often each is expected in the sample [n], from all sources.

        In-batch items are taken once each, so Q(j), the chance that a batch holds j, is its expected count; a bank
        of k batches expects k Q(j) of them, the uniform sample its size over the catalogue. Every source by itself
        then estimates the sum over the catalogue, and their mean is taken.
        """
        s, sources = self.settings, []
        if s.in_batch:
            vectors = self.item_head(F.embedding(batch_items, inputs.table))
            sources.append((vectors, batch_items, self.frequency.log_q(batch_items)))
        if s.uniform:
            items = torch.randint(self.n_items, (s.uniform,))
            vectors = self.item_head(F.embedding(items, inputs.table))
            sources.append((vectors, items, torch.full((s.uniform,), math.log(s.uniform / self.n_items))))
        if int(self.bank.filled):
            vectors, items = self.bank.contents()
            batches = len(items) / max(1, len(batch_items))
            sources.append((vectors, items, self.frequency.log_q(items) + math.log(batches)))
        expected = torch.cat([entry[2] for entry in sources]) + math.log(len(sources))
        return torch.cat([entry[0] for entry in sources]), torch.cat([entry[1] for entry in sources]), expected

    def _masked(self, inputs: TaskInputs, positives: Positives, items: torch.Tensor) -> torch.Tensor:
        """[P, n] bool: accidental hits (the pair's own item) and, if asked, items that the user is known to want."""
        masked = positives.item[:, None] == items[None, :]
        if self.settings.mask_known:
            known = torch.zeros(len(inputs.known), self.n_items + 1, dtype=torch.bool)
            known.scatter_(1, inputs.known % (self.n_items + 1), True)  # -1 falls on the extra column
            known[positives.owner, positives.item] = True
            masked |= known[:, items][positives.owner]
        return masked

    def _limited(self, positives: Positives) -> Positives:
        if len(positives.item) <= self.settings.limit:
            return positives
        kept = torch.randperm(len(positives.item))[:self.settings.limit]
        return Positives(positives.query[kept], positives.item[kept], positives.owner[kept], positives.weight[kept])

    def forward(self, inputs: TaskInputs) -> Tuple[torch.Tensor, Metrics]:
        s, positives = self.settings, self._limited(inputs.positives)
        if not len(positives.item) or not (s.in_batch or s.uniform or int(self.bank.filled)):
            return self.nothing(inputs), {}
        batch_items = torch.unique(positives.item)
        if self.training:
            self.frequency.update(batch_items)
        z_user = self.user_head(positives.query)
        z_item = self.item_head(F.embedding(positives.item, inputs.table))
        vectors, items, expected = self._negatives(inputs, batch_items)
        positive = (z_user * z_item).sum(1) / s.temperature
        negatives = z_user @ vectors.T / s.temperature
        if s.log_q:
            negatives = negatives - expected[None, :]
            if s.correct_positive:
                positive = positive - self.frequency.log_q(positives.item)
        negatives = negatives.masked_fill(self._masked(inputs, positives, items), NEVER)
        pull = s.augment.factor if s.augment.by == "weight" else 1.0
        each = info_nce(positive, negatives, pull)
        if s.augment.by == "repeat":
            for _ in range(int(s.augment.factor) - 1):
                view = self.user_head(F.dropout(positives.query, s.augment.dropout, self.training))
                each = each - (view * z_item).sum(1) / s.temperature
        loss = (each * positives.weight).sum() / positives.weight.sum()
        if self.training and s.queue:
            self.bank.push(self._keys_to_remember(inputs, batch_items), batch_items)
        with torch.no_grad():
            share = torch.softmax(torch.cat([positive[:, None], negatives], 1), 1)[:, 0].mean()
        return loss, {"positive": float(share), "similarity": float((z_user * z_item).sum(1).mean())}
