"""Budgets: the body's, the headers', the setting; on_deadline; 504 and 429."""

import pytest

from support import models, wire
from support.problems import check_invalid, check_problem
from support.server import Server

ONE = {"candidates": [1]}
HEADERS = ["X-Rank-Budget-Ms", "x-envoy-expected-rq-timeout-ms"]


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", ["15000", "1500.5", " 15000 ", "15000.10000000000000009"])
def test_good_budget_headers(table_server, name, value):
    assert table_server.rank(ONE, headers={name: value}).status == 200


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("value", ["", "0", "-5", "abc", "10ms", "0x10", "nan", "inf", "1e999", "1,5", "10, 20",
                                   "1" * 65])
def test_bad_budget_headers(table_server, name, value):
    message = check_invalid(table_server.rank(ONE, headers={name: value}), header=name)
    assert message == "expected milliseconds above 0 in plain decimals of up to 64 characters, such as 30 or 12.5"


@pytest.mark.parametrize("value", [15000, 1500.5, 60000, 1e6])
def test_good_budgets_in_the_body(table_server, value):
    assert table_server.rank({**ONE, "budget_ms": value}).status == 200


@pytest.mark.parametrize("how", ["body", *HEADERS])
def test_a_budget_that_cannot_be_met(table_server, how):
    """A microsecond is over before a worker takes the request (504), or admission sees so (429)."""
    body = {**ONE, "budget_ms": 0.001} if how == "body" else ONE
    reply = table_server.rank(body, headers={} if how == "body" else {how: "0.001"})
    assert reply.status in (429, 504), reply
    check_problem(reply, reply.status, {429: "overloaded", 504: "deadline-exceeded"}[reply.status])


def test_the_smallest_budget_holds(table_server):
    large, small = "15000", "0.001"
    cases = [({**ONE, "budget_ms": 15000}, {HEADERS[0]: small}), ({**ONE, "budget_ms": 0.001}, {HEADERS[0]: large}),
             (ONE, {HEADERS[0]: large, HEADERS[1]: small}), (ONE, {HEADERS[0]: small, HEADERS[1]: large})]
    for body, headers in cases:
        assert table_server.rank(body, headers=headers).status in (429, 504)
    assert table_server.rank({**ONE, "budget_ms": 15000}, headers=dict.fromkeys(HEADERS, large)).status == 200


@pytest.fixture(scope="module")
def heavy_server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("budget") / "models"
    models.heavy_model(folder / "heavy" / "1")
    with Server(folder, "--workers", 1, "--cpu", "scalar", "--budget-ms", 60000, "--queue-ms", 60000) as server:
        assert server.rank(models.heavy_body()).status == 200
        yield server


def heavy(**fields):
    """About 4000 × 1.4 MFLOP: far more than 20 ms on one core without vector instructions."""
    return {"candidates": [1 + k % 1000 for k in range(4000)], **fields}


def test_fail_on_deadline_during_the_work(heavy_server):
    reply = heavy_server.rank(heavy(budget_ms=20, on_deadline="fail"))
    assert reply.status in (429, 504), reply
    check_problem(reply, reply.status, {429: "overloaded", 504: "deadline-exceeded"}[reply.status])


def test_fail_with_enough_time_succeeds(heavy_server):
    assert heavy_server.rank(heavy(budget_ms=50000, on_deadline="fail")).status == 200


def test_degrade_is_the_default(heavy_server):
    """Both are accepted and answer alike where there is time."""
    one = heavy_server.ranked({**models.heavy_body(50), "request_id": "r"})
    two = heavy_server.ranked({**models.heavy_body(50), "request_id": "r", "on_deadline": "degrade"})
    assert one == two and one["degraded"] is None


def test_the_setting_bounds_every_budget(tmp_path):
    models.heavy_model(tmp_path / "models" / "heavy" / "1")
    flags = ("--workers", 1, "--cpu", "scalar", "--budget-ms", 1, "--queue-ms", 60000)
    with Server(tmp_path / "models", *flags) as server:
        statuses = [server.rank(heavy(budget_ms=50000, on_deadline="fail")).status for _ in range(3)]
        assert set(statuses) <= {429, 504}, statuses


def test_server_timing_tells_where_the_time_went(heavy_server):
    headers = heavy_server.rank(heavy()).headers
    times = dict(part.strip().split(";dur=") for part in headers["server-timing"].split(","))
    assert float(times["score"]) > float(times["decode"])
    assert float(times["total"]) >= float(times["score"])


def test_a_problem_of_the_budget_keeps_the_connection(table_server):
    connection = wire.open_connection(table_server.data)
    try:
        for _ in range(5):
            assert wire.exchange(connection, "POST", "/rank", ONE, {HEADERS[0]: "0.001"}).status in (429, 504)
            assert wire.exchange(connection, "POST", "/rank", ONE).status == 200
    finally:
        connection.close()
