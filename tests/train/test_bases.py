"""Every base model by name: a step of training, calibration, export, and the same scores from the model folder."""

import copy
import json

import numpy as np
import pytest

from train import build, evaluate, export, requests
from train.dataset import Batcher
from train.model import load_model
from train.model_config import parse_config
from train.reference import Reference
from train.trainer import Trainer, predict

BASES = {
    "post_dcn_v2": ({"norm": "post", "final_norm": False}, {"type": "dcn_v2", "cross": {"layers": 2}}),
    "query_mmoe": ({"norm": "query"}, {"type": "mmoe", "experts": 2, "tower_hidden": [8]}),
    "gru4rec_mlp": ({"type": "gru4rec"}, {"type": "mlp"}),
    "mean_mmoe": ({"type": "mean", "position": "none"}, {"type": "mmoe", "experts": 3}),
}


def changed(bundle, encoder, ranker):
    """The same data under another base model."""
    made = copy.copy(bundle)
    made.settings = copy.deepcopy(bundle.settings)
    made.settings["model"]["encoder"].update(encoder)
    made.settings["model"]["ranker"].update(ranker)
    made.settings["earlier_targets"]["repeat"] = 0
    made.settings["optimizer"]["batch_states"] = 512
    made.config = parse_config(build.model_json(made.settings, made.columns))
    made.batcher = Batcher(made.config, made.data, made.events, made.columns)
    return made


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
