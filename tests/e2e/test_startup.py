"""Start: the lines on standard output, addresses, exit codes, logs."""

import contextlib
import re
import signal
import socket
import stat

import pytest

from support import models, wire
from support.server import LINE, Server, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("startup") / "models"
    models.table_model(path / "table" / "1", {1: [0.0, 0.0]})
    return path


def failing(*arguments):
    """Standard error of a start that has to fail with exit code 1."""
    done = run("serve", *arguments)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert "ready" not in done.stdout
    assert done.stderr.strip()
    return done.stderr


def test_lines_on_standard_output(folder):
    with Server(folder) as server:
        listening, ready = [line for line in server.lines if LINE.match(line)]
        assert listening.startswith("listening ")
        assert re.match(r"ready data=http://127\.0\.0\.1:[1-9][0-9]* admin=http://127\.0\.0\.1:[1-9][0-9]*\Z", ready)
        ports = re.findall(r":([1-9][0-9]{2,4})\b", listening)
        assert ports == re.findall(r":([1-9][0-9]{2,4})\b", ready)
        assert server.lines == [listening, ready]
        assert server.data != server.admin


def test_logs_are_json_lines(folder):
    with Server(folder, "--access-log-sample", 1, "--log-level", "debug", "--drain-delay", 0) as server:
        server.rank({"candidates": [1], "request_id": "logged-request"})
        server.rank(b"{")
        wire.raw_exchange(server.data, b"GET /\x1b[31m\xff%0a HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\nb\r\n\r\n", 2)
        server.await_log("logged-request")
        assert server.stop() == 0
        records = server.log_records()
        assert records and all(isinstance(record, dict) for record in records)
        assert any(record.get("request_id") == "logged-request" for record in records), records
        assert not any("\x1b" in line for line in server.logs)


def test_access_log_can_be_off(folder):
    with Server(folder, "--access-log-sample", 0, "--drain-delay", 0, "--budget-ms", 20000) as server:
        for _ in range(50):
            server.rank({"candidates": [1], "request_id": "not-logged"})
        assert server.stop(signal.SIGINT) == 0
        assert not any("not-logged" in line for line in server.logs)


def test_port_taken(folder):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        taken = f"127.0.0.1:{sock.getsockname()[1]}"
        assert taken in failing("--models", folder, "--listen", taken, "--admin", "127.0.0.1:0")
        assert taken in failing("--models", folder, "--listen", "127.0.0.1:0", "--admin", taken)


def test_port_can_be_taken_again_at_once(folder):
    with Server(folder, "--drain-delay", 0, "--drain-timeout", 1) as server:
        address = f"127.0.0.1:{server.data[1]}"
        connection = wire.open_connection(server.data)
        wire.exchange(connection, "GET", "/livez")
        assert server.stop() == 0
        connection.close()
    with Server(folder, listen=address) as server:
        assert server.get("/livez").status == 200


def test_address_that_is_not_ours(folder):
    failing("--models", folder, "--listen", "192.0.2.1:0", "--admin", "127.0.0.1:0")


def test_unix_sockets(folder, tmp_path):
    data, admin = tmp_path / "data.sock", tmp_path / "admin.sock"
    for _ in range(2):  # the second start finds the sockets of the first
        with Server(folder, "--drain-delay", 0, listen=f"unix:{data}", admin=f"unix:{admin}") as server:
            assert server.data == str(data) and server.admin == str(admin)
            assert server.rank({"candidates": [1]}).status == 200
            assert server.admin_get("/metrics").status == 200
            assert stat.S_ISSOCK(data.stat().st_mode)
            assert server.stop() == 0
            assert not data.exists() and not admin.exists()


@pytest.mark.parametrize("when", ["loading", "second signal", "work after drain_timeout"])
def test_an_end_at_once_takes_unix_sockets_away(tmp_path, when):
    data, admin = tmp_path / "data.sock", tmp_path / "admin.sock"
    version = models.heavy_model(tmp_path / "models" / "heavy" / "1")
    if when == "loading":
        models.slow_to_load(version)
    flags = ("--drain-delay", 60 if when == "second signal" else 0, "--drain-timeout", 0, "--workers", 1, "--cpu",
             "scalar", "--budget-ms", 60000, "--queue-ms", 60000)
    with Server(tmp_path / "models", *flags, listen=f"unix:{data}", admin=f"unix:{admin}",
                wait="listening" if when == "loading" else "ready") as server:
        assert data.exists() and admin.exists()
        with contextlib.ExitStack() as stack:
            if when == "work after drain_timeout":
                body = wire.post_bytes(models.heavy_body())
                for _ in range(40):
                    stack.enter_context(wire.connect(str(data))).sendall(body)
            if when == "second signal":
                server.signal(signal.SIGTERM)
                server.await_log("draining")
            assert server.stop() == (1 if when == "second signal" else 0)
    assert not data.exists() and not admin.exists()


def test_a_failed_start_takes_unix_sockets_away(tmp_path):
    data, admin = tmp_path / "data.sock", tmp_path / "admin.sock"
    (tmp_path / "models").mkdir()
    failing("--models", tmp_path / "models", "--listen", f"unix:{data}", "--admin", f"unix:{admin}")
    assert not data.exists() and not admin.exists()


def test_unix_socket_left_by_a_kill(folder, tmp_path):
    data = tmp_path / "data.sock"
    with Server(folder, listen=f"unix:{data}") as server:
        server.process.kill()
        server.wait()
    assert data.exists()
    with Server(folder, listen=f"unix:{data}") as server:
        assert server.rank({"candidates": [1]}).status == 200


def test_unix_socket_does_not_overwrite_a_file(folder, tmp_path):
    path = tmp_path / "precious"
    path.write_text("precious")
    failing("--models", folder, "--listen", f"unix:{path}", "--admin", "off")
    assert path.read_text() == "precious"


def test_unix_socket_in_use(folder, tmp_path):
    with Server(folder, listen=f"unix:{tmp_path}/data.sock") as server:
        failing("--models", folder, "--listen", f"unix:{tmp_path}/data.sock", "--admin", "off")
        assert server.rank({"candidates": [1]}).status == 200


def test_ipv6(folder, has_ipv6):
    if not has_ipv6:
        pytest.skip("this machine has no IPv6 loopback")
    with Server(folder, listen="[::1]:0", admin="[::1]:0") as server:
        assert server.data[0] == "::1"
        assert server.rank({"candidates": [1]}).status == 200
        assert server.admin_post("/v1/models/table/reload").status == 200


def test_admin_off(folder):
    with Server(folder, admin="off") as server:
        assert server.admin is None
        assert server.rank({"candidates": [1]}).status == 200
        assert server.get("/readyz").status == 200
        assert server.get("/metrics").status == 404


def test_no_models(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "empty", tmp_path / "nope", tmp_path / "file"):
        failing("--models", folder, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")


def test_default_folder_is_models_here(folder):
    with Server(None, cwd=folder.parent) as server:
        assert server.rank({"candidates": [1]}).status == 200


def test_kill_and_restart(folder):
    for _ in range(2):
        with Server(folder) as server:
            assert server.rank({"candidates": [1]}).status == 200
            server.process.kill()
            assert server.wait() == -signal.SIGKILL


def test_memory_is_printed_at_the_start(folder):
    with Server(folder) as server:
        server.rank({"candidates": [1]})
        assert any("bytes" in line for line in server.logs), server.logs
