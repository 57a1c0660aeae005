"""Losses by hand, and what their minima mean: which of them make the odds equal E[R]."""

import math

import numpy as np
import pytest
import torch

from train.losses import combined_loss, combined_reward, signal_loss, watch_term, wce_dup


def test_wce_dup_by_hand():
    # s = 0.4, R = 2: (1 + 2) softplus(0.4) - 2 * 0.4 = -[2 log p + log(1 - p)]
    p = 1 / (1 + math.exp(-0.4))
    expected = -(2 * math.log(p) + math.log(1 - p))
    assert wce_dup(torch.tensor(0.4), torch.tensor(2.0)).item() == pytest.approx(expected, rel=1e-6)
    assert wce_dup(torch.tensor(0.0), torch.tensor(0.0)).item() == pytest.approx(math.log(2))


def minimum(name, reward, maximum=10.0):
    """The odds e^s at the constant logit with the least mean loss, by bisection on the slope."""
    reward = torch.tensor(reward, dtype=torch.float64)
    low, high = -12.0, 4.0
    for _ in range(80):
        middle = torch.tensor((low + high) / 2, dtype=torch.float64, requires_grad=True)
        combined_loss(name, middle.expand_as(reward), reward, maximum).mean().backward()
        low, high = (low, middle.item()) if middle.grad > 0 else (middle.item(), high)
    return math.exp((low + high) / 2)


@pytest.mark.parametrize("rewards", [[0, 0, 0, 0.5, 2.5], [1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 8.0]])
def test_odds_of_wce_dup_and_mse_are_the_mean_reward(rewards):
    assert minimum("wce_dup", rewards) == pytest.approx(np.mean(rewards), rel=1e-6)
    assert minimum("mse", rewards) == pytest.approx(np.mean(rewards), rel=1e-6)


def test_odds_of_wce_yt_are_biased_upward():
    rewards = [0.0, 0.0, 0.0, 0.5, 2.5]  # E[R] = 0.6, P(R > 0) = 0.4
    assert minimum("wce_yt", rewards) == pytest.approx(0.6 / (1 - 0.4), rel=1e-6)


def test_soft_bce_gives_the_share_of_the_maximum():
    odds = minimum("soft_bce", [0.0, 0.0, 0.0, 0.5, 2.5])
    assert 10.0 * odds / (1 + odds) == pytest.approx(0.6, rel=1e-6)


def test_soft_label_without_the_weight_is_wrong():
    """Cross-entropy against R / (1 + R) alone: the odds are far below E[R]."""
    rewards = np.array([0.0, 0.0, 0.0, 0.5, 2.5])
    p = np.mean(rewards / (1 + rewards))
    assert p / (1 - p) < 0.5 * rewards.mean()


def test_combined_reward_adds_and_clamps():
    names = ("click", "like", "hate")
    weights = {"click": 0.5, "like": 2.0, "hate": -5.0}
    signals = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 0]], dtype=np.float32)
    assert combined_reward(signals, names, weights, 10.0).tolist() == [2.5, 0.0, 0.0, 2.5]
    assert combined_reward(signals, names, weights, 2.0).tolist() == [2.0, 0.0, 0.0, 2.0]


def test_watch_terms_by_hand():
    watch, duration = np.array([0.0, 3.0, 1000.0, 5.0]), np.array([10.0, 4.0, 10.0, 0.0])
    long_view = np.array([0.0, 1.0, 1.0, 0.0])

    def term(name):
        return watch_term(name, watch, duration, long_view).tolist()

    assert term("none") == [0.0] * 4 and term("watch") == watch.tolist() and term("long_view") == long_view.tolist()
    assert term("log_watch") == pytest.approx([0.0, 2.0, 8.0, math.log2(6.0)])  # at most 8
    assert term("watch_ratio") == [0.0, 0.75, 1.0, 0.0]  # at most 1; an unknown duration gives 0
    with pytest.raises(ValueError, match="log_wach"):
        term("log_wach")


def test_reward_adds_the_watch_term_before_it_is_clamped():
    signals = np.array([[1, 0], [1, 1], [0, 1]], dtype=np.float32)
    found = combined_reward(signals, ("like", "hate"), {"like": 2.0, "hate": -5.0}, 4.0, np.array([3.0, 3.5, 1.0]))
    assert found.tolist() == [4.0, 0.5, 0.0]


def test_simulated_exposures_give_odds_of_the_mean_reward_for_wce_dup_alone():
    """A logit fitted by gradient descent on drawn exposures whose mean reward is 0.6."""
    rng = np.random.default_rng(4)
    reward = rng.choice([0.0, 1.0, 2.0], 20000, p=[0.70, 0.10, 0.20])
    reward = torch.tensor(np.where(reward > 0, reward * 0.6 / 0.5, 0.0), dtype=torch.float64)
    truth, share = reward.mean().item(), (reward > 0).double().mean().item()
    fitted = {}
    for name in ("wce_dup", "wce_yt"):
        logit = torch.zeros((), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([logit], max_iter=50)

        def closure():
            optimizer.zero_grad()
            loss = combined_loss(name, logit.expand_as(reward), reward, 10.0).mean()
            loss.backward()
            return loss

        optimizer.step(closure)
        fitted[name] = math.exp(logit.item())
    assert fitted["wce_dup"] == pytest.approx(truth, rel=1e-4)
    assert fitted["wce_yt"] == pytest.approx(truth / (1 - share), rel=1e-4)  # biased upward
    p = (reward / (1 + reward)).mean().item()  # what a soft label without the weight 1 + R converges to
    assert p / (1 - p) < 0.7 * truth


def test_masked_signals_have_no_gradient():
    logits = torch.zeros(2, 2, requires_grad=True)
    mask = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    signal_loss(logits, torch.ones(2, 2), mask, torch.tensor([1.0, 3.0])).backward()
    assert logits.grad.tolist() == [[-0.5, 0.0], [0.0, -1.5]]
