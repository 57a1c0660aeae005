"""Paths and methods of both ports: what answers where, 404, 405 with Allow, HEAD, OPTIONS."""

import pytest

from support import wire
from support.problems import check_problem

PROBES = ["/livez", "/healthz", "/v2/health/live", "/readyz", "/v2/health/ready", "/startupz"]
RANK = ["/rank", "/v1/rank", "/rank/table", "/v1/rank/table"]
ADMIN = {"/metrics": {"GET", "HEAD"}, "/v1/models": {"GET", "HEAD"}, "/v1/models/table": {"GET", "HEAD"},
         "/v1/models/table/reload": {"POST"}}


def allowed(reply):
    return {method.strip() for method in reply.headers["allow"].split(",")}


def ask(address, method, path, headers=()):
    """Any method, raw; the connection is closed by us."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""]
    data, _ = wire.raw_exchange(address, "\r\n".join(lines).encode())
    return data


def address_of(server, port):
    return server.data if port == "data" else server.admin


@pytest.mark.parametrize("port", ["data", "admin"])
@pytest.mark.parametrize("path", PROBES)
def test_probes_answer_on_both_ports(table_server, port, path):
    reply = wire.request(address_of(table_server, port), "GET", path)
    assert reply.status == 200
    head = ask(address_of(table_server, port), "HEAD", path)
    assert head.startswith(b"HTTP/1.1 200") and head.endswith(b"\r\n\r\n")
    assert f"content-length: {len(reply.body)}".encode() in head.lower()


@pytest.mark.parametrize("path", PROBES)
def test_query_strings_of_probes_do_not_matter(table_server, path):
    assert table_server.get(path + "?verbose=1").status == 200


@pytest.mark.parametrize("port", ["data", "admin"])
@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_probes_refuse_other_methods(table_server, port, path, method):
    reply = wire.request(address_of(table_server, port), method, path)
    check_problem(reply, 405, "method-not-allowed")
    assert allowed(reply) >= {"GET", "HEAD"} and "POST" not in allowed(reply)


@pytest.mark.parametrize("path", RANK)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "get", "M-SEARCH"])
def test_rank_refuses_other_methods(table_server, path, method):
    replies = wire.parse_replies(ask(table_server.data, method, path))
    assert len(replies) == 1
    check_problem(replies[0], 405, "method-not-allowed")
    assert "POST" in allowed(replies[0]) and "GET" not in allowed(replies[0])


def test_rank_refuses_head(table_server):
    data = ask(table_server.data, "HEAD", "/rank")
    assert data.startswith(b"HTTP/1.1 405") and data.endswith(b"\r\n\r\n") and b"allow:" in data.lower()


def test_connect_is_refused(table_server):
    reply = wire.parse_replies(ask(table_server.data, "CONNECT", "/rank"))[0]
    assert reply.status == 405


@pytest.mark.parametrize("path", RANK + PROBES)
def test_options_on_the_data_port(table_server, path):
    reply = wire.request(table_server.data, "OPTIONS", path)
    assert reply.status == 204 and reply.body == b""
    assert ("POST" in allowed(reply)) == (path in RANK)
    assert ("GET" in allowed(reply)) == (path in PROBES)


@pytest.mark.parametrize("path", list(ADMIN) + PROBES)
def test_options_on_the_admin_port(table_server, path):
    reply = wire.request(table_server.admin, "OPTIONS", path)
    assert reply.status == 204 and allowed(reply) >= ADMIN.get(path, {"GET", "HEAD"})


@pytest.mark.parametrize("path, methods", ADMIN.items())
def test_admin_paths_are_not_on_the_data_port(table_server, path, methods):
    for method in methods - {"HEAD"}:
        check_problem(wire.request(table_server.data, method, path), 404, "unknown-path")


@pytest.mark.parametrize("path", RANK)
def test_rank_is_not_on_the_admin_port(table_server, path):
    check_problem(wire.request(table_server.admin, "POST", path, {"candidates": [1]}), 404, "unknown-path")


@pytest.mark.parametrize("path, methods", ADMIN.items())
def test_admin_refuses_other_methods(table_server, path, methods):
    for method in {"GET", "POST", "PUT", "DELETE"} - methods:
        reply = wire.request(table_server.admin, method, path)
        check_problem(reply, 405, "method-not-allowed")
        assert allowed(reply) >= methods


@pytest.mark.parametrize("port", ["data", "admin"])
@pytest.mark.parametrize("path", ["/nope", "/livez/", "/livezz", "/LIVEZ", "/../etc/passwd", "/%2e%2e/etc/passwd",
                                  "/v1", "/v1/", "/v2/health", "/metrics/", "/favicon.ico", "/livez%00", "/readyz%20"])
def test_unknown_paths(table_server, port, path):
    for method in ("GET", "POST", "OPTIONS"):
        reply = wire.request(address_of(table_server, port), method, path)
        check_problem(reply, 404, "unknown-path")


def test_the_root_of_the_data_port(table_server):
    check_problem(table_server.get("/"), 404, "unknown-path")


def test_errors_keep_the_connection(table_server):
    connection = wire.open_connection(table_server.data)
    try:
        for path, status in (("/nope", 404), ("/rank", 405), ("/livez", 200)):
            assert wire.exchange(connection, "GET", path).status == status
        local = connection.sock.getsockname()
        assert wire.exchange(connection, "POST", "/rank", {"candidates": []}).status == 422
        assert wire.exchange(connection, "POST", "/rank", b"{").status == 400
        assert wire.exchange(connection, "POST", "/rank", {"candidates": [1]}).status == 200
        assert connection.sock.getsockname() == local
    finally:
        connection.close()
