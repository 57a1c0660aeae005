"""Answers of requests whose budget runs out during the work. What is measured is order and form, never time."""

import pytest
from support import models
from support.metrics import parse, value
from support.server import Server

N = 4000


@pytest.fixture(scope="module")
def heavy_server(tmp_path_factory):
    """About 4000 × 1.4 MFLOP a request without vector instructions: far more than the budgets below."""
    folder = tmp_path_factory.mktemp("anytime") / "models"
    models.heavy_model(folder / "heavy" / "1")
    with Server(folder, "--workers", 1, "--cpu", "scalar", "--budget-ms", 60000, "--queue-ms", 60000) as server:
        server.ranked(models.heavy_body())
        yield server


def heavy(**fields):
    return {"request_id": "r", "candidates": [1 + k % 1000 for k in range(N)], **fields}


def degraded_answer(server, **fields):
    """The decoding alone may take longer on a machine that is busy: then it is late from the start."""
    for budget_ms in (100, 200, 400, 800):
        reply = server.rank(heavy(budget_ms=budget_ms, **fields))
        if reply.status == 200 and reply.json["degraded"] and reply.json["degraded"]["scored"] > 0:
            return reply.json
    raise AssertionError("never degraded with something scored")


def test_what_was_scored_comes_first_with_the_scores_of_a_whole_answer(heavy_server):
    whole = {item["item"]: item for item in heavy_server.ranked(heavy(explain=True))["items"]}
    answer = degraded_answer(heavy_server, explain=True)
    degraded = answer["degraded"]
    assert degraded["reason"] == "deadline" and degraded["scored"] + degraded["unscored"] == N
    items = answer["items"]
    assert len(items) == N
    scored, rest = items[:degraded["scored"]], items[degraded["scored"]:]
    assert all(item == whole[item["item"]] for item in scored)
    scores = [item["score"] for item in scored]
    assert scores == sorted(scores, reverse=True)
    assert all(item == {"item": item["item"], "score": None} for item in rest)


def test_top_k_is_of_the_scored_ones(heavy_server):
    answer = degraded_answer(heavy_server, top_k=5)
    assert len(answer["items"]) == 5
    assert all(item["score"] is not None for item in answer["items"])


def test_it_is_counted(heavy_server):
    before = value(parse(heavy_server.admin_get("/metrics").body.decode()), "rankd_degraded_total", reason="deadline")
    degraded_answer(heavy_server)
    after = value(parse(heavy_server.admin_get("/metrics").body.decode()), "rankd_degraded_total", reason="deadline")
    assert after >= before + 1
    records = heavy_server.admin_get("/v1/slow").json["requests"]
    assert any(record["degraded"] and record["degraded"]["reason"] == "deadline" for record in records)


def test_with_time_nothing_is_degraded(heavy_server):
    assert heavy_server.ranked(heavy(budget_ms=50000))["degraded"] is None


def test_fail_is_504_where_not_all_was_scored(heavy_server):
    assert heavy_server.rank(heavy(budget_ms=20, on_deadline="fail")).status in (429, 504)
