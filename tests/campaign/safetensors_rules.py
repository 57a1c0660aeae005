"""Which damaged files a loader may accept: an oracle of the reference rules, written apart from the loader.

A file is harmless if its header keeps every rule and says of each tensor that is used what the intact one says."""

import json
import struct

BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32,
        "U16": 16, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8, "C64": 64}
DROPPED = ("contrast.", "training.")


def no_duplicates(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("repeated key")
    return dict(pairs)


def is_count(value):
    return type(value) is int and 0 <= value < 2 ** 63


def check_entry(entry):
    """Bytes of one tensor's data."""
    if type(entry) is not dict or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError("keys")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if type(shape) is not list or type(offsets) is not list or len(offsets) != 2 or len(shape) > 8:
        raise ValueError("lists")
    if not all(map(is_count, shape + offsets)) or entry["dtype"] not in BITS:
        raise ValueError("numbers")
    n_bytes = BITS[entry["dtype"]] // 8
    for extent in shape:
        n_bytes *= extent
    if offsets[1] - offsets[0] != n_bytes:
        raise ValueError("size")
    return n_bytes


def tensors(header, data_bytes):
    """{name: entry} of a header's bytes that keep every rule; ValueError otherwise."""
    if not header.startswith(b"{") or not header.rstrip(b" ").endswith(b"}"):
        raise ValueError("braces")
    entries = json.loads(header.decode("utf-8"), object_pairs_hook=no_duplicates)
    metadata = entries.pop("__metadata__", {})
    if type(metadata) is not dict or not all(type(value) is str for value in metadata.values()):
        raise ValueError("metadata")
    at = 0
    for entry in entries.values():
        check_entry(entry)
    for entry in sorted(entries.values(), key=lambda one: one["data_offsets"]):
        if entry["data_offsets"][0] != at:
            raise ValueError("hole or overlap")
        at = entry["data_offsets"][1]
    if at != data_bytes:
        raise ValueError("trailing bytes")
    return entries


def used(data):
    """What a whole file's bytes say of the tensors that are used; None if they break a rule."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        if 8 + length > len(data):
            return None
        found = tensors(data[8:8 + length], len(data) - 8 - length)
    except (ValueError, AttributeError, TypeError, RecursionError, struct.error):
        return None
    return {name: (entry, 8 + length) for name, entry in found.items() if not name.startswith(DROPPED)}
