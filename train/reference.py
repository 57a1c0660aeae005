"""The reference path: one /rank request in, the answer's items out, in the model's own precision (float64).

This is what golden.jsonl is computed with. It follows the model contract
step by step and is written to be read, not to be fast.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import torch

from .context import encode_features
from .model import Batch, Model
from .model_config import DerivedAction


def id_key(value: Any) -> str:
    """The table key of an id: 12 and "12" name one item."""
    if type(value) is int or type(value) is str:
        return str(value)
    raise ValueError("an id is a string or an integer")


def _derived(rule: DerivedAction, event: Dict[str, Any]) -> bool:
    watch, duration = event.get("watch_ms"), event.get("duration_ms")
    if watch is None:
        return False
    if rule.condition.startswith("watch_ratio"):
        if not duration:
            return False
        watch = watch / duration
    below = rule.condition.endswith("below")
    return watch < rule.threshold if below else watch >= rule.threshold


class Reference:
    """Scores requests with one model; the model's dtype decides the precision."""

    def __init__(self, model: Model) -> None:
        self.model, self.config = model, model.config
        self.rows = {key: row for row, key in enumerate(model.ids)}
        self.dtype = next(model.parameters()).dtype

    def history(self, events: List[Dict[str, Any]]) -> Tuple[List[int], List[set], Dict[str, int]]:
        """Kept item rows, their actions, and the response's counters."""
        kept, unknown_items, unknown_actions = [], 0, 0
        for event in events:
            named = event.get("action")
            named = [] if named is None else [named] if isinstance(named, str) else named
            unknown_actions += sum(name not in self.config.actions for name in named)
            row = self.rows.get(id_key(event["item"]))
            if row is None:
                unknown_items += 1
                continue
            actions = {name for name in named if name in self.config.actions}
            actions |= {rule.name for rule in self.config.derived_actions if _derived(rule, event)}
            kept.append((row, actions))
        kept = kept[-self.config.encoder.max_history:]
        counters = {"used": len(kept), "unknown_items": unknown_items, "unknown_actions": unknown_actions}
        return [row for row, _ in kept], [actions for _, actions in kept], counters

    def batch(self, request: Dict[str, Any]) -> Tuple[Batch, List[Any], Dict[str, int]]:
        """The request as a batch of one state, its candidates' ids as written, and the counters."""
        config = self.config
        items, actions, counters = self.history(request.get("history") or [])
        length = max(1, len(items))
        multi_hot = torch.zeros(1, length, len(config.actions), dtype=self.dtype)
        for place, names in enumerate(actions):
            for name in names:
                multi_hot[0, place, config.actions.index(name)] = 1.0
        user = (request.get("user") or {}).get("features") or {}
        user_numeric, user_categorical = encode_features(config.user_features, user)
        ids, numeric, categorical = [], [], []
        for candidate in request["candidates"]:
            given = candidate if isinstance(candidate, dict) else {"item": candidate}
            ids.append(given["item"])
            row = encode_features(config.candidate_features, given.get("features") or {})
            numeric.append(row[0])
            categorical.append(row[1])
        count = len(ids)

        def table(rows: list, dtype: torch.dtype) -> torch.Tensor:
            return torch.tensor(rows, dtype=dtype).reshape(len(rows), -1)

        batch = Batch(
            history=torch.tensor([items + [0] * (length - len(items))], dtype=torch.int64), actions=multi_hot,
            lengths=torch.tensor([len(items)]), user_numeric=table([user_numeric], self.dtype),
            user_categorical=table([user_categorical], torch.int64),
            context=torch.zeros(count, dtype=torch.int64), state=torch.zeros(count, dtype=torch.int64),
            items=torch.tensor([self.rows.get(id_key(value), -1) for value in ids]),
            numeric=table(numeric, self.dtype), categorical=table(categorical, torch.int64))
        return batch, ids, counters

    def reward(self, logits: torch.Tensor, weights: Dict[str, float]) -> Tuple[List[float], List[float], List[dict]]:
        """(scores, what they are ordered by, terms) of the scored candidates; logits [M, K]."""
        reward, signals = self.config.reward, self.config.signals
        if reward.type == "odds":
            clamped = logits[:, signals.index(reward.signal)].clamp(-30.0, 30.0)
            scores = clamped.exp().tolist()
            return scores, clamped.tolist(), [{reward.signal: score} for score in scores]
        terms: List[Dict[str, float]] = [{} for _ in range(len(logits))]
        for k, name in enumerate(signals):
            if name not in weights:
                continue
            if reward.type == "additive":
                column = torch.sigmoid(logits[:, k]) * weights[name]
            else:
                rank = 1 + (logits[None, :, k] > logits[:, None, k]).sum(1)
                column = weights[name] / (reward.rank_offset + rank.to(logits.dtype))
            for row, value in enumerate(column.tolist()):
                terms[row][name] = value
        scores = [sum(row.values()) if row else 0.0 for row in terms]
        return scores, scores, terms

    @torch.no_grad()
    def score(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """{"items": best first, "history": counters} as the HTTP answer has them."""
        batch, ids, counters = self.batch(request)
        override = (request.get("reward") or {}).get("weights") or {}
        if not set(override) <= set(self.config.signals) or (override and self.config.reward.type == "odds"):
            raise ValueError("reward.weights: unknown signal, or a reward without weights")
        logits = self.model(batch)
        scored = [row for row in range(len(ids)) if batch.items[row] >= 0 or self.model.items.unknown is not None]
        scores, keys, terms = self.reward(logits[scored], {**self.config.reward.weights, **override})
        order = sorted(range(len(scored)), key=lambda at: -keys[at])
        signals = torch.sigmoid(logits).tolist()
        answer = []
        for at in order:
            row = scored[at]
            item = {"item": ids[row], "score": scores[at]}
            if request.get("explain"):
                item["signals"] = dict(zip(self.config.signals, signals[row]))
                item["terms"] = terms[at]
            answer.append(item)
            if batch.items[row] < 0:
                item["unknown"] = True
        for row in sorted(set(range(len(ids))) - set(scored)):
            answer.append({"item": ids[row], "score": None, "unknown": True})
        return {"items": answer[:request.get("top_k") or len(answer)], "history": counters}
