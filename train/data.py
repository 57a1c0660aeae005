"""Reads KuaiRand-Pure: exposures, earlier histories, user and video features.

Days are calendar days of Asia/Shanghai (UTC+8) taken from time_ms, numbered
from 24 April 2022 (a few exposures fall into that day's last hour).
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

FILES = {"log": "log_standard_4_25_to_5_08_pure.csv.gz", "history": "user_history_labeled_last50.csv.gz",
         "users": "user_features_pure.csv.gz", "videos": "video_features_basic_pure.csv.gz"}
LABELS = {"click": "is_click", "long_view": "long_view", "like": "is_like", "follow": "is_follow",
          "comment": "is_comment", "forward": "is_forward", "profile_enter": "is_profile_enter", "hate": "is_hate"}
FIRST_DAY = 19106  # 24 April 2022 in days since 1970-01-01
TRAIN_DAYS, VALIDATION_DAY, TEST_DAYS = tuple(range(0, 12)), 12, (13, 14)
PRIOR = -1  # the day of events before the log starts


@dataclass
class Log:
    """One exposure a row, in order of time. labels [N, 8] in the order of LABELS."""
    user: np.ndarray
    item: np.ndarray
    day: np.ndarray
    hour: np.ndarray
    tab: np.ndarray
    time_ms: np.ndarray
    labels: np.ndarray
    watch_ms: np.ndarray
    duration_ms: np.ndarray


@dataclass
class Prior:
    """Events before 25 April, oldest first within a user: flat arrays, user u at offsets[u]..offsets[u+1]."""
    offsets: np.ndarray
    item: np.ndarray
    long_view: np.ndarray
    like: np.ndarray
    total: np.ndarray
    last_time_ms: np.ndarray


@dataclass
class Data:
    log: Log
    prior: Prior
    users: Dict[str, np.ndarray]
    videos: Dict[str, np.ndarray]
    n_users: int
    n_items: int
    train_days: Tuple[int, ...] = TRAIN_DAYS

    def until(self, day: int) -> "Data":
        """The same data as it is trained on when `day` is over: the daily update's view."""
        return replace(self, train_days=tuple(range(day + 1)))


def _read(path: Path) -> List[List[str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def shanghai_day(time_ms: np.ndarray) -> np.ndarray:
    """Days since FIRST_DAY of a time in ms since 1970, in UTC+8."""
    return (time_ms // 1000 + 8 * 3600) // 86400 - FIRST_DAY


def frozen_day(day: np.ndarray, train_days: Tuple[int, ...] = TRAIN_DAYS) -> np.ndarray:
    """The day at whose start the user's state is frozen: the row's own day, 7 May for both test days.

    Where 7 May itself is trained on (a daily update), 8 May is a day of its own.
    """
    together = np.isin(day, TEST_DAYS) & (TEST_DAYS[0] not in train_days)
    return np.where(together, TEST_DAYS[0], day)


def load_log(folder: Path) -> Log:
    """The exposures without exact duplicates, in order of time (ties keep the file's order)."""
    header, *rows = _read(folder / FILES["log"])
    rows = list(dict.fromkeys(map(tuple, rows)))
    table = np.array(rows, dtype=np.int64)
    table = table[np.argsort(table[:, header.index("time_ms")], kind="stable")]
    column = {name: table[:, at] for at, name in enumerate(header)}
    time_ms = column["time_ms"]
    labels = np.stack([column[name] > 0 for name in LABELS.values()], 1)
    return Log(column["user_id"], column["video_id"], shanghai_day(time_ms), (time_ms // 3600000 + 8) % 24,
               column["tab"], time_ms, labels, column["play_time_ms"], column["duration_ms"])


def load_prior(folder: Path, n_users: int) -> Prior:
    """The last events of every user before the log starts."""
    _, *rows = _read(folder / FILES["history"])
    events: List[str] = [""] * n_users
    total, last = np.zeros(n_users, np.int64), np.zeros(n_users, np.int64)
    for user, length, last_time, text in rows:
        events[int(user)], total[int(user)], last[int(user)] = text, int(length), int(last_time)
    counts = np.array([text.count(" ") + 1 if text else 0 for text in events])
    flat = np.array([field.split(":") for text in events if text for field in text.split(" ")], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return Prior(offsets, flat[:, 0], flat[:, 1] > 0, flat[:, 2] > 0, total, last)


def load_table(path: Path, key: str) -> Dict[str, np.ndarray]:
    """A feature file by column, as strings, row = id (ids are 0, 1, 2 ... in both files)."""
    header, *rows = _read(path)
    rows.sort(key=lambda row: int(row[header.index(key)]))
    assert [int(row[header.index(key)]) for row in rows] == list(range(len(rows)))
    return {name: np.array([row[at] for row in rows]) for at, name in enumerate(header)}


def load(folder: Path) -> Data:
    """Everything under data/kuairand-pure."""
    folder = Path(folder)
    users = load_table(folder / FILES["users"], "user_id")
    videos = load_table(folder / FILES["videos"], "video_id")
    n_users, n_items = len(users["user_id"]), len(videos["video_id"])
    return Data(load_log(folder), load_prior(folder, n_users), users, videos, n_users, n_items)


def numbers(column: np.ndarray, missing: float = np.nan) -> np.ndarray:
    """A column of strings as float64; empty = missing."""
    return np.array([float(text) if text else missing for text in column])


def restrict(data: Data, users: int) -> Data:
    """The same data with the events of users 0 ... users - 1 alone, for quick runs and tests."""
    keep = data.log.user < users
    log = Log(**{name: values[keep] for name, values in vars(data.log).items()})
    offsets = np.minimum(data.prior.offsets, data.prior.offsets[users])
    end = offsets[-1]
    prior = Prior(offsets, data.prior.item[:end], data.prior.long_view[:end], data.prior.like[:end], data.prior.total,
                  data.prior.last_time_ms)
    return Data(log, prior, data.users, data.videos, data.n_users, data.n_items)
