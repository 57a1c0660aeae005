"""Makes the item table out of ids, side features and statistics; it is summed into `items.embedding` at export."""

from __future__ import annotations

from typing import Dict, List

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .data import Data, numbers
from .layers import new_parameter
from .stats import ItemStats


def side_features(data: Data) -> Dict[str, np.ndarray]:
    """Static video features: numeric [V, 4] standardised; codes [V]; tags [V, n_tags] (rows sum to 1)."""
    videos = data.videos
    duration = np.log(np.clip(numbers(videos["video_duration"]), 1000, 1e6))
    known = ~np.isnan(duration)
    duration = np.where(known, (duration - np.nanmean(duration)) / np.nanstd(duration), 0.0)
    width, height = numbers(videos["server_width"], 720.0), numbers(videos["server_height"], 1280.0)
    aspect = np.clip(np.log(np.maximum(width, 1) / np.maximum(height, 1)), -1.5, 1.5)
    tag_lists = [text.split(",") if text else [] for text in videos["tag"]]
    names = sorted({tag for tags in tag_lists for tag in tags})
    tags = np.zeros((data.n_items, len(names)), np.float32)
    for row, members in enumerate(tag_lists):
        for tag in members:
            tags[row, names.index(tag)] = 1.0 / len(members)
    numeric = np.stack([duration, duration ** 2 - 1, aspect, 1.0 - known], 1).astype(np.float32)
    result = {"numeric": numeric, "tags": tags}
    for name in ("upload_type", "music_type", "video_type", "upload_dt"):
        result[name] = np.unique(videos[name], return_inverse=True)[1]
    authors, author, count = np.unique(videos["author_id"], return_inverse=True, return_counts=True)
    result["author"] = np.where(count[author] > 1, 1 + author, 0)
    return result


class ItemTower(nn.Module):
    """E = id + tags + types + author + W stats (+ an MLP's correction), one row an item: [V, d].

    Every term is static, so the sum is all that the served model holds.
    """

    CODES = ("upload_type", "music_type", "video_type", "upload_dt", "author")

    def __init__(self, data: Data, stats: ItemStats, dim: int, hidden: int, id_std: float) -> None:
        super().__init__()
        side = side_features(data)
        self.stats = torch.from_numpy(stats.features)
        self.numeric, self.tags = torch.from_numpy(side["numeric"]), torch.from_numpy(side["tags"])
        self.code_rows = [torch.from_numpy(side[name]) for name in self.CODES]
        self.id = new_parameter(data.n_items, dim, std=id_std)
        self.tag = new_parameter(side["tags"].shape[1], dim)
        self.codes = nn.ParameterList([new_parameter(int(rows.max()) + 1, dim) for rows in self.code_rows])
        inputs = stats.features.shape[2] + side["numeric"].shape[1]
        self.linear = nn.Linear(inputs, dim)
        self.up, self.down = (nn.Linear(inputs + dim, hidden), nn.Linear(hidden, dim)) if hidden else (None, None)
        self.id_dropout = 0.0

    def forward(self, variant: int) -> torch.Tensor:
        """The table [V, d] with the statistics of `variant`."""
        dense = torch.cat([self.stats[variant], self.numeric], 1)
        content = self.tags @ self.tag
        for rows, codes in zip(self.code_rows, self.codes):
            content = content + F.embedding(rows, codes)
        table = self.linear(dense) + content
        if self.up is not None:
            table = table + self.down(F.gelu(self.up(torch.cat([dense, content], 1))))
        ids = self.id
        if self.training and self.id_dropout:
            keep = (torch.rand(ids.shape[0], 1) >= self.id_dropout).to(ids.dtype)
            ids = ids * keep
        return table + ids


def parameter_groups(module: nn.Module, decay: float, table_decay: float) -> List[dict]:
    """AdamW groups: tables of ids decay more, biases and norms not at all."""
    tables, plain, weights = [], [], []
    for name, parameter in module.named_parameters():
        if name.endswith("id") or name.endswith(".embedding"):
            tables.append(parameter)
        elif parameter.ndim < 2:
            plain.append(parameter)
        else:
            weights.append(parameter)
    return [{"params": tables, "weight_decay": table_decay}, {"params": weights, "weight_decay": decay},
            {"params": plain, "weight_decay": 0.0}]
