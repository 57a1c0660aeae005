"""From a training config to everything that training needs: data, statistics, states, the model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union

import numpy as np
import torch
from torch import nn

from . import stats
from .data import TEST_DAYS, VALIDATION_DAY, Data, load
from .dataset import Batcher, Events, States, Targets, event_store, log_states
from .features import FeatureColumns
from .item_tower import ItemTower
from .losses import combined_reward, watch_term
from .model import Model
from .model_config import Feature, ModelConfig, derived_rules, parse_config

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_CONFIG = ROOT / "train" / "configs" / "kuairand.json"
DEFAULT_DATA = ROOT / "data" / "kuairand-pure"


Part = Union[str, Tuple[int, ...]]


@dataclass
class Bundle:
    """The data side of a run; reward [N] is R(u, i) of every log row."""
    settings: Dict[str, Any]
    data: Data
    signals: np.ndarray
    reward: np.ndarray
    item_stats: stats.ItemStats
    columns: FeatureColumns
    config: ModelConfig
    events: Events
    batcher: Batcher

    def targets(self, part: Part) -> "tuple[States, Targets]":
        """States and targets of train, validation, test, or of a tuple of days of the log."""
        named = {"train": self.data.train_days, "validation": (VALIDATION_DAY,), "test": TEST_DAYS}
        return log_states(self.events, self.data, self.signals, named.get(part, part))


def load_settings(path: Path) -> Dict[str, Any]:
    """The training config (JSON)."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _feature_json(feature: Feature) -> Dict[str, Any]:
    entry = asdict(feature)
    keys = ("name", "type", "mean", "std", "log1p") if feature.type == "numeric" else ("name", "type", "values", "dim")
    return {key: list(entry[key]) if key == "values" else entry[key] for key in keys}


def model_json(settings: Dict[str, Any], columns: FeatureColumns) -> Dict[str, Any]:
    """The config.json of the model folder."""
    model = dict(settings["model"])
    raw = {"format": "rankd-model/1", "name": settings["name"], **model}
    raw["features"] = {"user": [_feature_json(f) for f in columns.user],
                       "candidate": [_feature_json(f) for f in columns.candidate]}
    raw["signals"] = [*stats.SIGNALS, "combined"]
    raw["reward"] = {"type": "additive", "weights": settings["reward"]["weights"]}
    return raw


def realised_reward(options: Dict[str, Any], data: Data, signals: np.ndarray) -> np.ndarray:
    """R(u, i) of every log row, as the config's "reward" says."""
    log, watch = data.log, options["watch"]
    term = watch_term(watch["term"], log.watch_ms / 1000.0, log.duration_ms / 1000.0,
                      signals[:, stats.SIGNALS.index("long_view")])
    return combined_reward(signals, stats.SIGNALS, options["weights"], options["maximum"], watch["weight"] * term)


def build(settings: Dict[str, Any], folder: Path = DEFAULT_DATA, data: Optional[Data] = None,
          fixed: Optional[ModelConfig] = None) -> Bundle:
    """Loads the data (unless given) and prepares features, statistics and events.

    `fixed` is the config of an earlier model whose features are kept as they were normalised then.
    """
    data = load(folder) if data is None else data
    signals = stats.signal_matrix(data, derived_rules(settings["model"]))
    columns = FeatureColumns(data, signals, settings["features"], fixed)
    config = parse_config(model_json(settings, columns))
    events = event_store(data, config, signals)
    reward = realised_reward(settings["reward"], data, signals)
    item_stats = stats.item_stats(data, signals, settings["item_statistics"])
    batcher = Batcher(config, data, events, columns)
    return Bundle(settings, data, signals, reward, item_stats, columns, config, events, batcher)


class Trainee(nn.Module):
    """The served model without its table, what makes the table (`tower`), and auxiliary tasks (`contrast`)."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        tower = bundle.settings["item_tower"]
        self.model = Model(bundle.config, rows=0, unknown=True, cold_start=True)
        self.tower = ItemTower(bundle.data, bundle.item_stats, bundle.config.dim, tower["hidden"], tower["id_std"])
        self.tower.id_dropout = tower["id_dropout"]
        self.contrast = nn.ModuleDict()
        dropout = bundle.settings["dropout"]
        self.model.set_dropout(dropout["encoder"], dropout["ranker"])
