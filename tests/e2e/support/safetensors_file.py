"""A tiny writer and reader of safetensors files, so that tests can craft models, also broken ones.

A tensor is (dtype, shape, bytes). Nothing is checked on writing: wrong shapes are what some tests want.
"""

import array
import json
import struct

SIZES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1, "F64": 8, "I32": 4}


def floats(shape, values):
    """F32 tensor of the values, repeated until the shape is full."""
    count = 1
    for size in shape:
        count *= size
    values = list(values)
    full = (values * (count // len(values) + 1))[:count] if values else []
    return ("F32", list(shape), array.array("f", full).tobytes())


def integers(values):
    return ("I64", [len(values)], array.array("q", values).tobytes())


def octets(data):
    return ("U8", [len(data)], bytes(data))


def half(shape, values, dtype):
    """F16 or BF16 tensor of values that these formats hold exactly."""
    if dtype == "F16":
        data = b"".join(struct.pack("<e", value) for value in values)
    else:
        data = b"".join(struct.pack("<f", value)[2:] for value in values)
    return (dtype, list(shape), data)


def encode(tensors, metadata=None):
    """The file's bytes: tensors in the given order, aligned header."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return with_header(json.dumps(header, ensure_ascii=False).encode(), data)


def with_header(text, data):
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def decode(data):
    """(tensors by name in the file's order, metadata) of a whole file's bytes."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["dtype"], entry["shape"], data[8 + length + begin:8 + length + end])
    return tensors, metadata
