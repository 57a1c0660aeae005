"""Request features of KuaiRand: which columns there are and how they enter the model.

User features are what a frontend or a feature store sends along: the hour, the
tab, the dataset's user features, and counts and rates of the user's past frozen
as of the start of the day. The only candidate feature is the item's age.
"""

from __future__ import annotations

import datetime
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from .data import Data, frozen_day, numbers
from .stats import UserPast
from .model_config import Feature, ModelConfig

OLD_DAYS = 21.0
Columns = Tuple[np.ndarray, np.ndarray]


def _static_user(data: Data) -> Dict[str, np.ndarray]:
    """The dataset's user features: integers where they are numbers, else strings, None where missing."""
    result = {}
    for name, column in data.users.items():
        try:
            values = numbers(column)
            result[name] = np.array([None if np.isnan(v) else int(v) for v in values], dtype=object)
        except ValueError:
            result[name] = np.array([str(text) or None for text in column], dtype=object)
    return result


def upload_days(data: Data) -> np.ndarray:
    """Upload date of every item in days since 1970-01-01."""
    return np.array([datetime.date.fromisoformat(text).toordinal() - 719163 for text in data.videos["upload_dt"]])


def item_age_days(upload: np.ndarray, item: np.ndarray, time_ms: np.ndarray) -> np.ndarray:
    """Days since the midnight (UTC+8) at the start of the item's upload date, at most OLD_DAYS.

    All items were uploaded on three days, so that age is the calendar in disguise: without the cap the
    model would carry a trend of the training days beyond them.
    """
    return np.minimum((time_ms / 1000.0 + 8 * 3600) / 86400.0 - upload[item], OLD_DAYS)


class FeatureColumns:
    """Raw and encoded features of every row of the log; built once.

    `spec` is the training config's "features": {"user": {"numeric": {name: {"log1p": bool}}, "categorical":
    {name: dim}}, "candidate": {...}}. Means and standard deviations are of training rows, unless `fixed` gives the
    features of an earlier model that is trained on.
    """

    def __init__(self, data: Data, signals: np.ndarray, spec: Dict[str, Any],
                 fixed: Optional[ModelConfig] = None) -> None:
        self.data = data
        log = data.log
        self.static = _static_user(data)
        day = frozen_day(log.day, data.train_days)
        self.past = UserPast(data, signals)
        self.raw: Dict[str, np.ndarray] = {**self.past.user(log.user, log.tab, day), "hour": log.hour,
                                           "weekday": (log.day + 6) % 7, "tab": log.tab,
                                           "age_days": item_age_days(upload_days(data), log.item, log.time_ms)}
        self.train = np.isin(log.day, data.train_days)
        self.upload = upload_days(data)
        self.user = self._features(spec["user"]) if fixed is None else list(fixed.user_features)
        self.candidate = self._features(spec["candidate"]) if fixed is None else list(fixed.candidate_features)
        self.user_rows = self._encode(self.user)
        self.candidate_rows = self._encode(self.candidate)
        self.static_rows = self._encode_static()

    def column(self, name: str) -> np.ndarray:
        """Raw values of a feature, a log row each."""
        return self.raw[name] if name in self.raw else self.static[name][self.data.log.user]

    def _features(self, spec: Dict[str, Any]) -> List[Feature]:
        features = []
        for name, options in spec.get("numeric", {}).items():
            values = self.column(name)[self.train].astype(float)
            values = np.log1p(values) if options.get("log1p") else values
            features.append(Feature(name, "numeric", round(float(np.nanmean(values)), 6),
                                    round(float(np.nanstd(values)), 6), bool(options.get("log1p"))))
        for name, dim in spec.get("categorical", {}).items():
            known = set(self.raw[name].tolist() if name in self.raw else self.static[name].tolist()) - {None}
            features.append(Feature(name, "categorical", values=tuple(sorted(known)), dim=dim))
        return features

    @staticmethod
    def _numeric(feature: Feature, values: np.ndarray) -> np.ndarray:
        values = values.astype(float)
        values = np.log1p(values) if feature.log1p else values
        return np.nan_to_num((values - feature.mean) / feature.std)

    @staticmethod
    def _categorical(feature: Feature, values: np.ndarray) -> np.ndarray:
        rows = {value: row + 1 for row, value in enumerate(feature.values)}
        return np.array([rows.get(value, 0) for value in values.tolist()], dtype=np.int64)

    def _encode(self, features: List[Feature]) -> Columns:
        count = len(self.data.log.item)
        numeric = [self._numeric(f, self.column(f.name)) for f in features if f.type == "numeric"]
        categorical = [self._categorical(f, self.column(f.name)) for f in features if f.type == "categorical"]
        return (np.stack(numeric, 1).astype(np.float32) if numeric else np.zeros((count, 0), np.float32),
                np.stack(categorical, 1) if categorical else np.zeros((count, 0), np.int64))

    def _encode_static(self) -> Columns:
        """The user features that do not depend on a log row, a user each; the others are missing."""
        n = self.data.n_users
        numeric, categorical = [], []
        for feature in self.user:
            known = feature.name in self.static
            if feature.type == "numeric":
                numeric.append(self._numeric(feature, self.static[feature.name]) if known else np.zeros(n))
            else:
                categorical.append(self._categorical(feature, self.static[feature.name]) if known
                                   else np.zeros(n, np.int64))
        return (np.stack(numeric, 1).astype(np.float32) if numeric else np.zeros((n, 0), np.float32),
                np.stack(categorical, 1) if categorical else np.zeros((n, 0), np.int64))

    def log_rows(self, rows: np.ndarray) -> Tuple[Columns, Columns]:
        """Encoded user and candidate features of log rows."""
        return ((self.user_rows[0][rows], self.user_rows[1][rows]),
                (self.candidate_rows[0][rows], self.candidate_rows[1][rows]))

    def earlier_rows(self, users: np.ndarray, past: Dict[str, np.ndarray]) -> Tuple[Columns, Columns]:
        """The same for targets before the log: only static user features and `past` are known."""
        numeric = self.static_rows[0][users]
        at = 0
        for feature in self.user:
            if feature.type == "numeric":
                if feature.name in past:
                    numeric[:, at] = self._numeric(feature, past[feature.name])
                at += 1
        widths = [sum(f.type == kind for f in self.candidate) for kind in ("numeric", "categorical")]
        candidate = (np.zeros((len(users), widths[0]), np.float32), np.zeros((len(users), widths[1]), np.int64))
        return (numeric, self.static_rows[1][users]), candidate

    def request_values(self, row: int) -> Dict[str, Any]:
        """User features of one log row as a request sends them (plain JSON values, missing ones left out)."""
        result = {}
        for feature in self.user:
            value = self.column_value(feature.name, row)
            if value is not None:
                result[feature.name] = value
        return result

    def candidate_values(self, items: np.ndarray, time_ms: int) -> List[Dict[str, Any]]:
        """Candidates' features, asked at a time, as a request sends them."""
        raw = {"age_days": item_age_days(self.upload, items, np.full(len(items), time_ms))}
        return [{f.name: round(float(raw[f.name][at]), 4) for f in self.candidate} for at in range(len(items))]

    def column_value(self, name: str, row: int) -> Any:
        """One feature of one log row as a JSON value."""
        value = self.raw[name][row] if name in self.raw else self.static[name][self.data.log.user[row]]
        if value is None or isinstance(value, (str, int)):
            return value
        return int(value) if isinstance(value, np.integer) else round(float(value), 4)
