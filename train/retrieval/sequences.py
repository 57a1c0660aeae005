"""Users' sequences for retrieval, and which events are held out.

Amazon (McAuley's 5-core reviews as one user a line): leave-one-out, the last event is for the test, the one before for
validation. KuaiRand-Pure: exposures in order of time with their feedback; the model learns to retrieve what is
answered positively; validation is 6 May, the test is 7 and 8 May, and a user's history is frozen before them.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

from ..data import FILES, PRIOR, TEST_DAYS, VALIDATION_DAY, Data, load
from ..dataset import event_store
from ..model_config import ModelConfig
from ..stats import SIGNALS, signal_matrix

AMAZON = {"beauty": "Beauty", "sports": "Sports_and_Outdoors", "toys": "Toys_and_Games"}


@dataclass
class Held:
    """Held-out events to retrieve: user, item and feedback (+1, 0 or -1) each [N]; history: the user's events before
    `end` [N] (a place in Sequences.item)."""
    user: np.ndarray
    item: np.ndarray
    feedback: np.ndarray
    end: np.ndarray

    def sample(self, count: int, seed: int = 17) -> "Held":
        """At most `count` of them, always the same."""
        if len(self.user) <= count:
            return self
        kept = np.sort(np.random.default_rng(seed).permutation(len(self.user))[:count])
        return Held(self.user[kept], self.item[kept], self.feedback[kept], self.end[kept])


@dataclass
class Sequences:
    """Events of user u at offsets[u]..offsets[u+1], in order of time; training may read up to train_end[u].

    item [E], feedback [E] int8, actions [E, A] bool; ids: the external id of each item row.
    """
    name: str
    offsets: np.ndarray
    item: np.ndarray
    feedback: np.ndarray
    actions: np.ndarray
    train_end: np.ndarray
    ids: List[str]
    held: Dict[str, Held]

    @property
    def n_items(self) -> int:
        return len(self.ids)

    def popularity(self) -> np.ndarray:
        """Training events of each item [V]."""
        place = np.arange(len(self.item))
        user = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        return np.bincount(self.item[place < self.train_end[user]], minlength=self.n_items)

    def window(self, first: np.ndarray, end: np.ndarray, limit: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The last `limit` events of first..end each: place [B, L] into the events, inside [B, L], lengths [B]."""
        lengths = np.minimum(end - first, limit)
        place = np.arange(max(1, int(lengths.max(initial=0))))[None, :]
        inside = place < lengths[:, None]
        return np.where(inside, (end - lengths)[:, None] + place, 0), inside, lengths


def load_amazon(path: Path, users: int = 0) -> Sequences:
    """One user a line: user id, then item ids, oldest first. users > 0 keeps only the first so many."""
    with gzip.open(path, "rt", encoding="ascii") as stream:
        lines = [line.split()[1:] for line in stream]
    lines = lines[:users] if users else lines
    lengths = np.array([len(line) for line in lines])
    flat = np.array([int(item) for line in lines for item in line])
    ids, item = np.unique(flat, return_inverse=True)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    last, user = offsets[1:] - 1, np.arange(len(lines))
    good = np.ones(len(lines), np.int8)
    held = {"validation": Held(user, item[last - 1], good, last - 1), "test": Held(user, item[last], good, last)}
    feedback, actions = np.ones(len(item), np.int8), np.zeros((len(item), 0), bool)
    return Sequences(path.name.split(".")[0], offsets, item, feedback, actions, last - 1,
                     [str(number) for number in ids], held)


def find_amazon(folder: Path, users: int = 0) -> Sequences:
    """`folder` names a data set inside the folder of the files: DATA/beauty is DATA/[amazon/]Beauty.txt.gz."""
    name = AMAZON.get(folder.name.lower(), folder.name)
    for path in (folder.parent / f"{name}.txt.gz", folder.parent / "amazon" / f"{name}.txt.gz"):
        if path.exists():
            return load_amazon(path, users)
    raise FileNotFoundError(f"{folder}: no {name}.txt.gz beside it or in amazon/")


def from_kuairand(data: Data, config: ModelConfig) -> Sequences:
    """Exposures with their actions; +1 for a long view, a like or stronger, -1 for hate or a short view without any.

    Of the held-out exposures those of items that the user had seen before are left out: they cannot be ranked.
    """
    signals = signal_matrix(data, config.derived_actions)
    events = event_store(data, config, signals)
    column = {name: signals[:, SIGNALS.index(name)] > 0 for name in SIGNALS}
    good = column["long_view"] | column["like"] | column["follow"] | column["forward"]
    bad = (column["hate"] | column["short_view"]) & ~good
    feedback = np.where(events.row >= 0, good[events.row].astype(np.int8) - bad[events.row], 0).astype(np.int8)
    early = events.row < 0
    names = [config.actions.index(name) for name in ("long_view", "like")]
    feedback[early] = events.actions[early][:, names].any(1)
    ends = {name: _first_of_day(events, day) for name, day in (("validation", VALIDATION_DAY), ("test", TEST_DAYS[0]))}
    held = {}
    for part, days in (("validation", (VALIDATION_DAY,)), ("test", TEST_DAYS)):
        at = np.flatnonzero(np.isin(events.day, days))
        end = ends[part][events.user[at]]
        key = events.user * data.n_items + events.item
        before = np.unique(key[np.arange(len(key)) < ends[part][events.user]])
        kept = ~np.isin(key[at], before)
        held[part] = Held(events.user[at][kept], events.item[at][kept], feedback[at][kept], end[kept])
    return Sequences("KuaiRand-Pure", events.offsets, events.item, feedback, events.actions, ends["validation"],
                     [str(item) for item in range(data.n_items)], held)


def _first_of_day(events: Any, day: int) -> np.ndarray:
    """Each user's first event of `day` or later: [U] places in Events."""
    key = events.user * 64 + events.day - PRIOR
    return np.searchsorted(key, np.arange(len(events.offsets) - 1) * 64 + day - PRIOR)


def find_sequences(folder: Path, config: ModelConfig, users: int = 0) -> Sequences:
    """KuaiRand-Pure if `folder` holds its log, else the Amazon set that the folder's name names."""
    if (folder / FILES["log"]).exists():
        return from_kuairand(load(folder), config)
    return find_amazon(folder, users)
