"""Dataclasses out of JSON objects: every hyper-parameter is a key, and a key that nobody reads is an error."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Dict, Type, TypeVar, get_type_hints

T = TypeVar("T")


class SettingsError(ValueError):
    """A training config breaks a rule; the message starts with the key."""


def _fits(value: Any, default: Any) -> bool:
    """Whether a value has the kind of the default that it replaces (an integer may stand for a float)."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    return not isinstance(default, (int, str, list, dict)) or isinstance(value, type(default))


def from_json(kind: Type[T], raw: Dict[str, Any], where: str = "") -> T:
    """A `kind` from a JSON object; fields that are dataclasses themselves are read from nested objects."""
    if not isinstance(raw, dict):
        raise SettingsError(f"{where or 'settings'}: not an object")
    known = {field.name: field for field in fields(kind)}
    for key in raw:
        if key not in known:
            raise SettingsError(f"{where}{key}: unknown key")
    hints, values = get_type_hints(kind), {}
    for name, field in known.items():
        if name not in raw:
            if field.default is MISSING and field.default_factory is MISSING:
                raise SettingsError(f"{where}{name}: missing")
            continue
        if is_dataclass(hints[name]):
            values[name] = from_json(hints[name], raw[name], f"{where}{name}.")
            continue
        default = field.default if field.default is not MISSING else (
            field.default_factory() if field.default_factory is not MISSING else None)
        if not _fits(raw[name], default):
            raise SettingsError(f"{where}{name}: expected {type(default).__name__}, found {raw[name]!r}")
        values[name] = raw[name]
    return kind(**values)
