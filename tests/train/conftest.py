"""Makes `train` importable from the repository's root, and offers a small part of the real data."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.dont_write_bytecode = True


@pytest.fixture(scope="session")
def bundle():
    """600 users of KuaiRand-Pure with a small model's settings."""
    from base_cases import small_bundle

    return small_bundle()


@pytest.fixture(scope="session")
def trainer(bundle):
    """A trainer after one epoch."""
    from train.trainer import Trainer

    trainer = Trainer(bundle, seed=3)
    trainer.fit(log=lambda line: None)
    return trainer
