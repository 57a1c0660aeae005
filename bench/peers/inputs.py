"""From a /rank request to the graph's inputs: ids to rows, events to actions, events to positive and negative places.

No torch in here: the server that serves the graph imports it.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

import numpy as np

INPUT_NAMES = ("history", "actions", "positive", "negative", "candidates", "weights")
_AT_LEAST = {"watch_ms_at_least": False, "watch_ratio_at_least": True}
_BELOW = {"watch_ms_below": False, "watch_ratio_below": True}


class Inputs(NamedTuple):
    """The graph's inputs, in its order."""
    history: np.ndarray
    actions: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    candidates: np.ndarray
    weights: np.ndarray


class Counters(NamedTuple):
    """`history` of the answer."""
    used: int
    unknown_items: int
    unknown_actions: int


def _last(places: List[int], count: int) -> List[int]:
    return places[-count:] if count > 0 else []


class InputMaker:
    """Knows one model: its ids, actions and feedback sets."""

    def __init__(self, config: Dict[str, Any], ids: np.ndarray) -> None:
        self.rows: Dict[int, int] = {item: row for row, item in enumerate(ids.tolist())}
        self.actions: Dict[str, int] = {name: at for at, name in enumerate(config["actions"])}
        self.longest: int = config["encoder"]["max_history"]
        self.derived = [(self.actions[rule["name"]], *self._condition(rule))
                        for rule in config.get("derived_actions", [])]
        positive, negative = config["feedback"]["positive"], config["feedback"]["negative"]
        self.positive, self.max_positive = self._set(positive["actions"]), positive["max"]
        self.explicit, self.implicit = self._set(negative["explicit"]), self._set(negative.get("implicit", []))
        self.max_negative = negative["max"]
        self.signals: List[str] = config["signals"]
        self.weights: Dict[str, float] = config["reward"]["weights"]

    @staticmethod
    def _condition(rule: Dict[str, Any]) -> Tuple[bool, bool, float]:
        """(of the ratio, at least, threshold)."""
        for key in rule:
            if key in _BELOW:
                return _BELOW[key], False, rule[key]
            if key in _AT_LEAST:
                return _AT_LEAST[key], True, rule[key]
        raise ValueError("a derived action without a condition")

    def _set(self, names: List[str]) -> Set[int]:
        return {self.actions[name] for name in names}

    def row(self, item: Any) -> Optional[int]:
        """Row of an id; 12 and "12" name the same item."""
        if isinstance(item, str):
            try:
                number = int(item)
            except ValueError:
                return None
            return self.rows.get(number) if str(number) == item else None
        return self.rows.get(item)

    def _derived(self, event: Dict[str, Any]) -> Set[int]:
        found = set()
        watch, duration = event.get("watch_ms"), event.get("duration_ms")
        for action, of_ratio, at_least, threshold in self.derived:
            if watch is None or (of_ratio and not duration):
                continue
            value = watch / duration if of_ratio else watch
            if (value >= threshold) == at_least:
                found.add(action)
        return found

    def events(self, history: List[Dict[str, Any]]) -> Tuple[List[int], List[Set[int]], Counters]:
        """Rows and actions of the events that are kept."""
        rows, actions, unknown_items, unknown_actions = [], [], 0, 0
        for event in history:
            named = event.get("action") or ()
            named = (named,) if isinstance(named, str) else named
            known = {self.actions[name] for name in named if name in self.actions}
            unknown_actions += sum(name not in self.actions for name in named)
            row = self.row(event["item"])
            if row is None:
                unknown_items += 1
                continue
            rows.append(row)
            actions.append(known | self._derived(event))
        rows, actions = rows[-self.longest:], actions[-self.longest:]
        return rows, actions, Counters(len(rows), unknown_items, unknown_actions)

    def feedback(self, actions: List[Set[int]]) -> Tuple[List[int], List[int]]:
        """Places of the positive and of the negative events."""
        positive = [at for at, found in enumerate(actions) if found & self.positive]
        explicit = [at for at, found in enumerate(actions) if found & self.explicit]
        implicit = [at for at, found in enumerate(actions) if found & self.implicit and not found & self.explicit]
        chosen = _last(explicit, self.max_negative)
        chosen += _last(implicit, self.max_negative - len(chosen))
        return _last(positive, self.max_positive), sorted(chosen)

    def make(self, history: List[Dict[str, Any]], candidate_rows: List[int],
             weights: Optional[Dict[str, float]] = None) -> Tuple[Inputs, Counters]:
        """The inputs for candidates that are in the table."""
        rows, actions, counters = self.events(history)
        hot = np.zeros((len(rows), len(self.actions)), np.float32)
        for at, found in enumerate(actions):
            hot[at, list(found)] = 1.0
        positive, negative = self.feedback(actions)
        merged = {**self.weights, **(weights or {})}
        return Inputs(np.array(rows, np.int64), hot, np.array(positive, np.int64), np.array(negative, np.int64),
                      np.array(candidate_rows, np.int64),
                      np.array([merged.get(name, 0.0) for name in self.signals], np.float32)), counters
