"""Probes in every state of the server: loading, ready, draining; on both ports; never behind ranking."""

import signal
import threading
import time

import pytest

from support import models, wire
from support.problems import check_problem
from support.server import Server

LIVE = ["/livez", "/healthz", "/v2/health/live"]
READY = ["/readyz", "/v2/health/ready"]
STARTED = ["/startupz"]


def statuses(server, paths):
    return [wire.request(address, "GET", path).status for address in (server.data, server.admin) for path in paths]


def check_states(server, live, ready, started):
    assert set(statuses(server, LIVE)) == {live}
    assert set(statuses(server, READY)) == {ready}
    assert set(statuses(server, STARTED)) == {started}


@pytest.fixture(scope="module")
def slow_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slow") / "models"
    models.slow_to_load(models.heavy_model(folder / "heavy" / "1"), n_lines=120)
    return folder


def test_while_loading_then_ready_then_draining(slow_folder):
    with Server(slow_folder, "--cpu", "scalar", "--budget-ms", 20000, "--drain-delay", 2, wait="listening") as server:
        check_states(server, live=200, ready=503, started=503)
        reply = server.rank(models.heavy_body(1))
        check_problem(reply, 503, "not-ready")
        assert server.admin_get("/metrics").status == 200
        assert not any(line.startswith("ready") for line in server.lines), "it was ready too early for this test"
        server.await_line("ready")
        check_states(server, live=200, ready=200, started=200)
        assert server.rank(models.heavy_body(1)).status == 200
        server.signal(signal.SIGTERM)
        time.sleep(0.3)
        check_states(server, live=200, ready=503, started=200)
        assert server.rank(models.heavy_body(1)).status == 200
        assert server.wait(20) == 0


def test_sigterm_while_loading(slow_folder):
    with Server(slow_folder, "--cpu", "scalar", "--drain-delay", 0, "--drain-timeout", 1, wait="listening") as server:
        assert server.stop(seconds=30) == 0


def test_probes_do_not_need_a_token(tmp_path):
    token = tmp_path / "token"
    token.write_text("t" * 40)
    token.chmod(0o600)
    models.table_model(tmp_path / "models" / "t" / "1", {1: [0.0, 0.0]})
    with Server(tmp_path / "models", "--admin-token-file", token) as server:
        check_states(server, 200, 200, 200)


def test_probes_under_overload(tmp_path):
    """Overload clears none of them, and they answer at once."""
    models.heavy_model(tmp_path / "models" / "heavy" / "1")
    with Server(tmp_path / "models", "--workers", 1, "--cpu", "scalar") as server:
        stop = threading.Event()

        def hammer():
            while not stop.is_set():
                try:
                    server.rank(models.heavy_body(500))
                except OSError:
                    pass

        threads = [threading.Thread(target=hammer) for _ in range(8)]
        for thread in threads:
            thread.start()
        try:
            time.sleep(0.3)
            for _ in range(10):
                start = time.monotonic()
                check_states(server, 200, 200, 200)
                assert time.monotonic() - start < 3
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_probe_bodies_are_small_and_not_cached(table_server):
    for path in LIVE + READY + STARTED:
        reply = table_server.get(path)
        assert len(reply.body) < 200 and "content-length" in reply.headers
    assert "retry-after" not in table_server.get("/readyz").headers
