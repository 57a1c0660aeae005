"""Routes of /rank, ids, candidates, order, top_k, request ids, and the answer's headers."""

import json
import re

import pytest

from conftest import TABLE_ROWS
from support import models, wire
from support.problems import check_invalid, check_problem
from support.server import Server

ONE = {"candidates": [2]}


def ids(answer):
    return [item["item"] for item in answer["items"]]


@pytest.mark.parametrize("path", ["/rank", "/v1/rank", "/rank/table", "/v1/rank/table"])
def test_routes(table_server, path):
    answer = table_server.ranked({"candidates": [1, 2]}, path)
    assert set(answer) == {"request_id", "model", "items", "history", "degraded"}
    assert answer["model"] == {"name": "table", "version": 1}
    assert answer["history"] == {"used": 0, "unknown_items": 0, "unknown_actions": 0}
    assert answer["degraded"] is None


@pytest.mark.parametrize("path", ["/rank/table", "/v1/rank/table", "/rank"])
def test_model_in_the_body_agrees(table_server, path):
    assert table_server.ranked({**ONE, "model": "table"}, path)["model"]["name"] == "table"


def test_model_in_the_body_differs_from_the_path(table_server):
    check_invalid(table_server.rank({**ONE, "model": "other"}, "/rank/table"), "/model")


def test_unknown_model(table_server):
    check_problem(table_server.rank(ONE, "/rank/nope"), 404, "unknown-model")
    check_problem(table_server.rank({**ONE, "model": "nope"}), 404, "unknown-model")


@pytest.mark.parametrize("path", ["/rank/", "/rank/table/", "/rank/table/1", "//rank", "/Rank", "/v2/rank",
                                  "/rank%2Ftable", "/rank/..%2ftable", "/rank/t%00able"])
def test_unknown_paths(table_server, path):
    reply = table_server.rank(ONE, path)
    assert reply.status == 404, reply
    assert reply.code in ("unknown-path", "unknown-model")


def test_query_strings_do_not_matter(table_server):
    assert table_server.rank(ONE, "/rank?x=1").status == 200


@pytest.mark.parametrize("value", [12, "12"])
def test_id_is_echoed_as_written(table_server, value):
    item = table_server.ranked({"candidates": [value]})["items"][0]
    assert item["item"] == value and type(item["item"]) is type(value)
    assert "unknown" not in item and item["score"] is not None


OTHER_IDS = ["012", "+12", "-0", " 12", "12.0", "1e1", "０", -12, 2 ** 63 - 1, -2 ** 63, "x" * 255]


@pytest.mark.parametrize("value", OTHER_IDS)
def test_other_ids_are_other_items(table_server, value):
    item = table_server.ranked({"candidates": [value]})["items"][0]
    assert item == {"item": value, "score": None, "unknown": True}


def test_both_forms_score_alike(table_server):
    one, two = table_server.ranked({"candidates": [12, "12"]})["items"]
    assert one["score"] == two["score"]
    assert [one["item"], two["item"]] == [12, "12"]


def test_string_table_is_found_by_integers(tmp_path):
    models.table_model(tmp_path / "models" / "s" / "1", {"12": [1.0, 0.0], "007": [0.0, 0.0], "видео": [2.0, 0.0],
                                                        "9223372036854775808": [3.0, 0.0], "a\"\\\n": [4.0, 0.0]})
    with Server(tmp_path / "models") as server:
        answer = server.ranked({"candidates": [12, "12", 7, "007", "видео", "9223372036854775808", "a\"\\\n"]})
        known = {json.dumps(item["item"]): item["score"] is not None for item in answer["items"]}
        assert known == {"12": True, '"12"': True, "7": False, '"007"': True, json.dumps("видео"): True,
                         '"9223372036854775808"': True, json.dumps("a\"\\\n"): True}


def test_repeated_candidates_are_scored_each_time(table_server):
    answer = table_server.ranked({"candidates": [2, 3, 2, "2"]})
    assert sorted(map(str, ids(answer))) == ["2", "2", "2", "3"]
    scores = [item["score"] for item in answer["items"] if str(item["item"]) == "2"]
    assert len(set(scores)) == 1


def test_equal_scores_keep_the_requests_order(table_server):
    assert ids(table_server.ranked({"candidates": [5, 1, "5", {"item": "1"}, 5]})) == [5, 1, "5", "1", 5]
    assert ids(table_server.ranked({"candidates": [1, 5]})) == [1, 5]


def test_order_is_by_score(table_server):
    answer = table_server.ranked({"candidates": sorted(TABLE_ROWS), "reward": {"weights": {"click": 1, "like": 0}}})
    assert ids(answer) == sorted(TABLE_ROWS, key=lambda item: (-TABLE_ROWS[item][0], item))


def test_unknown_items_go_last_in_the_requests_order(table_server):
    answer = table_server.ranked({"candidates": [99, 3, "zz", 2, 98], "explain": True})
    assert ids(answer) == [2, 3, 99, "zz", 98]
    for item in answer["items"][2:]:
        assert item == {"item": item["item"], "score": None, "unknown": True}
    assert all("unknown" not in item for item in answer["items"][:2])


def test_unknown_items_are_scored_where_the_model_can(tmp_path):
    models.table_model(tmp_path / "models" / "t" / "1", TABLE_ROWS, unknown=[5.0, 5.0])
    with Server(tmp_path / "models") as server:
        first, second = server.ranked({"candidates": [2, 777], "explain": True})["items"]
        assert first["item"] == 777 and first["unknown"] is True and set(first["signals"]) == {"click", "like"}
        assert first["score"] > second["score"] and "unknown" not in second
        assert abs(first["signals"]["click"] - 0.9933071490757153) < 1e-6


@pytest.mark.parametrize("k, n", [(1, 1), (2, 2), (5, 5), (6, 5), (10 ** 9, 5), (2 ** 62, 5)])
def test_top_k(table_server, k, n):
    body = {"candidates": [1, 2, 99, 3, 4]}
    assert ids(table_server.ranked({**body, "top_k": k})) == ids(table_server.ranked(body))[:n]


def test_null_means_absent(table_server):
    nothing = {"request_id": None, "user": None, "history": None, "top_k": None, "reward": None, "explain": None,
               "budget_ms": None, "model": None, "on_deadline": None, "context": None}
    nulls = {"age_hours": None, "channel": None}
    body = {"candidates": [{"item": 1, "features": None}, {"item": 2, "features": nulls}]}
    plain = table_server.ranked({"candidates": [1, 2]})
    for variant in (nothing, {"user": {"id": None, "features": None}}, {"reward": {"weights": None}},
                    {"user": {"features": {"hour": None, "age": None}}}):
        answer = table_server.ranked({**body, **variant})
        assert answer["items"] == plain["items"] and answer["history"] == plain["history"]
    event = {"item": 1, "action": None, "watch_ms": None, "duration_ms": None, "timestamp": None}
    assert table_server.ranked({**body, "history": [event]})["history"]["used"] == 1


def test_ignored_parts(table_server):
    plain = table_server.ranked({"candidates": [1, 2]})["items"]
    ignored = {"context": {"anything": [1, {"at": "all"}]}, "user": {"id": "u1", "features": {"shoe_size": [1, 2]}}}
    assert table_server.ranked({"candidates": [1, {"item": 2, "features": {"nope": {}}}], **ignored})["items"] == plain
    assert table_server.rank({**ONE, "user": {"id": 42}}).status == 200


def test_features_of_the_right_type(table_server):
    for hour in (0, 2, 77, "late", "other", "0"):
        assert table_server.rank({**ONE, "user": {"features": {"hour": hour, "age": 1}}}).status == 200
    for age in (0, -0.5, 1e30, 3):
        assert table_server.rank({**ONE, "user": {"features": {"age": age}}}).status == 200
    for channel in ("hot", "none", 3):
        features = {"age_hours": -7.25, "channel": channel}
        assert table_server.rank({"candidates": [{"item": 1, "features": features}]}).status == 200


# request ids

def test_request_id_from_the_body(table_server):
    reply = table_server.rank({**ONE, "request_id": "A-z.0_9"}, headers={"X-Request-Id": "from-header"})
    assert reply.json["request_id"] == reply.headers["x-request-id"] == "A-z.0_9"


def test_request_id_from_the_header(table_server):
    reply = table_server.rank(ONE, headers={"X-Request-Id": "from-header"})
    assert reply.json["request_id"] == reply.headers["x-request-id"] == "from-header"


def test_request_id_is_generated(table_server):
    replies = [table_server.rank(ONE) for _ in range(20)]
    made = {reply.json["request_id"] for reply in replies}
    assert len(made) == 20
    for reply in replies:
        assert reply.json["request_id"] == reply.headers["x-request-id"]
        assert re.match(r"[A-Za-z0-9._-]{1,64}\Z", reply.json["request_id"])


@pytest.mark.parametrize("bad", ["a b", "x" * 65, "ä", "a;b", 'a"b', ""])
def test_bad_request_id_header_is_replaced(table_server, bad):
    reply = table_server.rank(ONE, headers={"X-Request-Id": bad.encode("utf-8")})
    assert reply.status == 200
    assert reply.json["request_id"] == reply.headers["x-request-id"] != bad
    assert re.match(r"[A-Za-z0-9._-]{1,64}\Z", reply.json["request_id"])


def test_longest_request_id(table_server):
    name = "x" * 64
    assert table_server.ranked({**ONE, "request_id": name})["request_id"] == name


def test_request_id_in_a_problem(table_server):
    nothing = {"candidates": []}
    for body, headers in (({**nothing, "request_id": "mine"}, {}), (nothing, {"X-Request-Id": "mine"})):
        reply = table_server.rank(body, headers=headers)
        assert reply.json["request_id"] == "mine" == reply.headers["x-request-id"]


# headers

def test_headers_of_an_answer(table_server):
    headers = table_server.rank({"candidates": [1, 2]}).headers
    assert headers["content-type"] == "application/json"
    assert headers["x-model-version"] == "table/1"
    metrics = [part.strip().split(";dur=") for part in headers["server-timing"].split(",")]
    assert [name for name, _ in metrics] == ["queue", "decode", "encode_user", "score", "write", "total"]
    for _, duration in metrics:
        assert re.match(r"[0-9]+\.[0-9]{3}\Z", duration)
    values = {name: float(duration) for name, duration in metrics}
    assert values["total"] + 0.01 >= sum(value for name, value in values.items() if name != "total")


@pytest.mark.parametrize("kind", [None, "application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_accepted_content_types(table_server, kind):
    body = json.dumps(ONE).encode()
    head = f"POST /rank HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    head += f"Content-Type: {kind}\r\n" if kind else ""
    data, _ = wire.raw_exchange(table_server.data, head.encode() + b"\r\n" + body)
    assert wire.parse_replies(data)[0].status == 200


def test_identity_encoding_is_accepted(table_server):
    assert table_server.rank(ONE, headers={"Content-Encoding": "identity"}).status == 200


def test_chunked_body(table_server):
    text = json.dumps({"candidates": [1, 2, 3]}).encode()
    for size in (1, 7, 1000):
        pieces = iter([text[at:at + size] for at in range(0, len(text), size)])
        reply = wire.request(table_server.data, "POST", "/rank", pieces, {"Transfer-Encoding": "chunked"})
        assert reply.status == 200 and len(reply.json["items"]) == 3
