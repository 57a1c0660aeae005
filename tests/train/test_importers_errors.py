"""What an importer refuses: it names the tensor or the flag, the expected and the found; nothing of a file is run."""

import collections
import json
import os
import pickle
import re

import pytest
import torch

from importer_cases import CASES, DIM, ITEMS, MAX_HISTORY, import_case
from train.importers.checkpoint import CheckpointError, read_checkpoint
from train.model import load_model
from train.safetensors_file import load_file, save_file


def refused(tmp_path, case, *more):
    """The one line that the command ends with; no folder is left behind."""
    with pytest.raises(SystemExit) as caught:
        import_case(tmp_path, case, *more)
    assert not (tmp_path / "model" / "1").exists()
    return str(caught.value)


def changed(name, **tensors):
    """A case with tensors replaced, or taken out (None)."""
    state = {**CASES[name].state, **{key.replace("__", "."): tensor for key, tensor in tensors.items()}}
    return CASES[name]._replace(state={key: tensor for key, tensor in state.items() if tensor is not None})


@pytest.mark.parametrize("name, tensor, value, parts", [
    ("sasrec gelu", "position_embedding.weight", None, [f"expected [any, {DIM}]", "found no tensor"]),
    ("sasrec gelu", "trm_encoder.layer.1.feed_forward.dense_2.bias", None, [f"expected [{DIM}]", "found no tensor"]),
    ("sasrec gelu", "trm_encoder.layer.0.multi_head_attention.key.weight", torch.zeros(DIM, 5),
     [f"expected [{DIM}, {DIM}]", f"found [{DIM}, 5]"]),
    ("sasrec gelu", "output_bias", torch.zeros(3), ["[3]", "expected no such tensor in recbole-sasrec"]),
    ("sasrec gelu", "LayerNorm.weight", torch.full((DIM,), float("nan")), ["expected finite numbers"]),
    ("sasrec gelu", "LayerNorm.weight", torch.zeros(DIM, dtype=torch.int64), ["floating-point", "int64"]),
    ("gru wide", "gru_layers.weight_hh_l0", torch.zeros(72, 23), ["expected [72, 24]", "found [72, 23]"]),
    ("gru wide", "gru_layers.bias_ih_l0", torch.zeros(72), ["expected no such tensor in recbole-gru4rec"]),
    ("port query", "forward_layers.1.conv1.weight", torch.zeros(DIM, DIM), [f"expected [{DIM}, {DIM}, 1]"]),
    ("port query", "pos_emb.weight", torch.zeros(5, DIM), [f"expected [{MAX_HISTORY}, {DIM}] or", f"found [5, {DIM}]"]),
])
def test_a_wrong_tensor_is_named(tmp_path, name, tensor, value, parts):
    message = refused(tmp_path, changed(name, **{tensor.replace(".", "__"): value}))
    for part in (tensor, *parts):
        assert part in message, message


def without(case, flag):
    at = case.flags.index(flag)
    return case._replace(flags=case.flags[:at] + case.flags[at + 2:])


@pytest.mark.parametrize("name, flag", [("sasrec gelu", "--heads"), ("sasrec gelu", "--eps"),
                                        ("sasrec gelu", "--activation"), ("gru wide", "--max-history"),
                                        ("port query", "--maxlen"), ("port query", "--heads")])
def test_what_no_tensor_tells_is_not_guessed(tmp_path, name, flag):
    assert refused(tmp_path, without(CASES[name], flag)).startswith(f"error: {flag}: ")


def test_heads_must_divide(tmp_path):
    assert f"divisor of {DIM}, found 5" in refused(tmp_path, CASES["sasrec gelu"], "--heads", 5)
    assert f"divisor of {DIM}, found 5" in refused(tmp_path, CASES["port pre"], "--heads", 5)


def test_a_value_that_the_config_does_not_allow(tmp_path):
    assert refused(tmp_path, CASES["gru wide"], "--max-history", 0).startswith("error: encoder.max_history: ")
    assert not list((tmp_path / "model").iterdir()), "nothing half-written is left"


def test_a_file_that_is_not_there(tmp_path):
    assert "nowhere.json" in refused(tmp_path, CASES["gru wide"], "--token-ids", tmp_path / "nowhere.json")


def test_order_of_norms_and_rows_of_positions_must_fit(tmp_path):
    assert "--norm" in refused(tmp_path, CASES["port 2020"], "--norm", "post")


def test_a_kind_that_is_not_the_file_s(tmp_path):
    message = refused(tmp_path, CASES["port pre"]._replace(flags=CASES["sasrec gelu"].flags))
    assert "item_embedding.weight" in message and "is it recbole-sasrec?" in message


# what a checkpoint may be

class Settings:
    """Pickled as RecBole pickles its configuration: an object of a class that the reader need not have."""

    def __init__(self, **values):
        self.final_config_dict = values


class Bomb:
    """Runs a command when an ordinary pickle reader reads it."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def saved(tmp_path, content, **options):
    torch.save(content, tmp_path / "found.pth", **options)
    return tmp_path / "found.pth"


def test_settings_of_a_trainer_s_checkpoint_are_read(tmp_path):
    state = CASES["sasrec gelu"].state
    config = Settings(n_heads=3, layer_norm_eps=1e-12, hidden_act="gelu", device=torch.device("cpu"), kinds={1, 2},
                      dtype=torch.float32, counts=collections.defaultdict(list, a=[1]), kind=re.IGNORECASE)
    found, settings = read_checkpoint(saved(tmp_path, {"config": config, "state_dict": state, "epoch": 3}))
    assert (settings["n_heads"], settings["layer_norm_eps"], settings["hidden_act"]) == (3, 1e-12, "gelu")
    assert set(found) == set(state) and all(torch.equal(found[name], state[name]) for name in state)


def test_every_way_to_store_a_tensor(tmp_path):
    """Dtypes, views of one storage, strides, parameters, nothing at all."""
    base = torch.arange(24.0).reshape(4, 6)
    state = {"base": base, "rows": base[1:3], "turned": base.T, "parameter": torch.nn.Parameter(base[0] * 2),
             "none": torch.empty(0, 3), "one": torch.tensor(3.0),
             **{str(dtype): base.to(dtype) for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64)}}
    for zipped in (True, False):
        path = saved(tmp_path, state, _use_new_zipfile_serialization=zipped)
        found, _ = read_checkpoint(path)
        assert list(found) == list(state)
        for name, tensor in state.items():
            assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor.detach()), name


def test_trainer_s_checkpoint_needs_no_flags(tmp_path):
    from train.__main__ import main

    config = Settings(n_heads=3, layer_norm_eps=1e-12, hidden_act="gelu")
    path = saved(tmp_path, {"config": config, "state_dict": CASES["sasrec gelu"].state})
    main(["import", "recbole-sasrec", str(path), str(tmp_path / "bare" / "1")])
    by_flags = import_case(tmp_path, CASES["sasrec gelu"])
    for name in ("config.json", "golden.jsonl", "model.safetensors"):
        assert (tmp_path / "bare" / "1" / name).read_bytes() == (by_flags / name).read_bytes()


def test_activation_that_the_server_lacks(tmp_path):
    config = Settings(n_heads=3, layer_norm_eps=1e-12, hidden_act="tanh")
    path = saved(tmp_path, {"config": config, "state_dict": CASES["sasrec gelu"].state})
    from train.__main__ import main

    with pytest.raises(SystemExit, match="hidden_act: expected one of gelu, relu, swish, found 'tanh'"):
        main(["import", "recbole-sasrec", str(path), str(tmp_path / "model" / "1")])


def test_nothing_in_a_checkpoint_is_run(tmp_path):
    content = {"state_dict": CASES["gru wide"].state, "config": Bomb(tmp_path / "ran")}
    path = saved(tmp_path, content)
    read_checkpoint(path)
    with pytest.raises(CheckpointError):
        read_checkpoint(saved(tmp_path, content, _use_new_zipfile_serialization=False))
    assert not (tmp_path / "ran").exists()
    torch.load(path)
    assert (tmp_path / "ran").exists(), "the checkpoint has to be one that an ordinary reader would run"


@pytest.mark.parametrize("content, part", [([1, 2], "found list"), ({}, "expected a state dict"),
                                           ({"weight": 3}, "`weight` is no tensor"),
                                           (torch.nn.Linear(2, 2), "save model.state_dict()")])
def test_not_a_state_dict(tmp_path, content, part):
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(saved(tmp_path, content))
    assert part in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"a": 1})])
def test_not_a_checkpoint(tmp_path, content):
    (tmp_path / "found.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match="found.pth"):
        read_checkpoint(tmp_path / "found.pth")


def test_safetensors_are_taken_too(tmp_path):
    save_file(CASES["gru wide"].state, tmp_path / "checkpoint.safetensors")
    found, settings = read_checkpoint(tmp_path / "checkpoint.safetensors")
    assert set(found) == set(CASES["gru wide"].state) and settings == {}


# ids, scores, the folder

def tokens(tmp_path, content):
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps(content))
    return path


def test_ids_of_a_list_and_of_a_map(tmp_path):
    names = ["[PAD]"] + [f"film-{row}" for row in range(1, ITEMS)]
    for number, content in enumerate((names, {name: row for row, name in enumerate(names)})):
        folder = import_case(tmp_path / str(number), CASES["gru wide"], "--token-ids", tokens(tmp_path, content))
        assert load_model(folder).ids == names[1:]
        assert json.loads((folder / "golden.jsonl").read_text().splitlines()[0])["request"]["candidates"][0] in names


def test_ids_that_are_numbers_are_kept_as_numbers(tmp_path):
    content = ["[PAD]"] + [str(1000 - row) for row in range(1, ITEMS)]
    folder = import_case(tmp_path, CASES["gru wide"], "--token-ids", tokens(tmp_path, content))
    assert load_file(folder / "model.safetensors")["items.ids"].tolist() == [1000 - row for row in range(1, ITEMS)]


@pytest.mark.parametrize("content, part", [
    (["[PAD]", "a"], f"expected {ITEMS} ids, the padding's first, found 2"), (7, "found int"),
    (["[PAD]"] + ["a"] * (ITEMS - 1), f"'a' {ITEMS - 1} times"),
    (["[PAD]"] + [str(row) for row in range(ITEMS - 2)] + [None], "for row 30, found None"),
    ({str(row): row + 1 for row in range(ITEMS - 2)}, f"for row {ITEMS - 1}, found None")])
def test_wrong_ids(tmp_path, content, part):
    assert part in refused(tmp_path, CASES["gru wide"], "--token-ids", tokens(tmp_path, content))


def scores_file(tmp_path, *lines):
    path = tmp_path / "scores.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_scores_of_the_original_code_become_the_golden_answers(tmp_path):
    case, rows = CASES["sasrec gelu"], [2, 5, 7]
    given = [round(score, 4) for score in case.oracle(case.state, [1, 2])[rows].tolist()]
    path = scores_file(tmp_path, {"history": [1, 2], "candidates": rows, "scores": given})
    (line,) = (import_case(tmp_path, case, "--scores", path) / "golden.jsonl").read_text().splitlines()
    found = {int(item["item"]): item["score"] for item in json.loads(line)["expected"]["items"]}
    assert found == pytest.approx({row: torch.tensor(score).double().exp().item() for row, score in zip(rows, given)})


@pytest.mark.parametrize("line, part", [
    ({"history": [1], "candidates": [2], "scores": [9.0]}, "line 1: item 2: the original's score is 9"),
    ({"history": [1], "candidates": [99], "scores": [9.0]}, "'99' is missing or no known id"),
    ({"history": [1], "candidates": [2, 3], "scores": [9.0]}, "a score for every candidate"),
    ({"history": [], "candidates": [2], "scores": [9.0]}, "expected a history"),
    ({"history": [1], "candidates": [2]}, "'scores' is missing")])
def test_wrong_scores(tmp_path, line, part):
    assert part in refused(tmp_path, CASES["gru wide"], "--scores", scores_file(tmp_path, line))


@pytest.mark.parametrize("content", [b"\x80\x04.", b"[1, 2]", b"history", b'{"history": 1}',
                                     b'{"history": [1], "candidates": [2], "scores": ["a"]}'])
def test_scores_of_another_kind(tmp_path, content):
    path = tmp_path / "scores.jsonl"
    path.write_bytes(content)
    assert f"{path}: line 1: expected an object" in refused(tmp_path, CASES["gru wide"], "--scores", path)


def test_no_scores(tmp_path):
    assert "a line of scores at least" in refused(tmp_path, CASES["gru wide"], "--scores", scores_file(tmp_path))


def test_a_score_that_is_no_number(tmp_path):
    line = {"history": [1], "candidates": [2], "scores": [float("nan")]}
    assert "original's score is nan" in refused(tmp_path, CASES["gru wide"], "--scores", scores_file(tmp_path, line))


def test_a_wrong_flag_shows_in_the_scores(tmp_path):
    case = CASES["sasrec gelu"]
    logits = case.oracle(case.state, [1, 2, 3])
    path = scores_file(tmp_path, {"history": [1, 2, 3], "candidates": [4], "scores": [logits[4].item()]})
    assert "is a flag wrong?" in refused(tmp_path, case, "--scores", path, "--heads", "2")


@pytest.mark.parametrize("folder", ["films", "films/v1", "films/01", "films/0", "my films/1"])
def test_a_folder_that_the_server_would_not_find(tmp_path, folder):
    from train.__main__ import main

    state, out = saved(tmp_path, CASES["gru wide"].state), tmp_path / "models" / folder
    with pytest.raises(SystemExit, match="expected a folder NAME/VERSION"):
        main(["import", *CASES["gru wide"].flags[:1], str(state), str(out), *CASES["gru wide"].flags[1:]])
    assert not out.exists()


def test_a_version_is_not_overwritten(tmp_path):
    folder = import_case(tmp_path, CASES["gru wide"])
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(SystemExit, match="is there already"):
        import_case(tmp_path, CASES["gru narrow"])
    assert (folder / "model.safetensors").read_bytes() == before
