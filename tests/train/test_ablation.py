"""A cell of the ablation on a part of the real data, and that rows are trained independently of each other."""

import json

import numpy as np
import pytest

from train.experiments import ablation
from train.experiments.plan import Plan, load_plan

SMALL = {"optimizer": {"epochs": 1, "batch_states": 128, "warmup": 2},
         "model": {"dim": 16, "ranker": {"hidden": [24]}}, "item_tower": {"hidden": 8}}


@pytest.fixture(scope="module")
def small_plan():
    plan = load_plan("ablation")
    return Plan(plan.config, plan.seeds, plan.contrast,
                [{**row, "set": SMALL} for row in plan.rows if row["name"] in ("base", "all")])


def test_cells(small_plan, bundle, tmp_path):
    run = ablation.runner(small_plan, bundle.data, tmp_path)
    first, all_three, again = run("base", 1), run("all", 1), run("base", 1)
    metrics = [json.dumps(cell["test"]) for cell in (first, again, all_three)]
    assert metrics[0] == metrics[1] != metrics[2]  # a row does not feel the ones before it
    logged = all_three["training"][0]
    assert {"user_item", "user_user", "feedback"} <= set(logged) and "user_item" not in first["training"][0]
    assert logged["feedback.users"] > 0 and all(np.isfinite(value) for value in logged.values())
    for name in ("auc.click", "gauc.like", "tail.click", "ndcg.additive", "auc.hate_or_short_view"):
        assert name in first["test"]
    kept = np.load(tmp_path / "all-1.npz")
    assert kept["logits"].shape == (len(kept["rows"]), 10) and (np.diff(kept["rows"]) > 0).all()
