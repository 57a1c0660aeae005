"""HTTP that two parsers could read in two ways: it is refused with 400, the connection ends, and nothing glued to it
is ever answered."""

import pytest

from support import wire
from support.problems import check_problem

BODY = b'{"candidates": [1]}'
GLUED = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"13\r\n" + BODY + b"\r\n0\r\n\r\n"


def post(*headers, version=b"1.1", host=b"Host: x\r\n"):
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST /rank HTTP/" + version + b"\r\n" + host + b"Content-Type: application/json\r\n" + lines + b"\r\n"


SMUGGLING = {
    "length and chunked": post(b"Content-Length: 19", b"Transfer-Encoding: chunked") + CHUNKED,
    "chunked and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 4") + CHUNKED,
    "two different lengths": post(b"Content-Length: 19", b"Content-Length: 4") + BODY,
    "two equal lengths": post(b"Content-Length: 19", b"Content-Length: 19") + BODY,
    "list of lengths": post(b"Content-Length: 19, 19") + BODY,
    "space before the colon of the length": post(b"Content-Length : 19") + BODY,
    "space before the colon of the coding": post(b"Transfer-Encoding : chunked", b"Content-Length: 19") + BODY,
    "tab before the colon": post(b"Content-Length\t: 19") + BODY,
    "folded length": post(b"Content-Length:\r\n 19") + BODY,
    "folded coding": post(b"Transfer-Encoding:\r\n chunked") + CHUNKED,
    "xchunked": post(b"Transfer-Encoding: xchunked") + CHUNKED,
    "gzip, chunked": post(b"Transfer-Encoding: gzip, chunked") + CHUNKED,
    "chunked, chunked": post(b"Transfer-Encoding: chunked, chunked") + CHUNKED,
    "two codings": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity") + CHUNKED,
    "identity": post(b"Transfer-Encoding: identity") + BODY,
    "quoted": post(b'Transfer-Encoding: "chunked"') + CHUNKED,
    "length 2^64-1": post(b"Content-Length: 18446744073709551615") + BODY,
    "length with a sign": post(b"Content-Length: +19") + BODY,
    "negative length": post(b"Content-Length: -19") + BODY,
    "hexadecimal length": post(b"Content-Length: 0x13") + BODY,
    "HTTP/1.0 and chunked": post(b"Transfer-Encoding: chunked", version=b"1.0") + CHUNKED,
    "a line without a name": post(b"Content-Length: 19", b": no name", b"X: y") + BODY,
    "a colon alone": post(b"Content-Length: 19", b":", b"X: y") + BODY,
    "a line that begins with a NUL": post(b"Content-Length: 19", b"\0X: y", b"Z: z") + BODY,
    "a NUL in a value": post(b"X: y\0Transfer-Encoding: chunked", b"Content-Length: 19") + BODY,
    "a NUL in the last value": post(b"Content-Length: 19", b"X: y\0z") + BODY,
    "a NUL behind a value": post(b"X: y\0", b"Content-Length: 19") + BODY,
    "a NUL behind a value, bare line feeds": post(b"X: y\0", b"Content-Length: 19").replace(b"\r", b"") + BODY,
    "a folded value": post(b"X: y\r\n Transfer-Encoding: chunked", b"Content-Length: 19") + BODY,
    "a folded last value": post(b"Content-Length: 19", b"X: y\r\n z") + BODY,
    "two hosts": post(b"Host: y", b"Content-Length: 19") + BODY,
}


def replies_before_close(server, data):
    answer, closed = wire.raw_exchange(server.data, data)
    assert closed, f"still open after {answer!r}"
    return answer


@pytest.mark.parametrize("data", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_is_refused_and_closed(table_server, data):
    answer = replies_before_close(table_server, data + GLUED)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b" 200 OK" not in answer, "the glued request was answered"
    assert b'"score"' not in answer


@pytest.mark.parametrize("name", [name for name in SMUGGLING if "sign" not in name and "negative" not in name
                                  and "hexadecimal" not in name and "list" not in name])
def test_what_the_server_itself_refuses_is_a_problem(table_server, name):
    replies = wire.parse_replies(replies_before_close(table_server, SMUGGLING[name] + GLUED))
    assert len(replies) == 1
    check_problem(replies[0], 400, "malformed-http")
    assert replies[0].headers["connection"].lower() == "close"


@pytest.mark.parametrize("port", ["data", "admin"])
def test_the_admin_port_is_guarded_too(table_server, port):
    address = table_server.data if port == "data" else table_server.admin
    data = b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GLUED
    answer, closed = wire.raw_exchange(address, data)
    assert closed and answer.startswith(b"HTTP/1.1 400 ") and b" 200 OK" not in answer


@pytest.mark.parametrize("line", [b"\x01\x02 / HTTP/1.1", b"GET", b"GET /livez", b"GET /livez HTTP/2.0",
                                  b"\x16\x03\x01", b"GET /livez HTTP/1.9", b"GET /livez HTTP/x", b"GET /livez FTP/1.1"])
def test_odd_request_lines_get_no_answer_of_ours(table_server, line):
    answer, closed = wire.raw_exchange(table_server.data, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert closed
    assert b" 200 OK" not in answer, answer
    assert table_server.get("/livez").status == 200


def test_missing_host(table_server):
    answer, closed = wire.raw_exchange(table_server.data, b"GET /livez HTTP/1.1\r\n\r\n")
    assert closed and answer.startswith(b"HTTP/1.1 400 ")


def test_good_requests_after_bad_connections(table_server):
    for data in SMUGGLING.values():
        with wire.connect(table_server.data) as sock:
            sock.sendall(data)
    assert table_server.rank(BODY).status == 200


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"CHUNKED"])
def test_plain_chunked_is_good(table_server, coding):
    data = post(b"Transfer-Encoding: " + coding, b"Connection: close") + CHUNKED
    replies = wire.parse_replies(wire.raw_exchange(table_server.data, data)[0])
    assert [reply.status for reply in replies] == [200]


BAD_CHUNKS = {"letters": b"zz\r\n" + BODY, "negative": b"-1\r\n" + BODY, "too long": b"fffffffffffffffff\r\n" + BODY,
              "no line end after data": b"13\r\n" + BODY + b"XX0\r\n\r\n", "missing size": b"\r\n" + BODY}


@pytest.mark.parametrize("chunks", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks(table_server, chunks):
    answer, closed = wire.raw_exchange(table_server.data, post(b"Transfer-Encoding: chunked") + chunks + GLUED)
    assert closed and b" 200 OK" not in answer, answer
