"""bfloat16 as a model's setting: served, gated by its own tolerance, and compared with f32 by validate."""

import re
import shutil

import pytest

from support import models
from support.golden import check_answer, without_top_k
from support.server import Server, run

TOLERANCE = 0.1
ODDS_TOLERANCE = 0.5  # of an exponential: an error of 0.4 in a logit


def in_bf16(source, target, **changes):
    shutil.copytree(source, target)
    models.write_config(target, {**models.read_config(target), "precision": "bf16", **changes})
    return target


@pytest.mark.parametrize("name", models.GOLDEN_SETS)
def test_golden_sets_hold_in_bf16_within_their_own_tolerance(name, tmp_path):
    is_odds = models.read_config(models.golden_folder(name))["reward"]["type"] == "odds"
    folder = in_bf16(models.golden_folder(name), tmp_path / name / "1",
                     golden_tolerance=ODDS_TOLERANCE if is_odds else TOLERANCE)
    done = run("validate", folder)
    assert done.returncode == 0, done.stderr


def test_the_usual_tolerance_refuses_bf16(tmp_path):
    folder = in_bf16(models.golden_folder("sasrec_post"), tmp_path / "sasrec_post" / "1")
    done = run("validate", folder)
    assert done.returncode == 1 and "golden.jsonl" in done.stderr, done.stderr


def test_answers_over_http_are_near_f32(tmp_path):
    folder = models.golden_folder("sasrec_mlp")
    in_bf16(folder, tmp_path / "models" / "sasrec_mlp" / "1", golden_tolerance=TOLERANCE)
    with Server(tmp_path / "models", "--budget-ms", 20000, "--queue-ms", 20000) as server:
        for line in models.golden_lines(folder):
            check_answer(server.ranked(without_top_k(line["request"])), line["expected"], TOLERANCE)


def test_validate_reports_what_bf16_costs(tmp_path):
    bundled = models.BUNDLED
    if not bundled.exists():
        pytest.skip("no bundled model")
    folder = in_bf16(bundled, tmp_path / "kuairand" / "1", golden_tolerance=0.05)
    done = run("validate", folder)
    assert done.returncode == 0, done.stderr
    found = re.search(r"bf16 against f32 over (\d+) requests: top-10 overlap ([\d.]+), Kendall tau ([\d.]+)",
                      done.stdout)
    assert found, done.stdout
    assert int(found[1]) > 0 and float(found[2]) >= 0.9 and float(found[3]) >= 0.98
    assert "bf16 against" not in run("validate", bundled).stdout
