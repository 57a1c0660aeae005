"""Fixtures that several files share. A server is shared where a test leaves nothing behind in it."""

import os
import socket
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from support import models  # noqa: E402
from support.server import BINARY, ENVIRONMENT, Server  # noqa: E402

# The default budget is for machines that nobody else loads: here an answer is to be whole, however long it takes.
ENVIRONMENT.update(RANKD_BUDGET_MS="20000", RANKD_QUEUE_MS="20000")


def pytest_sessionstart(session):
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"{BINARY} is not built (the environment variable RANKD_BIN names another binary)", returncode=3)


@pytest.fixture(scope="session")
def golden_server(tmp_path_factory):
    """Every golden set as a model of its own, sasrec_mlp the default. A budget that a slow machine can keep."""
    folder = models.link_golden(tmp_path_factory.mktemp("golden") / "models", *models.GOLDEN_SETS)
    with Server(folder, "--default-model", "sasrec_mlp", "--workers", 2, "--budget-ms", 20000,
                "--queue-ms", 20000) as server:
        yield server


TABLE_ROWS = {1: [0.0, 0.0], 2: [1.0, -1.0], 3: [-2.0, 0.5], 4: [0.25, 2.0], 5: [0.0, 0.0], 12: [3.0, -3.0]}
TABLE_FEATURES = {
    "user": [{"name": "hour", "type": "categorical", "values": [0, 1, 2, "late"], "dim": 2},
             {"name": "age", "type": "numeric", "mean": 1.0, "std": 2.0, "log1p": True}],
    "candidate": [{"name": "age_hours", "type": "numeric", "mean": 0.0, "std": 1.0, "log1p": False},
                  {"name": "channel", "type": "categorical", "values": ["hot", "cold"], "dim": 1}],
}


@pytest.fixture(scope="session")
def table_server(tmp_path_factory):
    """One model, `table`, whose logits are written down (TABLE_ROWS), with every kind of feature and small limits."""
    folder = tmp_path_factory.mktemp("table") / "models"
    models.table_model(folder / "table" / "1", TABLE_ROWS, changes={"features": TABLE_FEATURES})
    with Server(folder, "--workers", 2, "--budget-ms", 20000, "--queue-ms", 20000, "--max-candidates", 64,
                "--max-history-events", 16, "--max-body-bytes", 16384) as server:
        yield server


@pytest.fixture(scope="session")
def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False
