"""Model files that somebody made on purpose: each breaks one rule of a file that is otherwise good."""

import copy
import json
import struct

from support import safetensors_file as st

BIG = 1 << 20  # the most header bytes that the loader takes
OPTIONAL = ("items.unknown", "encoder.cold_start")  # a model without them is another model, and a good one


def parts(data):
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8:8 + length]), data[8 + length:]


def with_length(data, length):
    return struct.pack("<Q", length % 2 ** 64) + data[8:]


def changed(data, name, **fields):
    header, rest = parts(data)
    header = copy.deepcopy(header)
    header[name].update(fields)
    return st.with_header(json.dumps(header).encode(), rest)


def raw(text, rest=b""):
    return struct.pack("<Q", len(text)) + text + rest


def lengths(data):
    near = (0, 1, 7, len(data) - 8, len(data) - 7, len(data), BIG + 1)
    for length in (*near, 100_000_001, 2 ** 31, 2 ** 32, 2 ** 63 - 8, 2 ** 63, 2 ** 64 - 8, 2 ** 64 - 1):
        yield f"header length {length}", with_length(data, length)


def texts(data):
    (length,) = struct.unpack("<Q", data[:8])
    text, rest = data[8:8 + length].rstrip(b" "), data[8 + length:]
    header, _ = parts(data)
    first = next(name for name in header if name != "__metadata__")
    entry = json.dumps({first: header[first]}).encode()[1:-1]
    yield "leading space", raw(b" " + text, rest)
    yield "byte order mark", raw(b"\xef\xbb\xbf" + text, rest)
    yield "a list", raw(b"[" + text + b"]", rest)
    yield "tab behind", raw(text + b"\t", rest)
    yield "two values", raw(text + b" {}", rest)
    yield "NUL behind", raw(text + b"\0", rest)
    yield "tensor twice", raw(text[:-1] + b"," + entry + b"}", rest)
    escaped = entry.replace(first[:1].encode(), b"\\u%04x" % ord(first[0]), 1)
    yield "tensor twice, escaped", raw(text[:-1] + b"," + escaped + b"}", rest)
    yield "metadata twice", raw(text[:-1] + b',"__metadata__":{},"__metadata__":{}}', rest)
    yield "metadata a number", raw(b'{"__metadata__":{"a":1},' + text[1:], rest) if "__metadata__" not in header else \
        raw(text[:-1] + b',"__metadata__":{"a":1}}', rest)
    yield "invalid UTF-8", raw(text[:-1] + b',"\xff":{}}', rest)
    yield "trailing comma", raw(text[:-1] + b",}", rest)
    yield "deep nesting", raw(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", rest)
    yield "empty", b""
    yield "empty header", raw(b"{}", b"")
    yield "all data left out", raw(text, b"")
    yield "trailing byte", data + b"\0"
    yield "trailing archive", data + b"PK\x03\x04" * 64


def entries(data):
    header, _ = parts(data)
    name = max((n for n in header if n != "__metadata__"), key=lambda n: header[n]["data_offsets"][1])
    shape, (begin, end) = header[name]["shape"], header[name]["data_offsets"]
    for bad in (-1, 1.0, True, None, "4", 2 ** 62, 2 ** 63, 2 ** 64, [1]):
        yield f"shape with {bad!r}", changed(data, name, shape=[bad, *shape[1:]])
        yield f"offsets with {bad!r}", changed(data, name, data_offsets=[begin, bad])
    yield "shape overflows", changed(data, name, shape=[2 ** 32, 2 ** 32, *shape])
    yield "shape overflows to 0", changed(data, name, shape=[2 ** 32, 2 ** 32, 0])
    yield "nine extents", changed(data, name, shape=[1] * (9 - len(shape)) + shape)
    yield "shape transposed and longer", changed(data, name, shape=[*shape, 2])
    yield "reversed offsets", changed(data, name, data_offsets=[end, begin])
    yield "hole", changed(data, name, data_offsets=[begin + 4, end + 4])
    yield "overlap", changed(data, name, data_offsets=[max(0, begin - 4), end - 4])
    yield "beyond the end", changed(data, name, data_offsets=[begin, end + 4])
    for dtype in ("F33", "F4", "F6_E2M3", "f32", "", 7, None, "F64", "I64", "U8", "F16"):
        if dtype != header[name]["dtype"]:
            yield f"dtype {dtype!r}", changed(data, name, dtype=dtype)
    yield "extra key", changed(data, name, x=1)
    yield "missing key", st.with_header(json.dumps({**header, name: {"dtype": "F32"}}).encode(), parts(data)[1])


def abuses():
    """The reference implementation's own three, smaller where size is not the point."""
    many = {f"t{k}": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]} for k in range(12_000)}
    yield "many tensors share a range", raw(json.dumps(many).encode()[:BIG - 1].ljust(BIG), bytes(8))
    few = {f"t{k}": {"dtype": "F32", "shape": [20, 20], "data_offsets": [0, 1600]} for k in range(4000)}
    yield "tensors overlap", raw(json.dumps(few).encode(), bytes(1600))
    yield "a length that lies", struct.pack("<Q", 2 ** 40) + b"{}"
    chain = {f"t{k}": {"dtype": "U8", "shape": [1], "data_offsets": [k, k + 1]} for k in range(5000)}
    yield "more tensors than allowed", raw(json.dumps(chain).encode(), bytes(5000))


def graph(data):
    """Right files of a wrong model."""
    tensors, _ = st.decode(data)
    for name in tensors:
        if name not in OPTIONAL:
            yield f"without {name}", st.encode({k: v for k, v in tensors.items() if k != name})
        dtype, shape, octets = tensors[name]
        if octets:
            yield f"{name} one row short", st.encode({**tensors, name: shorter(dtype, shape, octets)})
            yield f"{name} in one more dimension", st.encode({**tensors, name: (dtype, [1, *shape], octets)})
    yield "unknown tensor", st.encode({**tensors, "ranker.extra.weight": st.floats([2], [1.0])})


def shorter(dtype, shape, octets):
    row = len(octets) // shape[0]
    return dtype, [shape[0] - 1, *shape[1:]], octets[:-row]


def all_of(data):
    """(name, file's bytes); none of them may be served."""
    for family in (lengths, texts, entries, graph):
        yield from family(data)
    yield from abuses()
