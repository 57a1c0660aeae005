"""The reader and writer of safetensors: round trip, layout, and what is refused."""

import json
import struct

import pytest
import torch

from train.safetensors_file import SafetensorsError, load_file, parse_header, save_file

TENSORS = {
    "b.weight": torch.randn(3, 5), "a": torch.randn(7).half(), "c": torch.randn(2, 3).bfloat16(),
    "ids": torch.tensor([1, -2, 1 << 60]), "bytes": torch.tensor([0, 255, 7], dtype=torch.uint8),
    "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4)}


def test_round_trip(tmp_path):
    save_file(TENSORS, tmp_path / "t.safetensors")
    loaded = load_file(tmp_path / "t.safetensors")
    assert set(loaded) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert loaded[name].dtype == tensor.dtype and loaded[name].shape == tensor.shape
        assert torch.equal(loaded[name], tensor)
    assert not list(tmp_path.glob("*.part"))


def test_layout_is_aligned_and_repeatable(tmp_path):
    save_file(TENSORS, tmp_path / "one")
    save_file(dict(reversed(list(TENSORS.items()))), tmp_path / "two")
    data = (tmp_path / "one").read_bytes()
    assert data == (tmp_path / "two").read_bytes()
    entries, metadata, start = parse_header(data)
    assert start % 8 == 0 and metadata == {"format": "pt"}
    size = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1}
    assert all(begin % size[dtype] == 0 for dtype, _, begin, _ in entries.values())


def test_bfloat16_truncates_no_value_of_its_own(tmp_path):
    tensor = torch.tensor([1.0, -0.0, 3.140625, float("inf")]).bfloat16()
    save_file({"x": tensor}, tmp_path / "x")
    assert torch.equal(load_file(tmp_path / "x")["x"], tensor)


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


ENTRY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize("data", [
    b"", b"\x01", raw({}, b"x"), struct.pack("<Q", 1 << 62) + b"{}", raw(b"[]"), raw(b"{"),
    raw({"a": {**ENTRY, "dtype": "F99"}}, b"1234"), raw({"a": {**ENTRY, "shape": [2]}}, b"1234"),
    raw({"a": {**ENTRY, "shape": [-1]}}, b"1234"), raw({"a": {**ENTRY, "shape": [True]}}, b"1234"),
    raw({"a": {**ENTRY, "extra": 1}}, b"1234"), raw({"a": ENTRY, "b": ENTRY}, b"1234"),
    raw({"a": {**ENTRY, "data_offsets": [4, 8]}}, b"12345678"), raw({"a": ENTRY}, b"123"), raw({"a": ENTRY}, b"12345"),
    raw(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        b"12345678"), raw({"__metadata__": {"k": 1}}, b"")])
def test_broken_files_are_refused(data):
    with pytest.raises(SafetensorsError):
        parse_header(data)
