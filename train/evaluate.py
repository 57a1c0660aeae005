"""Evaluation on the test days: the served model beside the floor, in one run, with paired bootstrap over users."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Dict, List, Tuple

import numpy as np
import torch

from . import metrics
from .build import Bundle, Part, Trainee
from .stats import SIGNALS, logit, shrink
from .trainer import predict

FEW = 100           # a signal with fewer test positives is named as not measurable
TAIL_EXPOSURES = 5  # an item with at most so many training exposures belongs to the long tail
ROUNDS = 500


def floor_scores(bundle: Bundle, label: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """No model: the logits of item, user and tab rates added (minus 2 logit(mean)); training days, smoothed by 20."""
    log = bundle.data.log
    train = np.isin(log.day, bundle.data.train_days)
    mean = np.clip(label[train].mean(), 1e-6, 1 - 1e-6)
    score = np.full(len(rows), -2.0 * logit(mean))
    for group, size in ((log.item, bundle.data.n_items), (log.user, bundle.data.n_users), (log.tab, 32)):
        total = np.bincount(group[train], label[train], size)
        count = np.bincount(group[train], minlength=size)
        score += logit(shrink(total, count, mean, 20.0))[group[rows]]
    return score


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def scores_of(bundle: Bundle, logits: np.ndarray) -> Dict[str, np.ndarray]:
    """The two orders: `additive` = sum of w p (what is served), `combined` = the combined head's odds."""
    weights = bundle.settings["reward"]["weights"]
    vector = np.array([weights.get(name, 0.0) for name in SIGNALS])
    return {"additive": sigmoid(logits[:, :-1]) @ vector, "combined": np.exp(np.clip(logits[:, -1], -30, 30))}


def _compare(name: str, boot: metrics.Bootstrap, user: np.ndarray, label: np.ndarray, model: np.ndarray,
             floor: np.ndarray) -> Dict[str, Any]:
    """AUC and GAUC of model and floor, intervals, and the paired intervals of their differences."""
    row: Dict[str, Any] = {"signal": name, "positives": int(label.sum()), "rows": len(label)}
    samples = {}
    for who, score in (("model", model), ("floor", floor)):
        users, values, weights = metrics.user_aucs(user, label, score)
        samples[who] = (boot.auc(label, score), boot.by_user(users, values, weights))
        row[who] = {"auc": asdict(metrics.interval(metrics.auc(label, score), samples[who][0])),
                    "gauc": asdict(metrics.interval(metrics.gauc(user, label, score), samples[who][1]))}
    for at, kind in enumerate(("auc", "gauc")):
        value = row["model"][kind]["value"] - row["floor"][kind]["value"]
        row[f"{kind}_gain"] = asdict(metrics.interval(value, samples["model"][at] - samples["floor"][at]))
    row["measurable"] = bool(label.sum() >= FEW)
    return row


def _ndcg(bundle: Bundle, boot: metrics.Bootstrap, user: np.ndarray, reward: np.ndarray,
          orders: Dict[str, np.ndarray]) -> List[Dict[str, Any]]:
    rows = []
    for name, score in orders.items():
        users, values = metrics.user_ndcg(user, reward, score)
        rows.append({"order": name, "users": len(users),
                     **asdict(metrics.interval(float(values.mean()), boot.by_user(users, values)))})
    return rows


def brief(bundle: Bundle, trainee: Trainee, part: Part) -> Dict[str, float]:
    """AUC of the frequent signals and NDCG of the served order: what epochs and settings are chosen by."""
    found = predict(bundle, trainee, part)
    rows, logits = found["rows"], found["logits"]
    result = {name: metrics.auc(bundle.signals[rows, k], logits[:, k]) for k, name in enumerate(SIGNALS)
              if name in ("click", "long_view", "like", "profile_enter", "short_view")}
    order = scores_of(bundle, logits)["additive"]
    result["ndcg"] = metrics.ndcg(bundle.data.log.user[rows], bundle.reward[rows].astype(float), order)
    return result


def summary(bundle: Bundle, found: Dict[str, np.ndarray]) -> Dict[str, float]:
    """The numbers of one run that a table of runs shows; `found` as predict() returns it."""
    rows, logits = found["rows"], found["logits"].astype(float)
    log, user = bundle.data.log, bundle.data.log.user[rows]
    tail = bundle.item_stats.exposures[log.item[rows]] <= TAIL_EXPOSURES
    labels = {name: bundle.signals[rows, k] for k, name in enumerate(SIGNALS)}
    scores = {name: logits[:, k] for k, name in enumerate(SIGNALS)}
    labels["hate_or_short_view"] = np.maximum(labels["hate"], labels["short_view"])
    scores["hate_or_short_view"] = scores["short_view"]
    result = {}
    for name, label in labels.items():
        result[f"auc.{name}"] = metrics.auc(label, scores[name])
        result[f"gauc.{name}"] = metrics.gauc(user, label, scores[name])
        if name in ("click", "long_view", "hate_or_short_view"):
            result[f"tail.{name}"] = metrics.auc(label[tail], scores[name][tail])
    reward = bundle.reward[rows].astype(float)
    for name, score in scores_of(bundle, logits).items():
        result[f"ndcg.{name}"] = metrics.ndcg(user, reward, score)
    deciles = metrics.calibration(scores_of(bundle, logits)["combined"], reward)
    result["calibration.worst"] = max(abs(decile["ratio"] - 1) for decile in deciles)
    return result


def evaluate(bundle: Bundle, trainee: Trainee, part: str = "test", rounds: int = ROUNDS) -> Dict[str, Any]:
    """Everything that the report shows of one part (test or validation)."""
    found = predict(bundle, trainee, part)
    rows, logits = found["rows"], found["logits"]
    log, user = bundle.data.log, bundle.data.log.user[rows]
    boot = metrics.Bootstrap(user, rounds, seed=5)
    labels = {name: bundle.signals[:, k] for k, name in enumerate(SIGNALS)}
    floors = {name: floor_scores(bundle, label, rows) for name, label in labels.items()}
    table = [_compare(name, boot, user, labels[name][rows], logits[:, k], floors[name])
             for k, name in enumerate(SIGNALS)]
    either = np.maximum(labels["hate"], labels["short_view"])
    table.append(_compare("hate or short_view", boot, user, either[rows], logits[:, SIGNALS.index("short_view")],
                          floor_scores(bundle, either, rows)))
    reward = bundle.reward[rows].astype(float)
    weights = bundle.settings["reward"]["weights"]
    floor_reward = sum(weights.get(name, 0.0) * sigmoid(floor) for name, floor in floors.items())
    orders = {**scores_of(bundle, logits), "floor": floor_reward, "random": np.random.default_rng(3).random(len(rows))}
    tail = bundle.item_stats.exposures[log.item[rows]] <= TAIL_EXPOSURES
    long_tail = []
    for name in ("click", "long_view"):
        label, k = labels[name][rows][tail], SIGNALS.index(name)
        long_tail.append({"signal": name, "rows": int(tail.sum()), "positives": int(label.sum()),
                          "auc": metrics.auc(label, logits[tail, k]), "floor": metrics.auc(label, floors[name][tail])})
    return {"part": part, "rows": len(rows), "users": len(boot.users), "bootstrap_rounds": rounds, "signals": table,
            "ndcg": _ndcg(bundle, boot, user, reward, orders),
            "calibration": metrics.calibration(orders["combined"], reward), "long_tail": long_tail}


def fit_calibration(bundle: Bundle, trainee: Trainee, part: Part = "validation") -> Tuple[float, float]:
    """(a, b) of logit -> a logit + b for the combined head: least wce_dup loss on a part that was not trained on.
    """
    found = predict(bundle, trainee, part)
    reward, raw = bundle.reward[found["rows"]].astype(float), found["logits"][:, -1]
    a, b = 1.0, 0.0
    for _ in range(50):  # Newton's method; the loss is convex in (a, b)
        p = sigmoid(a * raw + b)
        slope, bend = (1 + reward) * p - reward, (1 + reward) * p * (1 - p)
        gradient = np.array([(slope * raw).mean(), slope.mean()])
        hessian = np.array([[(bend * raw * raw).mean(), (bend * raw).mean()], [(bend * raw).mean(), bend.mean()]])
        step = np.linalg.solve(hessian, gradient)
        a, b = a - step[0], b - step[1]
    return float(a), float(b)


@torch.no_grad()
def apply_calibration(trainee: Trainee, a: float, b: float) -> None:
    """Folds logit -> a logit + b into the combined head, the last one. Monotone for a > 0, so the order stays."""
    ranker = trainee.model.ranker
    head, row = (ranker.heads, -1) if hasattr(ranker, "heads") else (ranker.towers["combined"].out, 0)
    head.weight[row] *= a
    head.bias[row] = head.bias[row] * a + b


def calibrate(bundle: Bundle, trainee: Trainee) -> Tuple[float, float]:
    """Fits the calibration on 6 May and folds it in; returns it."""
    a, b = fit_calibration(bundle, trainee)
    apply_calibration(trainee, a, b)
    return a, b
