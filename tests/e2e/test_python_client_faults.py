"""clients/python/rankd_client.py against a server that refuses, is silent, drips and breaks off: what is sent again."""

import os
import socket
import struct
import time

import pytest

from support.python_client import Clock, open_client, rc
from support.stub import OK, RANKING, Early, Stub, answer, problem

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def clock():
    return Clock()


# Retries


@pytest.mark.parametrize("status, code", [(429, "overloaded"), (503, "not-ready")])
def test_429_and_503_are_tried_again(clock, status, code):
    with Stub(problem(status, code, ["Retry-After: 2"]), OK) as stub, open_client(stub.url, clock) as client:
        ranking = client.rank([], [1, 2], request_id="again", traceparent=TRACE)
    assert [item.item for item in ranking.items] == [2, 1]
    assert clock.slept == [2 + 0.5 * rc.BACKOFF_S]
    first, second = stub.requests
    assert first.body == second.body and first.path == second.path == "/v1/rank"
    assert first.connection == second.connection
    for request in stub.requests:
        assert request.headers["x-request-id"] == "again" and request.headers["traceparent"] == TRACE


def test_the_delay_grows_where_the_server_names_none(clock):
    script = [problem(503, "not-ready"), problem(503, "not-ready", ["Retry-After: Wed, 21 Oct 2026 07:28:00 GMT"]), OK]
    with Stub(*script) as stub, open_client(stub.url, clock, retries=2) as client:
        client.rank([], [1])
    assert clock.slept == [0.5 * rc.BACKOFF_S, 0.5 * rc.BACKOFF_S * 2]


def test_retries_end(clock):
    script = [problem(429, "overloaded", [f"Retry-After: {k}"]) for k in range(1, 6)]
    with Stub(*script) as stub, open_client(stub.url, clock, retries=2) as client:
        with pytest.raises(rc.RankdProblem) as caught:
            client.rank([], [1])
    assert (caught.value.status, caught.value.code, caught.value.retry_after_s) == (429, "overloaded", 3)
    assert len(stub.requests) == 3


@pytest.mark.parametrize("status", [302, 400, 408, 413, 422, 500, 502, 504])
def test_no_other_status_is_tried_again(clock, status):
    with Stub(answer(status, b"<html>", ["Retry-After: 0"], "Bad Luck"), OK) as stub:
        with open_client(stub.url, clock, retries=5) as client, pytest.raises(rc.RankdProblem) as caught:
            client.rank([], [1])
    error = caught.value
    assert (error.status, error.code, error.title, error.detail) == (status, None, "Bad Luck", "")
    assert len(stub.requests) == 1 and not clock.slept


def test_a_delay_past_the_deadline_is_not_waited_for(clock):
    with Stub(problem(429, "overloaded", ["Retry-After: 3"]), OK) as stub:
        with open_client(stub.url, clock, deadline_s=3.0) as client, pytest.raises(rc.RankdProblem) as caught:
            client.rank([], [1])
    assert caught.value.status == 429 and len(stub.requests) == 1 and not clock.slept


def test_the_deadline_of_a_call_wins_over_the_client_s(clock):
    with Stub(problem(429, "overloaded", ["Retry-After: 3"]), OK) as stub:
        with open_client(stub.url, clock, deadline_s=3.0) as client:
            assert client.rank([], [1], deadline_s=4.0).items
    assert len(stub.requests) == 2


def test_the_server_is_told_the_time_that_is_left(clock):
    with Stub(problem(503, "draining", ["Retry-After: 2"]), OK) as stub:
        with open_client(stub.url, clock, timeout_s=2.0, deadline_s=3.0) as client:
            client.rank([], [1])
    assert [request.headers["x-rank-budget-ms"] for request in stub.requests] == ["2000.000", "950.000"]


def test_retries_stay_a_share_of_the_calls(clock):
    """The reserve is spent first; then one retry for every four calls."""
    n_first, n_later = int(rc.RETRY_RESERVE) + 10, 40
    script = [problem(429, "overloaded", ["Retry-After: 1"])] * 200
    with Stub(*script) as stub, open_client(stub.url, clock, retry_share=0.25) as client:
        counts = []
        for n_calls in (n_first, n_later):
            before = len(stub.requests)
            for _ in range(n_calls):
                with pytest.raises(rc.RankdProblem):
                    client.rank([], [1])
            counts.append(len(stub.requests) - before - n_calls)
    assert int(rc.RETRY_RESERVE) <= counts[0] <= rc.RETRY_RESERVE + n_first / 4
    assert counts[1] == n_later / 4


# Time-outs


def test_a_time_out_is_not_tried_again(clock):
    with Stub(Stub.SILENCE, OK) as stub, open_client(stub.url, clock, retries=5) as client:
        with pytest.raises(rc.RankdTimeout) as caught:
            client.rank([], [1], request_id="late", deadline_s=0.2)
        assert caught.value.request_id == "late" and len(stub.requests) == 1 and not clock.slept
        assert client.rank([], [2]).items
        assert stub.requests[1].connection == 1    # the late answer must not meet the next request


def test_a_time_out_on_a_kept_connection_is_not_tried_again(clock):
    with Stub(OK, Stub.SILENCE, OK) as stub, open_client(stub.url, clock, retries=5) as client:
        client.rank([], [1])
        with pytest.raises(rc.RankdTimeout):
            client.rank([], [2], deadline_s=0.2)
        assert len(stub.requests) == 2


def send_slowly(sock, clock, parts):
    """Sends a part when the client has asked for more (it looks at the clock then), so that it sees every part."""
    for part in parts:
        looks = clock.looks
        sock.sendall(part)
        for _ in range(1000):
            if clock.looks != looks:
                break
            time.sleep(0.001)


@pytest.mark.parametrize("n_bytes", [5, 60, len(OK) - 40], ids=["status line", "head", "body"])
def test_an_answer_that_drips_is_given_up_in_time(clock, n_bytes):
    """Every byte comes soon after the last one, yet the time is up before the whole answer is there."""
    def drip(sock):
        clock.tick = 1.0
        single = [bytes([octet]) for octet in OK[n_bytes:n_bytes + 30]]
        send_slowly(sock, clock, [OK[:n_bytes], *single, OK[n_bytes + 30:]])

    with Stub(drip, OK) as stub, open_client(stub.url, clock, timeout_s=20.0, retries=5) as client:
        with pytest.raises(rc.RankdTimeout):
            client.rank([], [1])
        assert len(stub.requests) == 1


# Connections


def test_a_connection_is_reused(clock):
    with Stub(OK, OK, OK) as stub, open_client(stub.url, clock) as client:
        for _ in range(3):
            client.rank([], [1])
    assert [request.connection for request in stub.requests] == [0, 0, 0]


def test_a_kept_connection_that_was_closed_meanwhile_is_not_used(clock):
    with Stub(OK, OK) as stub, open_client(stub.url, clock) as client:
        client.rank([], [1])
        stub.end_connections()
        client.rank([], [2])
    assert [request.connection for request in stub.requests] == [0, 1]


def test_what_nobody_asked_for_is_no_answer(clock):
    """A proxy says 408 on an idle connection: that does not answer the next request."""
    with Stub(OK, OK) as stub, open_client(stub.url, clock) as client:
        client.rank([], [1])
        stub.sockets[0].sendall(problem(408, "request-timeout"))
        assert client.rank([], [2]).items
    assert [request.connection for request in stub.requests] == [0, 1]


def test_a_connection_too_long_idle_is_not_used(clock):
    with Stub(OK, OK) as stub, open_client(stub.url, clock) as client:
        client.rank([], [1])
        clock.now += rc.IDLE_S + 1
        client.rank([], [2])
    assert [request.connection for request in stub.requests] == [0, 1]


def test_a_kept_connection_that_closes_without_a_byte_is_replaced_once(clock):
    """The close crossed the request: it goes out again, without a retry and its delay, and only once."""
    with Stub(OK, Stub.CLOSE, OK) as stub, open_client(stub.url, clock, retries=0) as client:
        client.rank([], [1])
        assert client.rank([], [2]).items
    assert [request.connection for request in stub.requests] == [0, 0, 1]
    assert stub.requests[1].body == stub.requests[2].body and not clock.slept
    with Stub(OK, Stub.CLOSE, Stub.CLOSE, OK) as stub, open_client(stub.url, clock, retries=5) as client:
        client.rank([], [1])
        with pytest.raises(rc.RankdConnectionError):
            client.rank([], [2])
    assert len(stub.requests) == 3


def test_a_new_connection_that_closes_is_not_tried_again(clock):
    with Stub(Stub.CLOSE, OK) as stub, open_client(stub.url, clock, retries=5) as client:
        with pytest.raises(rc.RankdConnectionError):
            client.rank([], [1])
        assert len(stub.requests) == 1 and not clock.slept


@pytest.mark.parametrize("n_bytes", [1, 40, len(OK) - 1])
def test_an_answer_that_breaks_off_is_not_tried_again(clock, n_bytes):
    with Stub(OK, lambda sock: sock.sendall(OK[:n_bytes]), OK) as stub:
        with open_client(stub.url, clock, retries=5) as client:
            client.rank([], [1])
            with pytest.raises(rc.RankdConnectionError):
                client.rank([], [2])
        assert len(stub.requests) == 2


def test_an_answer_that_is_reset_is_not_tried_again(clock):
    def reset(sock):
        send_slowly(sock, clock, [OK[:5], OK[5:9]])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Stub(OK, reset, OK) as stub, open_client(stub.url, clock, retries=5) as client:
        client.rank([], [1])
        with pytest.raises(rc.RankdConnectionError):
            client.rank([], [2])
        assert len(stub.requests) == 2


def test_an_answer_that_comes_before_the_body_is_read(clock):
    """The rest of the body finds the connection closed, and the answer counts."""
    with Stub(Early(problem(413, "too-large")), OK) as stub, open_client(stub.url, clock) as client:
        with pytest.raises(rc.RankdProblem) as caught:
            client.rank([], [1], context={"note": "x" * 16_000_000})
        assert caught.value.code == "too-large"
        client.rank([], [1])
    assert [request.connection for request in stub.requests] == [0, 1]


def test_nobody_listens(clock):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with open_client("http://127.0.0.1:{}".format(sock.getsockname()[1]), clock) as client:
            with pytest.raises(rc.RankdConnectionError) as caught:
                client.rank([], [1], request_id="nobody")
    assert "nobody" in str(caught.value) and isinstance(caught.value, rc.RankdError)


def test_connection_close_is_kept_to(clock):
    with Stub(answer(200, RANKING, ["Connection: close"]), OK) as stub, open_client(stub.url, clock) as client:
        client.rank([], [1])
        assert not client._idle
        client.rank([], [2])
    assert [request.connection for request in stub.requests] == [0, 1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_does_not_use_its_parent_s_connections(clock):
    with Stub(OK, OK, OK) as stub, open_client(stub.url, clock) as client:
        client.rank([], [1])
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if client.rank([], [2]).items else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        client.rank([], [3])
    assert [request.connection for request in stub.requests] == [0, 1, 0]
