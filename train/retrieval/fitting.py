"""Fits the retrieval stage with early stopping on the validation items."""

from __future__ import annotations

from typing import Callable, Optional

from . import evaluate
from .stage import RetrievalTrainer


def fit(trainer: RetrievalTrainer, checkpoint: Optional[Callable[[], None]] = None) -> None:
    """Trains to the end; trainer.log holds the validation metrics of the epochs that were judged (by NDCG@10)."""
    options = trainer.settings["validate"]

    def after_epoch(epoch: int) -> Optional[float]:
        if epoch % options["every"] and epoch != trainer.options["epochs"]:
            return None
        found = evaluate.brief(trainer, most=options["users"])
        trainer.log[-1]["validation"] = found
        print("  validation: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()), flush=True)
        return found["ndcg@10"]

    trainer.fit(after_epoch, lambda line: print(line, flush=True), checkpoint)
