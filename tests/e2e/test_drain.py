"""The end: SIGTERM and SIGINT drain, nothing accepted is lost, a second signal ends at once."""

import contextlib
import http.client
import signal
import threading
import time

import pytest

from support import models, wire
from support.server import Server

ONE = {"candidates": [1]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("drain") / "models"
    models.table_model(path / "table" / "1", {1: [0.0, 0.0]})
    models.heavy_model(path / "heavy" / "1")
    return path


def start(folder, *flags):
    return Server(folder, "--default-model", "table", "--workers", 2, "--budget-ms", 20000, "--queue-ms", 20000, *flags)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_server_ends_after_the_delay(folder, number):
    with start(folder, "--drain-delay", 0.5, "--drain-timeout", 5) as server:
        began = time.monotonic()
        assert server.stop(number) == 0
        assert 0.4 <= time.monotonic() - began <= 4


def test_new_connections_are_served_during_the_delay(folder):
    with start(folder, "--drain-delay", 2) as server:
        server.signal(signal.SIGTERM)
        time.sleep(0.2)
        for _ in range(5):
            assert server.rank(ONE).status == 200
            assert server.get("/livez").status == 200
            assert server.get("/readyz").status == 503
        assert server.wait(15) == 0
        with pytest.raises(OSError):
            server.get("/livez")


def test_kept_connections_are_closed_after_an_answer(folder):
    """After the delay, what still arrives on a kept connection is served with Connection: close."""
    with start(folder, "--drain-delay", 0.5, "--drain-timeout", 6) as server:
        connection = wire.open_connection(server.data)
        assert wire.exchange(connection, "POST", "/rank", ONE).status == 200
        blocker = threading.Thread(target=lambda: server.rank(
            {"candidates": [1 + k % 1000 for k in range(4000)]}, "/rank/heavy"))
        server.signal(signal.SIGTERM)
        time.sleep(0.4)
        blocker.start()
        time.sleep(0.2)
        try:
            reply = wire.exchange(connection, "POST", "/rank", ONE)
            assert reply.status == 200 and reply.headers["connection"].lower() == "close"
        except (OSError, wire.http.client.HTTPException):
            pass  # an idle connection may have been closed before
        blocker.join()
        connection.close()
        assert server.wait(15) == 0


def test_idle_connections_end_with_drain_timeout(folder):
    with start(folder, "--drain-delay", 0, "--drain-timeout", 1) as server:
        socks = [wire.connect(server.data) for _ in range(5)]
        socks[0].sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.read_reply(socks[0]).status == 200
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 6
        for sock in socks:
            sock.close()


def test_a_silent_upload_does_not_hold_up_the_end(folder):
    with start(folder, "--drain-delay", 0, "--drain-timeout", 1) as server:
        with wire.connect(server.data) as sock:
            sock.sendall(wire.post_bytes(ONE)[:-3])
            time.sleep(0.1)
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 8


def test_a_second_signal_ends_at_once(folder):
    with start(folder, "--drain-delay", 30) as server:
        server.signal(signal.SIGTERM)
        time.sleep(0.3)
        began = time.monotonic()
        assert server.stop(signal.SIGTERM) == 1
        assert time.monotonic() - began < 3


def test_requests_in_flight_are_answered(folder):
    """A slow request that was accepted before the signal is answered."""
    with start(folder, "--drain-delay", 0, "--drain-timeout", 20, "--cpu", "scalar") as server:
        replies = []
        body = {"candidates": [1 + k % 1000 for k in range(4000)]}
        threads = [threading.Thread(target=lambda: replies.append(server.rank(body, "/rank/heavy"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        server.signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert [reply.status for reply in replies] == [200] * 4
        assert server.wait(30) == 0


class Client(threading.Thread):
    """Asks on kept connections until the server is gone; an answer may be missing only where nothing was accepted:
    a refused connection, or a kept one that the server closed before it read the request."""

    def __init__(self, server):
        super().__init__()
        self.server, self.answers, self.lost = server, 0, []

    def run(self):
        while True:
            connection = wire.open_connection(self.server.data)
            try:
                connection.connect()
            except OSError:
                return
            if not self.use(connection):
                return

    def use(self, connection):
        """False when the server is gone."""
        answered = 0
        try:
            while True:
                reply = wire.exchange(connection, "POST", "/rank", ONE)
                assert reply.status == 200, reply
                answered += 1
                self.answers += 1
                if reply.headers.get("connection", "").lower() == "close":
                    return True
        except (wire.http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            if answered == 0:  # a fresh connection's first request was taken, or the backlog was swept
                self.lost.append(error)
            return True
        except AssertionError as error:
            self.lost.append(error)
            return False
        finally:
            connection.close()


def test_sigterm_under_load_loses_nothing(folder):
    with start(folder, "--drain-delay", 1, "--drain-timeout", 10) as server:
        clients = [Client(server) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(0.7)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait(30) == 0
        assert 0.9 <= time.monotonic() - began < 12
        for client in clients:
            client.join()
        assert sum(client.answers for client in clients) > 50
        assert not [error for client in clients for error in client.lost]


def test_kill_in_the_middle_of_work_then_restart(folder):
    with start(folder) as server:
        clients = [Client(server) for _ in range(3)]
        for client in clients:
            client.start()
        time.sleep(0.3)
        server.process.kill()
        assert server.wait() == -signal.SIGKILL
        for client in clients:
            client.join()
    with start(folder) as server:
        assert server.rank(ONE).status == 200


@contextlib.contextmanager
def past_the_drains_end(folder, prepare):
    """Yields what `prepare` makes of a server that works on past drain_timeout; then it must end well."""
    with Server(folder, "--default-model", "table", "--workers", 1, "--cpu", "scalar", "--budget-ms", 60000,
                "--queue-ms", 60000, "--drain-delay", 0, "--drain-timeout", 0.3) as server:
        prepared = prepare(server)
        body = {"candidates": [1 + k % 1000 for k in range(4000)]}
        threads = [threading.Thread(target=ask_quietly, args=(server, body)) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        server.signal(signal.SIGTERM)
        time.sleep(0.5)
        yield prepared
        assert server.wait(15) == 0
        for thread in threads:
            thread.join()


def assert_draining(reply):
    assert reply.status == 503
    assert reply.json["type"] == "urn:rankd:problem:draining"
    assert reply.headers["retry-after"].isdigit()


def test_what_arrives_after_the_drains_end_is_refused(folder):
    """While work is still under way after drain_timeout, new requests on kept connections get 503 draining."""
    def keep(server):
        kept = wire.open_connection(server.data)
        assert wire.exchange(kept, "POST", "/rank", ONE).status == 200
        return kept

    with past_the_drains_end(folder, keep) as kept:
        assert_draining(wire.exchange(kept, "POST", "/rank", ONE))


def test_a_body_that_ends_after_the_drains_end_is_refused(folder):
    """Its head came before the signal; there is nobody left to rank it."""
    request = wire.post_bytes(ONE)

    def begin(server):
        sock = wire.connect(server.data)
        sock.sendall(request[:-3])
        return sock

    with past_the_drains_end(folder, begin) as sock:
        sock.sendall(request[-3:])
        assert_draining(wire.read_reply(sock))
        sock.close()


def ask_quietly(server, body):
    """The server ends before it has answered them all."""
    try:
        server.rank(body, "/rank/heavy")
    except (OSError, http.client.HTTPException):
        pass
