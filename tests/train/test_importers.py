"""Models of other libraries: imported, they score as the original's description says.

The oracles are PyTorch's own modules (nn.TransformerEncoderLayer, nn.MultiheadAttention, nn.GRU), fed from state dicts
with the originals' names. They share nothing with train/importers.
"""

import json
import math

import pytest
import torch

from importer_cases import CASES, ITEMS, MAX_HISTORY, import_case, pmixer_state, recbole_gru_state
from train.importers.recbole_gru4rec import fold
from train.model import load_model
from train.reference import Reference

NAMES = list(CASES)


def served_logits(folder, history):
    """What the folder scores for every item, by the contract: the logit of `next_item`."""
    reference = Reference(load_model(folder))
    batch, _, _ = reference.batch({"history": [{"item": item} for item in history],
                                   "candidates": list(range(1, ITEMS))})
    with torch.no_grad():
        return reference.model(batch)[:, 0]


def histories(shortest):
    generator = torch.Generator().manual_seed(5)
    for length in (1, 2, 4, MAX_HISTORY - 1, MAX_HISTORY, MAX_HISTORY + 4):
        if length >= shortest:
            yield torch.randint(1, ITEMS, (length,), generator=generator).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_the_oracle_s(tmp_path, name):
    case = CASES[name]
    folder = import_case(tmp_path, case)
    for history in histories(case.shortest_exact):
        expected = case.oracle(case.state, history)[1:]
        assert expected.std() > 0.05, "scores that hardly differ prove nothing"
        torch.testing.assert_close(served_logits(folder, history), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_golden_answers_are_the_oracle_s(tmp_path, name):
    case = CASES[name]
    lines = (import_case(tmp_path, case) / "golden.jsonl").read_text().splitlines()
    assert len(lines) >= 4
    for line in map(json.loads, lines):
        history = [int(event["item"]) for event in line["request"]["history"]]
        logits = case.oracle(case.state, history)
        found = {int(item["item"]): item for item in line["expected"]["items"]}
        assert set(found) == {int(item) for item in line["request"]["candidates"]}
        for item, answer in found.items():
            assert math.isclose(math.log(answer["score"]), logits[item].item(), abs_tol=1e-9)
            assert math.isclose(answer["signals"]["next_item"], logits[item].sigmoid().item(), abs_tol=1e-9)


@pytest.mark.parametrize("name", [name for name in NAMES if CASES[name].shortest_exact > 1])
def test_short_histories_of_the_port_are_told_to_differ(tmp_path, capsys, name):
    """The port attends to its padding; the importer's original does too, the server does not, and it says so."""
    case = CASES[name]
    folder = import_case(tmp_path, case)
    printed = capsys.readouterr().out
    assert f"exact for histories of at least {MAX_HISTORY} events" in printed
    shown = [float(line.split("up to ")[1].split(",")[0]) for line in printed.splitlines() if "up to" in line]
    assert len(shown) == 3 and min(shown) > 1e-3
    history = [3, 1, 4]
    expected = case.oracle(case.state, history)[1:]
    assert (served_logits(folder, history) - expected).abs().max() > 1e-3
    requests = [json.loads(line)["request"] for line in (folder / "golden.jsonl").read_text().splitlines()]
    assert min(len(request["history"]) for request in requests) == MAX_HISTORY


@pytest.mark.parametrize("name", [name for name in NAMES if CASES[name].shortest_exact > 1])
def test_the_original_of_the_port_attends_to_padding(tmp_path, name):
    """So that scores of the original code for short histories are checked by the right formula."""
    case = CASES[name]
    scores = tmp_path / "scores.jsonl"
    lines = []
    for history in ([3, 1, 4], list(range(1, MAX_HISTORY + 1))):
        logits = case.oracle(case.state, history)
        lines.append({"history": history, "candidates": [2, 5, 7], "scores": logits[[2, 5, 7]].tolist()})
    scores.write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder = import_case(tmp_path, case, "--scores", scores)
    assert len((folder / "golden.jsonl").read_text().splitlines()) == 1, "the short one cannot be a golden answer"
    scores.write_text(json.dumps(lines[0]) + "\n")
    folder = import_case(tmp_path / "short", case, "--scores", scores)
    assert len((folder / "golden.jsonl").read_text().splitlines()) > 1, "nor the only one: the formulas' are taken"
    lines[0]["scores"][1] += 0.01
    scores.write_text(json.dumps(lines[0]) + "\n")
    with pytest.raises(SystemExit, match="line 1: item 5: "):
        import_case(tmp_path / "wrong", case, "--scores", scores)


@pytest.mark.parametrize("embedding, state, expected", [(12, 24, 24), (12, 12, 12), (12, 7, 12), (12, 1, 12)])
def test_dense_layer_folds_into_the_larger_size(embedding, state, expected):
    dense = torch.randn(embedding, state, generator=torch.Generator().manual_seed(2)).double()
    matrix, inverse = fold(dense)
    assert matrix.shape == (expected, embedding)
    torch.testing.assert_close(inverse @ matrix, torch.eye(embedding, dtype=torch.float64))


def test_dense_layer_of_lower_rank_is_widened():
    generator = torch.Generator().manual_seed(2)
    dense = (torch.randn(12, 3, generator=generator) @ torch.randn(3, 24, generator=generator)).double()
    matrix, inverse = fold(dense)
    assert matrix.shape == (24 + 12 - 3, 12)
    torch.testing.assert_close(inverse @ matrix, torch.eye(12, dtype=torch.float64))
    assert fold(torch.zeros(4, 6).double())[0].shape == (10, 4)


def test_gru_of_lower_rank_scores_as_the_original(tmp_path):
    case = CASES["gru wide"]
    state = recbole_gru_state(12, 24, 1)
    state["dense.weight"] = state["dense.weight"][:, :2] @ state["dense.weight"][:2, :]
    folder = import_case(tmp_path, case._replace(state=state))
    history = [1, 2, 3]
    torch.testing.assert_close(served_logits(folder, history), case.oracle(state, history)[1:], rtol=0, atol=2e-6)


def test_generations_of_the_port_s_positions_are_told_apart(tmp_path):
    """maxlen rows: the first position is row 0; maxlen + 1 rows: row 1."""
    for rows, first in ((MAX_HISTORY, 0), (MAX_HISTORY + 1, 1)):
        state = pmixer_state(rows)
        folder = import_case(tmp_path / str(rows), CASES["port query"]._replace(state=state))
        position = load_model(folder).encoder.position
        torch.testing.assert_close(position, state["pos_emb.weight"][first:].double())
