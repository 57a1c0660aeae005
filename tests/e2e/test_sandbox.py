"""The sandbox: in force on every thread, and nothing that serving does is in its way."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from support import models, wire
from support.server import Server, run

ONE = {"candidates": [1, 2]}
ROWS = {1: [0.0, 0.0], 2: [1.0, 1.0]}


@pytest.fixture
def folder(tmp_path):
    models.table_model(tmp_path / "models" / "m" / "1", ROWS)
    return tmp_path / "models"


def record(server):
    server.await_log('"event":"sandbox"')  # the line `ready` comes through another pipe
    return next(line for line in server.log_records() if line["event"] == "sandbox")


@pytest.fixture(autouse=True)
def on_a_kernel_that_has_it(folder):
    with Server(folder) as server:
        found = record(server)
    if found["landlock_abi"] == 0 or not found["seccomp"]:
        pytest.skip("this kernel, or this build, has no sandbox")


def states(server):
    """(name, Seccomp, NoNewPrivs) of every thread."""
    found = []
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        status = (task / "status").read_text()
        found.append(tuple(re.search(rf"^{key}:\t(.*)$", status, re.M)[1] for key in ("Name", "Seccomp", "NoNewPrivs")))
    return found


def test_in_force_on_every_thread(folder):
    with Server(folder, "--workers", 2) as server:
        assert record(server)["message"] == "in force"
        missing = {"rk-worker-0", "rk-worker-1", "rk-accept", "rk-reload", "rk-signals"}
        for _ in range(200):  # a thread names itself when it first runs
            missing -= {state[0] for state in states(server)}
            if missing:
                time.sleep(0.05)
        assert not missing
        assert {state[1:] for state in states(server)} == {("2", "1")}


def test_off(folder):
    with Server(folder, "--sandbox", "off") as server:
        assert record(server)["message"] == "off"
        assert {state[1] for state in states(server)} == {"0"}
        assert server.rank(ONE).status == 200


def test_on(folder):
    with Server(folder, "--sandbox", "on") as server:
        assert record(server)["message"] == "in force"
        assert server.rank(ONE).status == 200


def test_versions_that_come_later_are_read(folder, tmp_path):
    with Server(folder) as server:
        models.table_model(tmp_path / "made" / "2", ROWS)
        os.rename(tmp_path / "made" / "2", folder / "m" / "2")
        reply = server.admin_post("/v1/models/m/reload")
        assert reply.status == 200 and reply.json["version"] == 2, reply
        (folder / "m" / "3").symlink_to("2")
        assert server.admin_post("/v1/models/m/reload").json["version"] == 3


def test_a_later_link_leads_below_where_one_led_before(tmp_path):
    for version in ("1", "2"):
        models.table_model(tmp_path / "store" / "m" / version, ROWS)
    models.table_model(tmp_path / "elsewhere" / "4", ROWS)
    folder = tmp_path / "linked"
    (folder / "m").mkdir(parents=True)
    (folder / "kept").symlink_to(tmp_path / "store" / "m")
    (folder / "m" / "1").symlink_to(tmp_path / "store" / "m" / "1")
    with Server(folder, "--default-model", "m") as server:
        assert record(server)["links"] == 2
        (folder / "m" / "2").symlink_to(tmp_path / "store" / "m" / "2")
        assert server.admin_post("/v1/models/m/reload").json["version"] == 2
        (folder / "m" / "4").symlink_to(tmp_path / "elsewhere" / "4")
        reply = server.admin_post("/v1/models/m/reload", {"version": 4})
        assert reply.status == 409 and "Permission denied" in reply.json["detail"], reply
        assert server.ranked(ONE)["model"]["version"] == 2
    with Server(folder, "--default-model", "m") as server:
        assert server.ranked(ONE)["model"]["version"] == 4


def test_figures_of_the_process_are_still_told(folder):
    with Server(folder) as server:
        for _ in range(2):
            text = server.admin_get("/metrics").body.decode()
            figures = dict(re.findall(r"^(process_\w+) ([0-9.e+]+)$", text, re.M))
            assert len(figures) == 6, figures
            assert all(float(number) > 0 for name, number in figures.items() if "cpu" not in name), figures
        held = [wire.connect(server.data) for _ in range(5)]
        server.get("/livez")
        later = re.search(r"^process_open_fds (\d+)$", server.admin_get("/metrics").body.decode(), re.M)
        assert int(later[1]) >= int(figures["process_open_fds"]) + 5
        for sock in held:
            sock.close()


def test_a_token_in_a_file_elsewhere(folder, tmp_path):
    token = tmp_path / "token"
    token.write_text("t" * 40)
    token.chmod(0o600)
    with Server(folder, "--admin-token-file", token) as server:
        assert server.admin_post("/v1/models/m/reload").status == 401
        assert server.admin_post("/v1/models/m/reload", headers={"Authorization": "Bearer " + "t" * 40}).status == 200


def test_the_setting_is_checked(folder):
    done = run("serve", "--models", folder, "--sandbox", "maybe")
    assert done.returncode == 2 and "sandbox" in done.stderr
    assert json.loads(run("serve", "--print-config").stdout)["sandbox"] == "auto"
