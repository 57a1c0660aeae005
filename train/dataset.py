"""States, targets and batches.

An event store holds every user's events in order: the earlier ones first, then
the log's. A state is a user and the number of his events that are over when
the state is frozen: at the start of the day of its targets (training), of 6
May (validation) or of 7 May (both test days). No event of the target's own day
is ever in its history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy as np
import torch

from .data import LABELS, PRIOR, TRAIN_DAYS, Data, frozen_day
from .features import FeatureColumns
from .model import Batch
from .model_config import ModelConfig
from .stats import ALL, N_FOLDS, SIGNALS, derived_action, prior_features


@dataclass
class Events:
    """Every event of every user, sorted by user, then time; user u at offsets[u]..offsets[u+1].

    row is the log's row or -1 for an earlier event; actions [E, n_actions] bool, derived ones included.
    """
    offsets: np.ndarray
    user: np.ndarray
    item: np.ndarray
    day: np.ndarray
    row: np.ndarray
    actions: np.ndarray


def event_store(data: Data, config: ModelConfig, signals: np.ndarray) -> Events:
    """Builds the store from the earlier histories and the log."""
    log, prior = data.log, data.prior
    prior_user = np.repeat(np.arange(data.n_users), np.diff(prior.offsets))
    early, late = len(prior.item), len(log.item)
    user = np.concatenate([prior_user, log.user])
    row = np.concatenate([np.full(early, -1), np.arange(late)])
    day = np.concatenate([np.full(early, PRIOR), log.day])
    actions = np.zeros((early + late, len(config.actions)), bool)
    for name, values in (("long_view", prior.long_view), ("like", prior.like)):
        actions[:early, config.actions.index(name)] = values
    for name in config.actions:
        if name in SIGNALS and name != "short_view":
            actions[early:, config.actions.index(name)] = signals[:, SIGNALS.index(name)] > 0
    for rule in config.derived_actions:
        actions[early:, config.actions.index(rule.name)] |= derived_action(
            config.derived_actions, rule.name, log.watch_ms, log.duration_ms)
    order = np.lexsort((np.arange(early + late), user))  # the log is in order of time
    offsets = np.searchsorted(user[order], np.arange(data.n_users + 1))
    return Events(offsets, user[order], np.concatenate([prior.item, log.item])[order], day[order], row[order],
                  actions[order])


def safe_skips(events: Events, data: Data, ratio: float) -> np.ndarray:
    """[E] bool: training events that may be taken for negative feedback though nobody said so.

    The duration is known, less than `ratio` of it was watched, and the user liked, followed for or forwarded the item
    neither before nor after.
    """
    log, row = data.log, events.row
    duration = np.where(row >= 0, log.duration_ms[row], 0)
    short = (duration > 0) & (log.watch_ms[row] < ratio * duration) & np.isin(events.day, data.train_days)
    fond = np.zeros(len(row), bool)
    early = row < 0
    fond[early] = data.prior.like[:early.sum()]
    names = list(LABELS)
    columns = [names.index(name) for name in ("like", "follow", "forward")]
    fond[~early] = log.labels[row[~early]][:, columns].any(1)
    key = events.user * data.n_items + events.item
    return short & ~np.isin(key, key[fond])


@dataclass
class States:
    """Frozen users: his events are first..end (end exclusive); variant = which item statistics to read."""
    user: np.ndarray
    first: np.ndarray
    end: np.ndarray
    variant: np.ndarray

    def __len__(self) -> int:
        return len(self.user)


@dataclass
class Targets:
    """Rows to score, sorted by state: item, labels [N, 9], mask [N, 9] (1 = the label is known).

    log_row is the row of the log; for targets from the earlier histories it is -1 and event is their place in Events.
    """
    state: np.ndarray
    item: np.ndarray
    labels: np.ndarray
    mask: np.ndarray
    log_row: np.ndarray
    event: np.ndarray

    @property
    def from_log(self) -> bool:
        return len(self.log_row) == 0 or self.log_row[0] >= 0


def variant_of(day: np.ndarray, train_days: Tuple[int, ...] = TRAIN_DAYS) -> np.ndarray:
    """Which item statistics a row of that day may see."""
    return np.where(np.isin(day, train_days), np.maximum(day, 1), ALL)


def log_states(events: Events, data: Data, signals: np.ndarray, days: Tuple[int, ...]) -> Tuple[States, Targets]:
    """One state a user and frozen day, one target a row of the log on `days`."""
    log = data.log
    rows = np.flatnonzero(np.isin(log.day, days))
    key = log.user[rows] * 64 + frozen_day(log.day[rows], data.train_days)
    keys, state = np.unique(key, return_inverse=True)
    user, day = keys // 64, keys % 64
    event_key = events.user * 64 + events.day + 1
    end = np.searchsorted(event_key, user * 64 + day + 1)
    states = States(user, events.offsets[user], end, variant_of(day, data.train_days))
    order = np.argsort(state, kind="stable")
    rows = rows[order]
    return states, Targets(state[order], log.item[rows], signals[rows], np.ones((len(rows), len(SIGNALS)), np.float32),
                           rows, np.full(len(rows), -1))


def earlier_states(events: Events, data: Data, rng: np.random.Generator, width: int,
                   repeat: int) -> Tuple[States, Targets]:
    """Extra training targets from the earlier histories: a random cut a user, the next `width` events are targets.

    Only long_view and like are known there; the statistics leave the user's fold out.
    """
    users = np.repeat(np.arange(data.n_users), repeat)
    count = np.diff(data.prior.offsets)[users]
    users, count = users[count >= 2], count[count >= 2]
    cut = (rng.random(len(users)) * np.maximum(count - width // 2, 1)).astype(np.int64)
    first = events.offsets[users]
    states = States(users, first, first + cut, ALL + 1 + users % N_FOLDS)
    taken = np.minimum(width, count - cut)
    state = np.repeat(np.arange(len(users)), taken)
    place = np.arange(len(state)) - np.repeat(np.cumsum(taken) - taken, taken)
    event = (first + cut)[state] + place
    labels = np.zeros((len(event), len(SIGNALS)), np.float32)
    mask = np.zeros_like(labels)
    for name in ("long_view", "like"):
        column = SIGNALS.index(name)
        prior_row = data.prior.offsets[users[state]] + cut[state] + place
        labels[:, column] = getattr(data.prior, name)[prior_row]
        mask[:, column] = 1
    return states, Targets(state, events.item[event], labels, mask, np.full(len(event), -1), event)


class Batcher:
    """Makes torch batches out of states and targets."""

    def __init__(self, config: ModelConfig, data: Data, events: Events, columns: FeatureColumns) -> None:
        self.config, self.data, self.events, self.columns = config, data, events, columns
        early = np.stack([data.prior.long_view, data.prior.like], 1)
        self.early_sums = np.concatenate([np.zeros((1, 2)), np.cumsum(early, 0)])

    @staticmethod
    def window(states: States, chosen: np.ndarray, limit: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The last `limit` events of chosen states: places in Events [B, L], which count [B, L], lengths [B]."""
        end = states.end[chosen]
        lengths = np.minimum(end - states.first[chosen], limit)
        place = np.arange(max(1, int(lengths.max(initial=0))))[None, :]
        inside = place < lengths[:, None]
        return np.where(inside, (end - lengths)[:, None] + place, 0), inside, lengths

    def history(self, states: States, chosen: np.ndarray) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Items [B, L], actions [B, L, n_actions] float32, lengths [B] of chosen states."""
        index, inside, lengths = self.window(states, chosen, self.config.encoder.max_history)
        items = np.where(inside, self.events.item[index], 0)
        actions = self.events.actions[index] & inside[:, :, None]
        return torch.from_numpy(items), torch.from_numpy(actions).float(), torch.from_numpy(lengths)

    def batch(self, states: States, targets: Targets, chosen: np.ndarray, rows: np.ndarray,
              state_of_row: np.ndarray) -> Batch:
        """chosen: states of the batch; rows: its targets; state_of_row: their place in `chosen`."""
        history, actions, lengths = self.history(states, chosen)
        if targets.from_log:
            user, candidate = self.columns.log_rows(targets.log_row[rows])
        else:
            state = targets.state[rows]
            users = states.user[state]
            begin = self.data.prior.offsets[users]
            count = states.end[state] - states.first[state]
            sums = self.early_sums[begin + count] - self.early_sums[begin]
            past = prior_features(sums, count, self.data.prior.total[users])
            user, candidate = self.columns.earlier_rows(users, past)
        return Batch(history, actions, lengths, torch.from_numpy(user[0]), torch.from_numpy(user[1]),
                     torch.arange(len(rows)), torch.from_numpy(state_of_row), torch.from_numpy(targets.item[rows]),
                     torch.from_numpy(candidate[0]), torch.from_numpy(candidate[1]))


def grouped(states: States, targets: Targets, size: int, rng: Optional[np.random.Generator] = None
            ) -> List[Tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Batches of about `size` states of one variant: (variant, states, target rows, place of each row's state).

    targets.state must be sorted. Shuffled if rng is given.
    """
    starts = np.searchsorted(targets.state, np.arange(len(states) + 1))
    result = []
    for variant in np.unique(states.variant):
        members = np.flatnonzero(states.variant == variant)
        if rng is not None:
            members = rng.permutation(members)
        for chosen in np.array_split(members, max(1, round(len(members) / size))):
            counts = starts[chosen + 1] - starts[chosen]
            place = np.repeat(np.arange(len(chosen)), counts)
            rows = np.repeat(starts[chosen] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
            result.append((int(variant), chosen, rows, place))
    return result
