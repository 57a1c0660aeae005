"""Realistic /rank bodies made from the real logs: real histories, contexts and candidates."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np

from .build import Bundle
from .data import LABELS, TEST_DAYS, frozen_day


class RequestMaker:
    """Takes users of the test days as they stood at the end of 6 May, and the candidates that were shown then."""

    def __init__(self, bundle: Bundle, seed: int) -> None:
        self.bundle, self.rng = bundle, np.random.default_rng(seed)
        log = bundle.data.log
        self.rows = np.flatnonzero(np.isin(log.day, TEST_DAYS))
        self.shown = np.unique(log.item[self.rows])
        self.names = list(LABELS)
        self.by_user: Dict[int, List[int]] = {}
        for row in self.rows:
            self.by_user.setdefault(int(log.user[row]), []).append(int(row))

    def history(self, user: int, day: int, limit: int) -> List[Dict[str, Any]]:
        """The last `limit` events of a user before `day`, oldest first, as a frontend logs them."""
        events, log = self.bundle.events, self.bundle.data.log
        first, last = events.offsets[user], events.offsets[user + 1]
        end = first + int(np.searchsorted(events.day[first:last], day))
        result = []
        for at in range(max(first, end - limit), end):
            row = int(events.row[at])
            event: Dict[str, Any] = {"item": int(events.item[at])}
            if row < 0:
                given = [n for n in ("long_view", "like") if events.actions[at, self.bundle.config.actions.index(n)]]
            else:
                given = [name for k, name in enumerate(self.names) if log.labels[row, k]]
                event.update(watch_ms=int(log.watch_ms[row]), duration_ms=int(log.duration_ms[row]),
                             timestamp=int(log.time_ms[row] // 1000))
            if given:
                event["action"] = given if len(given) > 1 else given[0]
            result.append(event)
        return result

    def candidates(self, row: int, count: int) -> np.ndarray:
        """The row's item, what else the user was shown on the test days, then items shown to others; no repeats."""
        log = self.bundle.data.log
        own = list(dict.fromkeys(log.item[[row, *self.by_user[int(log.user[row])]]].tolist()))[:count]
        others = np.setdiff1d(self.shown, own)
        if count - len(own) > len(others):
            others = np.setdiff1d(np.arange(self.bundle.data.n_items), own)
        return np.array(own + self.rng.choice(others, max(0, min(count - len(own), len(others))), False).tolist())

    def request(self, row: int, count: int, limit: int, plain_ids: bool = False, **fields: Any) -> Dict[str, Any]:
        """One body for the context of a log row; plain ids leave all features out."""
        log, columns = self.bundle.data.log, self.bundle.columns
        user, time_ms = int(log.user[row]), int(log.time_ms[row])
        items = self.candidates(row, count)
        day = int(frozen_day(log.day[[row]], self.bundle.data.train_days)[0])
        body: Dict[str, Any] = {"user": {"id": str(user)}, "history": self.history(user, day, limit)}
        if plain_ids:
            body["candidates"] = items.tolist()
        else:
            body["user"]["features"] = columns.request_values(row)
            body["candidates"] = [{"item": int(item), "features": values} for item, values in
                                  zip(items, columns.candidate_values(items, time_ms))]
        body.update(fields)
        return body

    def rows_with(self, minimum: int, maximum: int) -> np.ndarray:
        """Test rows of users whose frozen history has minimum ... maximum events."""
        events, log = self.bundle.events, self.bundle.data.log
        user = log.user[self.rows]
        end = np.searchsorted(events.user * 64 + events.day + 1, user * 64 + TEST_DAYS[0] + 1)
        length = end - events.offsets[user]
        return self.rows[(length >= minimum) & (length <= maximum)]

    def pick(self, minimum: int, maximum: int) -> int:
        """A random test row, see rows_with; of any length if there is none."""
        rows = self.rows_with(minimum, maximum)
        return int(self.rng.choice(rows if len(rows) else self.rows))


def realistic(bundle: Bundle, count: int, candidates: int, history: int, plain_ids: bool,
              seed: int = 7) -> List[Dict[str, Any]]:
    """`count` bodies; users with at least `history` events come first, so that lengths are what was asked for."""
    maker = RequestMaker(bundle, seed)
    rows = maker.rows_with(history, 1 << 30)
    rows = maker.rng.permutation(rows)
    if len(rows) < count:
        rest = maker.rng.permutation(np.setdiff1d(maker.rows, rows))
        rows = np.concatenate([rows, rest])
    return [maker.request(int(rows[at % len(rows)]), candidates, history, plain_ids, request_id=f"kuairand-{at}")
            for at in range(count)]


def golden(bundle: Bundle, seed: int = 11) -> List[Dict[str, Any]]:
    """24 requests that cover the contract: histories of every length, unknown items, id forms, explain, overrides."""
    maker = RequestMaker(bundle, seed)
    limit = bundle.config.encoder.max_history

    def make(low: int, high: int, count: int, edit: Optional[Any] = None, **fields: Any) -> Dict[str, Any]:
        body = maker.request(maker.pick(low, high), count, limit + 20, explain=True, **fields)
        if edit is not None:
            edit(body)
        return body

    def strings(body: Dict[str, Any]) -> None:
        for at, candidate in enumerate(body["candidates"]):
            if at % 2:
                candidate["item"] = str(candidate["item"])
        for event in body["history"][::3]:
            event["item"] = str(event["item"])

    def unknown(body: Dict[str, Any]) -> None:
        body["candidates"][2:2] = [{"item": 999999999}, "no-such-item"]
        body["history"].insert(1, {"item": "gone", "action": ["click", "like"]})
        body["history"][-1]["action"] = ["click", "never_heard_of", "click"]

    def plain(body: Dict[str, Any]) -> None:
        body["candidates"] = [candidate["item"] for candidate in body["candidates"]]
        del body["user"]

    def empty(body: Dict[str, Any]) -> None:
        body["history"] = []

    def missing(body: Dict[str, Any]) -> None:
        body["user"]["features"] = {"hour": None, "tab": 77, "like_pct": None}

    def repeated(body: Dict[str, Any]) -> None:
        body["candidates"] += body["candidates"][:3]

    edits = [None, None, strings, unknown, plain, empty, missing, repeated]
    result = [make(0, 0, 12), make(1, 3, 15), make(100, 1 << 30, 60), make(50, 1 << 30, 100)]
    result += [make(4 + 5 * at, 1 << 30, 10 + at, edits[at % len(edits)]) for at in range(16)]
    result += [make(20, 60, 20, reward={"weights": {"like": 5.0, "short_view": -1.0}}),
               make(20, 60, 20, reward={"weights": {"click": 0, "combined": 1}}, top_k=5),
               make(20, 60, 18, strings, top_k=3), make(30, 60, 18, unknown, reward={"weights": {"hate": -50}})]
    return result


def warmup(bundle: Bundle, seed: int = 13) -> List[Dict[str, Any]]:
    """Five bodies, up to 500 candidates."""
    maker = RequestMaker(bundle, seed)
    shapes = [(0, 5, 50), (20, 40, 100), (50, 1 << 30, 200), (50, 1 << 30, 500), (10, 30, 500)]
    return [maker.request(maker.pick(low, high), count, bundle.config.encoder.max_history)
            for low, high, count in shapes]
