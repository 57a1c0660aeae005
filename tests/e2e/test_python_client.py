"""clients/python/rankd_client.py: what it sends, and what it makes of the answers."""

import ast
import concurrent.futures
import importlib.util
import pickle
import subprocess
import sys

import pytest

from support.python_client import SOURCE, Clock, open_client, rc
from support.stub import OK, RANKING, Stub, answer

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def client(table_server):
    with rc.RankdClient("http://{}:{}".format(*table_server.data), timeout_s=60, deadline_s=60) as client:
        yield client


@pytest.fixture
def clock():
    return Clock()


def test_every_field_reaches_the_server(table_server, client):
    """The same request by hand gives the same answer; fields that are misspelt or misplaced would be refused."""
    fields = {"user": {"id": "u", "features": {"hour": 1, "age": 3}}, "top_k": 3, "explain": True, "budget_ms": 19000,
              "on_deadline": "fail", "context": {"note": [1]}, "request_id": "client-1", "model": "table"}
    history = [{"item": 2, "action": ["click"], "timestamp": 1650812741, "watch_ms": 10, "duration_ms": 20},
               {"item": 999, "action": "sneeze"}]
    candidates = [1, "2", {"item": 4, "features": {"age_hours": 3.5, "channel": "hot"}}, 12]
    ranking = client.rank(history, candidates, reward_weights={"like": 2.5}, traceparent=TRACE, **fields)
    raw = table_server.ranked({"history": history, "candidates": candidates, "reward": {"weights": {"like": 2.5}},
                               **fields})
    assert [(item.item, item.score, item.signals, item.terms) for item in ranking.items] == \
        [(item["item"], item["score"], item["signals"], item["terms"]) for item in raw["items"]]
    assert len(ranking.items) == 3
    assert (ranking.model, ranking.model_version, ranking.request_id) == ("table", 1, "client-1")
    assert ranking.history == rc.HistoryUse(**raw["history"]) == rc.HistoryUse(1, 1, 1)
    assert ranking.degraded is None
    assert ranking.traceparent.split("-")[1] == TRACE.split("-")[1] and ranking.traceparent != TRACE
    assert set(ranking.timing_ms) == {"queue", "decode", "encode_user", "score", "write", "total"}
    assert all(ms >= 0 for ms in ranking.timing_ms.values())


def test_an_unknown_item_has_no_score(client):
    items = client.rank([], [1, "none of ours"]).items
    assert items[1] == rc.RankedItem("none of ours", None, unknown=True)
    assert items[0].score is not None and not items[0].unknown


def test_a_random_request_id_is_returned(client):
    first, second = client.rank([], [1]), client.rank([], [1])
    assert first.request_id != second.request_id


def test_a_broken_rule_is_named(client):
    with pytest.raises(rc.RankdProblem) as caught:
        client.rank([{"item": 1, "watch_ms": -1}], [1, 2.5], request_id="bad-1")
    error = caught.value
    assert (error.status, error.code, error.request_id, error.retry_after_s) == (422, "invalid-request", "bad-1", None)
    assert {fault.pointer for fault in error.faults} >= {"/candidates/1"}
    assert all(fault.message for fault in error.faults)
    assert error.title and "/candidates/1" in str(error) and "bad-1" in str(error)


def test_the_connection_is_kept_after_an_error(table_server, client):
    with pytest.raises(rc.RankdProblem):
        client.rank([], [])
    client.rank([], [1])
    assert len(client._idle) == 1


def test_a_body_too_large_is_refused_and_said_so(client):
    with pytest.raises(rc.RankdProblem) as caught:
        client.rank([], [1], context={"note": "x" * 3_000_000})
    assert (caught.value.status, caught.value.code) == (413, "too-large")
    assert client.rank([], [1]).items


def test_threads_share_a_client(client):
    """Each gets the answer to its own request."""
    def ask(number):
        return client.rank([], [1 + number % 5], request_id=f"thread-{number}")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        rankings = list(pool.map(ask, range(80)))
    assert [ranking.request_id for ranking in rankings] == [f"thread-{number}" for number in range(80)]
    assert [ranking.items[0].item for ranking in rankings] == [1 + number % 5 for number in range(80)]
    assert 1 <= len(client._idle) <= 8


def test_numbers_of_numpy_are_numbers(client):
    numpy = pytest.importorskip("numpy")
    ranking = client.rank([], numpy.array([1, 12]), reward_weights={"like": numpy.float32(2)})
    assert {item.item for item in ranking.items} == {1, 12}


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"null"])
def test_a_200_that_is_no_ranking(clock, body):
    with Stub(answer(200, body)) as stub, open_client(stub.url, clock) as client:
        with pytest.raises(rc.RankdProtocolError):
            client.rank([], [1])


def test_degraded_and_nonfinite_are_told(clock):
    document = {**RANKING, "degraded": {"reason": "deadline", "scored": 1, "unscored": 1},
                "items": [{"item": 1, "score": 1}, {"item": 2, "score": None},
                          {"item": 3, "score": None, "error": "nonfinite"}]}
    with Stub(answer(200, document)) as stub, open_client(stub.url, clock) as client:
        ranking = client.rank([], [1, 2, 3])
    assert ranking.degraded == rc.Degraded("deadline", 1, 1)
    assert [item.error for item in ranking.items] == [None, None, "nonfinite"]
    assert not ranking.timing_ms and ranking.traceparent is None


def test_a_path_and_headers_for_a_proxy(clock):
    with Stub(OK) as stub, open_client(stub.url + "/ranking/", clock, headers={"Authorization": "Bearer t"}) as client:
        client.rank([], [1])
    assert stub.requests[0].path == "/ranking/v1/rank" and stub.requests[0].headers["authorization"] == "Bearer t"


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://host", "http://", "http://host/?q", "http://user:p@host"])
def test_a_bad_address(url):
    with pytest.raises(ValueError):
        rc.RankdClient(url)


@pytest.mark.parametrize("options", [{"timeout_s": 0}, {"timeout_s": float("nan")}, {"deadline_s": -1},
                                     {"retries": -1}])
def test_bad_settings(options):
    with pytest.raises(ValueError):
        rc.RankdClient("http://host", **options)


@pytest.mark.parametrize("fields", [{"reward_weights": {"like": float("nan")}}, {"traceparent": "a\r\nb: c"},
                                    {"context": {"a": object()}}, {"request_id": "\ud800"}])
def test_what_cannot_be_sent_is_not(clock, fields):
    with Stub() as stub, open_client(stub.url, clock) as client:
        with pytest.raises((ValueError, TypeError)):
            client.rank([], [1], **fields)
        assert not stub.requests


def test_errors_travel_between_processes():
    error = rc.RankdProblem(422, "invalid-request", "T", "D", (rc.Fault("/top_k", None, "wrong"),), "id", None)
    for one in (error, rc.RankdTimeout("late", "id")):
        other = pickle.loads(pickle.dumps(one))
        assert (type(other), str(other), vars(other)) == (type(one), str(one), vars(one))


def test_the_source_is_python_3_8():
    ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_the_types_hold(tmp_path):
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
