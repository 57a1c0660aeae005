"""Context features of the user and of a candidate (section 5 of the model contract)."""

from __future__ import annotations

import math
from typing import Any, Mapping, Sequence, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from .layers import new_parameter
from .model_config import Feature


class Table(nn.Module):
    """One categorical feature's embedding, row 0 for missing or unlisted values."""

    def __init__(self, feature: Feature) -> None:
        super().__init__()
        self.embedding = new_parameter(len(feature.values) + 1, feature.dim)


class Context(nn.Module):
    """Concatenates features in their order. Inputs: numeric [N, *] (normalised), categorical [N, *] (table rows)."""

    def __init__(self, features: Sequence[Feature]) -> None:
        super().__init__()
        self.features = tuple(features)
        for feature in self.features:
            if feature.type == "categorical":
                self._modules[feature.name] = Table(feature)

    @property
    def width(self) -> int:
        return sum(feature.width for feature in self.features)

    def forward(self, numeric: torch.Tensor, categorical: torch.Tensor) -> torch.Tensor:
        parts, n, c = [], 0, 0
        for feature in self.features:
            if feature.type == "numeric":
                parts.append(numeric[:, n:n + 1])
                n += 1
            else:
                parts.append(F.embedding(categorical[:, c], self._modules[feature.name].embedding))
                c += 1
        return torch.cat(parts, 1)


class Features(nn.Module):
    """`features.user` and `features.candidate`."""

    def __init__(self, user: Sequence[Feature], candidate: Sequence[Feature]) -> None:
        super().__init__()
        self.user, self.candidate = Context(user), Context(candidate)


def encode_features(features: Sequence[Feature], values: Mapping[str, Any]) -> Tuple[list, list]:
    """One request's feature values -> (normalised numbers, rows of the tables); null is missing."""
    numeric, categorical = [], []
    for feature in features:
        value = values.get(feature.name)
        if feature.type == "numeric":
            if value is None:
                numeric.append(0.0)
                continue
            if type(value) not in (int, float) or not math.isfinite(value) or (feature.log1p and value <= -1):
                raise ValueError(f"feature {feature.name}: not a number in range")
            value = math.log1p(value) if feature.log1p else float(value)
            numeric.append((value - feature.mean) / feature.std)
        else:
            if value is not None and type(value) not in (int, str):
                raise ValueError(f"feature {feature.name}: not a string or an integer")
            rows = {(type(known), known): row + 1 for row, known in enumerate(feature.values)}
            categorical.append(rows.get((type(value), value), 0))
    return numeric, categorical
