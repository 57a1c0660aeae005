"""Makes `train` importable from the repository's root, and offers a small part of the real data."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.dont_write_bytecode = True


def small_settings():
    """The shipped training config, cut down to seconds."""
    from train import build

    settings = build.load_settings(build.DEFAULT_CONFIG)
    settings["threads"] = 1
    settings["optimizer"].update(epochs=1, batch_states=256, warmup=2)
    settings["model"]["dim"] = 16
    settings["model"]["ranker"]["hidden"] = [24]
    settings["item_tower"]["hidden"] = 8
    return settings


@pytest.fixture(scope="session")
def bundle():
    """600 users of KuaiRand-Pure with a small model's settings."""
    from train import build, data

    return build.build(small_settings(), data=data.restrict(data.load(build.DEFAULT_DATA), 600))


@pytest.fixture(scope="session")
def trainer(bundle):
    """A trainer after one epoch."""
    from train.trainer import Trainer

    trainer = Trainer(bundle, seed=3)
    trainer.fit(log=lambda line: None)
    return trainer
