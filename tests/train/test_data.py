"""The data: what was dropped, how days are counted, and that no history reaches into its own future."""

import numpy as np
import pytest

from train import build, data, dataset, stats

MS_A_DAY = 86400000


def start_ms(day):
    """The instant (ms since 1970) at which a day of Asia/Shanghai begins."""
    return (np.asarray(day) + data.FIRST_DAY) * MS_A_DAY - 8 * 3600000


@pytest.fixture(scope="module")
def whole():
    return data.load(build.DEFAULT_DATA)


def test_duplicates_are_dropped_and_days_follow_time_ms(whole):
    log = whole.log
    assert len(log.user) == 222869
    assert (np.diff(log.time_ms) >= 0).all()
    assert (log.time_ms >= start_ms(log.day)).all() and (log.time_ms < start_ms(log.day + 1)).all()
    assert [np.isin(log.day, days).sum() for days in (data.TRAIN_DAYS, [data.VALIDATION_DAY], data.TEST_DAYS)] == [
        180495, 13582, 28792]


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_no_history_event_is_at_or_after_the_frozen_time(bundle, part):
    states, targets = bundle.targets(part)
    log, events = bundle.data.log, bundle.events
    assert len(targets.state)
    target_day = dataset.frozen_day(log.day[targets.log_row])
    assert (log.user[targets.log_row] == states.user[targets.state]).all()
    frozen = np.zeros(len(states), np.int64)
    frozen[targets.state] = start_ms(target_day)
    assert (log.time_ms[targets.log_row] >= frozen[targets.state]).all()
    for at in range(len(states)):
        first, end = states.first[at], states.end[at]
        assert (events.user[first:end] == states.user[at]).all()
        rows = events.row[first:end]
        assert (log.time_ms[rows[rows >= 0]] < frozen[at]).all()
        rest = events.row[end:events.offsets[states.user[at] + 1]]
        assert (log.time_ms[rest[rest >= 0]] >= frozen[at]).all()  # nor is a past event missing


def test_test_days_share_one_state(bundle):
    states, targets = bundle.targets("test")
    assert len(np.unique(states.user)) == len(states)
    assert (dataset.frozen_day(np.array([13, 14])) == 13).all()


def test_earlier_targets_come_after_their_history(bundle):
    states, targets = dataset.earlier_states(bundle.events, bundle.data, np.random.default_rng(0), 8, 2)
    assert (targets.event >= states.end[targets.state]).all()
    assert (bundle.events.row[targets.event] == -1).all()
    assert (bundle.events.user[targets.event] == states.user[targets.state]).all()
    assert (targets.mask.sum(1) == 2).all()


def test_user_features_do_not_know_the_day_itself(bundle):
    """Changing every label from a day on changes no user feature of that day or before."""
    log, day = bundle.data.log, 6
    changed = bundle.signals.copy()
    changed[log.day >= day] = 1 - changed[log.day >= day]
    past = [stats.UserPast(bundle.data, signals) for signals in (bundle.signals, changed)]
    for one in past:  # the means to smooth towards are of all training days by design
        one.mean = past[0].mean
    rows = np.flatnonzero(log.day <= day)
    args = log.user[rows], log.tab[rows], log.day[rows]
    before, after = past[0].user(*args), past[1].user(*args)
    for name in before:
        if not name.endswith("_lift"):  # lifts subtract the tab's rate, a mean of all training days too
            assert np.array_equal(before[name], after[name]), name


def test_item_statistics_leave_the_targets_day_out(bundle):
    """An item shown on one training day only has, on that day, the statistics of an item never shown."""
    log = bundle.data.log
    train = np.isin(log.day, data.TRAIN_DAYS)
    shown = {}
    for item, day in zip(log.item[train], np.maximum(log.day[train], 1)):
        shown.setdefault(int(item), set()).add(int(day))
    column = bundle.item_stats.names.index("log_exposures")
    features = bundle.item_stats.features[:, :, column]
    never = features[stats.ALL].min()
    once = [(item, days.pop()) for item, days in shown.items() if len(days) == 1]
    assert once
    for item, day in once:
        assert features[day, item] == pytest.approx(features[day].min())
        assert features[stats.ALL, item] > never
    assert (dataset.variant_of(np.array([0, 1, 5, 12, 13])) == [1, 1, 5, stats.ALL, stats.ALL]).all()


def test_item_statistics_know_training_days_only(bundle):
    """Labels of validation and test days change nothing."""
    later = ~np.isin(bundle.data.log.day, data.TRAIN_DAYS)
    changed = bundle.signals.copy()
    changed[later] = 1 - changed[later]
    strengths = bundle.settings["item_statistics"]
    again = stats.item_stats(bundle.data, changed, strengths)
    assert np.allclose(again.features, bundle.item_stats.features)
