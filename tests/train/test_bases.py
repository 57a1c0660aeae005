"""Every base model by name: a step of training, calibration, export, and the same scores from the model folder."""

import json

import numpy as np
import pytest

from base_cases import BASES, changed
from train import evaluate, export, requests
from train.model import load_model
from train.reference import Reference
from train.trainer import Trainer, predict

@pytest.mark.parametrize("name", BASES)
def test_base_trains_and_exports(bundle, name, tmp_path):
    made = changed(bundle, *BASES[name])
    trainer = Trainer(made)
    trainer.fit(log=lambda line: None)
    before = predict(made, trainer.trainee, "test")["logits"]
    evaluate.apply_calibration(trainer.trainee, 2.0, 0.5)
    found = predict(made, trainer.trainee, "test")
    assert np.allclose(found["logits"][:, -1], 2.0 * before[:, -1] + 0.5, atol=1e-4)
    assert np.array_equal(found["logits"][:, :-1], before[:, :-1])
    export.write_checkpoint(trainer, tmp_path / "checkpoint")
    export.export(tmp_path / "checkpoint", tmp_path / "1")
    reference, maker = Reference(load_model(tmp_path / "1")), requests.RequestMaker(made, 1)
    for at in (0, len(found["rows"]) // 2, len(found["rows"]) - 1):
        body = maker.request(int(found["rows"][at]), 1, made.config.encoder.max_history, explain=True)
        signals = reference.score(json.loads(json.dumps(body)))["items"][0]["signals"]
        assert np.allclose(list(signals.values()), evaluate.sigmoid(found["logits"][at]), atol=1e-4)
