"""Connections: pipelining, HTTP/1.0, Expect, half close, drips, aborted uploads, huge heads, the connection limit."""

import json
import socket
import time

import pytest

from support import metrics, models, wire
from support.problems import check_problem
from support.server import Server

BODY = json.dumps({"candidates": [1, 2], "request_id": "r"}).encode()
LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSE = ["Connection: close"]


@pytest.fixture(scope="module")
def tight_server(tmp_path_factory):
    """Short time-outs and few connections."""
    folder = tmp_path_factory.mktemp("tight") / "models"
    models.table_model(folder / "table" / "1", {1: [0.0, 0.0], 2: [1.0, 1.0]})
    with Server(folder, "--workers", 1, "--idle-timeout", 2, "--request-timeout", 1, "--max-connections", 8,
                "--budget-ms", 20000, "--queue-ms", 20000) as server:
        yield server


def test_pipelined_requests_are_answered_in_order(table_server):
    names = [f"r{k}" for k in range(60)]
    data = b"".join(wire.post_bytes({"candidates": [1], "request_id": name}) for name in names[:-1])
    data += wire.post_bytes({"candidates": [1], "request_id": names[-1]}, headers=CLOSE)
    replies = wire.parse_replies(wire.raw_exchange(table_server.data, data)[0])
    assert [reply.json["request_id"] for reply in replies] == names


def test_pipelined_mix(table_server):
    data = LIVE + wire.post_bytes(BODY) + b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n" + wire.post_bytes(b"{") \
        + wire.post_bytes(BODY) + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    replies = wire.parse_replies(wire.raw_exchange(table_server.data, data)[0])
    assert [reply.status for reply in replies] == [200, 200, 404, 400, 200, 200]


def test_keep_alive(table_server):
    connection = wire.open_connection(table_server.data)
    try:
        for _ in range(200):
            assert wire.exchange(connection, "POST", "/rank", BODY).status == 200
    finally:
        connection.close()


def test_http_1_0(table_server):
    data = b"POST /rank HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
    answer, closed = wire.raw_exchange(table_server.data, data)
    assert closed
    replies = wire.parse_replies(answer)
    assert [reply.status for reply in replies] == [200] and replies[0].json["request_id"] == "r"


def test_connection_close_is_honoured(table_server):
    answer, closed = wire.raw_exchange(table_server.data, wire.post_bytes(BODY, headers=CLOSE) + LIVE)
    assert closed and [reply.status for reply in wire.parse_replies(answer)] == [200]


def test_expect_continue(table_server):
    with wire.connect(table_server.data) as sock:
        head = wire.post_bytes(BODY, headers=["Expect: 100-continue", *CLOSE])[:-len(BODY)]
        sock.sendall(head)
        assert wire.read_reply(sock).status == 100
        sock.sendall(BODY)
        assert wire.read_reply(sock).status == 200


def test_expect_continue_is_refused_before_the_body(table_server):
    for head in (b"POST /rank HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
                 b"POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"):
        with wire.connect(table_server.data) as sock:
            sock.sendall(head)
            assert wire.read_reply(sock).status in (413, 404)


def test_half_closed_client_gets_its_answer(table_server):
    answer, closed = wire.raw_exchange(table_server.data, wire.post_bytes(BODY), half_close=True)
    assert closed and [reply.status for reply in wire.parse_replies(answer)] == [200]


def test_request_in_single_bytes(table_server):
    with wire.connect(table_server.data) as sock:
        for octet in wire.post_bytes(BODY, headers=CLOSE):
            sock.send(bytes([octet]))
        assert wire.read_reply(sock).status == 200


def test_aborted_uploads_do_no_harm(table_server):
    whole = wire.post_bytes(BODY)
    for cut in range(1, len(whole), 3):
        with wire.connect(table_server.data) as sock:
            sock.sendall(whole[:cut])
            if cut % 2:  # reset instead of an orderly close
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    for _ in range(20):
        assert table_server.rank(BODY).status == 200


def test_clients_that_leave_before_the_answer(table_server):
    for _ in range(50):
        with wire.connect(table_server.data) as sock:
            sock.sendall(wire.post_bytes(BODY) * 3)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    assert table_server.rank(BODY).status == 200


@pytest.mark.parametrize("head, status", [
    (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: " + b"y" * 100000 + b"\r\n\r\n", 431),
    (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % k for k in range(5000)) + b"\r\n", 431),
    (b"GET /" + b"y" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414)], ids=["header", "headers", "path"])
def test_huge_heads(table_server, head, status):
    with wire.connect(table_server.data) as sock:
        try:
            sock.sendall(head)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer, closed = wire.read_to_end(sock)
    assert closed
    assert not answer or answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert table_server.get("/livez").status == 200


def test_moderate_heads_are_fine(table_server):
    headers = {f"X-Header-{k}": "v" * 40 for k in range(40)}
    assert table_server.rank(BODY, headers=headers).status == 200


# time-outs

def drip(sock, data, seconds):
    """One byte every 0.1 s; when the peer closed."""
    start = time.monotonic()
    sock.settimeout(0.1)
    for octet in data:
        try:
            sock.send(bytes([octet]))
            if not sock.recv(4096):
                break
        except socket.timeout:
            pass
        except (BrokenPipeError, ConnectionResetError):
            break
        if time.monotonic() - start > seconds:
            pytest.fail(f"still open after {seconds} s")
    return time.monotonic() - start


@pytest.mark.parametrize("where", ["head", "body"])
def test_drips_end_after_request_timeout(tight_server, where):
    """One byte at a time never idles, but the whole request has one second."""
    whole = b"POST /rank HTTP/1.1\r\nHost: x\r\nX-Fill: " + b"y" * 200 + b"\r\n\r\n"
    if where == "body":
        whole = wire.post_bytes(b" " * 300)
    with wire.connect(tight_server.data) as sock:
        if where == "body":
            sock.sendall(whole[:-300])
            whole = whole[-300:]
        assert 0.5 <= drip(sock, whole, 8) <= 6
    assert tight_server.rank({"candidates": [1]}).status == 200


@pytest.mark.parametrize("part", [b"", b"POST /rank HT", wire.post_bytes(BODY)[:-5]], ids=["nothing", "head", "body"])
def test_silence_ends(tight_server, part):
    with wire.connect(tight_server.data) as sock:
        sock.sendall(part)
        answer, closed = wire.read_to_end(sock, 8)
    assert closed and not answer.startswith(b"HTTP/1.1 200")
    if answer:
        check_problem(wire.parse_replies(answer)[0], 408, "request-timeout")


def post_bytes_of(request_id):
    return wire.post_bytes({"candidates": [1]}, headers=(f"X-Request-Id: {request_id}",))


def late_records(server):
    return [record for record in server.log_records() if record.get("status") == 408]


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_late_requests_are_counted_and_logged(tmp_path):
    """A 408 is an answer like any other, though the library never sees it."""
    models.table_model(tmp_path / "models" / "table" / "1", {1: [0.0, 0.0]})
    with Server(tmp_path / "models", "--request-timeout", 1, "--access-log-sample", 0) as server:
        for part in (b"POST /ra", post_bytes_of("late-1")[:-5], LIVE + post_bytes_of("late-2")[:-5]):
            answer, closed = wire.raw_exchange(server.data, part, 8)
            assert closed and wire.parse_replies(answer)[-1].status == 408
        with wire.connect(server.data) as sock:  # a line that is late has nothing of the request before it
            sock.sendall(post_bytes_of("in-time"))
            assert wire.read_reply(sock).status == 200
            drip(sock, b"GET /" + b"y" * 200, 8)
        wait_for(lambda: len(late_records(server)) == 4)
        assert [(record["route"], record["request_id"]) for record in late_records(server)] == [
            ("none", ""), ("rank", "late-1"), ("rank", "late-2"), ("none", "")]
        assert all(500 < record["duration_ms"] < 20000 for record in late_records(server))
        families = metrics.parse(server.admin_get("/metrics").body.decode())
        for route in ("none", "rank"):
            assert metrics.value(families, "rankd_http_requests_total", route=route, code="408") == 2
        assert metrics.value(families, "rankd_request_timeouts_total") == 4


def test_idle_connections_end(tight_server):
    with wire.connect(tight_server.data) as sock:
        sock.sendall(LIVE)
        assert wire.read_reply(sock).status == 200
        start = time.monotonic()
        answer, closed = wire.read_to_end(sock, 10)
        assert closed and answer == b"" and 1 <= time.monotonic() - start <= 6


def test_pauses_shorter_than_the_timeout_are_fine(tight_server):
    with wire.connect(tight_server.data) as sock:
        for _ in range(4):
            data = wire.post_bytes(BODY)
            sock.sendall(data[:20])
            time.sleep(0.4)
            sock.sendall(data[20:])
            assert wire.read_reply(sock).status == 200


def test_connection_limit(tight_server):
    time.sleep(0.2)
    kept = []
    try:
        for _ in range(8):
            sock = wire.connect(tight_server.data)
            kept.append(sock)
            sock.sendall(LIVE)
            assert wire.read_reply(sock).status == 200
        answer, closed = wire.raw_exchange(tight_server.data, b"")
        assert closed
        replies = wire.parse_replies(answer)
        assert len(replies) == 1 and replies[0].status == 503
        assert int(replies[0].headers["retry-after"]) >= 1
        assert replies[0].headers["content-type"] == "application/problem+json"
        assert replies[0].headers["connection"].lower() == "close"
        assert replies[0].json["status"] == 503
        assert wire.request(tight_server.admin, "GET", "/livez").status == 200
        kept[0].sendall(LIVE)
        assert wire.read_reply(kept[0]).status == 200
        kept.pop().close()
        deadline = time.monotonic() + 5
        while wire.request(tight_server.data, "GET", "/livez").status != 200:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        for sock in kept:
            sock.close()


def test_an_answer_that_nobody_reads_ends(tmp_path):
    """It fits the kernel's buffers, so that the HTTP library holds it for sent."""
    models.table_model(tmp_path / "models" / "table" / "1", {1: [0.0, 0.0]})
    with Server(tmp_path / "models", "--idle-timeout", 60, "--request-timeout", 1) as server, socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(server.data)
        sock.sendall(wire.post_bytes({"candidates": [1] * 4000}))
        sock.settimeout(20)
        assert sock.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"

        def ended():
            families = metrics.parse(server.admin_get("/metrics").body.decode())
            return metrics.value(families, "rankd_request_timeouts_total") == 1

        wait_for(ended)
        with pytest.raises(ConnectionResetError):
            while sock.recv(65536):
                pass
