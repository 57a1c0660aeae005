"""A cell of the ablation: the ranking stage on KuaiRand-Pure, with some of the tasks, from one seed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Callable, Dict

from .. import evaluate
from ..build import Bundle, build
from ..data import Data
from ..paired import Predictions
from ..trainer import Trainer, predict
from .plan import Plan


def runner(plan: Plan, data: Data, folder: Path) -> Callable[[str, int], Dict[str, Any]]:
    """Runs a cell by (row, seed); also keeps the test days' predictions, for paired comparisons between rows."""
    made: Dict[str, Bundle] = {}

    def run(name: str, seed: int) -> Dict[str, Any]:
        settings = plan.settings(plan.row(name))
        settings["seed"] = seed
        if "bundle" not in made:
            made["bundle"] = build(copy.deepcopy(settings), data=data)
        bundle = made["bundle"]
        if settings["model"] != bundle.settings["model"] or settings["features"] != bundle.settings["features"]:
            bundle = build(copy.deepcopy(settings), data=data)
        bundle.settings = settings
        trainer = Trainer(bundle)
        validation = []

        def after_epoch(epoch: int) -> None:
            validation.append(evaluate.brief(bundle, trainer.trainee, "validation"))
            print("  6 May: " + ", ".join(f"{key} {value:.4f}" for key, value in validation[-1].items()), flush=True)

        trainer.fit(after_epoch, log=lambda line: print(line, flush=True))
        evaluate.calibrate(bundle, trainer.trainee)
        found = predict(bundle, trainer.trainee, "test")
        Predictions.of(bundle, found).save(folder / f"{name}-{seed}.npz")
        return {"epochs": settings["optimizer"]["epochs"], "contrast": settings["contrast"],
                "validation": validation, "training": trainer.log,
                "training_seconds": sum(line["seconds"] for line in trainer.log),
                "test": evaluate.summary(bundle, found)}

    return run
