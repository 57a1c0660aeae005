"""inspect, validate and what a model folder may look like: full checkpoints load, damaged ones are refused with the
tensor, the expected and the found."""

import json
import os
import struct

import pytest

from support import models
from support import safetensors_file as st
from support.golden import without_top_k, check_answer
from support.server import Server, run

ROWS = {1: [0.5, -0.5], 2: [1.0, 0.0], 3: [0.0, 1.0]}


def refused(folder, *parts):
    """validate ends with exit code 1 and one line that holds the parts."""
    done = run("validate", folder)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.split("\n") if line]
    assert len(lines) == 1, done.stderr
    for part in parts:
        assert part in lines[0], (part, lines[0])
    return lines[0]


def accepted(folder):
    done = run("validate", folder)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done


@pytest.fixture
def folder(tmp_path):
    return models.table_model(tmp_path / "table" / "1", ROWS)


@pytest.mark.parametrize("name", models.GOLDEN_SETS)
def test_golden_sets_are_valid_and_can_be_inspected(name):
    folder = models.golden_folder(name)
    accepted(folder)
    done = run("inspect", folder)
    assert done.returncode == 0, done.stderr
    tensors, _ = models.read_tensors(folder)
    for tensor in tensors:
        assert tensor in done.stdout, tensor
    assert "dropped" in done.stdout and "bytes" in done.stdout.lower()


def test_a_trailing_slash_does_not_matter(folder):
    accepted(f"{folder}/")


# full checkpoints

def test_full_checkpoint(tmp_path):
    """Training-only tensors of any dtype and size change neither the scores nor what is read."""
    folder = models.copy_golden(tmp_path, "sasrec_mlp")
    tensors, metadata = models.read_tensors(folder)
    extra = {"contrast.queue": ("F64", [1000, 64], b"\xff" * 512000), "contrast.empty": ("F32", [0, 7], b""),
             "training.optimizer.exp_avg": ("BF16", [3, 5], b"\xff" * 30), "training.flags": ("BOOL", [4], b"\1\0\1\0"),
             "training.scalar": ("I32", [], b"\1\2\3\4")}
    models.write_tensors(folder, {**extra, **tensors}, metadata)
    accepted(folder)
    output = run("inspect", folder).stdout
    for name in extra:
        assert name in output
    with Server(tmp_path) as server:
        for line in models.golden_lines(folder):
            check_answer(server.ranked(without_top_k(line["request"])), line["expected"])


def test_without_training_tensors(tmp_path):
    folder = models.copy_golden(tmp_path, "sasrec_mlp")
    tensors, _ = models.read_tensors(folder)
    models.write_tensors(folder, {k: v for k, v in tensors.items() if not k.startswith(("contrast.", "training."))})
    accepted(folder)


def test_parameters_of_another_type_are_ignored(folder):
    config = models.read_config(folder)
    config["encoder"].update({"heads": 3, "ffn": 7, "layers": 2, "norm": "pre", "activation": "relu"})
    config["ranker"].update({"experts": 3, "tower_hidden": [4], "cross": {"layers": 2}})
    models.write_config(folder, config)
    accepted(folder)


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_narrow_weights_widen_exactly(tmp_path, dtype):
    wide = models.table_model(tmp_path / "models" / "wide" / "1", ROWS)
    narrow = models.table_model(tmp_path / "models" / "narrow" / "1", ROWS)
    tensors, _ = models.read_tensors(narrow)
    for name, (_, shape, raw) in list(tensors.items()):
        if name != "items.ids":
            tensors[name] = st.half(shape, struct.unpack(f"<{len(raw) // 4}f", raw), dtype)
    models.write_tensors(narrow, tensors)
    with Server(wide.parent.parent) as server:
        body = {"candidates": [1, 2, 3], "explain": True}
        assert server.ranked(body, "/rank/wide")["items"] == server.ranked(body, "/rank/narrow")["items"]


# golden and warm-up

def golden_line(score, **request):
    return {"request": {"candidates": [1], **request}, "expected": {"items": [{"item": 1, "score": score}]}}


def test_golden_mismatch(folder):
    models.write_lines(folder / "golden.jsonl", [golden_line(1.0), golden_line(7.25)])
    line = refused(folder, "golden.jsonl", "7.25")
    assert "2" in line and "score" in line


def test_golden_tolerance(folder):
    models.write_lines(folder / "golden.jsonl", [golden_line(1.0005)])
    refused(folder, "golden.jsonl")
    config = models.read_config(folder)
    models.write_config(folder, {**config, "golden_tolerance": 0.001})
    accepted(folder)


def test_golden_is_compared_item_by_item_and_only_in_what_it_lists(folder):
    expected = {"items": [{"item": 3, "score": 0.5 + 0.7310585786300049}, {"item": 1, "signals": {"like": 0.3775407}},
                          {"item": "9", "score": None}]}
    models.write_lines(folder / "golden.jsonl", [
        {"request": {"candidates": ["9", 1, 2, 3], "explain": True, "top_k": 1}, "expected": expected}])
    accepted(folder)
    expected["items"][2]["score"] = 0.5
    models.write_lines(folder / "golden.jsonl", [{"request": {"candidates": ["9", 1, 2, 3]}, "expected": expected}])
    refused(folder, "golden.jsonl")


@pytest.mark.parametrize("text", ["{", '{"request": {}}\n', "[]\n",
                                  '{"request": {"candidates": []}, "expected": {"items": []}}\n',
                                  '{"expected": {"items": []}}\n'])
def test_bad_golden_lines(folder, text):
    (folder / "golden.jsonl").write_text(text)
    refused(folder, "golden.jsonl")


def test_warmup(folder):
    models.write_lines(folder / "warmup.jsonl", [{"candidates": [1, 2]}, {"candidates": [3]}])
    accepted(folder)
    models.write_lines(folder / "warmup.jsonl", [{"candidates": [1, 2]}, {"candidates": []}])
    assert "2" in refused(folder, "warmup.jsonl")


# damaged files

def test_missing_files(folder, tmp_path):
    refused(tmp_path / "nowhere")
    os.rename(folder / "config.json", folder / "config.bak")
    refused(folder, "config.json")
    os.rename(folder / "config.bak", folder / "config.json")
    os.unlink(folder / "model.safetensors")
    refused(folder, "model.safetensors")
    os.mkfifo(folder / "model.safetensors")
    refused(folder, "model.safetensors")


def test_truncation_at_any_place(folder):
    path = folder / "model.safetensors"
    data = path.read_bytes()
    for size in (0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        refused(folder, "model.safetensors")
    path.write_bytes(data + b"\0")
    refused(folder, "model.safetensors")
    path.write_bytes(data)
    accepted(folder)


BAD_HEADERS = {
    "length lies": struct.pack("<Q", 1 << 63) + b"{}", "length of all ones": b"\xff" * 8 + b"{}",
    "not json": st.with_header(b"hello", b""), "a list": st.with_header(b"[]", b""),
    "space first": st.with_header(b' {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', b"abcd"),
    "duplicate": st.with_header(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
                                b'"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"x"),
    "hole": st.with_header(b'{"contrast.a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', b"xy"),
    "overlap": st.with_header(b'{"contrast.a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},'
                              b'"contrast.b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', b"xy"),
    "reversed": st.with_header(b'{"contrast.a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}', b"x"),
    "shape overflow": st.with_header(b'{"contrast.a":{"dtype":"U8","shape":[4294967296,4294967296],'
                                     b'"data_offsets":[0,0]}}', b""),
    "negative shape": st.with_header(b'{"contrast.a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}', b"x"),
    "real offset": st.with_header(b'{"contrast.a":{"dtype":"U8","shape":[1],"data_offsets":[0,1.0]}}', b"x"),
    "unknown dtype": st.with_header(b'{"contrast.a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}', b"abcd"),
    "metadata of numbers": st.with_header(b'{"__metadata__":{"a":1}}', b""),
}


@pytest.mark.parametrize("data", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_bad_headers(folder, data):
    (folder / "model.safetensors").write_bytes(data)
    refused(folder, "model.safetensors")


def change(folder, name, tensor):
    tensors, metadata = models.read_tensors(folder)
    if tensor is None:
        del tensors[name]
    else:
        tensors[name] = tensor
    models.write_tensors(folder, tensors, metadata)


def test_missing_tensor(folder):
    change(folder, "ranker.heads.bias", None)
    refused(folder, "ranker.heads.bias", "[2]")


@pytest.mark.parametrize("name", ["ranker.extra", "contrastive.head", "Training.step", "encoder.gru.weight_ih_l0"])
def test_tensor_that_nothing_calls_for(folder, name):
    change(folder, name, st.floats([2], [0.0]))
    refused(folder, name)


@pytest.mark.parametrize("shape", [[4, 5], [6, 4], [24], [4, 6, 1], [2, 12]])
def test_wrong_shape(folder, shape):
    count = 1
    for size in shape:
        count *= size
    change(folder, "ranker.mlp.0.weight", ("F32", shape, b"\0" * (4 * count)))
    line = refused(folder, "ranker.mlp.0.weight")
    compact = line.replace(" ", "")
    assert "[4,6]" in compact and json.dumps(shape).replace(" ", "") in compact, line


@pytest.mark.parametrize("dtype, size", [("F64", 8), ("I32", 4), ("I64", 8), ("U8", 1)])
def test_wrong_dtype(folder, dtype, size):
    change(folder, "ranker.heads.bias", (dtype, [2], b"\0" * (2 * size)))
    refused(folder, "ranker.heads.bias", dtype)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["items.embedding", "ranker.mlp.0.bias"])
def test_weights_that_are_not_finite(folder, name, value):
    tensors, _ = models.read_tensors(folder)
    dtype, shape, raw = tensors[name]
    change(folder, name, (dtype, shape, raw[:-4] + struct.pack("<f", value)))
    refused(folder, name)


BAD_IDS = {
    "repeated integer": {"items.ids": st.integers([1, 2, 1])}, "too few": {"items.ids": st.integers([1, 2])},
    "wrong dtype": {"items.ids": ("F32", [3], b"\0" * 12)}, "none": {},
    "both kinds": {"items.ids": st.integers([1, 2, 3]), "items.id_bytes": st.octets(b"abc"),
                   "items.id_offsets": st.integers([0, 1, 2, 3])},
    "repeated string": {"items.id_bytes": st.octets(b"aba"), "items.id_offsets": st.integers([0, 1, 2, 3])},
    "falling offsets": {"items.id_bytes": st.octets(b"abc"), "items.id_offsets": st.integers([0, 2, 1, 3])},
    "offsets past the end": {"items.id_bytes": st.octets(b"abc"), "items.id_offsets": st.integers([0, 1, 2, 9])},
    "negative offset": {"items.id_bytes": st.octets(b"abc"), "items.id_offsets": st.integers([-1, 1, 2, 3])},
    "empty string": {"items.id_bytes": st.octets(b"abc"), "items.id_offsets": st.integers([0, 1, 1, 3])},
    "not utf-8": {"items.id_bytes": st.octets(b"a\xffc"), "items.id_offsets": st.integers([0, 1, 2, 3])},
    "long string": {"items.id_bytes": st.octets(b"a" * 258), "items.id_offsets": st.integers([0, 256, 257, 258])},
}


@pytest.mark.parametrize("tensors", BAD_IDS.values(), ids=BAD_IDS.keys())
def test_bad_ids(folder, tensors):
    found, _ = models.read_tensors(folder)
    del found["items.ids"]
    models.write_tensors(folder, {**found, **tensors})
    refused(folder, "items.id")


# config.json

BAD_CONFIGS = {
    "format": [None, "rankd-model/2", 1], "dim": [None, 0, 4097, 2.0, "2"], "colour": [1],
    "actions": ["click", ["a", "a"], [1]],
    "encoder": [None, {"type": "bert"}, {"max_history": 0}, {"max_history": 65537}, {"position": "middle"},
                {"use_actions": 1}, {"norm_eps": 0}, {"extra": 1}],
    "ranker": [None, {"type": "forest"}, {"hidden": []}, {"hidden": [0]}, {"activation": "tanh"}, {"extra": 1},
               {"target_attention": {"heads": 3}}, {"target_attention": {}}],
    "signals": [None, [], ["a", "a"], [f"s{k}" for k in range(65)], [1]],
    "reward": [None, {"type": "product"}, {"weights": {"clap": 1}}, {"weights": {"click": "1"}}, {"extra": 1},
               {"type": "odds"}, {"type": "rank"}],
    "derived_actions": [[{"name": "nap", "watch_ms_below": 1}], [{"name": "like"}],
                        [{"name": "like", "watch_ms_below": 1, "watch_ms_at_least": 2}], [{"name": "like", "x": 1}]],
    "feedback": [{"positive": {"actions": ["nap"], "max": 1}}, {"positive": {"actions": ["like"], "max": 0}},
                 {"neutral": {}}],
    "features": [{"user": [{"name": "a", "type": "numeric", "mean": 0, "std": 0, "log1p": False}]},
                 {"user": [{"name": "a", "type": "text"}]}, {"item": []}],
    "golden_tolerance": [0, -1, "x"], "precision": ["int8", 1],
}


@pytest.mark.parametrize("key, value", [(key, value) for key, values in BAD_CONFIGS.items() for value in values],
                         ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:40])
def test_bad_config(folder, key, value):
    config = models.read_config(folder)
    models.write_config(folder, models.merge(config, {key: value}))
    line = refused(folder, "config.json")
    assert key in line, line


@pytest.mark.parametrize("text", ["", "{", "[]", '{"dim": 2, "dim": 2}', "{} x"])
def test_config_that_is_not_json(folder, text):
    (folder / "config.json").write_text(text)
    refused(folder, "config.json")
