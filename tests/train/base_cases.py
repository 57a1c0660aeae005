"""Every base model on 600 users of the real data, trained a few steps with the contrastive tasks attached.

As a program it writes each below a folder, for tests of the server: `python3 base_cases.py FOLDER` makes
FOLDER/<base>/export/1 (what is served) and FOLDER/<base>/checkpoint/1 (the whole training checkpoint), both with the
golden answers of the export.
"""

import copy
import gzip
import shutil
import sys
from pathlib import Path

import numpy as np

from train import build, data, export, requests
from train.dataset import Batcher
from train.experiments.plan import load_plan
from train.model_config import parse_config
from train.retrieval.commands import CONFIG, golden_requests
from train.retrieval.sequences import find_amazon
from train.retrieval.stage import RetrievalTrainer
from train.trainer import Trainer

BASES = {
    "pre_mlp": ({}, {}),
    "post_dcn_v2": ({"norm": "post", "final_norm": False}, {"type": "dcn_v2", "cross": {"layers": 2}}),
    "query_mmoe": ({"norm": "query"}, {"type": "mmoe", "experts": 2, "tower_hidden": [8]}),
    "gru4rec_mlp": ({"type": "gru4rec"}, {"type": "mlp"}),
    "mean_mmoe": ({"type": "mean", "position": "none"}, {"type": "mmoe", "experts": 3}),
}
STEPS = 3


def small_settings():
    """The shipped training config, cut down to seconds."""
    settings = build.load_settings(build.DEFAULT_CONFIG)
    settings["threads"] = 1
    settings["optimizer"].update(epochs=1, batch_states=256, warmup=2)
    settings["model"]["dim"] = 16
    settings["model"]["ranker"]["hidden"] = [24]
    settings["item_tower"]["hidden"] = 8
    return settings


def small_bundle():
    """600 users of KuaiRand-Pure with a small model's settings."""
    return build.build(small_settings(), data=data.restrict(data.load(build.DEFAULT_DATA), 600))


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


def ring_of_items(folder):
    """Two hundred users who walk through a ring of thirty items, in the file format of the Amazon sets."""
    rng = np.random.default_rng(0)
    lines = []
    for user in range(200):
        start, length = rng.integers(30), rng.integers(5, 12)
        lines.append(" ".join(str(n) for n in [user + 1, *(1 + (start + step) % 30 for step in range(length))]))
    with gzip.open(folder / "Beauty.txt.gz", "wt") as stream:
        stream.write("\n".join(lines) + "\n")
    return find_amazon(folder / "beauty")


def retrieval_settings(**more):
    """The shipped retrieval config, cut down."""
    made = build.load_settings(CONFIG)
    made["model"]["dim"] = 16
    made["model"]["encoder"].update(layers=1, ffn=16, max_history=8)
    made["optimizer"].update(epochs=3, batch=32, rate=0.01, warmup=2)
    made["validate"].update(every=1)
    made.update(more)
    return made


def _steps(trainer):
    for batch in trainer.epoch_batches()[:STEPS]:
        trainer.optimizer.zero_grad()
        trainer.loss(batch)[0].backward()
        trainer.optimizer.step()


def _write(trainer, folder, bodies):
    export.write_checkpoint(trainer, folder / "checkpoint" / "1")
    export.export(folder / "checkpoint" / "1", folder / "export" / "1")
    export.write_golden(folder / "export" / "1", bodies)
    shutil.copy(folder / "export" / "1" / "golden.jsonl", folder / "checkpoint" / "1")


def write_all(folder):
    """Every base below `folder`, and the retrieval stage's (dot ranker) as `dot`."""
    bundle = small_bundle()
    for name, (encoder, ranker) in BASES.items():
        made = changed(bundle, encoder, ranker)
        made.settings["contrast"] = copy.deepcopy(load_plan("ablation").contrast)
        trainer = Trainer(made)
        _steps(trainer)
        _write(trainer, folder / name, requests.golden(made))
    (folder / "dot").mkdir()
    sequences = ring_of_items(folder / "dot")
    trainer = RetrievalTrainer(sequences, retrieval_settings(contrast=copy.deepcopy(load_plan("retrieval").contrast)))
    _steps(trainer)
    _write(trainer, folder / "dot", golden_requests(sequences, 8))


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
