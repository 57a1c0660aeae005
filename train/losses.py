"""Losses of the ranking heads (formulas: docs/training.md, "Combined reward")."""

from __future__ import annotations

from typing import Dict, Optional

import numpy as np
import torch
from torch.nn import functional as F


WATCH_TERMS = ("none", "watch", "log_watch", "watch_ratio", "long_view")


def watch_term(name: str, watch_s: np.ndarray, duration_s: np.ndarray, long_view: np.ndarray) -> np.ndarray:
    """g(watch, duration) of the combined reward, an exposure each.

    watch: seconds; log_watch: log2(1 + seconds), at most 8; watch_ratio: the share watched, at most 1, 0 where the
    duration is unknown (0); long_view: 1 for a long view.
    """
    if name == "none":
        return np.zeros(len(watch_s))
    if name == "watch":
        return watch_s.astype(float)
    if name == "log_watch":
        return np.minimum(np.log2(1.0 + watch_s), 8.0)
    if name == "watch_ratio":
        return np.where(duration_s > 0, np.minimum(watch_s / np.maximum(duration_s, 1e-9), 1.0), 0.0)
    if name == "long_view":
        return long_view.astype(float)
    raise ValueError(f"reward.watch.term: {name!r} is not one of {', '.join(WATCH_TERMS)}")


def combined_reward(signals: np.ndarray, names, weights: Dict[str, float], maximum: float,
                    watch: Optional[np.ndarray] = None) -> np.ndarray:
    """R = clamp(sum_k w_k 1[signal_k] + watch, 0, maximum), negative feedback with negative weights.

    signals [N, K]; watch [N] is a g(watch, duration).
    """
    vector = np.array([weights.get(name, 0.0) for name in names])
    total = signals @ vector if watch is None else signals @ vector + watch
    return np.clip(total, 0.0, maximum).astype(np.float32)


def wce_dup(logit: torch.Tensor, reward: torch.Tensor) -> torch.Tensor:
    """(1 + R) softplus(s) - R s: an exposure is a positive of weight R and a negative of weight 1; odds = E[R]."""
    return (1.0 + reward) * F.softplus(logit) - reward * logit


def wce_yt(logit: torch.Tensor, reward: torch.Tensor) -> torch.Tensor:
    """Positives weigh R, negatives 1 (Covington et al. 2016); odds = E[R] / (1 - P(R > 0))."""
    positive = (reward > 0).to(logit.dtype)
    return torch.where(reward > 0, reward, torch.ones_like(reward)) * F.binary_cross_entropy_with_logits(
        logit, positive, reduction="none")


def soft_bce(logit: torch.Tensor, reward: torch.Tensor, maximum: float) -> torch.Tensor:
    """Cross-entropy against R / maximum; p * maximum = E[R]."""
    return F.binary_cross_entropy_with_logits(logit, reward / maximum, reduction="none")


def mse(logit: torch.Tensor, reward: torch.Tensor) -> torch.Tensor:
    """Squared error of the odds; odds = E[R]."""
    return (logit.clamp(max=8.0).exp() - reward).square()


def combined_loss(name: str, logit: torch.Tensor, reward: torch.Tensor, maximum: float) -> torch.Tensor:
    """The loss called `name`, an exposure each."""
    if name == "soft_bce":
        return soft_bce(logit, reward, maximum)
    return {"wce_dup": wce_dup, "wce_yt": wce_yt, "mse": mse}[name](logit, reward)


def signal_loss(logits: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor,
                weights: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy each, masked, weighted by head; a sum over heads of sums over rows. All [N, K]."""
    each = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return (each * mask * weights).sum()
