"""What a table consists of: its rows, and the training config that each stands for."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List

from ..strict import from_json

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


@dataclass
class Row:
    """One row: the tasks that are switched on, and what else differs from the config (`set`, merged into it)."""
    name: str
    title: str
    tasks: List[str] = field(default_factory=list)
    set: Dict[str, Any] = field(default_factory=dict)


@dataclass
class Plan:
    """config: a file beside the plan's; contrast: settings of the tasks that rows switch on by name."""
    config: str
    seeds: List[int]
    contrast: Dict[str, Any]
    rows: List[Dict[str, Any]]

    def row(self, name: str) -> Row:
        """The row called `name`."""
        for raw in self.rows:
            if raw["name"] == name:
                return from_json(Row, raw, f"rows.{name}.")
        raise KeyError(f"no row {name}; there are {', '.join(raw['name'] for raw in self.rows)}")

    def tasks(self, names: List[str]) -> Dict[str, Any]:
        """The "contrast" object of a config with these tasks."""
        return {name: copy.deepcopy(self.contrast[name]) for name in names}

    def settings(self, row: Row) -> Dict[str, Any]:
        """The training config of a row."""
        base = json.loads((CONFIGS / self.config).read_text(encoding="utf-8"))
        base["contrast"] = self.tasks(row.tasks)
        return merged(base, row.set)


def merged(base: Dict[str, Any], more: Dict[str, Any]) -> Dict[str, Any]:
    """`base` with `more` written over it, objects key by key."""
    result = dict(base)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result


def load_plan(name: str) -> Plan:
    """The plan in configs/<name>.json."""
    return from_json(Plan, json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8")))
