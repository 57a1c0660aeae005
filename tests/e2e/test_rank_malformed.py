"""What is not JSON is 400 with an offset; what is too large is 413; another media type is 415."""

import json

import pytest

from support import wire
from support.problems import check_problem

GOOD = b'{"candidates": [1]}'


def nested(depth):
    """A request whose context nests to `depth` levels, the top object counting as 1."""
    inner = b"1"
    for _ in range(depth - 2):
        inner = b"[" + inner + b"]"
    return b'{"candidates": [1], "context": {"x": ' + inner + b"}}"


MALFORMED = {
    "empty": b"",
    "space": b"   ",
    "text": b"hello",
    "cut": b'{"candidates": [1',
    "cut in a string": b'{"candidates": ["a',
    "trailing brace": GOOD + b"}",
    "trailing text": GOOD + b" x",
    "trailing nul": GOOD + b"\0",
    "two documents": GOOD + GOOD,
    "duplicate key": b'{"candidates": [1], "candidates": [2]}',
    "duplicate key by escape": b'{"candidates": [1], "\\u0063andidates": [2]}',
    "duplicate key inside": b'{"candidates": [{"item": 1, "item": 2}]}',
    "duplicate key in ignored part": b'{"candidates": [1], "context": {"a": 1, "a": 2}}',
    "nan": b'{"candidates": [NaN]}',
    "infinity": b'{"candidates": [1], "budget_ms": Infinity}',
    "minus infinity": b'{"candidates": [1], "budget_ms": -Infinity}',
    "bom": b"\xef\xbb\xbf" + GOOD,
    "invalid utf-8": b'{"candidates": ["\xff"]}',
    "overlong utf-8": b'{"candidates": ["\xc0\xaf"]}',
    "surrogate in utf-8": b'{"candidates": ["\xed\xa0\x80"]}',
    "cut utf-8": b'{"candidates": ["\xe2\x82"]}',
    "lone surrogate": b'{"candidates": ["\\ud800"]}',
    "control character": b'{"candidates": ["a\nb"]}',
    "raw nul": b'{"candidates": ["a\0b"]}',
    "bad escape": b'{"candidates": ["\\x"]}',
    "single quotes": b"{'candidates': [1]}",
    "comma at the end": b'{"candidates": [1,]}',
    "comment": b'{"candidates": [1] /* x */}',
    "leading zero": b'{"candidates": [012]}',
    "plus": b'{"candidates": [+1]}',
    "point alone": b'{"candidates": [1.]}',
    "no digits": b'{"candidates": [1e]}',
    "hexadecimal": b'{"candidates": [0x10]}',
    "capital literal": b'{"candidates": [1], "explain": True}',
    "integer beyond 64 bits": b'{"candidates": [9223372036854775808]}',
    "negative integer beyond 64 bits": b'{"candidates": [-9223372036854775809]}',
    "number beyond a double": b'{"candidates": [1], "budget_ms": 1e999}',
    "utf-16": GOOD.decode().encode("utf-16"),
    "17 levels": nested(17),
    "many levels": b'{"candidates": ' + b"[" * 3000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_json(table_server, body):
    document = check_problem(table_server.rank(body), 400, "malformed-json")
    assert type(document["offset"]) is int and 0 <= document["offset"] <= len(body)
    assert table_server.rank(GOOD).status == 200


def test_an_escaped_nul_is_refused(table_server):
    assert table_server.rank(b'{"candidates": ["a\\u0000b"]}').status in (400, 422)


def test_16_levels_are_accepted(table_server):
    assert table_server.rank(nested(16)).status == 200


def test_odd_but_good_json(table_server):
    for body in (b' \t\r\n{"candidates": [1]}\n ', b'{"\\u0063andidates": [1]}', b'{"candidates": [1, -0]}',
                 b'{"candidates": [1], "budget_ms": 2e4}',
                 '{"candidates": ["\\ud83d\\ude00", "😀"]}'.encode()):
        assert table_server.rank(body).status == 200, body


def test_escapes_in_ids_come_back_as_the_same_text(table_server):
    texts = ['a"b', "a\\b", "tab\t", "line\n", "\u0001", "\u007f", "é", "😀", "\u2028", "</script>", "/"]
    answer = table_server.ranked({"candidates": texts})
    assert [item["item"] for item in answer["items"]] == texts


def test_body_larger_than_the_limit(table_server):
    """16384 bytes are allowed here."""
    fill = json.dumps({"candidates": [1], "context": {"x": ""}}).encode()
    exact = fill[:-3] + b"y" * (16384 - len(fill)) + fill[-3:]
    assert len(exact) == 16384 and table_server.rank(exact).status == 200
    check_problem(table_server.rank(exact + b" "), 413, "too-large")


def test_too_large_before_the_body(table_server):
    """The answer comes although no byte of the body was sent, and the connection is closed."""
    head = b"POST /rank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
    for lines in (b"", b"X-Request-Id: early\r\n"):
        data, closed = wire.raw_exchange(table_server.data, head[:-2] + lines + b"\r\n")
        replies = wire.parse_replies(data)
        assert len(replies) == 1 and closed
        document = check_problem(replies[0], 413, "too-large")
        assert document["detail"] == ("expected a body of at most 16384 bytes (max_body_bytes), "
                                      "or 16384 where nothing is ranked")
        assert document.get("request_id") == ("early" if lines else None)


def test_too_large_in_chunks(table_server):
    pieces = iter([b'{"candidates": [1], "context": {"x": "'] + [b"y" * 4096] * 20 + [b'"}}'])
    try:
        reply = wire.request(table_server.data, "POST", "/rank", pieces, {"Transfer-Encoding": "chunked"})
    except (BrokenPipeError, ConnectionResetError):
        reply = None
    if reply:
        check_problem(reply, 413, "too-large")
    assert table_server.rank(GOOD).status == 200


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {"Content-Type": "application/xml"},
                                     {"Content-Type": "application/jsonp"}, {"Content-Type": ""},
                                     {"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}])
def test_other_media_types(table_server, headers):
    if headers.get("Content-Type") == "":
        assert table_server.rank(GOOD, headers=headers).status in (200, 415)
        return
    check_problem(table_server.rank(GOOD, headers=headers), 415, "unsupported-media-type")
    assert table_server.rank(GOOD).status == 200
