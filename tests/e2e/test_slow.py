"""The flight recorder: GET /v1/slow, SIGUSR2, and `rankd replay` of what they give."""

import json
import os
import signal

import pytest
from support import models
from support.server import Server, run

TOKEN = "t" * 40
STAGES = ("queue_ms", "decode_ms", "encode_user_ms", "score_ms", "write_ms")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slow") / "models"
    models.table_model(folder / "table" / "1", {k: [k / 10, -k / 10] for k in range(1, 20)})
    return folder


def body(k):
    return {"request_id": f"r{k}", "candidates": [1 + (k + i) % 19 for i in range(5)], "explain": True}


def slow(server, headers=None):
    reply = server.admin_get("/v1/slow", headers)
    assert reply.status == 200 and reply.headers["content-type"] == "application/json", reply
    return reply.json


def url(server):
    return f"http://{server.data[0]}:{server.data[1]}"


def test_requests_with_their_times_and_without_bodies(table):
    with Server(table, "--workers", 2, "--budget-ms", 20000, "--queue-ms", 20000) as server:
        assert slow(server)["requests"] == []
        for k in range(5):
            server.ranked(body(k))
        assert server.rank("no JSON").status == 400
        found = slow(server)
    assert found["window_s"] == 600
    assert len(found["requests"]) == 6
    totals = [record["total_ms"] for record in found["requests"]]
    assert totals == sorted(totals, reverse=True)
    good = [record for record in found["requests"] if record["status"] == 200]
    assert {record["request_id"] for record in good} == {f"r{k}" for k in range(5)}
    for record in good:
        assert record["model"] == {"name": "table", "version": 1}
        assert record["candidates"] == 5 and record["events"] == 0
        assert record["body_bytes"] == len(json.dumps(body(0)))
        assert record["body"] is None and record["answer"] is None and record["degraded"] is None
        assert sum(record[stage] for stage in STAGES) <= record["total_ms"] + 0.01


def test_64_are_kept(table):
    with Server(table, "--workers", 1, "--budget-ms", 20000, "--queue-ms", 20000) as server:
        for k in range(80):
            server.ranked(body(k))
        assert len(slow(server)["requests"]) == 64


def test_bodies_and_answers_are_replayed(table, tmp_path):
    with Server(table, "--record-bodies", "--budget-ms", 20000, "--queue-ms", 20000) as server:
        answers = {f"r{k}": server.rank(body(k), path="/rank/table" if k % 2 else "/rank").body.decode()
                   for k in range(5)}
        assert server.rank({"candidates": []}).status == 422
        text = server.admin_get("/v1/slow").body.decode()
        records = json.loads(text)["requests"]
        for record in records:
            if record["status"] == 200:
                assert json.loads(record["body"]) == body(int(record["request_id"][1:]))
                assert record["answer"] == answers[record["request_id"]]
        recorded = tmp_path / "slow.json"
        recorded.write_text(text, encoding="utf-8")
        done = run("replay", recorded, "--url", url(server))
        assert done.returncode == 0, done
        assert done.stdout.endswith("6 records, 6 sent: 5 the same, 0 differ, 0 failed, 1 not compared\n")

        changed = [{**record, "answer": record["answer"].replace('"score":', '"score":1')} for record in records
                   if record["status"] == 200]
        recorded.write_text("".join(json.dumps(record) + "\n" for record in changed), encoding="utf-8")
        done = run("replay", recorded, "--url", url(server))
        assert done.returncode == 1 and "5 differ" in done.stdout, done
    done = run("replay", recorded, "--url", url(server))
    assert done.returncode == 1 and "5 failed" in done.stdout, done


def test_sigusr2_logs_them_and_the_log_is_replayed(table, tmp_path):
    with Server(table, "--record-bodies=true", "--budget-ms", 20000, "--queue-ms", 20000) as server:
        for k in range(3):
            server.ranked(body(k))
        server.signal(signal.SIGUSR2)
        for k in range(3):
            server.await_log(f'"request_id":"r{k}"')
        server.signal(signal.SIGUSR2)  # and again: it goes on serving
        server.ranked(body(7))
        records = [record for record in server.log_records() if record["event"] == "slow_request"]
        assert {record["request_id"] for record in records} >= {"r0", "r1", "r2"}
        assert all(json.loads(record["body"])["request_id"] == record["request_id"] for record in records)
        log = tmp_path / "log"
        log.write_text("\n".join(server.logs) + "\n", encoding="utf-8")
        done = run("replay", log, "--url", url(server))
        assert done.returncode == 0 and "0 differ, 0 failed" in done.stdout, done


def test_long_bodies_stay_out_of_the_log_but_not_their_times(table):
    with Server(table, "--record-bodies", "--budget-ms", 20000, "--queue-ms", 20000) as server:
        server.ranked({**body(0), "context": {"note": "x" * 5000}})
        server.signal(signal.SIGUSR2)
        server.await_log('"request_id":"r0"')
        record = next(record for record in server.log_records() if record["event"] == "slow_request")
        assert record["body"] is None and record["body_bytes"] > 5000
        assert len(slow(server)["requests"][0]["body"]) > 5000


def test_recorded_bodies_need_the_token(table, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="utf-8")
    os.chmod(token, 0o600)
    flags = ("--admin-token-file", token, "--budget-ms", 20000)
    with Server(table, "--record-bodies", *flags) as server:
        assert server.admin_get("/v1/slow").status == 401
        assert slow(server, {"Authorization": f"Bearer {TOKEN}"})["requests"] == []
    with Server(table, *flags) as server:
        assert slow(server)["requests"] == []


@pytest.mark.parametrize("arguments, code", [
    ((), 2), (("nowhere",), 2), (("--url",), 2), (("--help",), 0)])
def test_command_line(arguments, code, tmp_path):
    assert run("replay", *arguments, cwd=tmp_path).returncode == code


def test_only_this_machine_and_only_json(tmp_path):
    recorded = tmp_path / "lines"
    recorded.write_text("{}\nno JSON\n", encoding="utf-8")
    assert run("replay", recorded, "--url", "http://192.0.2.1:80").returncode == 2
    done = run("replay", recorded)
    assert done.returncode == 2 and "line 2" in done.stderr, done
