"""The parts of the contrastive tasks on values computed by hand: loss, bank, frequencies, views."""

import math

import pytest
import torch

from train.contrast.frequency import FrequencyEstimate
from train.contrast.info_nce import NEVER, Head, info_nce, nt_xent
from train.contrast.memory_bank import MemoryBank
from train.contrast.task import Histories
from train.contrast.views import SampleSettings, crop, mask, sample, sample_weights, shuffle


def test_info_nce_by_hand():
    positive, negatives = torch.tensor([1.0]), torch.tensor([[0.0, 2.0]])
    total = math.exp(1) + math.exp(0) + math.exp(2)
    assert info_nce(positive, negatives).item() == pytest.approx(-math.log(math.exp(1) / total), rel=1e-6)
    assert info_nce(positive, negatives, pull=3.0).item() == pytest.approx(math.log(total) - 3.0, rel=1e-6)


def test_masked_negatives_have_neither_weight_nor_gradient():
    negatives = torch.tensor([[0.5, NEVER]], requires_grad=True)
    loss = info_nce(torch.tensor([0.5]), negatives)
    loss.sum().backward()
    assert loss.item() == pytest.approx(math.log(2), rel=1e-6)
    assert negatives.grad.tolist() == [[pytest.approx(0.5), 0.0]]


def test_an_items_pull_drowns_without_augmentation_and_not_with_it():
    """In a batch where all scores are alike, an item is pushed as often, as others' negative, as it is pulled."""
    for pull, net in ((1.0, 0.0), (2.0, -1.0)):
        logits = torch.zeros(6, 6, requires_grad=True)  # users by items, the diagonal is the positives'
        others = logits[~torch.eye(6, dtype=torch.bool)].view(6, 5)
        info_nce(logits.diagonal(), others, pull).sum().backward()
        assert logits.grad.sum(0).tolist() == pytest.approx([net] * 6, abs=1e-5)  # an item's slope over all users


def test_nt_xent_by_hand():
    first, second = torch.eye(2), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    same = torch.eye(2, dtype=torch.bool)
    loss, metrics = nt_xent(first, second, 0.5, same)
    # cosines: a1.b1 = 0, a1.a2 = 0, a1.b2 = 0; a2.b2 = 1, a2.a1 = 0, a2.b1 = 1; b1.a1 = 0, b1.a2 = 1, b1.b2 = 1; ...
    rows = [(0, [0, 0]), (1, [0, 1]), (0, [1, 1]), (1, [0, 1])]
    each = [-math.log(math.exp(p / 0.5) / (math.exp(p / 0.5) + sum(math.exp(n / 0.5) for n in ns))) for p, ns in rows]
    assert loss.item() == pytest.approx(sum(each) / 4, rel=1e-6)
    assert metrics["alignment"] == pytest.approx((2.0 + 0.0) / 2)


def test_nt_xent_ignores_one_users_other_rows():
    torch.manual_seed(0)
    first, second = Head(4, [])(torch.randn(3, 4)), Head(4, [])(torch.randn(3, 4))
    same = torch.eye(3, dtype=torch.bool)
    same[0, 1] = same[1, 0] = True
    loss, _ = nt_xent(first, second, 0.2, same)
    z = torch.cat([first, second])
    expected = 0.0
    for row in range(6):
        positive = (row + 3) % 6
        others = [k for k in range(6) if k % 3 == 2] if row % 3 != 2 else [k for k in range(6) if k % 3 != 2]
        logits = z[row] @ z.T / 0.2
        expected += torch.logsumexp(logits[[positive, *others]], 0) - logits[positive]
    assert loss.item() == pytest.approx(float(expected) / 6, rel=1e-5)


def test_bank_is_first_in_first_out():
    bank = MemoryBank(4, 1)
    assert len(bank.contents()[1]) == 0
    bank.push(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([1, 2, 3]))
    assert bank.contents()[1].tolist() == [1, 2, 3]
    bank.push(torch.tensor([[4.0], [5.0]]), torch.tensor([4, 5]))
    vectors, items = bank.contents()
    assert sorted(items.tolist()) == [2, 3, 4, 5] and vectors[:, 0].tolist() == items.tolist()
    bank.push(torch.arange(6.0)[:, None], torch.arange(6))
    vectors, items = bank.contents()
    assert sorted(items.tolist()) == [2, 3, 4, 5] and vectors[:, 0].tolist() == items.tolist()


def test_bank_keeps_no_gradient_and_hands_out_copies():
    bank, vectors = MemoryBank(4, 2), torch.ones(2, 2, requires_grad=True)
    bank.push(vectors * 2, torch.tensor([0, 1]))
    held, _ = bank.contents()
    assert not held.requires_grad and not bank.vectors.requires_grad
    bank.push(torch.zeros(4, 2), torch.tensor([2, 3, 4, 5]))
    assert held.tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_frequency_by_hand():
    estimate = FrequencyEstimate(3, 0.5, first=8.0)
    for items in ([0], [0, 1], [0]):  # item 0 in every batch, item 1 once at step 2, item 2 never
        estimate.update(torch.tensor(items))
    # item 0: 8 -> .5*8+.5*1 = 4.5 -> 2.75 -> 1.875; item 1: .5*8+.5*2 = 5
    assert estimate.interval.tolist() == [pytest.approx(1.875), pytest.approx(5.0), 8.0]
    assert estimate.log_q(torch.tensor([1])).item() == pytest.approx(-math.log(5.0))


def test_frequency_finds_how_often_batches_hold_an_item():
    torch.manual_seed(1)
    chance = torch.tensor([0.9, 0.3, 0.05])
    estimate, found = FrequencyEstimate(3, 0.01, first=5.0), []
    for step in range(6000):
        estimate.update(torch.nonzero(torch.rand(3) < chance)[:, 0])
        if step > 2000:
            found.append(estimate.log_q(torch.arange(3)).exp())
    assert torch.stack(found).mean(0).tolist() == pytest.approx(chance.tolist(), rel=0.15)


def histories(lengths, n_actions=2):
    width = max(lengths)
    inside = torch.arange(width)[None, :] < torch.tensor(lengths)[:, None]
    items = (torch.arange(1, width + 1)[None, :] + 100 * torch.arange(len(lengths))[:, None]) * inside
    actions = torch.zeros(len(lengths), width, n_actions)
    actions[:, ::2, 0] = 1.0
    return Histories(items, actions * inside[:, :, None], torch.tensor(lengths))


def kept(view, row):
    return view.items[row, :int(view.lengths[row])].tolist()


LENGTHS = [0, 1, 2, 5, 10]


def test_mask_hides_its_share_and_nothing_else():
    torch.manual_seed(2)
    given = histories(LENGTHS)
    view = mask(given, 0.3)
    assert view.hidden.sum(1).tolist() == [0, 0, 1, 1, 3]
    assert torch.equal(view.items, given.items) and torch.equal(view.lengths, given.lengths)
    assert view.actions[view.hidden].sum() == 0
    assert torch.equal(view.actions[~view.hidden], given.actions[~view.hidden])
    drawn = torch.stack([mask(given, 0.3).hidden[4] for _ in range(400)]).float().mean(0)
    assert drawn.tolist() == pytest.approx([0.3] * 10, abs=0.1)  # every place alike


def test_crop_is_a_stretch_with_its_own_actions():
    torch.manual_seed(3)
    given = histories(LENGTHS)
    starts = set()
    for _ in range(60):
        view = crop(given, 0.6)
        assert view.lengths.tolist() == [0, 1, 1, 3, 6]
        items = kept(view, 4)
        assert items == list(range(items[0], items[0] + 6))
        assert view.actions[4, :6, 0].tolist() == [float(item % 2 == 1) for item in (i - 400 for i in items)]
        starts.add(items[0] - 401)
    assert starts == {0, 1, 2, 3, 4}


def test_shuffle_moves_one_stretch_only():
    torch.manual_seed(4)
    given, moved = histories(LENGTHS), set()
    for _ in range(60):
        view = shuffle(given, 0.5)
        assert torch.equal(view.lengths, given.lengths)
        items = kept(view, 4)
        assert sorted(items) == kept(given, 4)
        places = [at for at, (a, b) in enumerate(zip(items, kept(given, 4))) if a != b]
        assert not places or places[-1] - places[0] < 5
        assert [float((item - 400) % 2 == 1) for item in items] == view.actions[4, :10, 0].tolist()
        moved.update(places)
    assert moved == set(range(10))


def test_sample_keeps_the_order_and_prefers_recent_and_answered_events():
    torch.manual_seed(5)
    settings = SampleSettings(length=4, long=10, ratio=0.5, half_life=3.0, feedback={"like": 7.0})
    given = histories(LENGTHS)
    weights = sample_weights(given, settings, ("like", "click"))
    assert weights[4, 9] == 1.0 and weights[4, 6].item() == pytest.approx(8 * 0.5)
    counts = torch.zeros(10)
    for _ in range(600):
        view = sample(given, settings, ("like", "click"))
        assert view.lengths.tolist() == [0, 1, 1, 2, 4]  # ratio .5, at most 4
        items = kept(view, 4)
        assert items == sorted(items) and len(set(items)) == 4
        counts[torch.tensor(items) - 401] += 1
    assert counts[8] > counts[6] > counts[2] > counts[0]  # liked events, later ones more often
    assert counts[8] > 1.5 * counts[9]  # the feedback outweighs one place of recency


def test_views_of_empty_and_single_histories_stay_what_they_are():
    given = histories([0, 1])
    for view in (mask(given, 0.9), crop(given, 0.5), shuffle(given, 0.9), sample(given, SampleSettings(), ("a", "b"))):
        assert view.lengths.tolist() == [0, 1] and kept(view, 1) == [101]
        assert view.hidden is None or not view.hidden.any()
