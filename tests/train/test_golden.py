"""The torch model against the golden sets, and the batched float32 path against the float64 one."""

import json
import os
from pathlib import Path

import pytest
import torch

from train.model import Batch, load_model
from train.reference import Reference
from train.safetensors_file import load_file

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(os.environ.get("RANKD_GOLDEN", ROOT / "tests" / "golden"))
SETS = sorted(path for path in [*GOLDEN.glob("*/1"), *ROOT.glob("models/*/*")] if (path / "golden.jsonl").exists())


def lines(folder):
    with open(folder / "golden.jsonl", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def close(found, expected, tolerance):
    if expected is None or found is None:
        return found is None and expected is None
    return abs(found - expected) <= tolerance * max(1.0, abs(expected))


def check_item(found, expected, tolerance):
    assert bool(found.get("unknown")) == bool(expected.get("unknown"))
    assert close(found["score"], expected["score"], tolerance), (found, expected)
    for part in ("signals", "terms"):
        for name, value in (expected.get(part) or {}).items():
            assert close(found[part][name], value, tolerance), (part, name, found, expected)


def compare(found, expected, tolerance):
    """Item by item, not by place; equal ids are matched in their order."""
    assert len(found["items"]) == len(expected["items"])
    waiting = {}
    for item in found["items"]:
        waiting.setdefault((type(item["item"]), item["item"]), []).append(item)
    for item in expected["items"]:
        check_item(waiting[(type(item["item"]), item["item"])].pop(0), item, tolerance)
    if "history" in expected:
        assert found["history"] == expected["history"]


def test_there_are_golden_sets():
    assert SETS, f"no golden set under {GOLDEN}"


@pytest.mark.parametrize("folder", SETS, ids=lambda path: path.parent.name)
def test_float64_reference(folder):
    reference = Reference(load_model(folder))
    for line in lines(folder):
        compare(reference.score(line["request"]), line["expected"], 1e-6)


def collate(batches):
    """Pads single-request batches into one batch with many states."""
    longest = max(batch.history.shape[1] for batch in batches)

    def pad(tensor):
        shape = list(tensor.shape)
        shape[1] = longest - shape[1]
        return torch.cat([tensor, torch.zeros(shape, dtype=tensor.dtype)], 1)

    def cat(name):
        return torch.cat([getattr(batch, name) for batch in batches])

    state = torch.cat([torch.full_like(batch.state, at) for at, batch in enumerate(batches)])
    return Batch(torch.cat([pad(batch.history) for batch in batches]), torch.cat([pad(b.actions) for b in batches]),
                 cat("lengths"), cat("user_numeric"), cat("user_categorical"), state, state, cat("items"),
                 cat("numeric"), cat("categorical"))


@pytest.mark.parametrize("folder", SETS, ids=lambda path: path.parent.name)
def test_batched_float32_path(folder):
    requests = [line["request"] for line in lines(folder)]
    single, many = Reference(load_model(folder)), Reference(load_model(folder, torch.float32))
    with torch.no_grad():
        expected = torch.cat([single.model(single.batch(request)[0]) for request in requests])
        found = many.model(collate([many.batch(request)[0] for request in requests]))
    assert torch.isfinite(found).all()
    error = (found.double() - expected).abs() / expected.abs().clamp(min=1.0)
    assert error.max() <= 1e-4


@pytest.mark.parametrize("folder", SETS, ids=lambda path: path.parent.name)
def test_names_and_shapes_are_the_files(folder):
    """state_dict is the file's tensors but for ids and training-only ones."""
    stored = {name for name in load_file(folder / "model.safetensors")
              if not name.startswith(("contrast.", "training.", "items.id"))}
    assert set(load_model(folder).state_dict()) == stored


def test_gradients_are_finite_for_empty_histories():
    folder = next(path for path in SETS if path.parent.name == "sasrec_mlp")
    reference = Reference(load_model(folder, torch.float32))
    requests = [line["request"] for line in lines(folder)]
    requests[1] = {**requests[1], "history": []}
    model = reference.model.train()
    model(collate([reference.batch(request)[0] for request in requests])).pow(2).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
