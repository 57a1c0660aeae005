"""Model folders for the tests: the golden sets, and small models whose scores are known by construction."""

import copy
import json
import os
import shutil

from support import safetensors_file as st
from support.server import ROOT

GOLDEN = ROOT / "tests" / "golden"
GOLDEN_SETS = sorted(folder.parent.name for folder in GOLDEN.glob("*/1"))
BUNDLED = max((ROOT / "models" / "kuairand").iterdir(), key=lambda version: int(version.name))  # what serves


def golden_folder(name):
    return GOLDEN / name / "1"


def golden_lines(folder):
    with open(folder / "golden.jsonl", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def link_golden(models, *names):
    """A models folder with links to golden sets."""
    models.mkdir(parents=True, exist_ok=True)
    for name in names:
        (models / name).symlink_to(GOLDEN / name, target_is_directory=True)
    return models


def copy_golden(models, name, version=1, as_name=None, golden=True):
    """A changeable copy of a golden set; returns the version's folder."""
    target = models / (as_name or name) / str(version)
    target.mkdir(parents=True)
    for file in golden_folder(name).iterdir():
        if golden or file.name != "golden.jsonl":
            shutil.copyfile(file, target / file.name)
    return target


def read_config(folder):
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def write_config(folder, config):
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def read_tensors(folder):
    return st.decode((folder / "model.safetensors").read_bytes())


def write_tensors(folder, tensors, metadata=None):
    (folder / "model.safetensors").write_bytes(st.encode(tensors, metadata))


def write_lines(path, documents):
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")


def merge(base, changes):
    """Deep copy of `base` with the changes merged in; a value of None removes the key."""
    merged = copy.deepcopy(base)
    for key, value in (changes or {}).items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def id_tensors(ids):
    if all(isinstance(value, int) for value in ids):
        return {"items.ids": st.integers(ids)}
    data, offsets = b"", [0]
    for value in ids:
        data += value.encode()
        offsets.append(len(data))
    return {"items.id_offsets": st.integers(offsets), "items.id_bytes": st.octets(data)}


def table_model(folder, rows, signals=("click", "like"), reward=None, unknown=None, changes=None, extra=None):
    """A model whose logits are written down: `rows` maps an item's id to its logits, one a signal.

    The encoder is `mean`, the ranker an mlp that copies the item's embedding to the logits:
    hidden units relu(e_k) and relu(-e_k), logit_k = their difference. `changes` are merged into the config.
    """
    folder.mkdir(parents=True)
    n = len(signals)
    config = merge({
        "format": "rankd-model/1", "dim": n, "actions": ["click", "like", "hate"],
        "encoder": {"type": "mean", "max_history": 5},
        "ranker": {"type": "mlp", "hidden": [2 * n], "activation": "relu"},
        "signals": list(signals),
        "reward": reward or {"type": "additive", "weights": {name: 1.0 for name in signals}},
    }, changes)
    width = 3 * n + sum(feature.get("dim", 1) for side in config.get("features", {}).values() for feature in side)
    first = [[0.0] * width for _ in range(2 * n)]
    heads = [[0.0] * (2 * n) for _ in range(n)]
    for k in range(n):
        first[2 * k][n + k], first[2 * k + 1][n + k] = 1.0, -1.0
        heads[k][2 * k], heads[k][2 * k + 1] = 1.0, -1.0
    tensors = {
        "items.embedding": st.floats([len(rows), n], [value for row in rows.values() for value in row]),
        "ranker.mlp.0.weight": st.floats([2 * n, width], sum(first, [])),
        "ranker.mlp.0.bias": st.floats([2 * n], [0.0]),
        "ranker.heads.weight": st.floats([n, 2 * n], sum(heads, [])),
        "ranker.heads.bias": st.floats([n], [0.0]),
        **id_tensors(list(rows)),
    }
    for side, features in config.get("features", {}).items():
        for feature in features:
            if feature["type"] == "categorical":
                shape = [len(feature["values"]) + 1, feature["dim"]]
                tensors[f"features.{side}.{feature['name']}.embedding"] = st.floats(shape, [0.5])
    if unknown is not None:
        tensors["items.unknown"] = st.floats([n], unknown)
    tensors.update(extra or {})
    write_config(folder, config)
    write_tensors(folder, tensors)
    return folder


def dot_model(folder, vectors, user, reward=None, signal="next", changes=None, extra=None):
    """A `dot` model: without history the logit of an item is user · vectors[id]."""
    folder.mkdir(parents=True)
    config = merge({
        "format": "rankd-model/1", "dim": len(user), "encoder": {"type": "mean", "max_history": 5},
        "ranker": {"type": "dot"}, "signals": [signal],
        "reward": reward or {"type": "odds", "signal": signal},
    }, changes)
    tensors = {
        "items.embedding": st.floats([len(vectors), len(user)], [x for vector in vectors.values() for x in vector]),
        "encoder.cold_start": st.floats([len(user)], user),
        **id_tensors(list(vectors)), **(extra or {}),
    }
    write_config(folder, config)
    write_tensors(folder, tensors)
    return folder


def heavy_model(folder, n_items=1000, dim=128, hidden=(1024, 512)):
    """A model that is slow on purpose: about 1.4 MFLOP a candidate, so that queues can be filled with few requests."""
    folder.mkdir(parents=True)
    config = {
        "format": "rankd-model/1", "dim": dim, "encoder": {"type": "mean", "max_history": 50},
        "ranker": {"type": "mlp", "hidden": list(hidden), "activation": "relu"},
        "signals": ["click"], "reward": {"type": "additive", "weights": {"click": 1.0}},
    }
    wave = [((k * 2654435761) % 1009) / 10090.0 - 0.05 for k in range(1009)]
    tensors = {"items.ids": st.integers(range(1, n_items + 1)), "items.embedding": st.floats([n_items, dim], wave)}
    width = 3 * dim
    for k, size in enumerate(hidden):
        tensors[f"ranker.mlp.{k}.weight"] = st.floats([size, width], wave)
        tensors[f"ranker.mlp.{k}.bias"] = st.floats([size], wave)
        width = size
    tensors["ranker.heads.weight"] = st.floats([1, width], wave)
    tensors["ranker.heads.bias"] = st.floats([1], [0.0])
    write_config(folder, config)
    write_tensors(folder, tensors)
    return folder


def heavy_body(n=1000, **fields):
    return {"candidates": list(range(1, n + 1)), **fields}


def slow_to_load(folder, n_lines=400, n_candidates=1000):
    """Gives a heavy model so many warm-up requests that it takes seconds to turn ready."""
    line = json.dumps(heavy_body(n_candidates)) + "\n"
    with open(folder / "warmup.jsonl", "w", encoding="utf-8") as stream:
        for _ in range(n_lines):
            stream.write(line)
    return folder


def publish(source, target):
    """Moves a finished version folder into its place in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(source, target)
