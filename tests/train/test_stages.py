"""The ranking stage with the tasks attached: scores, checkpoints, resuming, and the daily update."""

import copy

import numpy as np
import pytest
import torch

from train import build, data, export, stats
from train.dataset import safe_skips
from train.experiments.plan import load_plan
from train.model import load_model
from train.safetensors_file import load_file
from train.trainer import Trainer, predict


def with_tasks(bundle, **more):
    """The same data with all three tasks in the settings."""
    copied = copy.copy(bundle)
    copied.settings = {**copy.deepcopy(bundle.settings), "contrast": copy.deepcopy(load_plan("ablation").contrast)}
    copied.settings["optimizer"].update(more)
    copied.settings["earlier_targets"]["repeat"] = 0
    return copied


@pytest.fixture(scope="module")
def stopped(bundle, tmp_path_factory):
    """(settings' bundle, folder of the checkpoint after one of two epochs, the trainer that ran both)."""
    folder, chosen = tmp_path_factory.mktemp("stopped"), with_tasks(bundle, epochs=2, batch_states=512)
    whole = Trainer(chosen)

    def write():
        if whole.epoch == 1:
            export.write_checkpoint(whole, folder)

    whole.fit(log=lambda line: None, checkpoint=write)
    return chosen, folder, whole


def test_stopped_and_resumed_is_bit_equal(stopped):
    chosen, folder, whole = stopped
    again = Trainer(chosen)
    again.resume(load_file(folder / "model.safetensors"))
    again.fit(log=lambda line: None)
    mine, theirs = whole.state_tensors(), again.state_tensors()
    assert set(mine) == set(theirs)
    different = [name for name in mine if name != "training.progress" and not torch.equal(mine[name], theirs[name])]
    assert not different
    assert all(torch.equal(value, again.served()[name]) for name, value in whole.served().items())


def test_scores_are_bit_equal_with_the_tasks_attached_or_not(stopped):
    chosen, _, whole = stopped
    attached = predict(chosen, whole.trainee, "validation")["logits"]
    tasks = dict(whole.trainee.contrast)
    whole.trainee.contrast.clear()
    try:
        assert np.array_equal(predict(chosen, whole.trainee, "validation")["logits"], attached)
    finally:
        whole.trainee.contrast.update(tasks)


def test_a_full_checkpoint_is_a_model_folder(stopped, tmp_path):
    """It loads as it is, and says the same as what is exported of it."""
    _, folder, _ = stopped
    held = load_file(folder / "model.safetensors")
    assert {name.split(".")[1] for name in held if name.startswith("contrast.")} == {"user_item", "user_user",
                                                                                    "feedback"}
    export.export(folder, tmp_path)
    whole, exported = load_model(folder).state_dict(), load_model(tmp_path).state_dict()
    assert set(whole) == set(exported) and all(torch.equal(whole[name], exported[name]) for name in whole)


def test_daily_update_reads_no_later_day_and_changes_the_weights(bundle, stopped):
    _, folder, _ = stopped
    tensors, day = load_file(folder / "model.safetensors"), data.VALIDATION_DAY
    later = bundle.data.until(day)
    log = later.log
    changed = data.Log(**{**vars(log), "labels": np.where((log.day > day)[:, None], ~log.labels, log.labels)})
    rows = []
    for given in (later, copy.copy(later)):
        if rows:
            given.log = changed
        settings = copy.deepcopy(bundle.settings)
        made = build.build(settings, data=given, fixed=bundle.config)
        assert made.config.user_features == bundle.config.user_features
        trainer = Trainer(made, seed=2, days=(day,), options={**settings["optimizer"], **settings["update"]})
        trainer.warm_start(tensors)
        before = trainer.served()
        trainer.fit(log=lambda line: None)
        rows.append(trainer.served())
        assert not torch.equal(before["items.embedding"], rows[-1]["items.embedding"])
        assert (made.data.log.day[trainer.targets.log_row] == day).all()
    assert all(torch.equal(value, rows[1][name]) for name, value in rows[0].items())


def test_safe_skips_by_their_rule(bundle):
    log, events = bundle.data.log, bundle.events
    skipped = safe_skips(events, bundle.data, 0.1)
    assert skipped.any()
    fond = set()
    for at in range(len(events.row)):
        row, pair = events.row[at], (int(events.user[at]), int(events.item[at]))
        liked = log.labels[row][[2, 3, 5]].any() if row >= 0 else events.actions[
            at, bundle.config.actions.index("like")]
        if liked:
            fond.add(pair)
    for at in np.flatnonzero(skipped):
        row = events.row[at]
        assert row >= 0 and log.duration_ms[row] > 0 and log.watch_ms[row] < 0.1 * log.duration_ms[row]
        assert log.day[row] in data.TRAIN_DAYS and (int(events.user[at]), int(events.item[at])) not in fond
    assert list(data.LABELS)[2:6:3] + [list(data.LABELS)[3]] == ["like", "forward", "follow"]


def test_item_statistics_of_an_update_know_its_day(bundle):
    """The new day counts, except for its own rows."""
    day = data.VALIDATION_DAY
    later = stats.item_stats(bundle.data.until(day), bundle.signals, bundle.settings["item_statistics"])
    train = np.isin(bundle.data.log.day, range(day + 1))
    assert later.exposures.sum() == train.sum()
    assert not np.array_equal(later.features[day], later.features[stats.ALL])
