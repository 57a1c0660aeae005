"""Statistics from the past: of items (static, for the item table) and of users (request features).

Item statistics come from training days and the earlier histories only, and are
made in variants so that no training target looks at its own label: one variant
a training day leaves that day's exposures out, one a fold of users leaves the
fold's earlier histories out, and one (for serving and evaluation) has all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List

import numpy as np

from .data import LABELS, Data
from .model_config import DerivedAction

N_FOLDS = 5
SIGNALS = (*LABELS, "short_view")
BRIEF_MS = 3000  # statistics also know how often a watch time was under 3 s, whatever short_view is
_COUNTED = (*SIGNALS, "brief")
_ROBUST = ("click", "long_view", "like", "comment", "profile_enter", "short_view", "brief")


def derived_action(rules: Iterable[DerivedAction], name: str, watch_ms: np.ndarray,
                   duration_ms: np.ndarray) -> np.ndarray:
    """Which events get the derived action `name`: one of its rules holds. A duration of 0 is unknown."""
    result = np.zeros(len(watch_ms), bool)
    for rule in rules:
        if rule.name != name:
            continue
        value, known = watch_ms.astype(float), np.ones(len(watch_ms), bool)
        if rule.condition.startswith("watch_ratio"):
            known = duration_ms > 0
            value = value / np.maximum(duration_ms, 1)
        hit = value < rule.threshold if rule.condition.endswith("below") else value >= rule.threshold
        result |= hit & known
    return result


def signal_matrix(data: Data, rules: Iterable[DerivedAction]) -> np.ndarray:
    """[N, 9] float32: the labels, and short_view by the model's own rules for deriving it."""
    log = data.log
    short = derived_action(rules, "short_view", log.watch_ms, log.duration_ms)
    return np.concatenate([log.labels, short[:, None]], 1).astype(np.float32)


def brief(data: Data) -> np.ndarray:
    """[N] float32: watched under 3 s."""
    return (data.log.watch_ms < BRIEF_MS).astype(np.float32)


def logit(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1.0 - p))


def shrink(total: np.ndarray, count: np.ndarray, mean, strength: float) -> np.ndarray:
    """(total + strength mean) / (count + strength): a rate with `strength` exposures of prior belief."""
    return (total + strength * mean) / (count + strength)


def _by(groups: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Sums values [N, K] by group -> [n, K]."""
    return np.stack([np.bincount(groups, values[:, k], n) for k in range(values.shape[1])], 1)


@dataclass
class ItemStats:
    """features [variant, V, F] float32 (standardised, within ±4) and the names of F.

    Variants 0 ... 13 leave out the training day of that number (evaluation
    days and all that is served read variant ALL), ALL = 14, 15 ... leave out a fold of users' earlier histories.
    """
    features: np.ndarray
    names: List[str]
    exposures: np.ndarray


ALL = 14


def prior_users(data: Data) -> np.ndarray:
    """The user of every earlier event."""
    return np.repeat(np.arange(data.n_users), np.diff(data.prior.offsets))


def _groups(data: Data) -> Dict[str, np.ndarray]:
    """Item -> group numbers to share statistics over: author, first tag."""
    videos = data.videos
    tag = np.array([text.split(",")[0] for text in videos["tag"]])
    return {"author": np.unique(videos["author_id"], return_inverse=True)[1],
            "tag": np.unique(tag, return_inverse=True)[1]}


def _expected(data: Data, signals: np.ndarray, train: np.ndarray) -> np.ndarray:
    """What a row's tab makes one expect of each signal: [N, 9]."""
    tab = data.log.tab
    total, count = _by(tab[train], signals[train], 32), np.bincount(tab[train], minlength=32)[:, None]
    return shrink(total, count, signals[train].mean(0), 50.0)[tab]


def _expected_by_user(data: Data, signals: np.ndarray, train: np.ndarray) -> np.ndarray:
    """What a row's user and tab make one expect of each signal, logits added: [N, 9]."""
    user = data.log.user
    mean = signals[train].mean(0)
    total, count = _by(user[train], signals[train], data.n_users), np.bincount(user[train], minlength=data.n_users)
    rate = shrink(total, count[:, None], mean, 1.0 / np.sqrt(mean) * 8.0)[user]
    return 1.0 / (1.0 + np.exp(-(logit(_expected(data, signals, train)) + logit(rate) - logit(mean))))


def _effect(residual: np.ndarray, information: np.ndarray, precision: float) -> np.ndarray:
    """An item's effect on the logit: one Newton step from 0 under a normal prior of that precision."""
    return residual / (information + precision)


def _row(totals: Dict[str, np.ndarray], groups: Dict[str, np.ndarray], strengths: Dict[str, float]) -> tuple:
    """Feature columns [V, F] and names from sums by item."""
    columns, names = [], []

    def add(name: str, values: np.ndarray) -> None:
        names.append(name)
        columns.append(values)

    add("log_exposures", np.log1p(totals["count"][:, 0]))
    add("prior_log_exposures", np.log1p(totals["prior_count"][:, 0]))
    add("mean_log_watch", shrink(totals["log_watch"][:, 0], totals["count"][:, 0],
                                 totals["log_watch"].sum() / totals["count"].sum(), 10.0))
    add("watch_ratio", shrink(totals["ratio"][:, 0], totals["count"][:, 0],
                              totals["ratio"].sum() / totals["count"].sum(), 10.0))
    for kind, source in (("", "signal"), ("prior_", "prior")):
        count = totals["prior_count" if kind else "count"][:, 0]
        known = ("long_view", "like") if kind else _COUNTED
        for k, name in enumerate(known):
            if name not in _ROBUST:
                continue
            total = totals[source][:, k]
            mean = total.sum() / count.sum()
            strength = strengths[name]
            add(f"{kind}{name}", logit(shrink(total, count, mean, strength)))
            add(f"{kind}effect_{name}", _effect(totals[f"{kind}residual"][:, k], totals[f"{kind}information"][:, k],
                                                3.0 if mean > 0.1 else 1.5))
            for group, member in groups.items():
                n = member.max() + 1
                group_total, group_count = np.bincount(member, total, n), np.bincount(member, count, n)
                add(f"{kind}{group}_{name}", logit(shrink(group_total, group_count, mean, strength))[member])
    return np.stack(columns, 1), names


def _early_rates(data: Data, early: np.ndarray) -> np.ndarray:
    """Every earlier event's user's smoothed rates of long_view and like: [E, 2]."""
    user, mean = prior_users(data), early.mean(0)
    count = np.bincount(user, minlength=data.n_users)[:, None]
    return shrink(_by(user, early, data.n_users), count, mean, 1.0 / np.sqrt(mean) * 4.0)[user]


def item_stats(data: Data, signals: np.ndarray, strengths: Dict[str, float]) -> ItemStats:
    """Statistics of every item in every variant; standardised with the moments of variant ALL."""
    log, prior = data.log, data.prior
    signals = np.concatenate([signals, brief(data)[:, None]], 1)
    train = np.isin(log.day, data.train_days)
    fold = prior_users(data) % N_FOLDS
    groups = _groups(data)
    ratio = np.clip(log.watch_ms / np.maximum(log.duration_ms, 1000), 0, 2)[:, None]
    expected = _expected_by_user(data, signals, train)
    early = np.stack([prior.long_view, prior.like], 1).astype(float)
    early_rate = _early_rates(data, early)
    sources = {"signal": signals, "residual": signals - expected, "information": expected * (1 - expected),
               "ratio": ratio,
               "log_watch": np.log1p(log.watch_ms / 1000.0)[:, None], "count": np.ones((len(log.item), 1))}
    prior_sources = {"prior": early, "prior_residual": early - early_rate,
                     "prior_information": early_rate * (1 - early_rate), "prior_count": np.ones((len(prior.item), 1))}

    def totals(day: int, left_fold: int) -> Dict[str, np.ndarray]:
        keep = train & (np.maximum(log.day, 1) != day)
        prior_keep = fold != left_fold
        sums = {name: _by(log.item[keep], values[keep], data.n_items) for name, values in sources.items()}
        sums.update({name: _by(prior.item[prior_keep], values[prior_keep], data.n_items)
                     for name, values in prior_sources.items()})
        return sums

    whole = totals(-9, -9)
    everything, names = _row(whole, groups, strengths)
    mean, std = everything.mean(0), everything.std(0) + 1e-6
    variants = []
    for variant in range(ALL + 1 + N_FOLDS):
        if variant in data.train_days or variant > ALL:
            day = max(variant, 1) if variant < ALL else -9
            raw, _ = _row(totals(day, variant - ALL - 1), groups, strengths)
        else:
            raw = everything
        variants.append(np.clip((raw - mean) / std, -4, 4).astype(np.float32))
    return ItemStats(np.stack(variants), names, whole["count"][:, 0])


class Frozen:
    """Running sums of values [N, K] by key, as they stood at the start of any day."""

    def __init__(self, key: np.ndarray, day: np.ndarray, values: np.ndarray) -> None:
        order = np.lexsort((day, key))
        self.key = key[order] * 64 + day[order] + 1
        self.cumulative = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values[order], 0)])

    def before(self, key: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Sums over rows of `key` with an earlier day than `day`: [M, K]."""
        end = np.searchsorted(self.key, key * 64 + day + 1)
        return self.cumulative[end] - self.cumulative[np.searchsorted(self.key, key * 64)]

    def last_day(self, key: np.ndarray, day: np.ndarray) -> np.ndarray:
        """The last day before `day` on which `key` has a row, -1 for none (or only earlier events)."""
        end = np.searchsorted(self.key, key * 64 + day + 1)
        found = end > np.searchsorted(self.key, key * 64)
        return np.where(found, self.key[np.maximum(end - 1, 0)] % 64 - 1, -1)


class UserPast:
    """What a feature store would send of a user: counts and rates frozen as of the start of a day.

    Rates are in percent and smoothed towards the mean of all (by tab, towards the user's own).
    """

    def __init__(self, data: Data, signals: np.ndarray) -> None:
        self.data, log, prior = data, data.log, data.prior
        train = np.isin(log.day, data.train_days)
        self.mean = signals[train].mean(0)
        watch = np.log1p(log.watch_ms / 1000.0)
        self.mean_watch = watch[train].mean()
        lift = signals - _expected(data, signals, train)
        one = np.ones((len(log.user), 1))
        short = brief(data)[:, None]
        self.mean_brief = float(short[train].mean())
        values = np.concatenate([one, signals, lift, short, watch[:, None]], 1)
        self.by_user = Frozen(log.user, log.day, values)
        click, long_view, skip = (SIGNALS.index(name) for name in ("click", "long_view", "short_view"))
        self.by_tab = Frozen(log.user * 32 + log.tab, log.day,
                             values[:, [0, 1 + click, 1 + long_view, 1 + skip, -2]])
        early = np.stack([prior.long_view, prior.like], 1)
        self.early = np.concatenate([np.zeros((1, 2)), np.cumsum(early, 0)])

    def user(self, user: np.ndarray, tab: np.ndarray, day: np.ndarray) -> Dict[str, np.ndarray]:
        """Raw user features of (user, tab, day)."""
        sums = self.by_user.before(user, day)
        count = sums[:, 0]
        columns = {"exposures": count}
        for k, name in enumerate(SIGNALS):
            strength = 5.0 if self.mean[k] > 0.1 else 20.0
            columns[f"{name}_pct"] = 100 * shrink(sums[:, 1 + k], count, self.mean[k], strength)
            if name in ("click", "long_view", "short_view"):
                columns[f"{name}_lift"] = sums[:, 10 + k] / (count + 5.0)
        columns["brief_pct"] = 100 * shrink(sums[:, -2], count, self.mean_brief, 5.0)
        columns["watch_log_s"] = shrink(sums[:, -1], count, self.mean_watch, 5.0)
        columns["idle_days"] = (day - self.by_user.last_day(user, day)).astype(float)
        here = self.by_tab.before(user * 32 + tab, day)
        columns["tab_exposures"] = here[:, 0]
        for at, name in enumerate(("click", "long_view", "short_view", "brief")):
            columns[f"tab_{name}_pct"] = 100 * shrink(here[:, 1 + at], here[:, 0], columns[f"{name}_pct"] / 100, 5.0)
        a, b = self.data.prior.offsets[user], self.data.prior.offsets[user + 1]
        columns.update(prior_features(self.early[b] - self.early[a], b - a, self.data.prior.total[user]))
        return columns


def prior_features(sums: np.ndarray, count: np.ndarray, total: np.ndarray) -> Dict[str, np.ndarray]:
    """User features from (a part of) his earlier history: sums [N, 2] of long_view and like over `count` events."""
    return {"earlier_exposures": total.astype(float),
            "earlier_long_view_pct": 100 * shrink(sums[:, 0], count, 0.357, 5.0),
            "earlier_like_pct": 100 * shrink(sums[:, 1], count, 0.0197, 20.0)}
