"""Differences between runs on the same exposures: the same resamples of users for both sides (paired bootstrap)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np

from . import evaluate, metrics
from .build import Bundle, Part
from .stats import SIGNALS

SHOWN = ("click", "long_view", "like", "profile_enter", "hate_or_short_view")
ROUNDS = 300
Differences = Dict[str, metrics.Interval]


@dataclass
class Predictions:
    """What one run predicts of N exposures, in order of their rows in the log.

    rows, user [N]; labels [N, 9] uint8 as SIGNALS; logits [N, 10] float32, the combined head last; reward [N] realised;
    served [N] the additive score.
    """
    rows: np.ndarray
    user: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    reward: np.ndarray
    served: np.ndarray

    @classmethod
    def of(cls, bundle: Bundle, found: Dict[str, np.ndarray]) -> "Predictions":
        """From what trainer.predict() returns."""
        order = np.argsort(found["rows"])
        rows, logits = found["rows"][order], found["logits"][order]
        return cls(rows, bundle.data.log.user[rows], bundle.signals[rows].astype(np.uint8), logits.astype(np.float32),
                   bundle.reward[rows], evaluate.scores_of(bundle, logits)["additive"])

    def save(self, path: Path) -> None:
        """One .npz file."""
        np.savez_compressed(path, **vars(self))

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """What save() wrote."""
        return cls(**np.load(path))

    def scored(self, name: str) -> "tuple[np.ndarray, np.ndarray]":
        """Labels and scores of a signal; hate_or_short_view is judged by the short view's head."""
        logits = self.logits.astype(float)
        if name == "hate_or_short_view":
            either = np.maximum(self.labels[:, SIGNALS.index("hate")], self.labels[:, SIGNALS.index("short_view")])
            return either, logits[:, SIGNALS.index("short_view")]
        return self.labels[:, SIGNALS.index(name)], logits[:, SIGNALS.index(name)]


def _samples(run: Predictions, boot: metrics.Bootstrap) -> Dict[str, "tuple[float, np.ndarray]"]:
    """Value and resampled values of every shown metric of one run."""
    found = {}
    for name in SHOWN:
        labels, scores = run.scored(name)
        users, values, weights = metrics.user_aucs(run.user, labels, scores)
        found[f"{name} AUC"] = (metrics.auc(labels, scores), boot.auc(labels, scores))
        found[f"{name} GAUC"] = (float((values * weights).sum() / weights.sum()),
                                 boot.by_user(users, values, weights))
    users, values = metrics.user_ndcg(run.user, run.reward.astype(float), run.served.astype(float))
    found["NDCG served"] = (float(values.mean()), boot.by_user(users, values))
    return found


def differences(base: Sequence[Predictions], rows: Dict[str, Sequence[Predictions]],
                rounds: int = ROUNDS) -> Dict[str, Differences]:
    """Row -> metric -> mean difference from the base, with its 95 % interval.

    The base and every row hold one run a seed, of the same seeds in the same order.
    """
    boot = metrics.Bootstrap(base[0].user, rounds, seed=5)
    of_base = [_samples(run, boot) for run in base]
    result = {}
    for row, runs in rows.items():
        pairs = [(_samples(run, boot), other) for run, other in zip(runs, of_base)]
        result[row] = {
            name: metrics.interval(float(np.mean([mine[name][0] - other[name][0] for mine, other in pairs])),
                                   np.mean([mine[name][1] - other[name][1] for mine, other in pairs], axis=0))
            for name in of_base[0]}
    return result


def worse(found: Differences) -> List[str]:
    """The metrics whose interval lies below 0."""
    return [name for name, entry in found.items() if entry.high < 0]


def as_json(found: Differences) -> Dict[str, Dict[str, float]]:
    """For a report."""
    return {name: asdict(entry) for name, entry in found.items()}


def render(found: Dict[str, Differences], titles: Dict[str, str], corner: str = "difference from the base") -> str:
    """A Markdown table, a metric a row; bold where the interval leaves 0 out."""
    def cell(entry: metrics.Interval) -> str:
        text = f"{entry.value:+.4f} ({entry.low:+.4f} to {entry.high:+.4f})"
        return f"**{text}**" if entry.low > 0 or entry.high < 0 else text

    names = next(iter(found.values()))
    rows = [{corner: name, **{titles[row]: cell(found[row][name]) for row in found}} for name in names]
    return metrics.table(rows, {title: (lambda row, title=title: row[title]) for title in rows[0]})
