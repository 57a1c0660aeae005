"""The three tasks as modules: by hand, where gradients go and where they do not, and what they must not depend on."""

import math

import pytest
import torch
from torch.nn import functional as F

from train.contrast import Histories, LongHistories, Positives, TaskInputs, build_tasks
from train.contrast.feedback import draw_negative, draw_positive
from train.model import Model
from train.model_config import parse_config
from train.strict import SettingsError

ACTIONS = ("click", "like", "follow", "forward", "hate", "short_view")
DIM, ITEMS = 8, 40


def config(heads=2):
    return parse_config({
        "format": "rankd-model/1", "dim": DIM, "actions": list(ACTIONS),
        "encoder": {"type": "sasrec", "layers": 1, "heads": 2, "ffn": 8, "activation": "gelu", "norm": "pre",
                    "position": "from_end", "use_actions": True, "max_history": 12},
        "feedback": {"positive": {"actions": ["like"], "max": 5}, "negative": {"explicit": ["hate"], "max": 5}},
        "ranker": {"type": "mlp", "hidden": [8], "activation": "relu", "target_attention": {"heads": heads}},
        "signals": ["click"], "reward": {"type": "additive", "weights": {"click": 1}}})


def inputs(seed=0, states=5):
    """A batch of a small model; users 0 ... 4, the first without any history."""
    torch.manual_seed(seed)
    model = Model(config(), rows=0).eval()
    table = torch.nn.Parameter(torch.randn(ITEMS, DIM))
    lengths = torch.tensor([0, 3, 5, 8, 8])[:states]
    items = torch.randint(ITEMS, (states, 8))
    actions = (torch.rand(states, 8, len(ACTIONS)) < 0.3).float()
    histories = Histories(items, actions, lengths)
    long = LongHistories(items, actions, lengths, skipped=torch.rand(states, 8) < 0.4)
    encoded, user = model.encoder(F.embedding(items, table), actions, lengths)
    owner = torch.tensor([1, 1, 2, 3, 4]).clamp(max=states - 1)
    item = torch.tensor([7, 8, 9, 7, 11])
    return TaskInputs(model, table, histories, encoded, user, torch.arange(states),
                      Positives(user[owner], item, owner, torch.tensor([1.0, 1.0, 1.0, 2.0, 1.0])),
                      torch.full((states, 1), -1), torch.tensor([7, 8, 9, 7, 11, 12]),
                      torch.tensor([1, 1, 2, 3, 4, 4]), long)


def task(name, **settings):
    torch.manual_seed(1)
    return build_tasks({name: settings}, DIM, ITEMS, ACTIONS)[name]


PLAIN = {"head": [], "augment": {"by": "none"}, "uniform": 0, "queue": 0, "log_q": False, "mask_known": False}


def test_user_item_by_hand():
    given = inputs()
    made = task("user_item", **PLAIN, temperature=0.5)
    loss, _ = made(given)
    positives = given.positives
    z, table = F.normalize(positives.query, dim=1), F.normalize(given.table, dim=1)
    total = 0.0
    for row, item in enumerate(positives.item.tolist()):
        others = [j for j in (7, 8, 9, 11) if j != item]  # every item of the batch once, the row's own masked
        logits = z[row] @ table[[item, *others]].T / 0.5
        total += float(positives.weight[row]) * float(torch.logsumexp(logits, 0) - logits[0])
    assert loss.item() == pytest.approx(total / 6.0, rel=1e-5)


def test_user_item_correction_by_hand():
    """In-batch logits lose log Q(j); the positive does only if asked to."""
    losses = []
    for correct in (False, True):
        made = task("user_item", **{**PLAIN, "log_q": True}, correct_positive=correct).eval()
        made.frequency.interval[torch.tensor([7, 8, 9, 11])] = torch.tensor([2.0, 4.0, 8.0, 16.0])
        given = inputs()
        loss, _ = made(given)
        z, table = F.normalize(given.positives.query, dim=1), F.normalize(given.table, dim=1)
        interval, total = {7: 2.0, 8: 4.0, 9: 8.0, 11: 16.0}, 0.0
        for row, item in enumerate(given.positives.item.tolist()):
            own = z[row] @ table[item] / 0.1 + (math.log(interval[item]) if correct else 0.0)
            rest = [z[row] @ table[j] / 0.1 + math.log(interval[j]) for j in interval if j != item]
            total += float(given.positives.weight[row]) * float(torch.logsumexp(torch.stack([own, *rest]), 0) - own)
        assert loss.item() == pytest.approx(total / 6.0, rel=1e-5)
        losses.append(loss.item())
    assert losses[0] != losses[1]


def test_sources_together_estimate_the_sum_over_the_catalogue():
    """Uniform samples alone: the mean of many corrected sums is the sum over all items but the positive."""
    made = task("user_item", **{**PLAIN, "in_batch": False, "uniform": 4000, "log_q": True}, temperature=1.0).eval()
    given = inputs()
    found = made(given)[0].item()
    z, table = F.normalize(given.positives.query, dim=1), F.normalize(given.table, dim=1)
    logits = z @ table.T
    each = torch.logsumexp(logits, 1) - logits.gather(1, given.positives.item[:, None])[:, 0]
    expected = float((each * given.positives.weight).sum() / 6.0)
    assert found == pytest.approx(expected, rel=0.01)


def test_no_gradient_into_the_queue_and_it_is_a_source():
    made = task("user_item", **{**PLAIN, "queue": 16, "in_batch": False, "uniform": 0}).train()
    made.bank.push(F.normalize(torch.randn(6, DIM), dim=1), torch.tensor([20, 21, 22, 23, 24, 25]))
    given = inputs()
    loss, _ = made(given)
    loss.backward()
    slope = given.table.grad
    assert slope[[7, 8, 9, 11]].abs().sum(1).min() > 0  # the positives' rows learn
    in_history = set(given.histories.items.flatten().tolist())
    assert all(slope[j].abs().sum() == 0 for j in range(20, 26) if j not in in_history)  # remembered rows do not
    assert not made.bank.vectors.requires_grad and made.bank.vectors.grad is None
    assert sorted(made.bank.contents()[1].tolist()) == [7, 8, 9, 11, 20, 21, 22, 23, 24, 25]


def test_momentum_encoder_follows_slowly_and_learns_nothing_itself():
    made = task("user_item", **{**PLAIN, "head": [4], "queue": 16}, momentum=0.9).train()
    given = inputs()
    made(given)[0].backward()
    start = given.table.detach().clone()
    assert torch.allclose(made.slow_table, start)  # begins as a copy
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in made.slow_head.parameters())
    with torch.no_grad():
        given.table.add_(1.0)
    weight = made.item_head.layers[0].weight.detach().clone()
    with torch.no_grad():
        made.item_head.layers[0].weight.add_(1.0)
    made(inputs_like(given))
    assert torch.allclose(made.slow_table, start + 0.1, atol=1e-5)
    assert torch.allclose(made.slow_head.layers[0].weight, weight + 0.1, atol=1e-5)


def inputs_like(given):
    """The same batch again, as a new graph."""
    encoded, user = given.model.encoder(F.embedding(given.histories.items, given.table), given.histories.actions,
                                        given.histories.lengths)
    p = given.positives
    return TaskInputs(given.model, given.table, given.histories, encoded, user, given.users,
                      Positives(user[p.owner], p.item, p.owner, p.weight), given.known, given.target_items,
                      given.target_state, given.long)


def test_evaluation_leaves_bank_and_estimate_alone():
    made = task("user_item", queue=8).eval()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    made(inputs())
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())


def test_known_items_and_other_positives_of_the_user_are_no_negatives():
    made = task("user_item", **{**PLAIN, "mask_known": True})
    given = inputs()
    given.known = torch.full((5, 2), -1)
    given.known[3, 0] = 9
    masked = made._masked(given, given.positives, torch.tensor([7, 8, 9, 11]))
    assert masked.tolist() == [[True, True, False, False], [True, True, False, False], [False, False, True, False],
                               [True, False, True, False], [False, False, False, True]]


def test_augmentation_makes_the_pull_stronger():
    slopes = {}
    for by in ("none", "weight", "repeat"):
        made = task("user_item", **{**PLAIN, "augment": {"by": by, "factor": 3.0, "dropout": 0.0}})
        given = inputs()
        made(given)[0].backward()
        slopes[by] = given.table.grad[11]
    assert torch.allclose(slopes["weight"], slopes["repeat"], atol=1e-6)
    assert slopes["weight"].norm() > slopes["none"].norm()


@pytest.mark.parametrize("settings", [{"views": ["mask"]}, {"views": ["sample"], "against": "original"},
                                      {"views": ["crop", "shuffle"]}, {"views": ["dropout"]}])
def test_user_user_learns_and_leaves_short_histories_out(settings):
    made, given = task("user_user", **settings), inputs()
    loss, metrics = made(given)
    loss.backward()
    assert math.isfinite(loss.item()) and set(metrics) == {"accuracy", "alignment"}
    assert given.table.grad.abs().sum() > 0
    alone = inputs(states=2)  # of these two users only one has a history
    loss, metrics = made(alone)
    assert loss.item() == 0.0 and metrics == {}
    loss.backward()


def test_equal_views_without_dropout_are_aligned():
    loss, metrics = task("user_user", views=["dropout"])(inputs())
    assert metrics["alignment"] == pytest.approx(0.0, abs=1e-10) and metrics["accuracy"] == 1.0


def test_draws_of_feedback_by_hand():
    actions = torch.zeros(1, 6, len(ACTIONS))
    like, follow, hate = (ACTIONS.index(name) for name in ("like", "follow", "hate"))
    actions[0, 1, like] = actions[0, 4, follow] = actions[0, 2, hate] = 1.0
    skipped = torch.tensor([[True, False, True, True, False, True]])
    long = LongHistories(torch.arange(10, 16)[None], actions, torch.tensor([5]), skipped=skipped)  # event 5 is padding
    positive = draw_positive(long, ACTIONS, {"like": 1.0, "follow": 4.0}, 3)
    assert positive.items[0, :2].tolist() == [11, 14] and positive.lengths.tolist() == [2]
    negative = draw_negative(long, ACTIONS, ["hate"], 2)  # the hate stays, the latest safe skip fills up
    assert negative.items[0].tolist() == [12, 13]
    torch.manual_seed(0)
    drawn = [int(draw_positive(long, ACTIONS, {"like": 1.0, "follow": 4.0}, 1).items[0, 0]) for _ in range(500)]
    assert drawn.count(14) / 500 == pytest.approx(0.8, abs=0.06)


def answered():
    """A batch whose users 1 ... 4 all have something liked and something skipped."""
    given = inputs()
    given.long.actions[:, :, ACTIONS.index("hate")] = 0.0
    given.long.actions[1:, 0, ACTIONS.index("like")] = 1.0
    given.long.skipped[1:, 1] = True
    return given


def test_plain_feedback_by_hand():
    made, given = task("feedback", augment="dropout", in_batch=False, temperature=0.5), answered()
    loss, metrics = made(given)
    positive = draw_positive(given.long, ACTIONS, made.settings.positives, 20)
    negative = draw_negative(given.long, ACTIONS, ["hate"], 20)
    rows = [1, 2, 3, 4]
    anchor, away = (F.normalize(given.encode(side)[1][rows], dim=1) for side in (positive, negative))
    logits = torch.stack([(anchor * anchor).sum(1), (anchor * away).sum(1)], 1) / 0.5
    expected = (torch.logsumexp(logits, 1) - logits[:, 0]).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and metrics["users"] == 4


def test_target_attention_feedback_uses_the_rankers_own_attention():
    made, given = task("feedback", variant="target_attention"), answered()
    loss, metrics = made(given)
    loss.backward()
    ranker = given.model.ranker
    for module in (ranker.positive_attention, ranker.negative_attention):
        assert module.query.weight.grad.abs().sum() > 0 and module.value.weight.grad.abs().sum() > 0
    assert metrics["users"] == 4
    other = inputs()
    other.long.skipped[:] = False
    other.long.actions[:, :, ACTIONS.index("hate")] = 0.0
    assert made(other)[0].item() == 0.0  # nobody has negative feedback


@pytest.mark.parametrize("variant", ["plain", "target_attention"])
def test_without_marks_only_the_items_tell_the_sides_apart(variant):
    """A user who disliked exactly what he liked: the sides are the same, and the contrast has nothing to go by."""
    given = answered()
    long = given.long
    long.items[:, 1] = long.items[:, 0]
    long.actions[:, 2:] = 0.0
    long.skipped[:, 2:] = False
    long.actions[1:, 1, ACTIONS.index("hate")] = 1.0
    long.actions[:, 1, ACTIONS.index("like")] = 0.0
    settings = {"variant": variant, "augment": "dropout", "in_batch": False, "positives": {"like": 1.0}}
    assert task("feedback", marked=False, **settings)(given)[0].item() == pytest.approx(math.log(2.0), rel=1e-5)
    marked = task("feedback", **settings)(given)[0].item()
    assert marked != pytest.approx(math.log(2.0), rel=1e-3)
    given.model.zero_grad()
    task("feedback", marked=False, variant=variant)(given)[0].backward()
    away = given.model.ranker.negative_attention.query.weight.grad
    assert away is None or not away.abs().sum()


def test_target_attention_does_not_depend_on_the_order_of_rows():
    made, given = task("feedback", variant="target_attention", augment="dropout"), answered()
    loss = made(given)[0].item()
    order = torch.tensor([5, 2, 0, 4, 1, 3])
    given.target_items, given.target_state = given.target_items[order], given.target_state[order]
    assert made(given)[0].item() == pytest.approx(loss, rel=1e-5)


def test_losses_do_not_depend_on_the_order_of_users():
    for name, settings in (("user_item", PLAIN), ("user_user", {"views": ["dropout"]}),
                           ("feedback", {"augment": "dropout"})):
        given, order = answered(), torch.tensor([4, 2, 0, 1, 3])
        loss = task(name, **settings)(given)[0].item()
        place = order.argsort()
        given.histories, given.user = given.histories.select(order), given.user[order]
        long = given.long
        given.long = LongHistories(long.items[order], long.actions[order], long.lengths[order],
                                   skipped=long.skipped[order])
        p = given.positives
        given.positives = Positives(p.query, p.item, place[p.owner], p.weight)
        given.target_state = place[given.target_state]
        assert task(name, **settings)(given)[0].item() == pytest.approx(loss, rel=1e-4), name


def test_settings_are_checked():
    for name, settings in (("user_item", {"temperatur": 0.1}), ("user_item", {"augment": {"by": "weigth"}}),
                           ("user_user", {"views": ["blur"]}), ("feedback", {"variant": "x"}),
                           ("feedback", {"positives": {"adore": 1.0}}), ("user_user", {"sample": {"ratio": "all"}})):
        with pytest.raises(ValueError):
            task(name, **settings)
    with pytest.raises(SettingsError):
        build_tasks({"user_users": {}}, DIM, ITEMS, ACTIONS)
    assert build_tasks({"user_item": {"enabled": False}}, DIM, ITEMS, ACTIONS) == {}
