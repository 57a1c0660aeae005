"""What the training package writes serves the scores that it computed: every base, exported or the whole checkpoint."""

import os
import re
import subprocess
import sys

import pytest

from support import models
from support.server import ROOT, Server, run

BASES = ["dot", "gru4rec_mlp", "mean_mmoe", "post_dcn_v2", "pre_mlp", "query_mmoe"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    done = subprocess.run([sys.executable, ROOT / "tests" / "train" / "base_cases.py", folder], capture_output=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}, text=True,
                          timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_base_is_tried(trained):
    assert sorted(path.name for path in trained.iterdir()) == BASES


@pytest.mark.parametrize("name", BASES)
def test_export_and_checkpoint_agree_with_the_trainer(trained, name):
    for kind in ("export", "checkpoint"):
        done = run("validate", trained / name / kind / "1")
        assert done.returncode == 0, done.stderr
        found = re.search(r"golden (\d+) requests, max error (\S+)", done.stdout)
        assert int(found[1]) >= 10 and float(found[2]) <= 1e-4, done.stdout


@pytest.mark.parametrize("name", ["dot", "pre_mlp"])
def test_the_tasks_leave_no_trace_in_the_answers(trained, name):
    """Heads, memory banks and estimates stand in the checkpoint and are dropped; the scores have the same bits."""
    listed = run("inspect", trained / name / "checkpoint" / "1").stdout
    assert re.search(r"\ndropped.*\n +contrast\.user_item\.", listed, re.S), listed
    assert "contrast." not in run("inspect", trained / name / "export" / "1").stdout
    lines = models.golden_lines(trained / name / "export" / "1")
    with Server(trained / name, "--budget-ms", 20000, "--queue-ms", 20000) as server:
        for line in lines:
            exported, whole = (server.ranked({**line["request"], "model": kind})["items"]
                               for kind in ("export", "checkpoint"))
            assert exported == whole
