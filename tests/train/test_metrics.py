"""AUC, GAUC, NDCG, calibration and bootstrap on values computed by hand."""

import math

import numpy as np
import pytest

from train import metrics


def test_auc_by_hand():
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.3, 0.1])
    assert metrics.auc(labels, scores) == 0.75  # pairs: .9>.8, .9>.1, .3<.8, .3>.1
    assert metrics.auc(labels, np.array([0.5, 0.5, 0.5, 0.5])) == 0.5
    assert metrics.auc(np.array([1, 0, 0]), np.array([0.7, 0.7, 0.1])) == 0.75
    assert math.isnan(metrics.auc(np.array([1, 1]), np.array([0.2, 0.1])))


def brute_auc(labels, scores):
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels > 0] for n in scores[labels == 0]]
    return np.mean(pairs)


def test_auc_and_user_aucs_against_pairs():
    rng = np.random.default_rng(0)
    user, labels = rng.integers(0, 20, 300), rng.integers(0, 2, 300)
    scores = rng.integers(0, 6, 300).astype(float)
    assert metrics.auc(labels, scores) == pytest.approx(brute_auc(labels, scores))
    users, values, weights = metrics.user_aucs(user, labels, scores)
    for one, value, weight in zip(users, values, weights):
        mine = user == one
        assert value == pytest.approx(brute_auc(labels[mine], scores[mine])) and weight == mine.sum()


def test_gauc_by_hand():
    # user 1: AUC 1 over 2 rows; user 2: AUC 0.5 over 3 rows; user 3 has one class only
    user = np.array([1, 1, 2, 2, 2, 3, 3])
    labels = np.array([1, 0, 1, 0, 0, 1, 1])
    scores = np.array([2.0, 1.0, 2.0, 1.0, 3.0, 5.0, 4.0])
    assert metrics.gauc(user, labels, scores) == pytest.approx((1.0 * 2 + 0.5 * 3) / 5)


def test_ndcg_by_hand():
    user = np.array([7, 7, 7, 8, 9, 9])
    reward = np.array([0.0, 3.0, 1.0, 2.0, 1.0, 1.0])
    scores = np.array([0.3, 0.2, 0.1, 0.5, 0.1, 0.2])
    # user 7's order: 0, 3, 1; users 8 and 9 have one reward only
    got = (0 + 3 / math.log2(3) + 1 / 2) / (3 + 1 / math.log2(3))
    users, values = metrics.user_ndcg(user, reward, scores)
    assert users.tolist() == [7] and values[0] == pytest.approx(got)
    # all scores equal: the mean over all orders
    tied = 4 / 3 * (1 + 1 / math.log2(3) + 1 / 2) / (3 + 1 / math.log2(3))
    assert metrics.ndcg(user, reward, np.zeros(6)) == pytest.approx(tied)


def test_calibration_by_decile():
    predicted = np.arange(1.0, 21.0)
    result = metrics.calibration(predicted, predicted * 2)
    assert len(result) == 10 and result[0]["predicted"] == 1.5 and result[0]["realised"] == 3.0
    assert all(row["ratio"] == pytest.approx(0.5) for row in result)


def test_bootstrap_counts_a_user_as_often_as_it_was_drawn():
    rng = np.random.default_rng(1)
    user = np.repeat(np.arange(30), 4)
    labels, scores = rng.integers(0, 2, 120), rng.random(120).round(1)
    boot = metrics.Bootstrap(user, 5, seed=2)
    samples = boot.auc(labels, scores)
    for weights, sample in zip(boot.weights, samples):
        repeat = weights[user]
        assert sample == pytest.approx(metrics.auc(np.repeat(labels, repeat), np.repeat(scores, repeat)))
    users, values, rows = metrics.user_aucs(user, labels, scores)
    means = boot.by_user(users, values, rows)
    first = boot.weights[0][users] * rows
    assert means[0] == pytest.approx((values * first).sum() / first.sum())
