"""A document a test case, and the server that the documents' requests are sent to."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "e2e"), str(ROOT)]

from documents import documents  # noqa: E402
from support import models  # noqa: E402
from support.server import BINARY, Server  # noqa: E402


def pytest_sessionstart(session):
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"{BINARY} is not built (the environment variable RANKD_BIN names another binary)", returncode=3)


def pytest_generate_tests(metafunc):
    if "document" in metafunc.fixturenames:
        metafunc.parametrize("document", documents(), ids=lambda document: document.name)


@pytest.fixture(scope="session")
def server():
    """The bundled model, as scripts/serve starts it but for the ports and the budget."""
    with Server(models.BUNDLED.parents[1], "--budget-ms", 20000, "--queue-ms", 20000) as running:
        yield running
