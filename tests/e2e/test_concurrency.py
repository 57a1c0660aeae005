"""Many clients of every kind at once: each gets its own answer, and the counts add up afterwards."""

import random
import threading
import time

from support import metrics, models, wire
from support.server import Server


def good(server, rng):
    names = [f"c{rng.random()}" for _ in range(5)]
    connection = wire.open_connection(server.data)
    try:
        for name in names:
            n = rng.randrange(1, 40)
            body = {"candidates": list(range(1, n + 1)), "request_id": name}
            reply = wire.exchange(connection, "POST", "/rank", body)
            assert reply.status == 200, reply
            assert reply.json["request_id"] == reply.headers["x-request-id"] == name
            assert len(reply.json["items"]) == n
    finally:
        connection.close()
    return len(names)


def faulty(server, rng):
    reply = server.rank(rng.choice([b"{", b"[]", b'{"candidates": []}', b'{"candidates": [1.5]}', b"\xff"]))
    assert reply.status in (400, 422)
    return 0


def pipelined(server, rng):
    names = [f"p{rng.random()}" for _ in range(8)]
    data = b"".join(wire.post_bytes({"candidates": [1, 2], "request_id": name}) for name in names[:-1])
    data += wire.post_bytes({"candidates": [1, 2], "request_id": names[-1]}, headers=["Connection: close"])
    replies = wire.parse_replies(wire.raw_exchange(server.data, data, 20)[0])
    assert [reply.json["request_id"] for reply in replies] == names
    return len(names)


def aborted(server, rng):
    data = wire.post_bytes({"candidates": [1, 2]})
    with wire.connect(server.data) as sock:
        sock.sendall(data[:rng.randrange(len(data))])
    return 0


def probing(server, _):
    for path in ("/livez", "/readyz"):
        assert server.get(path).status == 200
        assert server.admin_get(path).status == 200
    assert server.admin_get("/metrics").status == 200
    return 0


def reloading(server, _):
    assert server.admin_post("/v1/models/table/reload", {"version": 1}).status in (200, 409)
    return 0


def test_everything_at_once(tmp_path):
    folder = tmp_path / "models"
    models.table_model(folder / "table" / "1", {k: [k / 10, 1.0] for k in range(1, 40)})
    with Server(folder, "--workers", 3, "--budget-ms", 30000, "--queue-ms", 30000, "--drain-delay", 0) as server:
        counts, faults = [], []
        end = time.monotonic() + 8

        def client(seed):
            rng = random.Random(seed)
            try:
                while time.monotonic() < end:
                    act = rng.choice([good, good, good, faulty, pipelined, aborted, probing, reloading])
                    counts.append(act(server, rng))
            except Exception as error:  # a thread's exception would be lost
                faults.append(error)

        threads = [threading.Thread(target=client, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults, faults[0]
        time.sleep(0.3)
        families = metrics.parse(server.admin_get("/metrics").body.decode())
        assert metrics.value(families, "rankd_http_requests_total", route="rank", code="200") == sum(counts)
        assert metrics.value(families, "rankd_inflight_requests") == 0
        assert metrics.total(families, "rankd_http_requests_total", code="500") == 0
        assert server.stop() == 0


def test_bodies_never_mix(golden_server):
    """Requests of different sizes and models on shared workers: every id that comes back was asked for."""
    faults = []

    def client(seed):
        rng = random.Random(seed)
        connection = wire.open_connection(golden_server.data)
        try:
            for step in range(40):
                ids = [f"s{seed}-{step}-{k}" for k in range(rng.randrange(1, 200))]
                name = rng.choice(models.GOLDEN_SETS)
                reply = wire.exchange(connection, "POST", f"/rank/{name}", {"candidates": ids})
                assert reply.status == 200 and sorted(item["item"] for item in reply.json["items"]) == sorted(ids)
        except Exception as error:  # a thread's exception would be lost
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults[0]
