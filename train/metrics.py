"""AUC, per-user AUC (GAUC), NDCG, calibration and bootstrap intervals, in NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple

import numpy as np


def ranks(scores: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties share their mean rank."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[inverse]


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """P(score of a positive > score of a negative) + half the ties (Mann & Whitney 1947); nan without both."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    rank_sum = ranks(scores)[labels > 0].sum()
    return float((rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives))


def user_aucs(user: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(users that have both classes, their AUC, their number of rows)."""
    users, codes = np.unique(user, return_inverse=True)
    order = np.lexsort((scores, codes))
    codes, ordered, labels = codes[order], scores[order], (labels[order] > 0).astype(float)
    n = len(users)
    start = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=n))])
    # mean rank within the user: ties share it
    new = np.ones(len(codes), bool)
    new[1:] = (codes[1:] != codes[:-1]) | (ordered[1:] != ordered[:-1])
    group = np.cumsum(new) - 1
    size = np.bincount(group)
    first = np.flatnonzero(new)
    mean_rank = (first + (size - 1) / 2.0)[group] - start[codes] + 1
    positives = np.bincount(codes, labels, n)
    rank_sum = np.bincount(codes, labels * mean_rank, n)
    rows = np.diff(start)
    negatives = rows - positives
    both = (positives > 0) & (negatives > 0)
    values = (rank_sum - positives * (positives + 1) / 2.0)[both] / (positives * negatives)[both]
    return users[both], values, rows[both].astype(float)


def gauc(user: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean of the users' AUCs weighted by their exposures (Zhou et al. 2018); users of one class are left out."""
    _, values, weights = user_aucs(user, labels, scores)
    return float((values * weights).sum() / weights.sum()) if len(values) else float("nan")


def user_ndcg(user: np.ndarray, reward: np.ndarray, scores: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """(users, NDCG of each), gain = reward, discount 1/log2(1 + place).

    Users whose rewards are all equal (one exposure, say) have no order to get
    right and are left out. Equal scores get the mean over their orders' gains.
    """
    users, codes = np.unique(user, return_inverse=True)
    n = len(users)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, codes, reward)
    np.maximum.at(high, codes, reward)
    rows = np.bincount(codes, minlength=n)
    start = np.concatenate([[0], np.cumsum(rows)])[:-1]

    def dcg(by: np.ndarray) -> np.ndarray:
        order = np.lexsort((-by, codes))
        c, s = codes[order], by[order]
        discount = 1.0 / np.log2(2.0 + np.arange(len(c)) - start[c])
        new = np.ones(len(c), bool)
        new[1:] = (c[1:] != c[:-1]) | (s[1:] != s[:-1])
        group = np.cumsum(new) - 1
        tied = np.bincount(group, discount) / np.bincount(group)
        return np.bincount(c, tied[group] * reward[order], n)

    keep = high > low
    return users[keep], (dcg(scores) / np.where(keep, dcg(reward), 1.0))[keep]


def ndcg(user: np.ndarray, reward: np.ndarray, scores: np.ndarray) -> float:
    """Mean of the users' NDCG."""
    return float(user_ndcg(user, reward, scores)[1].mean())


def calibration(predicted: np.ndarray, realised: np.ndarray, bins: int = 10) -> List[Dict[str, float]]:
    """By decile of the prediction: mean predicted, mean realised, the standard error of that mean, their ratio."""
    result = []
    for rows in np.array_split(np.argsort(predicted, kind="stable"), bins):
        mean, real = predicted[rows].mean(), realised[rows].mean()
        result.append({"rows": len(rows), "predicted": float(mean), "realised": float(real),
                       "standard_error": float(realised[rows].std() / np.sqrt(len(rows))),
                       "ratio": float(mean / real) if real > 0 else float("nan")})
    return result


@dataclass
class Interval:
    value: float
    low: float
    high: float


class Bootstrap:
    """Resamples users with replacement; the same resamples serve every metric, so differences are paired."""

    def __init__(self, user: np.ndarray, rounds: int, seed: int) -> None:
        self.users, self.codes = np.unique(user, return_inverse=True)
        rng = np.random.default_rng(seed)
        self.weights = np.stack([np.bincount(rng.integers(0, len(self.users), len(self.users)),
                                             minlength=len(self.users)) for _ in range(rounds)])

    def auc(self, labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """AUC of every resample: a row counts as often as its user was drawn."""
        order = np.argsort(scores, kind="stable")
        ordered, positive, codes = scores[order], labels[order] > 0, self.codes[order]
        new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        starts = np.flatnonzero(new)
        result = []
        for weights in self.weights:
            w = weights[codes].astype(float)
            p = np.add.reduceat(w * positive, starts)
            n = np.add.reduceat(w * ~positive, starts)
            below = np.cumsum(n) - n
            total = p.sum() * n.sum()
            result.append((p * (below + n / 2)).sum() / total if total else np.nan)
        return np.array(result)

    def by_user(self, users: np.ndarray, values: np.ndarray, weights: Optional[np.ndarray] = None) -> np.ndarray:
        """Weighted mean of users' values in every resample."""
        drawn = self.weights[:, np.searchsorted(self.users, users)].astype(float)
        drawn = drawn if weights is None else drawn * weights
        return drawn @ values / drawn.sum(1)


def interval(value: float, samples: np.ndarray) -> Interval:
    """95 % percentile interval."""
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return Interval(float(value), float(low), float(high))


def table(rows: List[Dict[str, object]], columns: Dict[str, Callable[[Dict[str, object]], str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(row) for cell in columns.values()) + " |" for row in rows]
    return "\n".join(lines)
