"""The console's files and what it asks of the admin port: policy, ETag, warm-up requests, report, a ranking to try."""

import json
import os
import re

import pytest

from support import models, wire
from support.problems import check_invalid, check_problem
from support.server import ROOT, Server

FILES = sorted(path.name for path in (ROOT / "server" / "console").iterdir())
TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8",
         "svg": "image/svg+xml"}
TOKEN = "t" * 40
WARMUP = [{"candidates": [1, 2]}, {"candidates": [2], "user": {"id": "u\u2028"}}]
LONG = ("--budget-ms", 20000, "--queue-ms", 20000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("console") / "models"
    version = models.table_model(path / "table" / "1", {1: [0.0, 0.0], 2: [1.0, -1.0]})
    models.write_lines(version / "warmup.jsonl", WARMUP)
    (version / "report.md").write_text("# A report\n\nfine\n", encoding="utf-8")
    models.table_model(path / "bare" / "1", {1: [0.0, 0.0]})
    return path


@pytest.fixture(scope="module")
def server(folder):
    with Server(folder, "--default-model", "table", *LONG) as running:
        yield running


@pytest.mark.parametrize("name", FILES)
def test_files(server, name):
    reply = server.admin_get(f"/console/{name}")
    assert reply.status == 200 and reply.headers["content-type"] == TYPES[name.rpartition(".")[2]]
    assert reply.body == (ROOT / "server" / "console" / name).read_bytes()
    again = server.admin_get(f"/console/{name}", {"If-None-Match": reply.headers["etag"]})
    assert again.status == 304 and again.body == b"" and again.headers["etag"] == reply.headers["etag"]
    assert server.admin_get(f"/console/{name}", {"If-None-Match": '"another"'}).status == 200


def test_the_page(server):
    reply = server.admin_get("/")
    assert reply.status == 200 and reply.body == server.admin_get("/console/index.html").body
    head = wire.request(server.admin, "HEAD", "/")
    assert head.status == 200 and head.headers["content-length"] == str(len(reply.body))
    check_problem(server.get("/"), 404, "unknown-path")
    for path in ("/console/nothing.js", "/console/", "/console/../index.html", "/console/%2e%2e"):
        check_problem(server.admin_get(path), 404, "unknown-path")


def test_nothing_from_elsewhere(server):
    policy = dict(part.strip().split(" ", 1) for part in server.admin_get("/").headers[
        "content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    for kind in ("script-src", "style-src", "img-src", "connect-src"):
        assert policy[kind] == "'self'"
    for name in FILES:
        text = (ROOT / "server" / "console" / name).read_text(encoding="utf-8")
        places = set(re.findall(r"https?://[^\s\"'`<>$]+", text))
        assert places <= {"http://www.w3.org/2000/svg", "http://127.0.0.1:8080"}, (name, places)
        assert "innerHTML" not in text and not re.search(r"\sstyle=|\son[a-z]+=\"", text), name


def test_scripts_and_styles_that_are_named_exist():
    for name in FILES:
        text = (ROOT / "server" / "console" / name).read_text(encoding="utf-8")
        for other in re.findall(r'(?:from "\./|(?:src|href)="console/)([^"]+)"', text):
            assert other in FILES, (name, other)


def test_warmup_requests(server):
    document = server.admin_get("/v1/models/table/warmup").json
    assert document["version"] == 1
    assert [json.loads(line) for line in document["requests"]] == WARMUP
    check_problem(server.admin_get("/v1/models/bare/warmup"), 404, "unknown-path")
    check_problem(server.admin_get("/v1/models/nope/warmup"), 404, "unknown-model")


def test_report(server):
    reply = server.admin_get("/v1/models/table/report")
    assert reply.status == 200 and reply.headers["content-type"] == "text/markdown; charset=utf-8"
    assert reply.body == b"# A report\n\nfine\n"
    check_problem(server.admin_get("/v1/models/bare/report"), 404, "unknown-path")


def test_reward_is_told(server):
    reward = server.admin_get("/v1/models/table").json["reward"]
    assert reward == {"type": "additive", "weights": {"click": 1, "like": 1}}


def test_trying_is_ranking(server):
    body = {"candidates": [1, 2], "explain": True, "request_id": "tried"}
    tried = server.admin_post("/v1/models/table/try", body)
    assert tried.status == 200 and tried.body == server.rank(body, "/rank/table").body
    assert "queue;dur=" in tried.headers["server-timing"] and tried.headers["x-model-version"] == "table/1"
    check_invalid(server.admin_post("/v1/models/table/try", {"candidates": []}), "/candidates")
    check_problem(server.admin_post("/v1/models/nope/try", body), 404, "unknown-model")
    check_problem(server.admin_post("/v1/models/table/try", b"{"), 400, "malformed-json")
    large = {"candidates": [1], "context": {"x": "y" * 300000}}
    assert server.admin_post("/v1/models/table/try", large).status == 200


def test_a_page_of_another_site_may_do_nothing(server):
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        headers = {"Sec-Fetch-Site": site}
        assert server.admin_post("/v1/models/table/try", {"candidates": [1]}, headers).status == status
        assert server.admin_post("/v1/models/table/reload", {"version": 1}, headers).status == status
        assert server.admin_get("/v1/models/table/warmup", headers).status == status
        assert server.admin_get("/metrics", headers).status == 200


def test_without_a_token_the_host_is_no_name(server):
    for host, status in (("127.0.0.1:80", 200), ("localhost", 200), ("LOCALHOST:8081", 200), ("[::1]:8081", 200),
                         ("rebound.example", 403), ("127.0.0.1.example:80", 403), ("[::1].example", 403),
                         ("localhost.example", 403)):
        assert server.admin_post("/v1/models/table/try", {"candidates": [1]}, {"Host": host}).status == status, host
        assert server.admin_get("/v1/models", {"Host": host}).status == 200


def test_trying_and_warmup_need_the_token(folder, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="utf-8")
    os.chmod(token, 0o600)
    with Server(folder, "--default-model", "table", "--admin-token-file", token, *LONG) as server:
        good = {"Authorization": f"Bearer {TOKEN}"}
        for headers, status in ((None, 401), ({"Authorization": "Bearer x"}, 401), (good, 200)):
            assert server.admin_post("/v1/models/table/try", {"candidates": [1]}, headers).status == status
            assert server.admin_get("/v1/models/table/warmup", headers).status == status
        assert server.admin_get("/").status == 200
        connection = wire.open_connection(server.admin)
        try:  # a refused body is read to its end, and the connection is kept
            for headers, status in ((None, 401), (good, 200), (None, 401), (good, 200)):
                assert wire.exchange(connection, "POST", "/v1/models/table/try", {"candidates": [1]},
                                     headers).status == status
        finally:
            connection.close()
