"""user-user: two views of one history agree, other users' histories differ (a user's own interest, not the crowd's)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Tuple

import torch
from torch import nn

from .views import SampleSettings, crop, mask, sample, shuffle
from .info_nce import Head, nt_xent
from .task import Histories, Metrics, Task, TaskInputs


@dataclass
class UserUserSettings:
    """views: one is drawn for each side and batch. against "view" contrasts two drawn views, "original" one view
    with the encoding that the main loss already has (half the cost). minimum: events that a history must have to take
    part; limit: users of a batch that do.
    """
    enabled: bool = True
    weight: float = 0.1
    temperature: float = 0.1
    head: List[int] = field(default_factory=list)
    normalise: bool = True
    views: List[str] = field(default_factory=lambda: ["mask"])
    mask: float = 0.3
    crop: float = 0.6
    shuffle: float = 0.6
    sample: SampleSettings = field(default_factory=SampleSettings)
    against: str = "view"
    minimum: int = 2
    limit: int = 256


class UserUserTask(Task):
    """NT-Xent between two encoded views; the mask vector and the head are the task's own."""

    def __init__(self, settings: UserUserSettings, dim: int, n_items: int, actions: Tuple[str, ...]) -> None:
        super().__init__(settings.weight)
        unknown = set(settings.views) - {"mask", "crop", "shuffle", "sample", "dropout"}
        if unknown or not settings.views:
            raise ValueError(f"contrast.user_user.views: no view {sorted(unknown)}")
        if settings.against not in ("view", "original"):
            raise ValueError("contrast.user_user.against: not one of view, original")
        self.settings, self.actions = settings, actions
        self.long_history = settings.sample.long if "sample" in settings.views else 0
        self.head = Head(dim, settings.head, settings.normalise)
        self.mask_vector = nn.Parameter(torch.randn(dim) * 0.02)

    def view(self, inputs: TaskInputs, rows: torch.Tensor) -> Histories:
        """One view of the batch's histories `rows`."""
        s = self.settings
        name = s.views[int(torch.randint(len(s.views), (1,)))]
        if name == "sample":
            return sample(inputs.long.select(rows), s.sample, self.actions)
        histories = inputs.histories.select(rows)
        if name == "dropout":
            return histories
        return {"mask": mask, "crop": crop, "shuffle": shuffle}[name](histories, getattr(s, name))

    def forward(self, inputs: TaskInputs) -> Tuple[torch.Tensor, Metrics]:
        rows = torch.nonzero(inputs.histories.lengths >= self.settings.minimum)[:, 0]
        if len(rows) < 2:
            return self.nothing(inputs), {}
        if len(rows) > self.settings.limit:
            rows = rows[torch.randperm(len(rows))[:self.settings.limit]]
        original = self.settings.against == "original"
        first = inputs.user[rows] if original else self._encoded(inputs, rows)
        users = inputs.users[rows]
        return nt_xent(self.head(first), self.head(self._encoded(inputs, rows)), self.settings.temperature,
                       users[:, None] == users[None, :])

    def _encoded(self, inputs: TaskInputs, rows: torch.Tensor) -> torch.Tensor:
        return inputs.encode(self.view(inputs, rows), self.mask_vector)[1]
