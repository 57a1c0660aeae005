"""A cell of the retrieval tables: one base loss, with some of the tasks, from one seed."""

from __future__ import annotations

from typing import Any, Callable, Dict

from ..retrieval import evaluate
from ..retrieval.sequences import Sequences
from ..retrieval.fitting import fit
from ..retrieval.stage import RetrievalTrainer
from .plan import Plan


def runner(plan: Plan, sequences: Sequences) -> Callable[[str, int], Dict[str, Any]]:
    """Runs a cell by (row, seed)."""

    def run(name: str, seed: int) -> Dict[str, Any]:
        settings = plan.settings(plan.row(name))
        trainer = RetrievalTrainer(sequences, settings, seed)
        fit(trainer)
        return {"data": sequences.name, "loss": settings["loss"], "contrast": settings["contrast"],
                "epochs": trainer.epoch, "best_epoch": trainer.best[1] if trainer.best else trainer.epoch,
                "training": trainer.log,
                "training_seconds": sum(line["seconds"] for line in trainer.log),
                "test": evaluate.evaluate(trainer, "test")}

    return run
