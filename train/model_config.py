"""Reads and checks a model folder's config.json (format rankd-model/1).

Unknown keys, wrong types and values out of range raise ConfigError; keys of
another type of encoder or ranker are allowed and ignored.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

ACTIVATIONS = ("relu", "gelu", "gelu_tanh", "silu")
CONDITIONS = ("watch_ms_below", "watch_ratio_below", "watch_ms_at_least", "watch_ratio_at_least")


class ConfigError(ValueError):
    """config.json breaks a rule; the message starts with the key."""


@dataclass(frozen=True)
class DerivedAction:
    """An action that the server adds to an event from its watch time."""
    name: str
    condition: str
    threshold: float


@dataclass(frozen=True)
class Feature:
    """One context feature; numeric has mean, std, log1p; categorical has values and dim."""
    name: str
    type: str
    mean: float = 0.0
    std: float = 1.0
    log1p: bool = False
    values: Tuple[Any, ...] = ()
    dim: int = 1

    @property
    def width(self) -> int:
        """How many numbers the feature adds to the context vector."""
        return 1 if self.type == "numeric" else self.dim


@dataclass(frozen=True)
class EncoderConfig:
    type: str
    max_history: int
    layers: int = 1
    heads: int = 1
    ffn: int = 1
    activation: str = "relu"
    norm: str = "pre"
    position: str = "none"
    use_actions: bool = False
    input_norm: bool = False
    scale_embedding: bool = False
    final_norm: bool = False
    norm_eps: float = 1e-5


@dataclass(frozen=True)
class Polarity:
    """A feedback set: the last `max` events with one of `explicit`, filled up with `implicit` ones."""
    explicit: Tuple[str, ...]
    implicit: Tuple[str, ...]
    max: int


@dataclass(frozen=True)
class RankerConfig:
    type: str
    hidden: Tuple[int, ...] = ()
    tower_hidden: Tuple[int, ...] = ()
    activation: str = "relu"
    cross_layers: int = 1
    experts: int = 1
    attention_heads: Optional[int] = None


@dataclass(frozen=True)
class RewardConfig:
    type: str
    weights: Dict[str, float] = field(default_factory=dict)
    signal: Optional[str] = None
    rank_offset: float = 0.0


@dataclass(frozen=True)
class ModelConfig:
    """config.json, checked; `raw` is the JSON object itself."""
    raw: Dict[str, Any]
    dim: int
    actions: Tuple[str, ...]
    derived_actions: Tuple[DerivedAction, ...]
    encoder: EncoderConfig
    positive: Optional[Polarity]
    negative: Optional[Polarity]
    user_features: Tuple[Feature, ...]
    candidate_features: Tuple[Feature, ...]
    ranker: RankerConfig
    signals: Tuple[str, ...]
    reward: RewardConfig
    golden_tolerance: float


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class _Reader:
    """Takes keys out of one JSON object and, at the end, refuses those that nobody took."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: not an object")
        self.value, self.where, self.taken = value, where, set()

    def get(self, key: str, default: Any = None, required: bool = False) -> Any:
        self.taken.add(key)
        if key not in self.value and required:
            raise ConfigError(f"{self.where}{key}: missing")
        return self.value.get(key, default)

    def integer(self, key: str, low: int, high: int, default: Optional[int] = None) -> int:
        value = self.get(key, default, default is None)
        if type(value) is not int or not low <= value <= high:
            raise ConfigError(f"{self.where}{key}: not an integer in {low} ... {high}")
        return value

    def boolean(self, key: str) -> bool:
        value = self.get(key, False)
        if type(value) is not bool:
            raise ConfigError(f"{self.where}{key}: not a boolean")
        return value

    def number(self, key: str, default: Optional[float] = None, above: float = -math.inf) -> float:
        value = self.get(key, default, default is None)
        if not _is_number(value) or value <= above:
            raise ConfigError(f"{self.where}{key}: not a number > {above}")
        return value

    def choice(self, key: str, allowed: Tuple[str, ...], default: Optional[str] = None) -> str:
        value = self.get(key, default, default is None)
        if value not in allowed:
            raise ConfigError(f"{self.where}{key}: not one of {', '.join(allowed)}")
        return value

    def names(self, key: str, default: Optional[List[str]] = None, known: Tuple[str, ...] = None) -> Tuple[str, ...]:
        value = self.get(key, default, default is None)
        if not isinstance(value, list) or any(not isinstance(name, str) or not name for name in value):
            raise ConfigError(f"{self.where}{key}: not a list of names")
        if len(set(value)) != len(value):
            raise ConfigError(f"{self.where}{key}: a name stands there twice")
        if known is not None and not set(value) <= set(known):
            raise ConfigError(f"{self.where}{key}: not in actions: {sorted(set(value) - set(known))}")
        return tuple(value)

    def sizes(self, key: str, default: Optional[List[int]] = None) -> Tuple[int, ...]:
        value = self.get(key, default, default is None)
        if not isinstance(value, list) or any(type(size) is not int or size < 1 for size in value):
            raise ConfigError(f"{self.where}{key}: not a list of integers >= 1")
        return tuple(value)

    def finish(self) -> None:
        unknown = sorted(set(self.value) - self.taken)
        if unknown:
            raise ConfigError(f"{self.where}{unknown[0]}: unknown key")


def _derived(entries: Any, actions: Tuple[str, ...]) -> Tuple[DerivedAction, ...]:
    if not isinstance(entries, list):
        raise ConfigError("derived_actions: not a list")
    result = []
    for index, entry in enumerate(entries):
        reader = _Reader(entry, f"derived_actions[{index}].")
        name = reader.get("name", required=True)
        if name not in actions:
            raise ConfigError(f"derived_actions[{index}].name: not in actions")
        conditions = [key for key in CONDITIONS if key in entry]
        if len(conditions) != 1:
            raise ConfigError(f"derived_actions[{index}]: wants one condition")
        result.append(DerivedAction(name, conditions[0], reader.number(conditions[0])))
        reader.finish()
    return tuple(result)


def derived_rules(raw: Dict[str, Any]) -> Tuple[DerivedAction, ...]:
    """The derived actions of a (not yet complete) config.json."""
    return _derived(raw.get("derived_actions", []), tuple(raw.get("actions", [])))


def _encoder(value: Any, dim: int) -> EncoderConfig:
    r = _Reader(value, "encoder.")
    kind = r.choice("type", ("sasrec", "gru4rec", "mean"))
    sasrec = kind == "sasrec"
    config = EncoderConfig(
        type=kind, max_history=r.integer("max_history", 1, 65536),
        layers=r.integer("layers", 1, 1024, 1 if kind == "mean" else None),
        heads=r.integer("heads", 1, 4096, None if sasrec else 1),
        ffn=r.integer("ffn", 1, 1 << 20, None if sasrec else 1),
        activation=r.choice("activation", ACTIVATIONS, None if sasrec else "relu"),
        norm=r.choice("norm", ("pre", "post", "query"), None if sasrec else "pre"),
        position=r.choice("position", ("none", "from_start", "from_end"), "none"),
        use_actions=r.boolean("use_actions"), input_norm=r.boolean("input_norm"),
        scale_embedding=r.boolean("scale_embedding"), final_norm=r.boolean("final_norm") and sasrec,
        norm_eps=r.number("norm_eps", 1e-5, 0.0))
    r.finish()
    if sasrec and dim % config.heads:
        raise ConfigError("encoder.heads: does not divide dim")
    return config


def _feedback(value: Any, actions: Tuple[str, ...]) -> Tuple[Optional[Polarity], Optional[Polarity]]:
    top = _Reader(value, "feedback.")
    positive = negative = None
    if top.get("positive") is not None:
        r = _Reader(value["positive"], "feedback.positive.")
        positive = Polarity(r.names("actions", known=actions), (), r.integer("max", 1, 65536))
        r.finish()
    if top.get("negative") is not None:
        r = _Reader(value["negative"], "feedback.negative.")
        negative = Polarity(r.names("explicit", known=actions), r.names("implicit", [], actions),
                            r.integer("max", 1, 65536))
        r.finish()
    top.finish()
    return positive, negative


def _features(entries: Any, where: str) -> Tuple[Feature, ...]:
    if not isinstance(entries, list):
        raise ConfigError(f"{where}: not a list")
    result = []
    for index, entry in enumerate(entries):
        r = _Reader(entry, f"{where}[{index}].")
        name, kind = r.get("name", required=True), r.choice("type", ("numeric", "categorical"))
        if not isinstance(name, str) or not name or name in [f.name for f in result]:
            raise ConfigError(f"{where}[{index}].name: empty or not unique")
        if kind == "numeric":
            result.append(Feature(name, kind, r.number("mean"), r.number("std", above=0.0), r.boolean("log1p")))
        else:
            values = r.get("values", required=True)
            if not isinstance(values, list) or any(type(value) not in (int, str) for value in values):
                raise ConfigError(f"{where}[{index}].values: not a list of strings and integers")
            result.append(Feature(name, kind, values=tuple(values), dim=r.integer("dim", 1, 4096)))
        r.finish()
    return tuple(result)


def _ranker(value: Any, dim: int) -> RankerConfig:
    r = _Reader(value, "ranker.")
    kind = r.choice("type", ("mlp", "dcn_v2", "mmoe", "dot"))
    heads = None
    if r.get("target_attention") is not None:
        attention = _Reader(value["target_attention"], "ranker.target_attention.")
        heads = attention.integer("heads", 1, 4096)
        attention.finish()
        if dim % heads:
            raise ConfigError("ranker.target_attention.heads: does not divide dim")
    layers = 1
    if r.get("cross", required=kind == "dcn_v2") is not None:
        cross = _Reader(value["cross"], "ranker.cross.")
        layers = cross.integer("layers", 1, 1024)
        cross.finish()
    dot = kind == "dot"
    config = RankerConfig(kind, r.sizes("hidden", [] if dot else None), r.sizes("tower_hidden", []),
                          r.choice("activation", ACTIVATIONS, "relu" if dot else None), layers,
                          r.integer("experts", 1, 1024, None if kind == "mmoe" else 1), heads)
    r.finish()
    return config


def _reward(value: Any, signals: Tuple[str, ...]) -> RewardConfig:
    r = _Reader(value, "reward.")
    kind = r.choice("type", ("additive", "odds", "rank"))
    weights = r.get("weights", {}, kind != "odds")
    if not isinstance(weights, dict) or not all(_is_number(weight) for weight in weights.values()):
        raise ConfigError("reward.weights: not a map of finite numbers")
    if not set(weights) <= set(signals):
        raise ConfigError(f"reward.weights: not a signal: {sorted(set(weights) - set(signals))}")
    signal = r.get("signal", required=kind == "odds")
    if kind == "odds" and signal not in signals:
        raise ConfigError("reward.signal: not a signal")
    offset = r.number("rank_offset", None if kind == "rank" else 0.0, -1.0)
    r.finish()
    return RewardConfig(kind, dict(weights), signal, offset)


def parse_config(raw: Dict[str, Any]) -> ModelConfig:
    """Checks a parsed config.json and returns it typed."""
    r = _Reader(raw, "")
    r.choice("format", ("rankd-model/1",))
    r.get("name")
    dim = r.integer("dim", 1, 4096)
    actions = r.names("actions", [])
    derived = _derived(r.get("derived_actions", []), actions)
    encoder = _encoder(r.get("encoder", required=True), dim)
    positive, negative = _feedback(r.get("feedback", {}), actions)
    features = _Reader(r.get("features", {}), "features.")
    user = _features(features.get("user", []), "features.user")
    candidate = _features(features.get("candidate", []), "features.candidate")
    features.finish()
    ranker = _ranker(r.get("ranker", required=True), dim)
    signals = r.names("signals")
    if not 1 <= len(signals) <= 64 or (ranker.type == "dot" and len(signals) != 1):
        raise ConfigError("signals: wants 1 ... 64 names, one for dot")
    reward = _reward(r.get("reward", required=True), signals)
    tolerance = r.number("golden_tolerance", 1e-4, 0.0)
    r.choice("precision", ("f32", "bf16"), "f32")
    r.finish()
    return ModelConfig(raw, dim, actions, derived, encoder, positive, negative, user, candidate, ranker, signals,
                       reward, tolerance)


def load_config(folder: Path) -> ModelConfig:
    """Reads `folder`/config.json."""
    return parse_config(json.loads((Path(folder) / "config.json").read_text(encoding="utf-8")))
