"""/v1/models and reload: what is shown, 200, 404, 409, rollback, SIGHUP, and serving without a gap meanwhile."""

import os
import re
import signal
import threading
import time

import pytest

from support import metrics, models
from support.problems import check_invalid, check_problem
from support.server import Server

ROWS = {1: [0.0, 0.0], 2: [1.0, -1.0]}


def version_rows(number):
    """Rows whose first item's click logit tells the version."""
    return {1: [float(number), 0.0], 2: [1.0, -1.0]}


def add_version(folder, number, name="table"):
    """Prepares the version next to the models folder and publishes it by a rename."""
    staging = folder.parent / f"staging-{name}-{number}"
    models.table_model(staging, version_rows(number))
    models.publish(staging, folder / name / str(number))


def break_model(folder, number, name="table"):
    add_version(folder, number, name)
    path = folder / name / str(number) / "model.safetensors"
    os.truncate(path, path.stat().st_size - 1)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "models"
    path.mkdir()
    add_version(path, 1)
    return path


@pytest.fixture
def server(folder):
    with Server(folder, "--workers", 2, "--budget-ms", 20000, "--queue-ms", 20000) as server:
        yield server


def serving(server):
    """Version that answers, checked against its score."""
    reply = server.rank({"candidates": [1], "explain": True})
    assert reply.status == 200, reply
    number = reply.json["model"]["version"]
    expected = 1 / (1 + 2.718281828459045 ** -number)
    assert abs(reply.json["items"][0]["signals"]["click"] - expected) < 1e-5
    assert reply.headers["x-model-version"] == f"table/{number}"
    return number


def reload(server, body=None, name="table"):
    return server.admin_post(f"/v1/models/{name}/reload", body)


def await_version(server, number, seconds=10):
    deadline = time.monotonic() + seconds
    while serving(server) != number:
        assert time.monotonic() < deadline, server.describe(f"version {number} does not serve")
        time.sleep(0.02)


def test_reload_to_the_newest(folder, server):
    add_version(folder, 2)
    add_version(folder, 10)
    assert serving(server) == 1
    reply = reload(server)
    assert reply.status == 200 and reply.headers["content-type"] == "application/json"
    assert reply.json == {"name": "table", "version": 10, "previous": 1}
    assert serving(server) == 10


def test_reload_to_a_version_also_back_and_to_itself(folder, server):
    add_version(folder, 2)
    assert reload(server, {"version": 2}).json == {"name": "table", "version": 2, "previous": 1}
    assert reload(server, {"version": 1}).json == {"name": "table", "version": 1, "previous": 2}
    assert serving(server) == 1
    assert reload(server, {"version": 1}).json == {"name": "table", "version": 1, "previous": 1}
    assert reload(server).json["version"] == 2


def test_reload_of_what_is_not_there(server):
    check_problem(reload(server, name="nope"), 404, "unknown-model")
    document = check_problem(reload(server, {"version": 7}), 409, "reload-failed")
    assert "7" in document["detail"]
    assert serving(server) == 1


def test_reload_of_a_broken_version_keeps_the_old_one(folder, server):
    break_model(folder, 2)
    document = check_problem(reload(server, {"version": 2}), 409, "reload-failed")
    assert "model.safetensors" in document["detail"]
    assert serving(server) == 1


def test_reload_without_a_version_takes_the_newest_that_loads(folder, server):
    add_version(folder, 2)
    break_model(folder, 3)
    reply = reload(server)
    assert reply.status == 200 and reply.json["version"] == 2
    assert serving(server) == 2


def test_reload_that_fails_the_golden_check(folder, server):
    add_version(folder, 2)
    line = {"request": {"candidates": [1]}, "expected": {"items": [{"item": 1, "score": 0.5}]}}
    models.write_lines(folder / "table" / "2" / "golden.jsonl", [line])
    document = check_problem(reload(server, {"version": 2}), 409, "reload-failed")
    assert "golden" in document["detail"] and "0.5" in document["detail"]
    assert serving(server) == 1


@pytest.mark.parametrize("body, status", [
    ({"version": 0}, 422), ({"version": -1}, 422), ({"version": "1"}, 422), ({"version": 1.0}, 422),
    ({"version": True}, 422), ({"versio": 1}, 422), ([], 422), (b"{", 400), (b'{"version": 1, "version": 2}', 400)])
def test_bad_bodies_of_reload(server, body, status):
    reply = reload(server, body)
    if status == 400:
        check_problem(reply, 400, "malformed-json")
    else:
        check_invalid(reply, {"versio": "/versio", "version": "/version"}[next(iter(body))] if body else "")
    assert serving(server) == 1


@pytest.mark.parametrize("body", [b"", b"{}", b'{"version": null}'])
def test_no_version_means_the_newest(folder, server, body):
    add_version(folder, 2)
    assert reload(server, body).json["version"] == 2


def test_a_second_reload_meanwhile_is_refused(folder, tmp_path):
    models.slow_to_load(models.heavy_model(folder / "heavy" / "1"), n_lines=1)
    with Server(folder, "--default-model", "table", "--cpu", "scalar", "--workers", 1, "--budget-ms", 60000) as server:
        models.slow_to_load(models.heavy_model(folder / "heavy" / "2"), n_lines=80)
        replies = []
        thread = threading.Thread(target=lambda: replies.append(reload(server, {"version": 2}, "heavy")))
        thread.start()
        time.sleep(0.2)
        document = check_problem(reload(server, {"version": 2}, "heavy"), 409, "reload-failed")
        assert document["detail"]
        assert thread.is_alive(), "the first reload was too fast for this test"
        assert server.rank({"candidates": [1]}, "/rank/heavy").json["model"]["version"] == 1
        assert server.admin_get("/readyz").status == 200, "a reload must not hold up the probes"
        thread.join()
        assert replies[0].status == 200 and replies[0].json["version"] == 2


def test_sighup_takes_newer_versions(folder, server):
    add_version(folder, 2)
    server.signal(signal.SIGHUP)
    await_version(server, 2)


def test_sighup_does_not_undo_a_rollback(folder, server):
    add_version(folder, 2)
    assert reload(server).json["version"] == 2
    assert reload(server, {"version": 1}).json["version"] == 1
    server.signal(signal.SIGHUP)
    time.sleep(0.7)
    assert serving(server) == 1
    add_version(folder, 3)
    server.signal(signal.SIGHUP)
    await_version(server, 3)


def test_sighup_does_not_retry_a_broken_version(folder, server):
    break_model(folder, 2)
    server.signal(signal.SIGHUP)
    time.sleep(0.7)
    assert serving(server) == 1 and server.process.poll() is None
    add_version(folder, 3)
    server.signal(signal.SIGHUP)
    await_version(server, 3)


def test_watching_takes_newer_versions(folder):
    with Server(folder, "--watch-models", 1, "--budget-ms", 20000, "--queue-ms", 20000) as server:
        add_version(folder, 2)
        await_version(server, 2)
        break_model(folder, 3)
        server.await_log("model_refused")
        assert serving(server) == 2
        add_version(folder, 4)
        await_version(server, 4)
        assert reload(server, {"version": 1}).status == 200
        time.sleep(2.5)
        assert serving(server) == 1, "a rollback holds until something newer appears"


def test_a_version_that_is_being_copied_is_left_alone(folder):
    staging = folder.parent / "staging"
    models.table_model(staging, version_rows(2))
    with Server(folder, "--watch-models", 1) as server:
        target = folder / "table" / "2"
        target.mkdir()
        weights = (staging / "model.safetensors").read_bytes()
        (target / "config.json").write_bytes((staging / "config.json").read_bytes())
        with open(target / "model.safetensors", "wb") as stream:
            for k in range(6):
                stream.write(weights[k * len(weights) // 6:(k + 1) * len(weights) // 6])
                stream.flush()
                time.sleep(0.5)
        await_version(server, 2)
        assert not any("model_refused" in line for line in server.logs)


def test_a_reload_under_load_is_measured(folder, server):
    add_version(folder, 2)
    for _ in range(120):
        assert server.rank({"candidates": [1]}).status == 200
    assert reload(server).json["version"] == 2
    for _ in range(120):
        assert server.rank({"candidates": [1]}).status == 200
    server.await_log("reload_measured", 15)
    families = metrics.parse(server.admin_get("/metrics").body.decode())
    assert abs(metrics.value(families, "rankd_reload_p99_delta_seconds")) < 1


def test_serving_without_a_gap_while_versions_change(folder, server):
    add_version(folder, 2)
    stop, faults, seen = threading.Event(), [], set()

    def ask():
        while not stop.is_set():
            try:
                seen.add(serving(server))
            except Exception as error:  # a thread's exception would be lost
                faults.append(error)
                return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for k in range(20):
        assert reload(server, {"version": 1 + (k + 1) % 2}).status == 200
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults, faults[0]
    assert seen == {1, 2}


def test_models_are_listed(tmp_path):
    folder = models.link_golden(tmp_path / "models", "sasrec_mlp", "gru_dcn")
    with Server(folder, "--default-model", "gru_dcn") as server:
        listing = server.admin_get("/v1/models")
        assert listing.status == 200 and listing.headers["content-type"] == "application/json"
        text = listing.body.decode()
        assert "sasrec_mlp" in text and "gru_dcn" in text
        reply = server.admin_get("/v1/models/sasrec_mlp")
        assert reply.status == 200
        text = reply.body.decode()
        assert re.search(r'"[0-9a-f]{64}"', text) and '"ready"' in text
        tensors, _ = models.read_tensors(models.golden_folder("sasrec_mlp"))
        dropped = [name for name in tensors if name.startswith(("contrast.", "training."))]
        assert dropped and str(len(tensors) - len(dropped)) in text
        for word in ("used", "dropped", "bytes", "max_candidates", "parity", "sha256", "version"):
            assert word in text, word
        check_problem(server.admin_get("/v1/models/nope"), 404, "unknown-model")
