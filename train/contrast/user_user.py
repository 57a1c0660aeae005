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
    """views: one of them is drawn for each side and batch; minimum: events that a history must have to take part."""
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
    minimum: int = 2


class UserUserTask(Task):
    """NT-Xent between two encoded views; the mask vector and the head are the task's own."""

    def __init__(self, settings: UserUserSettings, dim: int, n_items: int, actions: Tuple[str, ...]) -> None:
        super().__init__(settings.weight)
        unknown = set(settings.views) - {"mask", "crop", "shuffle", "sample", "dropout"}
        if unknown or not settings.views:
            raise ValueError(f"contrast.user_user.views: no view {sorted(unknown)}")
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
        sides = [self.head(inputs.encode(self.view(inputs, rows), self.mask_vector)[1]) for _ in range(2)]
        users = inputs.users[rows]
        return nt_xent(*sides, self.settings.temperature, users[:, None] == users[None, :])
