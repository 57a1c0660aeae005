"""A cell of the retrieval tables: one base loss, with some of the tasks, from one seed."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from ..retrieval import evaluate
from ..retrieval.sequences import Sequences
from ..retrieval.stage import RetrievalTrainer
from .plan import Plan


def fit(trainer: RetrievalTrainer) -> "list[Dict[str, float]]":
    """Trains with early stopping on the validation items; returns their metrics by epoch."""
    options, seen = trainer.settings["validate"], []

    def after_epoch(epoch: int) -> Optional[float]:
        if epoch % options["every"] and epoch != trainer.options["epochs"]:
            return None
        seen.append({"epoch": epoch, **evaluate.brief(trainer, most=options["users"])})
        print("  validation: " + ", ".join(f"{name} {value:.4f}" for name, value in seen[-1].items() if name != "epoch"),
              flush=True)
        return seen[-1]["ndcg@10"]

    trainer.fit(after_epoch, log=lambda line: print(line, flush=True))
    return seen


def runner(plan: Plan, sequences: Sequences) -> Callable[[str, int], Dict[str, Any]]:
    """Runs a cell by (row, seed)."""

    def run(name: str, seed: int) -> Dict[str, Any]:
        settings = plan.settings(plan.row(name))
        trainer = RetrievalTrainer(sequences, settings, seed)
        seen = fit(trainer)
        return {"data": sequences.name, "loss": settings["loss"], "contrast": settings["contrast"],
                "epochs": trainer.epoch, "best_epoch": trainer.best[1] if trainer.best else trainer.epoch,
                "validation": seen, "training": trainer.log,
                "training_seconds": sum(line["seconds"] for line in trainer.log),
                "test": evaluate.evaluate(trainer, "test")}

    return run
