"""The retrieval stage: its losses by hand, who is held out, what is ranked, and that a run can be resumed."""

import copy
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from base_cases import retrieval_settings, ring_of_items
from train import export
from train.model import load_model
from train.reference import Reference
from train.retrieval import evaluate, losses
from train.retrieval.commands import golden_requests
from train.retrieval.fitting import fit
from train.retrieval.sequences import Held, Sequences, from_kuairand
from train.retrieval.stage import RetrievalTrainer
from train.safetensors_file import load_file


@pytest.fixture(scope="module")
def amazon(tmp_path_factory):
    return ring_of_items(tmp_path_factory.mktemp("amazon"))


def test_full_cross_entropy_and_its_gradients():
    torch.manual_seed(0)
    h, table = torch.randn(700, 6, requires_grad=True), torch.randn(23, 6, requires_grad=True)
    target = torch.randint(23, (700,))
    found = losses.full_cross_entropy(h, table, target) * 3.0
    slopes = torch.autograd.grad(found, (h, table))
    expected = F.cross_entropy(h @ table.T, target) * 3.0
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    for mine, theirs in zip(slopes, torch.autograd.grad(expected, (h, table))):
        assert torch.allclose(mine, theirs, atol=1e-6)


def test_bce_by_hand():
    h, table = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = losses.bce(h, table, torch.tensor([1]), torch.tensor([[0]]))
    sigmoid = 1 / (1 + math.exp(-2.0)), 1 / (1 + math.exp(-1.0))
    assert found.item() == pytest.approx(-math.log(sigmoid[0]) - math.log(1 - sigmoid[1]), rel=1e-6)


def test_sampled_softmax_estimates_the_full_one():
    torch.manual_seed(0)
    h, table, target = torch.randn(5, 4), torch.randn(50, 4), torch.arange(5)
    share = torch.arange(1.0, 51.0) / torch.arange(1.0, 51.0).sum()
    sampled = torch.multinomial(share, 200000, replacement=True)
    log_q = (share * len(sampled)).log()
    found = losses.sampled_softmax(h, table, target, sampled, (torch.zeros(5), log_q[sampled]))
    assert found.item() == pytest.approx(F.cross_entropy(h @ table.T, target).item(), rel=0.01)
    uncorrected = losses.sampled_softmax(h, table, target, sampled, (torch.zeros(5), torch.zeros(len(sampled))))
    assert abs(uncorrected.item() - found.item()) > 1.0


def test_leave_one_out(amazon):
    trainer = RetrievalTrainer(amazon, retrieval_settings())
    for user in (0, 57):
        items = amazon.item[amazon.offsets[user]:amazon.offsets[user + 1]]
        validation, test = amazon.held["validation"], amazon.held["test"]
        assert validation.item[user] == items[-2] and test.item[user] == items[-1]
        assert validation.end[user] - amazon.offsets[user] == len(items) - 2
        batch = trainer.batch(np.array([user]))
        kept = min(len(items) - 3, 8)
        assert batch.histories.items[0].tolist() == items[-3 - kept:-3].tolist()
        assert batch.target.tolist() == items[-2 - kept:-2].tolist()  # neither held-out item is ever a target


def test_negatives_are_of_no_event_of_the_user(amazon):
    trainer = RetrievalTrainer(amazon, retrieval_settings())
    users = np.repeat(np.arange(50), 20)
    drawn = trainer.negatives(users, 2).numpy()
    for user, row in zip(users, drawn):
        assert not set(row) & set(amazon.item[amazon.offsets[user]:amazon.offsets[user + 1]])


def test_ranks_against_sorting(amazon):
    trainer = RetrievalTrainer(amazon, retrieval_settings())
    trainer.trainee.eval()
    held = amazon.held["test"].sample(40)
    found, best = evaluate.ranks(trainer, held, shown=5)
    table = trainer.trainee.model.items.embedding.detach()
    vectors = trainer.user_vectors(held.user, held.end)
    for at in range(len(found)):
        seen = set(amazon.item[amazon.offsets[held.user[at]]:held.end[at]].tolist()) - {int(held.item[at])}
        order = [j for j in (table @ vectors[at]).argsort(descending=True).tolist() if j not in seen]
        assert order.index(int(held.item[at])) + 1 == found[at]
        assert best[at].tolist() == order[:5]


def test_hits_by_hand():
    found = evaluate.hits(np.array([1, 10, 11, 60]))
    assert found["hr@10"] == 0.5 and found["hr@20"] == 0.75 and found["hr@50"] == 0.75
    assert found["ndcg@10"] == pytest.approx((1 + 1 / math.log2(11)) / 4)
    assert found["ndcg@20"] == pytest.approx((1 + 1 / math.log2(11) + 1 / math.log2(12)) / 4)


def test_alignment_uniformity_and_recommendations_by_hand():
    user, item = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [5.0, 0.0]])
    assert evaluate.alignment(user, item) == pytest.approx((0 + 2) / 2)
    assert evaluate.uniformity(user) == pytest.approx(-2.0 * 2.0)
    shown = evaluate.recommended(np.array([[0, 1], [0, 2]]), np.array([10, 4, 2, 9]))
    assert shown["mean_popularity"] == (10 + 4 + 10 + 2) / 4 and shown["coverage"] == 0.75
    assert shown["gini"] == pytest.approx((-3 * 0 - 1 * 1 + 1 * 1 + 3 * 2) / (4 * 4))


@pytest.mark.parametrize("loss", [{"name": "ce"}, {"name": "bce", "negatives": 2},
                                  {"name": "sampled_softmax", "negatives": 16, "popularity": 0.5}])
def test_each_loss_learns_the_ring(amazon, loss):
    made = retrieval_settings(loss=loss)
    made["optimizer"].update(epochs=12)
    trainer = RetrievalTrainer(amazon, made)
    fit(trainer)
    assert trainer.log[-1]["loss"] < 0.7 * trainer.log[0]["loss"]
    assert evaluate.brief(trainer, "test")["ndcg@10"] > 0.7


TASKS = {"user_item": {"queue": 64, "uniform": 16, "momentum": 0.9, "head": [8]},
         "user_user": {"views": ["sample", "mask"], "head": [8]}}


def test_stopped_and_resumed_is_bit_equal(amazon, tmp_path):
    made = retrieval_settings(contrast=TASKS)
    made["optimizer"].update(average=0.9)
    whole = RetrievalTrainer(amazon, copy.deepcopy(made))
    fit(whole)

    class Stop(Exception):
        pass

    first = RetrievalTrainer(amazon, copy.deepcopy(made))

    def write():
        export.write_checkpoint(first, tmp_path)
        if first.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        fit(first, write)
    torch.manual_seed(99)  # another process: another state of every generator
    second = RetrievalTrainer(amazon, copy.deepcopy(made))
    second.resume(load_file(tmp_path / "model.safetensors"))
    assert second.epoch == 2
    fit(second)
    mine, theirs = whole.state_tensors(), second.state_tensors()
    assert set(mine) == set(theirs)
    for name in mine:
        if name != "training.progress":  # holds seconds
            assert torch.equal(mine[name], theirs[name]), name
    assert all(torch.equal(value, second.served()[name]) for name, value in whole.served().items())
    with pytest.raises(ValueError, match="other settings"):
        RetrievalTrainer(amazon, retrieval_settings(seed=7)).resume(load_file(tmp_path / "model.safetensors"))


def test_warm_start_takes_over_what_fits(amazon, tmp_path):
    first = RetrievalTrainer(amazon, retrieval_settings())
    fit(first)
    export.write_checkpoint(first, tmp_path)
    second = RetrievalTrainer(amazon, retrieval_settings(contrast=TASKS))
    missing = second.warm_start(load_file(tmp_path / "model.safetensors"))
    assert missing and all(name.startswith("contrast.") for name in missing)
    assert torch.equal(second.trainee.model.items.embedding, first.raw[0])


def test_exported_model_ranks_as_the_trainer(amazon, tmp_path):
    trainer = RetrievalTrainer(amazon, retrieval_settings(contrast=TASKS))
    fit(trainer)
    export.write_checkpoint(trainer, tmp_path / "checkpoint")
    export.export(tmp_path / "checkpoint", tmp_path / "1")
    assert not [n for n in load_file(tmp_path / "1" / "model.safetensors") if n.startswith(("contrast.", "training."))]
    reference, held = Reference(load_model(tmp_path / "1")), amazon.held["test"].sample(5)
    table = trainer.trainee.model.items.embedding.detach()
    vectors = trainer.user_vectors(held.user, held.end)
    for at in range(5):
        history = amazon.item[amazon.offsets[held.user[at]]:held.end[at]]
        body = {"history": [{"item": amazon.ids[row]} for row in history], "candidates": amazon.ids}
        answer = {item["item"]: item["score"] for item in reference.score(body)["items"]}
        expected = (table @ vectors[at]).exp()
        assert np.allclose([answer[name] for name in amazon.ids], expected, rtol=1e-4)
    export.write_golden(tmp_path / "1", golden_requests(amazon, 8))


def test_kuairand_sequences_freeze_the_user_and_know_positive_from_negative(bundle):
    config = bundle.config
    sequences = from_kuairand(bundle.data, config)
    assert set(np.unique(sequences.feedback)) == {-1, 0, 1}
    for part, days in (("validation", (12,)), ("test", (13, 14))):
        held = sequences.held[part]
        assert len(held.user) and (held.feedback < 0).any() and (held.feedback > 0).any()
        for user in np.unique(held.user)[:20]:
            end = held.end[held.user == user]
            assert len(set(end)) == 1
            assert (bundle.events.day[sequences.offsets[user]:end[0]] < days[0]).all()
            seen = set(sequences.item[sequences.offsets[user]:end[0]])
            assert not seen & set(held.item[held.user == user])


def test_delta_is_positive_minus_negative():
    offsets = np.array([0, 2, 4])
    sequences = Sequences("toy", offsets, np.array([0, 1, 1, 2]), np.ones(4, np.int8), np.zeros((4, 0), bool),
                          offsets[1:], [str(n) for n in range(12)], {})
    end = offsets[1:]
    sequences.held["test"] = Held(np.array([0, 1, 0]), np.array([3, 4, 5]), np.array([1, 1, -1], np.int8),
                                  end[[0, 1, 0]])
    result = evaluate.evaluate(RetrievalTrainer(sequences, retrieval_settings()), "test")
    assert result["rows"] == 2 and result["negative"]["rows"] == 1
    assert result["delta"]["hr@10"] == result["hr@10"] - result["negative"]["hr@10"]
