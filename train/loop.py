"""The training loop that both stages share: optimiser, schedule, weight average, early stopping, resuming.

A stage says what a batch is and what its loss is; the rest is here. Everything
that the rest of a run depends on is in `state_tensors`, so that a run that was
stopped after an epoch goes on to the same bits.
"""

from __future__ import annotations

import json
import math
import time
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

import numpy as np
import torch

from .progress import Progress

Tensors = Dict[str, torch.Tensor]


class Average:
    """An exponential moving average of the weights (Polyak & Juditsky 1992), corrected for its start; 0 = none."""

    def __init__(self, module: torch.nn.Module, rate: float) -> None:
        self.rate, self.weight = rate, 0.0
        self.sums = [torch.zeros_like(parameter) for parameter in module.parameters()] if rate else []

    @torch.no_grad()
    def update(self, module: torch.nn.Module) -> None:
        if not self.rate:
            return
        self.weight = self.rate * self.weight + (1 - self.rate)
        for total, parameter in zip(self.sums, module.parameters()):
            total.mul_(self.rate).add_(parameter, alpha=1 - self.rate)

    @torch.no_grad()
    def swap(self, module: torch.nn.Module) -> List[torch.Tensor]:
        """Puts the average in place; returns the weights that stood there."""
        kept = [parameter.detach().clone() for parameter in module.parameters()]
        if self.weight:
            for total, parameter in zip(self.sums, module.parameters()):
                parameter.copy_(total / self.weight)
        return kept


@torch.no_grad()
def restore(module: torch.nn.Module, kept: Iterable[torch.Tensor]) -> None:
    """The inverse of Average.swap."""
    for value, parameter in zip(kept, module.parameters()):
        parameter.copy_(value)


def seed_everything(seed: int, threads: int) -> np.random.Generator:
    """Fixes every source of chance; the same seed gives the same weights to the bit on the same machine."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def pack_json(value: Any) -> torch.Tensor:
    """A JSON value as bytes [n] uint8, to stand in a checkpoint."""
    return torch.tensor(list(json.dumps(value).encode("utf-8")), dtype=torch.uint8)


def unpack_json(tensor: torch.Tensor) -> Any:
    """The inverse of pack_json."""
    return json.loads(bytes(tensor.tolist()).decode("utf-8"))


class Loop:
    """Trains `module`. options: epochs, rate, warmup, decay ..., as the configs' "optimizer" has them.

    schedule "cosine" falls to a twentieth over all epochs, "constant" does not fall. patience > 0 stops after so many
    epochs without a better value of what after_epoch returns; the best epoch's weights are kept then.
    """

    def __init__(self, module: torch.nn.Module, groups: List[dict], options: Dict[str, Any],
                 rng: np.random.Generator, settings: Dict[str, Any]) -> None:
        self.module, self.options, self.rng, self.settings = module, options, rng, settings
        self.optimizer = torch.optim.AdamW(groups, lr=options["rate"])
        self.average = Average(module, options.get("average", 0.0))
        self.step, self.epoch, self.total = 0, 0, 0
        self.log: List[Dict[str, Any]] = []
        self.best: Optional[Tuple[float, int]] = None
        self.best_weights: Optional[List[torch.Tensor]] = None
        self.raw: Optional[List[torch.Tensor]] = None

    def epoch_batches(self) -> list:
        """This epoch's batches, in their order; draws from self.rng alone."""
        raise NotImplementedError

    def loss(self, batch: Any) -> Tuple[torch.Tensor, Dict[str, float]]:
        """The loss of one batch and metrics to log."""
        raise NotImplementedError

    def config_json(self) -> Dict[str, Any]:
        """The config.json of the model folder."""
        raise NotImplementedError

    def served(self) -> Tensors:
        """The contract's tensors, from the weights that are in place."""
        raise NotImplementedError

    def rate(self) -> float:
        """The learning rate of the next step."""
        warm = min(1.0, (self.step + 1) / max(1, self.options["warmup"]))
        if self.options.get("schedule", "cosine") == "constant":
            return self.options["rate"] * warm
        done = min(1.0, self.step / max(1, self.total))
        return self.options["rate"] * warm * (0.5 * (1 + math.cos(math.pi * done)) * 0.95 + 0.05)

    def train_step(self, batch: Any) -> Dict[str, float]:
        """One step of the optimiser; returns what is logged of it."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        loss, metrics = self.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.options["clip"]:
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.options["clip"])
        self.optimizer.step()
        self.step += 1
        self.average.update(self.module)
        return {"loss": float(loss.detach()), **metrics}

    def fit(self, after_epoch: Optional[Callable[[int], Optional[float]]] = None, log: Callable[[str], None] = print,
            checkpoint: Optional[Callable[[], None]] = None) -> None:
        """Runs what is left of all epochs; the averaged (or best) weights are in place when it returns, and during
        after_epoch and checkpoint."""
        epochs, stopped = self.options["epochs"], False
        while self.epoch < epochs and not stopped:
            if self.raw is not None:
                restore(self.module, self.raw)
                self.raw = None
            started, used, sums = time.time(), time.process_time(), {}
            batches = self.epoch_batches()
            self.total = self.total or epochs * len(batches)
            self.module.train()
            with Progress(f"epoch {self.epoch + 1}/{epochs}", len(batches)) as bar:
                for batch in batches:
                    for name, value in self.train_step(batch).items():
                        total, count = sums.get(name, (0.0, 0))
                        sums[name] = (total + value, count + 1)
                    bar.advance(sums["loss"][0] / sums["loss"][1])
            self.epoch += 1
            line = {name: total / count for name, (total, count) in sums.items()}
            self.log.append({**line, "seconds": time.time() - started, "cpu_seconds": time.process_time() - used})
            log(f"epoch {self.epoch}/{epochs}: {time.time() - started:.1f} s, "
                + ", ".join(f"{name} {value:.4f}" for name, value in line.items()))
            self.raw = self.average.swap(self.module)
            self.module.eval()
            stopped = self._judge(after_epoch(self.epoch) if after_epoch is not None else None)
            if checkpoint is not None:
                checkpoint()
        self.module.eval()
        if self.best_weights is not None:
            restore(self.module, self.best_weights)

    def _judge(self, value: Optional[float]) -> bool:
        """Remembers the best epoch; true if it is long enough ago to stop."""
        patience = self.options.get("patience", 0)
        if value is None or not patience:
            return False
        if self.best is None or value > self.best[0]:
            self.best = (float(value), self.epoch)
            self.best_weights = [parameter.detach().clone() for parameter in self.module.parameters()]
        return self.epoch - self.best[1] >= patience

    def named(self) -> List[Tuple[str, torch.nn.Parameter]]:
        """Parameters with their names, in the order of module.parameters()."""
        return list(self.module.named_parameters())

    def state_tensors(self) -> Tensors:
        """All that the rest of the run depends on, as `training.*`, and the tasks' state as `contrast.*`."""
        tensors = {(name if name.startswith("contrast.") else f"training.weights.{name}"): value.detach().clone()
                   for name, value in self.module.state_dict().items()}
        named = self.named()
        raw = self.raw if self.raw is not None else [parameter.detach() for _, parameter in named]
        for at, (name, parameter) in enumerate(named):
            tensors[name if name.startswith("contrast.") else f"training.weights.{name}"] = raw[at].clone()
            if self.average.sums:
                tensors[f"training.average.{name}"] = self.average.sums[at].clone()
            if self.best_weights is not None:
                tensors[f"training.best.{name}"] = self.best_weights[at].clone()
            for moment, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"training.optimizer.{name}.{moment}"] = torch.as_tensor(value).reshape(value.shape or (1,))
        tensors["training.rng.torch"] = torch.get_rng_state()
        tensors["training.rng.numpy"] = pack_json(self.rng.bit_generator.state)
        tensors["training.settings"] = pack_json(self.settings)
        tensors["training.progress"] = pack_json({"step": self.step, "epoch": self.epoch, "total": self.total,
                                                  "average": self.average.weight, "best": self.best, "log": self.log})
        return tensors

    @torch.no_grad()
    def resume(self, tensors: Tensors) -> None:
        """Goes back to where `state_tensors` was taken; the settings must be those of then."""
        if unpack_json(tensors["training.settings"]) != self.settings:
            raise ValueError("the checkpoint was made with other settings")
        progress = unpack_json(tensors["training.progress"])
        self.step, self.epoch, self.total = progress["step"], progress["epoch"], progress["total"]
        self.average.weight, self.log = progress["average"], progress["log"]
        self.best = tuple(progress["best"]) if progress["best"] else None
        self.module.load_state_dict({name: tensors[name if name.startswith("contrast.") else f"training.weights.{name}"]
                                     for name in self.module.state_dict()})
        named = self.named()
        if self.best:
            self.best_weights = [tensors[f"training.best.{name}"].clone() for name, _ in named]
        for at, (name, parameter) in enumerate(named):
            if self.average.sums:
                self.average.sums[at].copy_(tensors[f"training.average.{name}"])
            prefix = f"training.optimizer.{name}."
            found = {key[len(prefix):]: value.clone() for key, value in tensors.items() if key.startswith(prefix)}
            if found:
                found["step"] = found["step"].reshape(())
                self.optimizer.state[parameter] = found
        torch.set_rng_state(tensors["training.rng.torch"])
        self.rng.bit_generator.state = unpack_json(tensors["training.rng.numpy"])

    @torch.no_grad()
    def warm_start(self, tensors: Tensors) -> List[str]:
        """Takes over the weights of an earlier run where names and shapes agree (the averaged ones where there are);
        the optimiser starts anew. Returns the names that had nothing to take over."""
        progress = unpack_json(tensors["training.progress"])
        missing, state = [], self.module.state_dict()
        for name, value in state.items():
            found = tensors.get(name if name.startswith("contrast.") else f"training.weights.{name}")
            total = tensors.get(f"training.average.{name}")
            if total is not None and progress["average"] and not name.startswith("contrast."):
                found = total / progress["average"]
            if found is None or found.shape != value.shape:
                missing.append(name)
            else:
                value.copy_(found)
        return missing
