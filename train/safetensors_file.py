"""A small strict reader and writer of the public safetensors format.

File layout: u64 little endian N, then N bytes of JSON header (padded with
spaces so that the data starts at a multiple of 8), then the data. The header
maps a tensor's name to {"dtype", "shape", "data_offsets": [begin, end]} with
offsets from the start of the data; the tensors cover the data without a hole.
The module's name differs from the public package so that it cannot shadow it.
"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Dict, Mapping, Tuple

import numpy as np
import torch

_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
          "U8": "|u1", "BOOL": "|b1"}
_DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
           torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
           torch.bool: "BOOL"}
_MAX_HEADER = 100_000_000


class SafetensorsError(ValueError):
    """The bytes are not a valid safetensors file."""


def _no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise SafetensorsError("duplicate key in the header")
    return dict(pairs)


def _check_entry(name: str, entry: object) -> Tuple[str, Tuple[int, ...], int, int]:
    """Returns (dtype, shape, begin, end) of one header entry, or raises."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise SafetensorsError(f"{name}: wants exactly dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if dtype not in _SIZES:
        raise SafetensorsError(f"{name}: unknown dtype {dtype!r}")
    for field in (shape, offsets):
        if not isinstance(field, list) or any(type(value) is not int or value < 0 for value in field):
            raise SafetensorsError(f"{name}: shape and data_offsets are lists of integers >= 0")
    if len(offsets) != 2 or offsets[1] < offsets[0]:
        raise SafetensorsError(f"{name}: bad data_offsets")
    count = 1
    for value in shape:
        count *= value
    if count * _SIZES[dtype] != offsets[1] - offsets[0]:
        raise SafetensorsError(f"{name}: {dtype} {shape} does not fill bytes {offsets}")
    return dtype, tuple(shape), offsets[0], offsets[1]


def parse_header(data: bytes) -> Tuple[Dict[str, Tuple[str, Tuple[int, ...], int, int]], Dict[str, str], int]:
    """Returns (entries by name, metadata, where the data starts) of a whole file's bytes."""
    if len(data) < 8:
        raise SafetensorsError("shorter than its length field")
    (length,) = struct.unpack("<Q", data[:8])
    if length > _MAX_HEADER or 8 + length > len(data):
        raise SafetensorsError("the header is longer than the file")
    raw = data[8:8 + length]
    if not raw.startswith(b"{"):
        raise SafetensorsError("the header does not start with {")
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SafetensorsError(f"the header is not JSON: {error}") from None
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or any(not isinstance(value, str) for value in metadata.values()):
        raise SafetensorsError("__metadata__ is not a map of strings")
    entries = {name: _check_entry(name, entry) for name, entry in header.items()}
    end = 0
    for name, entry in sorted(entries.items(), key=lambda pair: pair[1][2:]):
        if entry[2] != end:
            raise SafetensorsError(f"{name}: hole or overlap at byte {end}")
        end = entry[3]
    if 8 + length + end != len(data):
        raise SafetensorsError("the data is longer or shorter than the header says")
    return entries, metadata, 8 + length


def load_file(path: os.PathLike) -> Dict[str, torch.Tensor]:
    """Reads every tensor of a file, each in its own dtype."""
    data = Path(path).read_bytes()
    entries, _, start = parse_header(data)
    tensors = {}
    for name, (dtype, shape, begin, end) in entries.items():
        raw = data[start + begin:start + end]
        if dtype == "BF16":
            wide = np.frombuffer(raw, "<u2").astype("<u4") << 16
            tensor = torch.from_numpy(wide.view("<f4").copy()).to(torch.bfloat16)
        else:
            tensor = torch.from_numpy(np.frombuffer(raw, _NUMPY[dtype]).copy())
        tensors[name] = tensor.reshape(shape)
    return tensors


def _raw_bytes(tensor: torch.Tensor) -> bytes:
    if tensor.dtype == torch.bfloat16:
        bits = tensor.float().numpy().view("<u4") >> 16
        return bits.astype("<u2").tobytes()
    return tensor.numpy().astype(_NUMPY[_DTYPES[tensor.dtype]], copy=False).tobytes()


def save_file(tensors: Mapping[str, torch.Tensor], path: os.PathLike, metadata: Mapping[str, str] = None) -> None:
    """Writes a file atomically; wide dtypes first, then by name, so that every tensor is aligned to its size."""
    order = sorted(tensors, key=lambda name: (-_SIZES[_DTYPES[tensors[name].dtype]], name))
    header: Dict[str, object] = {"__metadata__": dict(metadata or {"format": "pt"})}
    chunks, offset = [], 0
    for name in order:
        tensor = tensors[name].detach().cpu().contiguous()
        raw = _raw_bytes(tensor)
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(raw)]}
        chunks.append(raw)
        offset += len(raw)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    path = Path(path)
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as out:
        out.write(struct.pack("<Q", len(text)))
        out.write(text)
        out.writelines(chunks)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
