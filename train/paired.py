"""Differences of ablation rows from the base: the same seeds, the same resamples of users for both."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

import numpy as np

from .. import metrics
from ..stats import SIGNALS

SHOWN = ("click", "long_view", "like", "profile_enter", "hate_or_short_view")
ROUNDS = 300


def _scored(kept: "np.lib.npyio.NpzFile", name: str) -> "tuple[np.ndarray, np.ndarray]":
    """Labels and scores of a signal."""
    labels, logits = kept["labels"], kept["logits"].astype(float)
    if name == "hate_or_short_view":
        either = np.maximum(labels[:, SIGNALS.index("hate")], labels[:, SIGNALS.index("short_view")])
        return either, logits[:, SIGNALS.index("short_view")]
    return labels[:, SIGNALS.index(name)], logits[:, SIGNALS.index(name)]


def _samples(path: Path, boot: metrics.Bootstrap) -> Dict[str, "tuple[float, np.ndarray]"]:
    """Value and resampled values of every shown metric of one run."""
    kept, found = np.load(path), {}
    for name in SHOWN:
        labels, scores = _scored(kept, name)
        users, values, weights = metrics.user_aucs(kept["user"], labels, scores)
        found[f"{name} AUC"] = (metrics.auc(labels, scores), boot.auc(labels, scores))
        found[f"{name} GAUC"] = (float((values * weights).sum() / weights.sum()),
                                 boot.by_user(users, values, weights))
    users, values = metrics.user_ndcg(kept["user"], kept["reward"].astype(float), kept["served"].astype(float))
    found["NDCG served"] = (float(values.mean()), boot.by_user(users, values))
    return found


def differences(folder: Path, rows: List[str], seeds: List[int]) -> Dict[str, Dict[str, metrics.Interval]]:
    """Row -> metric -> mean difference from the base over the seeds that both have, with its 95 % interval."""
    have = {row: [seed for seed in seeds if (folder / f"{row}-{seed}.npz").exists()] for row in ["base", *rows]}
    if not have["base"]:
        return {}
    boot = metrics.Bootstrap(np.load(folder / f"base-{have['base'][0]}.npz")["user"], ROUNDS, seed=5)
    base = {seed: _samples(folder / f"base-{seed}.npz", boot) for seed in have["base"]}
    result = {}
    for row in rows:
        common = [seed for seed in have[row] if seed in base]
        if not common:
            continue
        mine = {seed: _samples(folder / f"{row}-{seed}.npz", boot) for seed in common}
        result[row] = {
            name: metrics.interval(float(np.mean([mine[seed][name][0] - base[seed][name][0] for seed in common])),
                                   np.mean([mine[seed][name][1] - base[seed][name][1] for seed in common], axis=0))
            for name in mine[common[0]]}
    return result


def render(found: Dict[str, Dict[str, metrics.Interval]], titles: Dict[str, str]) -> str:
    """A Markdown table, a metric a row; bold where the interval leaves 0 out."""
    def cell(entry: metrics.Interval) -> str:
        text = f"{entry.value:+.4f} ({entry.low:+.4f} to {entry.high:+.4f})"
        return f"**{text}**" if entry.low > 0 or entry.high < 0 else text

    names = next(iter(found.values()))
    rows = [{"difference from the base": name, **{titles[row]: cell(found[row][name]) for row in found}}
            for name in names]
    return metrics.table(rows, {title: (lambda row, title=title: row[title]) for title in rows[0]})
