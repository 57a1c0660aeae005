"""The retrieval stage: every place of a user's sequence predicts what comes next; the dot ranker scores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import nn

from ..contrast import Histories, LongHistories, Positives, TaskInputs, build_tasks
from ..loop import Loop, seed_everything
from ..model import Model, pack_ids
from ..model_config import ModelConfig, parse_config
from . import losses
from .sequences import Sequences


def model_json(settings: Dict[str, Any]) -> Dict[str, Any]:
    """The config.json of the model folder: plain dot products, ordered by the logit."""
    return {"format": "rankd-model/1", "name": settings["name"], **settings["model"], "ranker": {"type": "dot"},
            "signals": ["next"], "reward": {"type": "odds", "signal": "next"}}


class Trainee(nn.Module):
    """The served model with its table, and the auxiliary tasks."""

    def __init__(self, config: ModelConfig, n_items: int, tasks: Dict[str, nn.Module],
                 dropout: Dict[str, float]) -> None:
        super().__init__()
        self.model = Model(config, n_items, unknown=False, cold_start=False)
        self.contrast = nn.ModuleDict(tasks)
        self.model.set_dropout(dropout["encoder"], 0.0)


@dataclass
class Batch:
    """histories (B users' events but the last), where the targets stand (row, place) and which items they are."""
    histories: Histories
    users: torch.Tensor
    row: torch.Tensor
    place: torch.Tensor
    target: torch.Tensor
    known: torch.Tensor
    long: Optional[LongHistories]


class RetrievalTrainer(Loop):
    """Fits a Trainee to Sequences. settings: model, loss, contrast, optimizer, dropout, seed, threads."""

    def __init__(self, sequences: Sequences, settings: Dict[str, Any], seed: Optional[int] = None) -> None:
        self.sequences, self.loss_options = sequences, settings["loss"]
        settings = settings if seed is None else {**settings, "seed": seed}
        rng = seed_everything(settings["seed"], settings["threads"])
        self.config = parse_config(model_json(settings))
        tasks = build_tasks(settings.get("contrast", {}), self.config.dim, sequences.n_items, self.config.actions)
        self.trainee = Trainee(self.config, sequences.n_items, tasks, settings["dropout"])
        decay = settings["optimizer"]["decay"]
        super().__init__(self.trainee, [{"params": list(self.trainee.parameters()), "weight_decay": decay}],
                         settings["optimizer"], rng, settings)
        length = sequences.train_end - sequences.offsets[:-1]
        self.members = np.flatnonzero(length >= 2)
        self.length = np.minimum(length, self.config.encoder.max_history + 1)
        counts = sequences.popularity()
        self.share = np.maximum(counts, 1) ** self.loss_options.get("popularity", 0.0)
        self.share = self.share / self.share.sum()
        user = np.repeat(np.arange(len(length)), np.diff(sequences.offsets))
        self.seen = np.unique(user * sequences.n_items + sequences.item)
        self.long_limit = max([0, *(task.long_history for task in tasks.values())])

    def config_json(self) -> Dict[str, Any]:
        return model_json(self.settings)

    def served(self) -> Dict[str, torch.Tensor]:
        tensors = {name: value.detach().clone() for name, value in self.trainee.model.state_dict().items()}
        return {**tensors, **pack_ids(self.sequences.ids)}

    def epoch_batches(self) -> List[np.ndarray]:
        """Users in random order; among eight batches at a time, users of like length stand together."""
        size = self.options["batch"]
        users = self.rng.permutation(self.members)
        batches = []
        for begin in range(0, len(users), 8 * size):
            group = users[begin:begin + 8 * size]
            group = group[np.argsort(self.length[group], kind="stable")]
            batches += np.array_split(group, max(1, round(len(group) / size)))
        return [batches[at] for at in self.rng.permutation(len(batches))]

    def histories(self, end: np.ndarray, first: np.ndarray, limit: int) -> Tuple[Histories, np.ndarray, np.ndarray]:
        """Histories of the last `limit` events of first..end, their places among the events, and which count."""
        place, inside, lengths = self.sequences.window(first, end, limit)
        items = np.where(inside, self.sequences.item[place], 0)
        actions = self.sequences.actions[place] & inside[:, :, None]
        return Histories(torch.from_numpy(items), torch.from_numpy(actions.astype(np.float32)),
                         torch.from_numpy(lengths)), place, inside

    def batch(self, users: np.ndarray) -> Batch:
        """Inputs and targets of a batch of users."""
        sequences = self.sequences
        first, end = sequences.offsets[users], sequences.train_end[users]
        limit = self.config.encoder.max_history
        histories, place, inside = self.histories(end - 1, first, limit)
        following = place + 1
        wanted = inside & (sequences.feedback[following] > 0)
        row, column = np.nonzero(wanted)
        known = np.where(inside, sequences.item[following], -1)
        known = np.concatenate([known, np.where(inside, sequences.item[place], -1)], 1)
        long = None
        if self.long_limit:
            more, _, _ = self.histories(end - 1, first, self.long_limit)
            long = LongHistories(more.items, more.actions, more.lengths, skipped=torch.zeros_like(more.inside))
        return Batch(histories, torch.from_numpy(users), torch.from_numpy(row), torch.from_numpy(column),
                     torch.from_numpy(sequences.item[following[row, column]]), torch.from_numpy(known), long)

    def negatives(self, users: np.ndarray, count: int) -> torch.Tensor:
        """[P, count] items that their user has no event with, drawn uniformly."""
        drawn = self.rng.integers(0, self.sequences.n_items, (len(users), count))
        for _ in range(20):
            key = users[:, None] * self.sequences.n_items + drawn
            at = np.minimum(np.searchsorted(self.seen, key), len(self.seen) - 1)
            bad = self.seen[at] == key
            if not bad.any():
                break
            drawn[bad] = self.rng.integers(0, self.sequences.n_items, int(bad.sum()))
        return torch.from_numpy(drawn)

    def main_loss(self, h: torch.Tensor, table: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The loss that the config names, a mean over targets; h [P, d]."""
        kind, count = self.loss_options["name"], self.loss_options.get("negatives", 1)
        if kind == "ce":
            return losses.full_cross_entropy(h, table, batch.target)
        if kind == "bce":
            users = batch.users[batch.row].numpy()
            return losses.bce(h, table, batch.target, self.negatives(users, count))
        if kind != "sampled_softmax":
            raise ValueError(f"loss.name: {kind!r} is not one of ce, bce, sampled_softmax")
        sampled = torch.from_numpy(self.rng.choice(self.sequences.n_items, count, p=self.share))
        log_q = torch.from_numpy(np.log(self.share * count)).float()
        return losses.sampled_softmax(h, table, batch.target, sampled, (log_q[batch.target], log_q[sampled]))

    def loss(self, batch: np.ndarray) -> Tuple[torch.Tensor, Dict[str, float]]:
        made = self.batch(batch)
        model, table = self.trainee.model, self.trainee.model.items.embedding
        histories = made.histories
        states, user = model.encoder(nn.functional.embedding(histories.items, table), histories.actions,
                                     histories.lengths)
        h = states[made.row, made.place]
        total = self.main_loss(h, table, made)
        metrics = {"main": float(total.detach())}
        if not self.trainee.contrast:
            return total, {}
        inputs = TaskInputs(model, table, histories, states, user, made.users,
                            Positives(h, made.target, made.row, torch.ones(len(h))), made.known, made.target, made.row,
                            made.long)
        for name, task in self.trainee.contrast.items():
            value, more = task(inputs)
            total = total + task.weight * value
            metrics.update({name: float(value.detach()), **{f"{name}.{key}": entry for key, entry in more.items()}})
        return total, metrics

    @torch.no_grad()
    def user_vectors(self, users: np.ndarray, end: np.ndarray, size: int = 1024) -> torch.Tensor:
        """u [N, d] of users whose history ends before `end` [N]."""
        found = torch.empty(len(users), self.config.dim)
        table = self.trainee.model.items.embedding
        first = self.sequences.offsets[users]
        for chosen in np.array_split(np.argsort(end - first, kind="stable"), max(1, -(-len(users) // size))):
            histories, _, _ = self.histories(end[chosen], first[chosen], self.config.encoder.max_history)
            embedded = nn.functional.embedding(histories.items, table)
            found[torch.from_numpy(chosen)] = self.trainee.model.encoder(embedded, histories.actions,
                                                                         histories.lengths)[1]
        return found
