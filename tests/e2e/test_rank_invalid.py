"""Every rule of the request: what is valid JSON but breaks one is 422, with a JSON Pointer to the place."""

import json

import pytest

from support import models
from support.problems import check_invalid, check_problem
from support.server import Server

OK = {"candidates": [1, 2]}
EVENT = {"item": 1}


def with_event(**fields):
    return {**OK, "history": [EVENT, {**EVENT, **fields}]}


def with_candidate(value):
    return {"candidates": [1, value]}


def with_candidate_feature(**features):
    return with_candidate({"item": 2, "features": features})


def with_user_feature(**features):
    return {**OK, "user": {"features": features}}


RULES = [
    # the whole body
    ([], ""), ("text", ""), (3, ""), (None, ""), (True, ""),
    # unknown fields at every level
    ({**OK, "candidate": []}, "/candidate"), ({**OK, "a/b~c": 1}, "/a~1b~0c"), ({**OK, "": 1}, "/"),
    ({**OK, "user": {"idd": 1}}, "/user/idd"), (with_event(watch=1), "/history/1/watch"),
    (with_candidate({"item": 1, "feature": {}}), "/candidates/1/feature"),
    ({**OK, "reward": {"weight": {}}}, "/reward/weight"),
    # candidates
    ({}, "/candidates"), ({"candidates": None}, "/candidates"), ({"candidates": []}, "/candidates"),
    ({"candidates": {}}, "/candidates"), ({"candidates": "1"}, "/candidates"), ({"candidates": 1}, "/candidates"),
    (with_candidate(1.0), "/candidates/1"), (with_candidate(1.5), "/candidates/1"),
    (with_candidate(True), "/candidates/1"),
    (with_candidate(None), "/candidates/1"), (with_candidate([1]), "/candidates/1"),
    (with_candidate(""), "/candidates/1"),
    (with_candidate("x" * 256), "/candidates/1"), (with_candidate("é" * 128), "/candidates/1"),
    (with_candidate({}), "/candidates/1/item"), (with_candidate({"item": None}), "/candidates/1/item"),
    (with_candidate({"item": 1.0}), "/candidates/1/item"), (with_candidate({"item": ""}), "/candidates/1/item"),
    (with_candidate({"item": {}}), "/candidates/1/item"),
    (with_candidate({"item": 1, "features": []}), "/candidates/1/features"),
    (with_candidate({"item": 1, "features": 1}), "/candidates/1/features"),
    # features
    (with_candidate_feature(age_hours="3"), "/candidates/1/features/age_hours"),
    (with_candidate_feature(age_hours=True), "/candidates/1/features/age_hours"),
    (with_candidate_feature(age_hours=[]), "/candidates/1/features/age_hours"),
    (with_candidate_feature(age_hours=1e39), "/candidates/1/features/age_hours"),
    (with_candidate_feature(channel=1.5), "/candidates/1/features/channel"),
    (with_candidate_feature(channel=True), "/candidates/1/features/channel"),
    (with_candidate_feature(channel={}), "/candidates/1/features/channel"),
    (with_user_feature(hour=2.0), "/user/features/hour"), (with_user_feature(hour=False), "/user/features/hour"),
    (with_user_feature(age="old"), "/user/features/age"), (with_user_feature(age=-1), "/user/features/age"),
    (with_user_feature(age=-1e39), "/user/features/age"), (with_user_feature(age=-3.5), "/user/features/age"),
    # user
    ({**OK, "user": []}, "/user"), ({**OK, "user": "u1"}, "/user"),
    ({**OK, "user": {"features": []}}, "/user/features"),
    ({**OK, "user": {"id": 1.5}}, "/user/id"), ({**OK, "user": {"id": True}}, "/user/id"),
    ({**OK, "user": {"id": ""}}, "/user/id"), ({**OK, "user": {"id": "x" * 256}}, "/user/id"),
    ({**OK, "user": {"id": {}}}, "/user/id"),
    # history
    ({**OK, "history": {}}, "/history"), ({**OK, "history": 1}, "/history"), ({**OK, "history": [1]}, "/history/0"),
    ({**OK, "history": [None]}, "/history/0"), ({**OK, "history": [{}]}, "/history/0/item"),
    (with_event(item=None), "/history/1/item"), (with_event(item=1.0), "/history/1/item"),
    (with_event(item=""), "/history/1/item"), (with_event(item="x" * 256), "/history/1/item"),
    (with_event(item=False), "/history/1/item"), (with_event(action=1), "/history/1/action"),
    (with_event(action={}), "/history/1/action"), (with_event(action=True), "/history/1/action"),
    (with_event(action=["click", 1]), "/history/1/action/1"),
    (with_event(action=["click", None]), "/history/1/action/1"),
    *[(with_event(**{name: bad}), f"/history/1/{name}") for name in ("timestamp", "watch_ms", "duration_ms")
      for bad in (-1, -0.001, "1", True, [], 1e39)],
    # numbers and switches
    *[({**OK, "top_k": bad}, "/top_k") for bad in (0, -1, 1.0, 1.5, "3", True, [])],
    *[({**OK, "budget_ms": bad}, "/budget_ms") for bad in (0, -5, 0.0, "10", True, {}, 1e39)],
    *[({**OK, "explain": bad}, "/explain") for bad in (0, 1, "true", [])],
    *[({**OK, "on_deadline": bad}, "/on_deadline") for bad in ("stop", "", 1, True, "Fail")],
    *[({**OK, "request_id": bad}, "/request_id") for bad in ("", "x" * 65, "a b", "ä", 7, True, [], "a/b")],
    *[({**OK, "model": bad}, "/model") for bad in (1, True, {}, [])],
    *[({**OK, "context": bad}, "/context") for bad in (1, "x", [], True)],
    # reward
    ({**OK, "reward": []}, "/reward"), ({**OK, "reward": 1}, "/reward"),
    ({**OK, "reward": {"weights": []}}, "/reward/weights"),
    ({**OK, "reward": {"weights": {"a/b": 1}}}, "/reward/weights/a~1b"),
    ({**OK, "reward": {"weights": {"click": None}}}, None),
]


@pytest.mark.parametrize("body, pointer", RULES, ids=lambda value: value if isinstance(value, str) else "")
def test_rule(table_server, body, pointer):
    reply = table_server.rank(json.dumps(body))
    if pointer is None:  # null for an optional field is absent: a weight of null is no weight
        assert reply.status == 200
    else:
        check_invalid(reply, pointer)


def test_bools_and_strings_of_numbers_do_not_pass_as_ids(table_server):
    for value in ("true", "null", "[1]"):
        assert table_server.rank({"candidates": [value]}).status == 200


def test_several_faults_are_listed_and_bounded(table_server):
    body = {"candidates": [1.5] * 40, "top_k": 0, "history": [{}] * 10}
    document = check_problem(table_server.rank(body), 422, "invalid-request")
    assert 1 <= len(document["errors"]) <= 16


def test_nothing_of_the_body_is_echoed(table_server):
    secret = "s3cr3t-value"
    for body in ({"candidates": [secret * 30]}, {**OK, "on_deadline": secret}, {**OK, "model": secret},
                 {**OK, "request_id": secret + "!"}, with_event(action={secret: secret}),
                 {**OK, "top_k": secret}, with_candidate_feature(age_hours=secret)):
        reply = table_server.rank(body)
        assert reply.status in (404, 422)
        assert secret.encode() not in reply.body
    reply = table_server.rank('{"candidates": [1], "s3cr3t-value": ' + "tru}")
    assert reply.status == 400 and secret.encode() not in reply.body


# limits

def test_limits_are_exact(table_server):
    assert table_server.rank({"candidates": [1] * 64}).status == 200
    document = check_problem(table_server.rank({"candidates": [1] * 65}), 413, "too-large")
    assert document["detail"] == "candidates (max_candidates): expected at most 64, found 65"
    assert table_server.rank({**OK, "history": [EVENT] * 16}).status == 200
    document = check_problem(table_server.rank({**OK, "history": [EVENT] * 17}), 413, "too-large")
    assert document["detail"] == "history (max_history_events): expected at most 16, found 17"


def test_default_limits(tmp_path):
    models.table_model(tmp_path / "models" / "t" / "1", {1: [0.0, 0.0]})
    with Server(tmp_path / "models", "--budget-ms", 20000, "--queue-ms", 20000) as server:
        assert len(server.ranked({"candidates": [1] * 4096})["items"]) == 4096
        check_problem(server.rank({"candidates": [1] * 4097}), 413, "too-large")
        assert server.rank({**OK, "history": [EVENT] * 1024}).status == 200
        check_problem(server.rank({**OK, "history": [EVENT] * 1025}), 413, "too-large")
        largest = {"candidates": [1], "context": {"x": "y" * (4 * 1024 * 1024 - 100)}}
        assert server.rank(largest).status == 200
        check_problem(server.rank({"candidates": [1], "context": {"x": "y" * (4 * 1024 * 1024)}}), 413, "too-large")


def test_features_out_of_range_name_the_feature(table_server):
    message = check_invalid(table_server.rank(with_user_feature(age=-1)), "/user/features/age")
    assert "-1" in message
