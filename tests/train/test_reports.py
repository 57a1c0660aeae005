"""Reports: plots where matplotlib is there, and paired differences between runs."""

import json

import numpy as np
import pytest

from train import evaluate, export, paired, plots, report
from train.experiments import tables
from train.experiments.plan import load_plan
from train.trainer import predict, predict_folder


@pytest.fixture(scope="module")
def evaluated(bundle, trainer):
    facts = {"name": "small", "command": "x", "seed": 1, "epochs": 1, "training_seconds": 1.0,
             "training_cpu_seconds": 1.0, "threads": 1, "training": trainer.log}
    return evaluate.evaluate(bundle, trainer.trainee, rounds=20), facts


def test_report_and_its_plots(evaluated, tmp_path):
    report.write_report(tmp_path, *evaluated)
    text = (tmp_path / "report.md").read_text()
    images = sorted(path.name for path in tmp_path.glob("*.png"))
    assert images == ([] if plots.pyplot is None else ["calibration.png", "curves.png", "signals.png"])
    assert all(f"]({name})" in text and (tmp_path / name).read_bytes()[:4] == b"\x89PNG" for name in images)
    assert "| click |" in text and "Calibration" in text


def test_report_without_matplotlib(evaluated, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "pyplot", None)
    report.write_report(tmp_path, *evaluated)
    assert not list(tmp_path.glob("*.png")) and ".png" not in (tmp_path / "report.md").read_text()


def predictions(user, labels, logits):
    return paired.Predictions(np.arange(len(user)), user, labels, logits, labels[:, 0].astype(float), logits[:, 0])


def pairs_of_runs():
    """[(base, a run whose click head knows more)] of two seeds; the other heads are the same."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(300), 8)
    labels = rng.integers(0, 2, (len(user), 9)).astype(np.uint8)
    made = []
    for _ in range(2):
        noise = rng.normal(size=(len(user), 10))
        better = noise.copy()
        better[:, 0] += 0.5 * labels[:, 0]
        made.append((predictions(user, labels, noise), predictions(user, labels, better)))
    return made


def test_paired_differences():
    base, better = zip(*pairs_of_runs())
    found = paired.differences(base, {"better": better})["better"]
    assert found["click AUC"].low > 0 and found["NDCG served"].low > 0
    assert found["like AUC"].value == 0 and found["like AUC"].high == 0
    assert paired.worse(found) == []
    back = paired.differences(better, {"base": base})["base"]
    assert paired.worse(back) == ["click AUC", "click GAUC", "NDCG served"]
    assert back["click AUC"].value == pytest.approx(-found["click AUC"].value)
    text = paired.render({"better": found}, {"better": "+ knowledge"})
    assert "**+0." in text and "| like AUC | +0.0000 (+0.0000 to +0.0000) |" in text


def test_ablation_table_has_the_differences_of_the_seeds_that_all_rows_have(tmp_path):
    for seed, (base, better) in enumerate(pairs_of_runs(), 1):
        for row, run in (("base", base), ("user_item", better)):
            run.save(tmp_path / f"{row}-{seed}.npz")
            (tmp_path / f"{row}-{seed}.json").write_text(json.dumps({
                "row": row, "seed": seed, "epochs": 1, "cpu_minutes": 1.0, "training": [{"cpu_seconds": 1.0}],
                "test": {"auc.click": 0.5}}))
    predictions(*(np.zeros(shape) for shape in (8, (8, 9), (8, 10)))).save(tmp_path / "base-3.npz")
    text = tables.render("ablation", load_plan("ablation"), tmp_path)
    assert "| difference from the base | + user–item |" in text and "| click AUC | **+0." in text


def test_predictions_are_kept_whole(tmp_path):
    run = pairs_of_runs()[0][0]
    run.save(tmp_path / "run.npz")
    again = paired.Predictions.load(tmp_path / "run.npz")
    assert all(np.array_equal(value, getattr(again, name)) for name, value in vars(run).items())


def test_an_exported_model_predicts_what_its_training_did(bundle, trainer, tmp_path):
    export.write_checkpoint(trainer, tmp_path / "checkpoint")
    export.export(tmp_path / "checkpoint", tmp_path / "1")
    mine = paired.Predictions.of(bundle, predict(bundle, trainer.trainee, "test"))
    exported = paired.Predictions.of(bundle, predict_folder(bundle, tmp_path / "1", "test"))
    assert np.array_equal(mine.rows, exported.rows) and np.allclose(mine.logits, exported.logits, atol=1e-5)
    config = json.loads((tmp_path / "1" / "config.json").read_text())
    config["features"]["candidate"][0]["mean"] += 1.0
    (tmp_path / "1" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="candidate_features"):
        predict_folder(bundle, tmp_path / "1", "test")


def test_report_tells_the_differences_from_another_model(evaluated, tmp_path):
    base, better = pairs_of_runs()[0]
    found = paired.differences([base], {"this": [better]})["this"]
    result, facts = evaluated
    report.write_report(tmp_path, result, {**facts, "against": {"model": "m/1", "differences": paired.as_json(found)}})
    assert "## Against m/1" in (tmp_path / "report.md").read_text()
    assert json.loads((tmp_path / "report.json").read_text())["against"]["differences"]["click AUC"]["low"] > 0
