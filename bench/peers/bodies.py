"""Request bodies for the reference model: a full history and N candidates, one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List

import numpy as np

SHORT_VIEW_MS = 3000


@dataclass(frozen=True)
class Shares:
    """What part of the history's events bears which kind of action.

    A positive event has "click", every fourth of them "like" as well; a negative one was watched for less than
    SHORT_VIEW_MS, so that the server derives "short_view"; an event of `hate` has "hate" written in it. An event may
    be both positive and negative: clicked, and left again.
    """
    positive: float = 1.0
    negative: float = 0.4
    hate: float = 0.04


class BodyMaker:
    """Draws items evenly from the table and spreads actions evenly over the history."""

    def __init__(self, ids: np.ndarray, shares: Shares, features: int, seed: int) -> None:
        self.ids, self.shares, self.features = ids, shares, features
        self.rng = np.random.default_rng(seed)

    def _chosen(self, share: float, length: int) -> set:
        return set(self.rng.choice(length, round(share * length), replace=False).tolist())

    def history(self, length: int) -> List[Dict[str, Any]]:
        """`length` events, oldest first."""
        positive = self._chosen(self.shares.positive, length)
        negative = sorted(self._chosen(self.shares.negative, length))
        hate = set(self.rng.permutation(negative)[:round(self.shares.hate * length)].tolist())
        events = []
        for place, item in enumerate(self.rng.choice(self.ids, length).tolist()):
            actions = ["click"] if place in positive else []
            actions += ["like"] if place in positive and place % 4 == 0 else []
            actions += ["hate"] if place in hate else []
            short = place in negative
            watch_ms = int(self.rng.integers(200, SHORT_VIEW_MS) if short else self.rng.integers(SHORT_VIEW_MS, 60000))
            event: Dict[str, Any] = {"item": item}
            if actions:
                event["action"] = actions if len(actions) > 1 else actions[0]
            event.update(watch_ms=watch_ms, duration_ms=int(self.rng.integers(5000, 90000)))
            events.append(event)
        return events

    def candidates(self, count: int) -> List[Any]:
        """Distinct ids, plain or with features."""
        ids = self.rng.choice(self.ids, count, replace=count > len(self.ids)).tolist()
        if not self.features:
            return ids
        values = self.rng.normal(10.0, 3.0, (count, self.features)).round(2).tolist()
        return [{"item": item, "features": {f"feature_{k}": value for k, value in enumerate(row)}}
                for item, row in zip(ids, values)]

    def body(self, candidates: int, history: int, **fields: Any) -> Dict[str, Any]:
        """One /rank request."""
        return {"user": {"id": f"user-{int(self.rng.integers(1 << 30))}"}, "history": self.history(history),
                "candidates": self.candidates(candidates), **fields}


def write_bodies(path: Path, bodies: Iterable[Dict[str, Any]]) -> None:
    """One JSON object a line, without spaces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(body, separators=(",", ":")) + "\n" for body in bodies), encoding="utf-8")


def read_bodies(path: Path) -> List[Dict[str, Any]]:
    """The inverse of write_bodies."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
