"""Training, checkpoints and export on 600 users."""

import json

import numpy as np
import pytest
import torch

from train import evaluate, export, requests
from train.contrast import Task
from train.model import load_model
from train.reference import Reference
from train.safetensors_file import load_file
from train.trainer import Trainer, predict


@pytest.fixture(scope="module")
def folders(bundle, trainer, tmp_path_factory):
    """(checkpoint, exported model folder)."""
    base = tmp_path_factory.mktemp("model")
    export.write_checkpoint(trainer, base / "checkpoint")
    export.export(base / "checkpoint", base / "1")
    return base / "checkpoint", base / "1"


def test_same_seed_same_bits(bundle, trainer):
    again = Trainer(bundle, seed=3)
    again.fit(log=lambda line: None)
    other = Trainer(bundle, seed=4)
    other.fit(log=lambda line: None)
    mine, same, different = (t.served() for t in (trainer, again, other))
    assert all(torch.equal(mine[name], same[name]) for name in mine)
    assert not torch.equal(mine["items.embedding"], different["items.embedding"])


def test_export_drops_training_only_tensors_unless_asked(folders, tmp_path):
    checkpoint, folder = folders
    held = load_file(checkpoint / "model.safetensors")
    assert any(name.startswith("training.weights.tower.") for name in held)
    assert any(name.startswith("training.optimizer.") for name in held)
    exported = load_file(folder / "model.safetensors")
    assert not any(name.startswith(("contrast.", "training.")) for name in exported)
    assert all(torch.equal(held[name], tensor) for name, tensor in exported.items())
    counts = export.export(checkpoint, tmp_path, keep_training_tensors=True)
    assert counts == {"written": len(held), "dropped": 0}
    load_model(tmp_path)  # and the loader drops them


class Toy(Task):
    """A task with a head and a memory bank, whose loss is 0."""

    def __init__(self, dim, queue):
        super().__init__(weight=0.1)
        self.head = torch.nn.Linear(dim, dim)
        self.register_buffer("bank", torch.zeros(queue, dim))

    def forward(self, inputs):
        assert inputs.user.shape[1] == inputs.table.shape[1] == self.bank.shape[1]
        return 0.0 * self.head(inputs.user.detach()).sum(), {}


def test_tasks_live_in_the_checkpoint_and_never_in_the_export(bundle, tmp_path):
    sizes = []
    for queue in (10, 1000):
        trainer = Trainer(bundle, seed=3, tasks={"toy": Toy(bundle.config.dim, queue)})
        trainer.loss(trainer.epoch_batches()[0])[0].backward()
        trainer.optimizer.step()
        export.write_checkpoint(trainer, tmp_path / "checkpoint")
        held = load_file(tmp_path / "checkpoint" / "model.safetensors")
        assert held["contrast.toy.bank"].shape == (queue, bundle.config.dim) and "contrast.toy.head.weight" in held
        export.export(tmp_path / "checkpoint", tmp_path / "1")
        sizes.append((tmp_path / "1" / "model.safetensors").stat().st_size)
        mine = trainer.served()
        trainer.trainee.contrast.clear()
        assert all(torch.equal(tensor, mine[name]) for name, tensor in trainer.served().items())
    assert sizes[0] == sizes[1]


def test_exported_model_answers_as_the_training_path(bundle, trainer, folders):
    """A real row scored through a JSON request and through the training batches gives the same logits."""
    reference = Reference(load_model(folders[1]))
    maker = requests.RequestMaker(bundle, 1)
    found = predict(bundle, trainer.trainee, "test")
    log, checked = bundle.data.log, 0
    for at in np.random.default_rng(2).permutation(len(found["rows"]))[:40]:
        row = int(found["rows"][at])
        body = maker.request(row, 5, bundle.config.encoder.max_history, explain=True)
        assert body["candidates"][0]["item"] == log.item[row]
        body["candidates"] = body["candidates"][:1]
        answer = reference.score(json.loads(json.dumps(body)))["items"][0]
        expected = evaluate.sigmoid(found["logits"][at])
        assert np.allclose(list(answer["signals"].values()), expected, atol=1e-4), row
        checked += 1
    assert checked == 40


def test_golden_and_warmup_requests(bundle, folders):
    checkpoint, folder = folders
    made = requests.golden(bundle)
    assert len(made) >= 20
    export.write_golden(folder, made)
    lines = [json.loads(line) for line in (folder / "golden.jsonl").read_text().splitlines()]
    answers = [line["expected"]["items"] for line in lines]
    assert any(item.get("unknown") for items in answers for item in items)
    assert all(item["score"] is not None and np.isfinite(item["score"]) for items in answers for item in items)
    assert any(not line["request"]["history"] for line in lines)
    assert any(line["expected"]["history"]["unknown_items"] for line in lines)
    assert max(len(line["request"]["candidates"]) for line in lines) == 100
    assert max(len(body["candidates"]) for body in requests.warmup(bundle)) == 500


def test_requests_have_the_asked_shape(bundle):
    allowed = {"request_id", "user", "history", "candidates"}
    for plain in (False, True):
        made = requests.realistic(bundle, 5, 50, 20, plain)
        assert len(made) == 5
        for body in made:
            assert set(body) <= allowed and len(body["candidates"]) == 50 and len(body["history"]) <= 20
            assert ("features" in body["user"]) is not plain
            for event in body["history"]:
                assert set(event) <= {"item", "action", "timestamp", "watch_ms", "duration_ms"}


def test_calibration_keeps_the_order(bundle):
    trainer = Trainer(bundle, seed=9)
    trainer.fit(log=lambda line: None)
    before = predict(bundle, trainer.trainee, "validation")["logits"]
    slope, shift = evaluate.calibrate(bundle, trainer.trainee)
    after = predict(bundle, trainer.trainee, "validation")["logits"]
    assert slope > 0 and np.allclose(after[:, -1], before[:, -1] * slope + shift, atol=1e-4)
    assert np.allclose(after[:, :-1], before[:, :-1], atol=1e-5)


def test_command_line(bundle, folders, tmp_path, capsys, monkeypatch):
    """`export` and `requests`, with the small bundle in the place of the whole data."""
    from train import __main__ as command

    monkeypatch.setattr(command, "build", lambda settings, folder: bundle)
    main = command.main
    main(["export", str(folders[0]), str(tmp_path / "1")])
    assert {path.name for path in (tmp_path / "1").iterdir()} == {"config.json", "model.safetensors", "golden.jsonl",
                                                                 "warmup.jsonl"}
    main(["requests", "--n", "3", "--candidates", "500", "--history", "50", "--out", str(tmp_path / "r.jsonl")])
    bodies = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [(len(body["candidates"]), len(body["history"])) for body in bodies] == [(500, 50)] * 3
    assert "training-only" in capsys.readouterr().out
