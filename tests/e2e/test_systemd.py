"""What a service manager sees: sockets that it hands over, and the states that it is told."""

import os
import re
import signal
import socket
import sys
import time

import pytest

from support import models, wire
from support.server import BINARY, Server, run

ONE = {"candidates": [1]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("systemd") / "models"
    models.table_model(path / "table" / "1", {1: [0.0, 0.0]})
    return path


# Moves descriptors to 3, 4, …, says whom they are for, and becomes the server. Arguments: the descriptors, a line each;
# variables ("pid" stands for the process itself), a line each; the command.
STARTER = """
import os, sys
fds, variables, command = (part.split("\\n") for part in sys.argv[1:4])
copies = [os.dup2(int(fd), 100 + int(fd)) for fd in fds]
for place, fd in enumerate(copies):
    os.dup2(fd, 3 + place, inheritable=True)
    os.close(fd)
for variable in variables:
    name, _, value = variable.partition("=")
    os.environ[name] = value.replace("pid", str(os.getpid()))
os.execv(command[0], command + sys.argv[4:])
"""


class Activated(Server):
    """The server with inherited sockets from descriptor 3 on, as a service manager would start it."""

    def __init__(self, folder, sockets, *arguments, names=None, count=None, pid="pid", **options):
        variables = [f"LISTEN_FDS={len(sockets) if count is None else count}", f"LISTEN_PID={pid}"]
        variables += [] if names is None else [f"LISTEN_FDNAMES={names}"]
        program = [sys.executable, "-c", STARTER, "\n".join(str(sock.fileno()) for sock in sockets),
                   "\n".join(variables), BINARY]
        super().__init__(folder, *arguments, program=program, pass_fds=[sock.fileno() for sock in sockets], **options)


def listening(family=socket.AF_INET, address=("127.0.0.1", 0)):
    sock = socket.socket(family)
    sock.bind(address)
    sock.listen(64)
    return sock


@pytest.mark.parametrize("names, data_first", [(None, True), ("data:admin", True), ("admin:data", False),
                                               ("rankd.socket:rankd.socket", True)])
def test_both_ports_are_taken_over(folder, names, data_first):
    with listening() as first, listening() as second:
        with Activated(folder, [first, second], "--drain-delay", 0, names=names) as server:
            ports = [first.getsockname()[1], second.getsockname()[1]]
            assert [server.data[1], server.admin[1]] == (ports if data_first else ports[::-1])
            assert server.rank(ONE).status == 200
            assert server.admin_get("/metrics").status == 200
            assert server.stop() == 0


def test_one_socket_is_the_data_port_and_the_other_is_as_set(folder):
    with listening() as first:
        with Activated(folder, [first]) as server:
            assert server.data[1] == first.getsockname()[1] != server.admin[1]
            assert server.rank(ONE).status == 200 and server.admin_get("/readyz").status == 200


def test_a_unix_socket_is_taken_over_and_left_in_its_place(folder, tmp_path):
    path = str(tmp_path / "data.sock")
    with listening(socket.AF_UNIX, path) as first:
        with Activated(folder, [first], "--drain-delay", 0, names="data") as server:
            assert server.data == path
            assert server.rank(ONE).status == 200
            assert server.stop() == 0
        assert os.path.exists(path)


def test_what_waits_at_the_socket_is_for_the_next_process(folder):
    """The socket goes on listening: a connection made after the end of one server is served by the next."""
    with listening() as first:
        address = ("127.0.0.1", first.getsockname()[1])
        with Activated(folder, [first], "--drain-delay", 0) as server:
            assert server.rank(ONE).status == 200
            assert server.stop() == 0
        with wire.connect(address) as sock:
            sock.sendall(wire.post_bytes(ONE))
            with Activated(folder, [first]):
                assert wire.read_reply(sock).status in (200, 503)  # 503 while the model loads
                sock.sendall(wire.post_bytes(ONE))
                assert wire.read_reply(sock).status == 200


@pytest.mark.parametrize("names, count, reason", [
    ("data:data", None, "LISTEN_FDNAMES"), ("data:other", None, "LISTEN_FDNAMES"), (None, 3, "LISTEN_FDS"),
    (None, 0, "LISTEN_FDS"), (None, "many", "LISTEN_FDS")])
def test_what_is_wrong_with_the_sockets_stops_the_start(folder, names, count, reason):
    with listening() as first, listening() as second:
        with Activated(folder, [first, second], names=names, count=count, wait=None) as server:
            assert server.wait() == 1
            assert any(reason in line for line in server.logs), server.logs


def test_a_socket_that_does_not_listen_stops_the_start(folder):
    with socket.socket() as plain, Activated(folder, [plain], wait=None) as server:
        assert server.wait() == 1
        assert any("listening stream socket" in line for line in server.logs), server.logs


def test_sockets_for_another_process_are_not_ours(folder):
    with listening() as first:
        with Activated(folder, [first], pid=1) as server:
            assert server.data[1] != first.getsockname()[1]
            assert server.rank(ONE).status == 200


# ---- states ----

class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(address)
        self.sock.settimeout(20)
        name = self.sock.getsockname()
        self.name = "@" + name[1:].decode() if isinstance(name, bytes) else name

    def next(self, skip="WATCHDOG=1"):
        while True:
            text = self.sock.recv(4096).decode()
            if text != skip:
                return text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    address = str(tmp_path / "notify") if request.param == "path" else f"\0rankd-test-{os.getpid()}-{tmp_path.name}"
    with Manager(address) as found:
        yield found


def test_ready_reloading_and_stopping_are_told(folder, manager):
    with Server(folder, "--drain-delay", 0, env={"NOTIFY_SOCKET": manager.name}) as server:
        assert manager.next() == "READY=1"
        server.signal(signal.SIGHUP)
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=[0-9]+", manager.next())
        assert manager.next() == "READY=1"
        server.signal(signal.SIGTERM)
        assert manager.next() == "STOPPING=1"
        assert server.wait() == 0


def test_signs_of_life(folder, manager):
    environment = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000"}
    with Server(folder, "--drain-delay", 0, env=environment) as server:
        assert manager.next() == "READY=1"
        for _ in range(5):
            assert manager.next(skip=None) == "WATCHDOG=1"
        assert server.stop() == 0


def test_no_sign_of_life_for_another_process_or_from_one_that_stands_still(folder, manager):
    environment = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"}
    with Server(folder, env=environment):
        assert manager.next() == "READY=1"
        manager.sock.settimeout(1)
        with pytest.raises(socket.timeout):
            manager.next(skip=None)


def test_signs_of_life_at_the_limit_of_connections(folder, manager):
    environment = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000"}
    with Server(folder, "--max-connections", 2, env=environment) as server:
        assert manager.next() == "READY=1"
        with wire.connect(server.data), wire.connect(server.data):
            time.sleep(0.5)
            manager.sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                while True:
                    manager.sock.recv(4096)
            manager.sock.settimeout(5)
            for _ in range(5):
                assert manager.next(skip=None) == "WATCHDOG=1"
            assert not any("standstill" in line for line in server.logs)


def test_nobody_listens_at_the_notify_socket(folder, tmp_path):
    with Server(folder, env={"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "100000"}) as server:
        assert server.rank(ONE).status == 200


def test_the_variables_are_no_settings(folder):
    done = run("serve", "--models", folder, "--print-config", env={"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "x"})
    assert done.returncode == 0
