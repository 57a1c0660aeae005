"""Item ids out of the data set that RecBole saves, of which nothing is run."""

import json
import pickle
import sys
import types

import numpy as np
import pytest
import torch

from importer_cases import CASES, ITEMS, import_case
from train.importers.checkpoint import CheckpointError
from train.importers.ids import read_ids
from train.model import load_model

TOKENS = ["[PAD]", "B00é", "7"] + [f"item-{row}" for row in range(3, ITEMS)]
PACKAGE = "recbole_dataset"


@pytest.fixture
def save(tmp_path, monkeypatch):
    """save(members): pickles them as the state of a class that is not there any more when the file is read."""
    def saved(**members):
        cls = type("SequentialDataset", (), {"__module__": PACKAGE})
        dataset = cls()
        vars(dataset).update(members)
        with monkeypatch.context() as there:
            there.setitem(sys.modules, PACKAGE, types.SimpleNamespace(SequentialDataset=cls))
            path = tmp_path / "shop-SequentialDataset.pth"
            path.write_bytes(pickle.dumps(dataset, protocol=4))
        return path
    return saved


def members(tokens=TOKENS):
    """What RecBole keeps: fields and tokens are NumPy's strings, and there are numbers and arrays beside them."""
    user, item = np.array(["user_id", "item_id"])
    tables = {user: np.array(["[PAD]", "u1"]), item: np.array(tokens)}
    return {"iid_field": "item_id", "field2id_token": tables, "rates": np.arange(3.0), "rate": np.float64(0.5),
            "field2token_id": {field: {token: row for row, token in enumerate(table)} for field, table in
                               tables.items()}, "device": torch.device("cpu"), "inter_feat": np.array([{"a": 1}, None])}


def test_ids_are_those_of_the_item_field(save):
    path = save(**members())
    with pytest.raises(ModuleNotFoundError):
        pickle.loads(path.read_bytes())
    assert read_ids(path, ITEMS - 1) == TOKENS[1:]


def test_the_command_takes_it(tmp_path, save):
    folder = import_case(tmp_path, CASES["gru wide"], "--token-ids", save(**members()))
    assert load_model(folder).ids == TOKENS[1:]
    assert json.loads((folder / "golden.jsonl").read_text().splitlines()[0])["request"]["candidates"][0] in TOKENS


def test_nothing_in_it_is_run(tmp_path, save):
    class Bomb:
        def __reduce__(self):
            return (tmp_path / "ran").mkdir, ()

    path = save(**members(), bomb=Bomb())
    assert read_ids(path, ITEMS - 1) == TOKENS[1:]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("changes, part", [
    ({"iid_field": "film_id"}, "'film_id'"), ({"field2id_token": {}}, "'item_id'"),
    ({"field2id_token": {"item_id": np.arange(ITEMS)}}, "another kind than NumPy's strings"),
    ({"field2id_token": {"item_id": np.array(TOKENS, dtype=object)}}, "another kind than NumPy's strings"),
    ({"field2id_token": {"item_id": TOKENS}}, "not a data set that RecBole saved")])
def test_another_pickle_is_refused(save, changes, part):
    path = save(**{**members(), **changes})
    with pytest.raises(CheckpointError, match="shop-SequentialDataset.pth: not a data set") as caught:
        read_ids(path, ITEMS - 1)
    assert part in str(caught.value)


def test_a_data_set_of_another_model_is_refused(save):
    with pytest.raises(CheckpointError, match=f"expected {ITEMS + 1} ids, the padding's first, found {ITEMS}"):
        read_ids(save(**members()), ITEMS)


@pytest.mark.parametrize("content, part", [
    (b"\x80\x04", "not a data set that RecBole saved"), (b"\x80\x04N.", "not a data set that RecBole saved"),
    (b"PK\x03\x04", "it looks like a checkpoint"), (b"\xff\xfe", "expected JSON or"), (b"item", "expected JSON or")])
def test_a_file_of_another_kind_is_refused(tmp_path, content, part):
    path = tmp_path / "ids"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        read_ids(path, ITEMS - 1)
    assert str(caught.value).startswith(f"{path}: ") and part in str(caught.value)
