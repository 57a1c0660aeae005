"""The admin token: who may change something, 401 and 403; the token's file."""

import os
import socket

import pytest

from support import models, wire
from support.problems import check_problem
from support.server import Server, run

TOKEN = "abcdefghijklmnopqrstuvwxyz-0123456789"


def write_token(path, text=TOKEN, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("token") / "models"
    models.table_model(path / "table" / "1", {1: [0.0, 0.0]})
    return path


@pytest.fixture(scope="module")
def server(folder):
    with Server(folder, "--admin-token-file", write_token(folder.parent / "token", TOKEN + "\n")) as server:
        yield server


def reload(server, authorization=None):
    headers = {} if authorization is None else {"Authorization": authorization}
    return server.admin_post("/v1/models/table/reload", None, headers)


@pytest.mark.parametrize("good", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer {TOKEN}  "])
def test_the_right_token(server, good):
    assert reload(server, good).status == 200


@pytest.mark.parametrize("bad", [None, "", "Bearer", "Bearer ", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x",
                                 f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.upper()}", "Bearer " + "x" * 5000,
                                 f"Bearer x {TOKEN}", f"Bearer\t{TOKEN[:-1]}x"])
def test_no_token_or_a_wrong_one(server, bad):
    document = check_problem(reload(server, bad), 401, "unauthorized")
    assert TOKEN not in str(document)


def test_401_asks_for_a_bearer(server):
    assert reload(server).headers.get("www-authenticate", "Bearer").startswith("Bearer")


def test_reading_needs_no_token(server):
    for path in ("/metrics", "/v1/models", "/v1/models/table", "/livez", "/readyz"):
        assert server.admin_get(path).status == 200
    assert server.rank({"candidates": [1]}).status == 200


def test_an_unknown_model_does_not_show_without_the_token(server):
    check_problem(server.admin_post("/v1/models/nope/reload"), 401, "unauthorized")


@pytest.mark.parametrize("path", ["reload", "try"])
def test_without_the_token_no_body_is_asked_for(server, path):
    head = f"POST /v1/models/table/{path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 13\r\n"
    with wire.connect(server.admin) as sock:
        sock.sendall(head.encode() + b"\r\n")
        check_problem(wire.read_reply(sock), 401, "unauthorized")
    with wire.connect(server.admin) as sock:
        sock.sendall(head.encode() + f"Authorization: Bearer {TOKEN}\r\n\r\n".encode())
        assert wire.read_reply(sock, head_only=True).status == 100
        sock.sendall(b'{"version":1}')
        assert wire.read_reply(sock).status == (200 if path == "reload" else 422)


def test_the_token_is_not_logged(server):
    reload(server, f"Bearer {TOKEN}")
    reload(server, f"Bearer {TOKEN}x")
    assert not any(TOKEN in line for line in server.logs + server.lines)


def test_without_a_token_loopback_may_change(folder):
    with Server(folder) as server:
        assert reload(server).status == 200
        assert reload(server, "Bearer whatever").status == 200


def test_without_a_token_a_unix_socket_counts_as_local(folder, tmp_path):
    with Server(folder, admin=f"unix:{tmp_path}/admin") as server:
        assert reload(server).status == 200


def own_address():
    """An IPv4 address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
            address = sock.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


@pytest.mark.skipif(own_address() is None, reason="this machine has no address besides loopback")
def test_from_elsewhere_than_loopback(folder, tmp_path):
    """A request over an address of the machine that is not loopback comes from elsewhere."""
    with Server(folder, admin=f"{own_address()}:0") as server:
        check_problem(reload(server), 403, "forbidden")
        assert server.admin_get("/metrics").status == 200
    with Server(folder, "--admin-token-file", write_token(tmp_path / "token"), admin=f"{own_address()}:0") as server:
        assert reload(server, f"Bearer {TOKEN}").status == 200
        check_problem(reload(server), 401, "unauthorized")


@pytest.mark.parametrize("text, mode", [("short", 0o600), ("x" * 31, 0o600), ("", 0o600), ("x" * 40 + "\0", 0o600),
                                        (TOKEN, 0o644), (TOKEN, 0o640), (TOKEN, 0o606)])
def test_bad_token_files_stop_the_start(folder, tmp_path, text, mode):
    path = write_token(tmp_path / "token", text, mode)
    done = run("serve", "--models", folder, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
               "--admin-token-file", path)
    assert done.returncode in (1, 2) and "admin_token_file" in done.stderr + done.stdout
    assert TOKEN not in done.stderr + done.stdout


def test_missing_token_file(folder, tmp_path):
    for path in (tmp_path / "nope", tmp_path):
        done = run("serve", "--models", folder, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                   "--admin-token-file", path)
        assert done.returncode in (1, 2) and "admin_token_file" in done.stderr


def test_shortest_token(folder, tmp_path):
    with Server(folder, "--admin-token-file", write_token(tmp_path / "token", "x" * 32)) as server:
        assert reload(server, "Bearer " + "x" * 32).status == 200
        os.unlink(tmp_path / "token")
        assert reload(server, "Bearer " + "x" * 32).status == 200
