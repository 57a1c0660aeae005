"""Reports: plots where matplotlib is there, and the paired differences between rows."""

import numpy as np
import pytest

from train import evaluate, plots, report
from train.experiments import paired


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


def keep(path, user, labels, logits):
    np.savez_compressed(path, rows=np.arange(len(user)), logits=logits, user=user, labels=labels,
                        reward=labels[:, 0].astype(float), served=logits[:, 0])


def test_paired_differences(tmp_path):
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(300), 8)
    labels = rng.integers(0, 2, (len(user), 9)).astype(np.uint8)
    for seed in (1, 2):
        noise = rng.normal(size=(len(user), 10))
        keep(tmp_path / f"base-{seed}.npz", user, labels, noise)
        better = noise.copy()
        better[:, 0] += 0.5 * labels[:, 0]  # the click head knows more, the others are the same
        keep(tmp_path / f"better-{seed}.npz", user, labels, better)
    found = paired.differences(tmp_path, ["better", "absent"], [1, 2, 3])
    assert set(found) == {"better"}
    assert found["better"]["click AUC"].low > 0 and found["better"]["NDCG served"].low > 0
    assert found["better"]["like AUC"].value == 0 and found["better"]["like AUC"].high == 0
    text = paired.render(found, {"better": "+ knowledge"})
    assert "**+0." in text and "| like AUC | +0.0000 (+0.0000 to +0.0000) |" in text
    assert paired.differences(tmp_path / "nowhere", ["better"], [1]) == {}
