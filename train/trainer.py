"""The training loop."""

from __future__ import annotations

import math
import time
from typing import Callable, Dict, List, Optional

import numpy as np
import torch

from . import stats
from .build import Bundle, Trainee, seed_everything
from .contrast import Task, TaskInputs
from .dataset import States, Targets, earlier_states, grouped
from .item_tower import parameter_groups
from .losses import combined_loss, signal_loss


class Average:
    """An exponential moving average of the weights (Polyak & Juditsky 1992), corrected for its start."""

    def __init__(self, module: torch.nn.Module, rate: float) -> None:
        self.rate, self.weight = rate, 0.0
        self.sums = [torch.zeros_like(parameter) for parameter in module.parameters()]

    @torch.no_grad()
    def update(self, module: torch.nn.Module) -> None:
        self.weight = self.rate * self.weight + (1 - self.rate)
        for total, parameter in zip(self.sums, module.parameters()):
            total.mul_(self.rate).add_(parameter, alpha=1 - self.rate)

    @torch.no_grad()
    def swap(self, module: torch.nn.Module) -> List[torch.Tensor]:
        """Puts the average in place; returns the weights that stood there."""
        kept = [parameter.clone() for parameter in module.parameters()]
        for total, parameter in zip(self.sums, module.parameters()):
            parameter.copy_(total / self.weight)
        return kept


@torch.no_grad()
def restore(module: torch.nn.Module, kept: List[torch.Tensor]) -> None:
    """The inverse of Average.swap."""
    for value, parameter in zip(kept, module.parameters()):
        parameter.copy_(value)


class Trainer:
    """Fits a Trainee to a Bundle's training days."""

    def __init__(self, bundle: Bundle, seed: Optional[int] = None, tasks: Optional[Dict[str, Task]] = None) -> None:
        settings = bundle.settings
        self.bundle, self.settings = bundle, settings
        self.rng = seed_everything(settings["seed"] if seed is None else seed, settings["threads"])
        self.trainee = Trainee(bundle)
        self.trainee.contrast.update(tasks or {})
        self.options = settings["optimizer"]
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.trainee, self.options["decay"], self.options["table_decay"]), lr=self.options["rate"])
        self.average = Average(self.trainee, self.options["average"])
        weights = settings["signal_weights"]
        self.weights = torch.tensor([weights[name] for name in stats.SIGNALS])
        self.states, self.targets = bundle.targets("train")
        self.step = 0

    def epoch_batches(self) -> list:
        """This epoch's batches of log targets and of earlier ones, shuffled together."""
        options, size = self.settings["earlier_targets"], self.options["batch_states"]
        batches = [(self.states, self.targets, *batch) for batch in grouped(self.states, self.targets, size, self.rng)]
        if options["repeat"]:
            states, targets = earlier_states(self.bundle.events, self.bundle.data, self.rng, options["width"],
                                             options["repeat"])
            batches += [(states, targets, *batch) for batch in grouped(states, targets, size, self.rng)]
        return [batches[at] for at in self.rng.permutation(len(batches))]

    def loss(self, states: States, targets: Targets, variant: int, chosen: np.ndarray, rows: np.ndarray,
             place: np.ndarray) -> torch.Tensor:
        """Mean over a nominal batch: sums are divided by the usual number of rows, so every row weighs the same."""
        batch = self.bundle.batcher.batch(states, targets, chosen, rows, place)
        model, table = self.trainee.model, self.trainee.tower(variant)
        encoded, user = model.encode(batch, table)
        logits = model.rows(batch, encoded, user, table)
        labels, mask = torch.from_numpy(targets.labels[rows]), torch.from_numpy(targets.mask[rows])
        scale = 1.0 / (2.0 * self.options["batch_states"])
        total = signal_loss(logits[:, :-1], labels, mask, self.weights)
        inputs = TaskInputs(model, batch, table, encoded, user, labels, mask)
        tasks = sum(task.weight * task(inputs) for task in self.trainee.contrast.values())
        if not targets.from_log:
            return total * scale * self.settings["earlier_targets"]["weight"] + tasks
        reward = self.settings["reward"]
        realised = torch.from_numpy(self.bundle.reward[targets.log_row[rows]])
        combined = combined_loss(reward["loss"], logits[:, -1], realised, reward["maximum"])
        return (total + reward["loss_weight"] * combined.sum()) * scale + tasks

    def _rate(self, total: int) -> float:
        warm = min(1.0, (self.step + 1) / self.options["warmup"])
        return self.options["rate"] * warm * (0.5 * (1 + math.cos(math.pi * min(1.0, self.step / total))) * 0.95 + 0.05)

    def fit(self, after_epoch: Optional[Callable[[int], None]] = None, log: Callable[[str], None] = print) -> None:
        """Runs all epochs; the averaged weights are in place when it returns (and during after_epoch)."""
        epochs, total = self.options["epochs"], None
        for epoch in range(epochs):
            started, losses = time.time(), []
            batches = self.epoch_batches()
            total = total or epochs * len(batches)
            self.trainee.train()
            for batch in batches:
                for group in self.optimizer.param_groups:
                    group["lr"] = self._rate(total)
                loss = self.loss(*batch)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.trainee.parameters(), self.options["clip"])
                self.optimizer.step()
                self.step += 1
                self.average.update(self.trainee)
                losses.append(float(loss.detach()))
            log(f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}, {time.time() - started:.1f} s")
            kept = self.average.swap(self.trainee)
            if after_epoch is not None:
                self.trainee.eval()
                after_epoch(epoch + 1)
            if epoch + 1 < epochs:
                restore(self.trainee, kept)
        self.trainee.eval()


@torch.no_grad()
def predict(bundle: Bundle, trainee: Trainee, part: str) -> Dict[str, np.ndarray]:
    """{"rows": log rows, "logits": [N, K] float64} of train, validation or test."""
    trainee.eval()
    states, targets = bundle.targets(part)
    rows, logits = [], []
    for variant, chosen, target_rows, place in grouped(states, targets, 512):
        batch = bundle.batcher.batch(states, targets, chosen, target_rows, place)
        logits.append(trainee.model(batch, trainee.tower(variant)).double().numpy())
        rows.append(targets.log_row[target_rows])
    return {"rows": np.concatenate(rows), "logits": np.concatenate(logits)}
