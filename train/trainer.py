"""The ranking stage: exposures of the training days, one logit a signal, and the combined reward."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np
import torch

from . import stats
from .build import Bundle, Part, Trainee, model_json
from .contrast import Histories, LongHistories, Positives, Task, TaskInputs, build_tasks
from .dataset import States, Targets, earlier_states, grouped, safe_skips
from .item_tower import parameter_groups
from .loop import Loop, seed_everything
from .losses import combined_loss, signal_loss
from .model import Batch, Model, load_model, pack_ids
from .model_config import load_config


class Trainer(Loop):
    """Fits a Trainee to a Bundle's training days (or to the days that are given: the daily update)."""

    def __init__(self, bundle: Bundle, seed: Optional[int] = None, tasks: Optional[Dict[str, Task]] = None,
                 days: Optional[Tuple[int, ...]] = None, options: Optional[Dict[str, Any]] = None) -> None:
        settings = bundle.settings
        self.bundle = bundle
        rng = seed_everything(settings["seed"] if seed is None else seed, settings["threads"])
        self.trainee = Trainee(bundle)
        if tasks is None:
            tasks = build_tasks(settings.get("contrast", {}), bundle.config.dim, bundle.data.n_items,
                                bundle.config.actions)
        self.trainee.contrast.update(tasks)
        options = settings["optimizer"] if options is None else options
        super().__init__(self.trainee, parameter_groups(self.trainee, options["decay"], options["table_decay"]),
                         options, rng, settings)
        weights = settings["signal_weights"]
        self.weights = torch.tensor([weights[name] for name in stats.SIGNALS])
        self.states, self.targets = bundle.targets("train" if days is None else days)
        self.earlier = days is None
        self.long_limit = max([0, *(task.long_history for task in tasks.values())])
        feedback = settings.get("contrast", {}).get("feedback", {})
        self.skipped = safe_skips(bundle.events, bundle.data, feedback.get("skip_ratio", 0.1))
        wanted = bundle.config.positive.explicit if bundle.config.positive else ()
        self.wanted = [bundle.config.actions.index(name) for name in wanted]

    def config_json(self) -> Dict[str, Any]:
        return model_json(self.settings, self.bundle.columns)

    @torch.no_grad()
    def served(self) -> Dict[str, torch.Tensor]:
        """The item table with everything static summed in; the mean row stands in for an unknown item."""
        self.trainee.eval()
        tensors = {name: value.detach().clone() for name, value in self.trainee.model.state_dict().items()}
        table = self.trainee.tower(stats.ALL).detach()
        tensors.update({"items.embedding": table.clone(), "items.unknown": table.mean(0)})
        tensors.update(pack_ids([str(item) for item in range(len(table))]))
        return tensors

    def epoch_batches(self) -> list:
        """This epoch's batches of log targets and of earlier ones, shuffled together."""
        options, size = self.settings["earlier_targets"], self.options["batch_states"]
        batches = [(self.states, self.targets, *batch) for batch in grouped(self.states, self.targets, size, self.rng)]
        if options["repeat"] and self.earlier:
            states, targets = earlier_states(self.bundle.events, self.bundle.data, self.rng, options["width"],
                                             options["repeat"])
            batches += [(states, targets, *batch) for batch in grouped(states, targets, size, self.rng)]
        return [batches[at] for at in self.rng.permutation(len(batches))]

    def loss(self, chosen_batch: Tuple[States, Targets, int, np.ndarray, np.ndarray, np.ndarray]
             ) -> Tuple[torch.Tensor, Dict[str, float]]:
        """Mean over a nominal batch: sums are divided by the usual number of rows, so every row weighs the same."""
        states, targets, variant, chosen, rows, place = chosen_batch
        batch = self.bundle.batcher.batch(states, targets, chosen, rows, place)
        model, table = self.trainee.model, self.trainee.tower(variant)
        encoded, user = model.encode(batch, table)
        logits = model.rows(batch, encoded, user, table)
        labels, mask = torch.from_numpy(targets.labels[rows]), torch.from_numpy(targets.mask[rows])
        scale = 1.0 / (2.0 * self.options["batch_states"])
        total = signal_loss(logits[:, :-1], labels, mask, self.weights)
        if targets.from_log:
            reward = self.settings["reward"]
            realised = torch.from_numpy(self.bundle.reward[targets.log_row[rows]])
            combined = combined_loss(reward["loss"], logits[:, -1], realised, reward["maximum"])
            total = (total + reward["loss_weight"] * combined.sum()) * scale
        else:
            total = total * scale * self.settings["earlier_targets"]["weight"]
        metrics: Dict[str, float] = {}
        if self.trainee.contrast:
            inputs = self.task_inputs(states, chosen, batch, table, encoded, user, labels * mask)
            for name, task in self.trainee.contrast.items():
                value, more = task(inputs)
                total = total + task.weight * value
                metrics.update({name: float(value.detach()), **{f"{name}.{key}": one for key, one in more.items()}})
        return total, metrics

    def task_inputs(self, states: States, chosen: np.ndarray, batch: Batch, table: torch.Tensor,
                    encoded: torch.Tensor, user: torch.Tensor, labels: torch.Tensor) -> TaskInputs:
        """What the auxiliary tasks are given of one batch; labels [N, 9], 0 where unknown."""
        histories = Histories(batch.history, batch.actions, batch.lengths)
        strength = torch.zeros(len(batch.items))
        if "user_item" in self.trainee.contrast:
            weights = getattr(getattr(self.trainee.contrast["user_item"], "settings", None), "positives", {})
            each = torch.tensor([weights.get(name, 0.0) for name in stats.SIGNALS])
            strength = (labels * each).amax(1)
        rows = torch.nonzero(strength > 0)[:, 0]
        owner = batch.state[rows]
        positives = Positives(user[owner], batch.items[rows], owner, strength[rows])
        answered = (batch.actions[:, :, self.wanted] > 0).any(2) & histories.inside
        known = torch.where(answered, batch.history, torch.full_like(batch.history, -1))
        return TaskInputs(self.trainee.model, table, histories, encoded, user, torch.from_numpy(states.user[chosen]),
                          positives, known, batch.items, batch.state, self.long_histories(states, chosen))

    def long_histories(self, states: States, chosen: np.ndarray) -> Optional[LongHistories]:
        """More of the past than the encoder reads, if a task asks for it."""
        if not self.long_limit:
            return None
        index, inside, lengths = self.bundle.batcher.window(states, chosen, self.long_limit)
        events = self.bundle.events
        return LongHistories(torch.from_numpy(np.where(inside, events.item[index], 0)),
                             torch.from_numpy(events.actions[index] & inside[:, :, None]).float(),
                             torch.from_numpy(lengths), skipped=torch.from_numpy(self.skipped[index] & inside))


@torch.no_grad()
def predict(bundle: Bundle, trainee: Trainee, part: Part) -> Dict[str, np.ndarray]:
    """{"rows": log rows, "logits": [N, K] float64} of train, validation, test or some days."""
    trainee.eval()
    return predict_with(bundle, trainee.model, trainee.tower, part)


@torch.no_grad()
def predict_with(bundle: Bundle, model: Model, table: Callable[[int], torch.Tensor], part: Part
                 ) -> Dict[str, np.ndarray]:
    """The same with any model of the bundle's config; table: variant of the statistics -> item table [V, d]."""
    states, targets = bundle.targets(part)
    rows, logits = [], []
    for variant, chosen, target_rows, place in grouped(states, targets, 512):
        batch = bundle.batcher.batch(states, targets, chosen, target_rows, place)
        logits.append(model(batch, table(variant)).double().numpy())
        rows.append(targets.log_row[target_rows])
    return {"rows": np.concatenate(rows), "logits": np.concatenate(logits)}


def predict_folder(bundle: Bundle, folder: Path, part: Part) -> Dict[str, np.ndarray]:
    """The same with an exported model, which must have been made for the bundle's features and signals."""
    config = load_config(folder)
    for name in ("actions", "signals", "user_features", "candidate_features"):
        if getattr(config, name) != getattr(bundle.config, name):
            raise ValueError(f"{folder}: its {name} are not those of the training config")
    model = load_model(folder, torch.float32)
    return predict_with(bundle, model, lambda variant: model.items.embedding, part)
