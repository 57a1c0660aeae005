"""The tables' runner: cells are run once, claims keep processes apart, plans are what they say, tables are rendered."""

import json
import os

import pytest

from train.build import load_settings
from train.experiments import tables
from train.experiments.cells import claim, results, run_cells
from train.experiments.plan import CONFIGS, load_plan, merged
from train.retrieval.stage import model_json

PLANS = ("ablation", "retrieval", "retrieval_kuairand")


def test_finished_cells_are_not_run_again(tmp_path):
    ran = []

    def run(row, seed):
        ran.append((row, seed))
        if len(ran) == 3:
            raise KeyboardInterrupt
        return {"test": {"hr@10": 0.1}}

    cells = [(row, seed) for seed in (1, 2) for row in ("a", "b")]
    with pytest.raises(KeyboardInterrupt):
        run_cells(tmp_path, cells, run, log=lambda line: None)
    assert not list(tmp_path.glob("*.claim"))  # the stopped cell is free again
    assert run_cells(tmp_path, cells, run, log=lambda line: None) == 2
    assert ran == [*cells[:3], *cells[2:]]
    assert run_cells(tmp_path, cells, run, log=lambda line: None) == 0
    found = results(tmp_path)
    assert {row: [cell["seed"] for cell in found[row]] for row in found} == {"a": [1, 2], "b": [1, 2]}
    assert all(cell["minutes"] >= 0 and cell["cpu_minutes"] >= 0 for cell in found["a"])


def test_a_claim_is_kept_by_the_living_and_lost_by_the_dead(tmp_path):
    path = tmp_path / "a-1.claim"
    assert claim(path) and path.read_text() == str(os.getpid())
    assert not claim(path)  # this process is alive
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    path.write_text(str(child))
    assert claim(path) and path.read_text() == str(os.getpid())
    assert run_cells(tmp_path, [("a", 1)], lambda row, seed: pytest.fail("ran a cell of another process")) == 0


@pytest.mark.parametrize("name", PLANS)
def test_rows_of_a_plan_differ_in_what_their_titles_say(name):
    plan = load_plan(name)
    assert len(plan.seeds) >= 3
    for raw in plan.rows:
        row = plan.row(raw["name"])
        made = plan.settings(row)
        assert set(made["contrast"]) == set(row.tasks)
        if "loss" in made:
            assert row.name.startswith(made["loss"]["name"])
            assert model_json(made)["ranker"] == {"type": "dot"}
    base = plan.settings(plan.row(plan.rows[0]["name"]))
    config = load_settings(CONFIGS / plan.config)
    assert base["contrast"] == {} and base["model"] == config["model"]
    with pytest.raises(KeyError):
        plan.row("no such row")


def test_budgets_of_a_base_and_its_rows_are_equal():
    """A row with tasks trains as long as its base and at the same rate: only the tasks differ.

    The base that is trained longer, to see whether time alone would do, has no tasks.
    """
    for name in PLANS:
        plan, bases = load_plan(name), {}
        for raw in plan.rows:
            made = plan.settings(plan.row(raw["name"]))
            if raw["name"].endswith("_long"):
                assert made["contrast"] == {}
                continue
            made.pop("contrast")
            key = made.get("loss", {}).get("name", "")
            assert bases.setdefault(key, made) == made


def test_merged_writes_over_key_by_key():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    assert merged(base, {"a": {"c": [3]}, "e": 5}) == {"a": {"b": 1, "c": [3]}, "d": 4, "e": 5}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 4}


def write_cell(folder, row, seed, **test):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{row}-{seed}.json").write_text(json.dumps({
        "row": row, "seed": seed, "epochs": 4, "minutes": 2.0, "cpu_minutes": 1.5, "training": [{"cpu_seconds": 3.0}],
        "test": test}))


def test_tables_are_rendered_between_their_markers(tmp_path):
    for seed, value in ((1, 0.10), (2, 0.12)):
        write_cell(tmp_path / "retrieval-beauty", "bce", seed, **{"hr@10": value, "hr@20": 0.2, "hr@50": 0.3,
                                                                  "ndcg@20": 0.1, "shown": {"coverage": 0.5}})
        write_cell(tmp_path / "retrieval-beauty", "bce_tasks", seed, **{"hr@10": 2 * value, "hr@20": 0.25,
                                                                        "hr@50": 0.3, "ndcg@20": 0.12})
        write_cell(tmp_path / "retrieval-beauty", "bce_long", seed, **{"hr@10": value, "hr@20": 0.2, "hr@50": 0.24,
                                                                       "ndcg@20": 0.16})
    document = tmp_path / "training.md"
    document.write_text("before\n<!-- table: retrieval-beauty -->\nold\n<!-- end -->\nmiddle\n"
                        "<!-- table: ablation -->\nstays\n<!-- end -->\n")
    assert tables.write_document(document, tmp_path) == ["retrieval-beauty"]
    text = document.read_text()
    assert "0.1100 ± 0.0141" in text and "0.2200 ± 0.0283" in text and "old" not in text
    assert "| HR@20, HR@50, NDCG@20 over the base |  | +0 %, -20 %, +60 % | +25 %, +0 %, +20 % |" in text
    assert "| over the base trained as long |  |  | +25 %, +25 %, -25 % |" in text
    assert "| CPU s an epoch | 3.0 ± 0.0 |" in text and "| CPU minutes | 1.5 ± 0.0 |" in text
    assert text.startswith("before\n") and "middle" in text and "stays" in text
    assert tables.write_document(document, tmp_path) == ["retrieval-beauty"] and document.read_text() == text


def test_mean_and_sample_deviation():
    assert tables.mean_sd([1.0, 2.0, 4.0], 3) == "2.333 ± 1.528"
    assert tables.mean_sd([0.5], 2) == "0.50"
