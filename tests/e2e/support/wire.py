"""The wire: whole requests through http.client, and raw bytes through sockets."""

import http.client
import json
import socket
import time
from collections import namedtuple

TIMEOUT = 120.0
JSON_TYPE = "application/json"


class Reply(namedtuple("Reply", "status headers body")):
    """headers: dict with lower-case names, the last of a repeated one."""

    @property
    def json(self):
        return json.loads(self.body, parse_constant=lambda token: pytest_fail(f"{token} in {self.body!r}"))

    @property
    def code(self):
        """The last part of a problem's type."""
        return self.json["type"].rpartition(":")[2]


def pytest_fail(message):
    raise AssertionError(message)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def connect(address):
    """Plain socket to (host, port), or to a Unix socket's path."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(TIMEOUT)
        sock.connect(address)
        return sock
    sock = socket.create_connection(address, timeout=TIMEOUT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def open_connection(address):
    """http.client connection that may be kept and reused."""
    if isinstance(address, str):
        return UnixConnection(address)
    return http.client.HTTPConnection(*address, timeout=TIMEOUT)


def exchange(connection, method, path, body=None, headers=None):
    """One request on a kept connection. A body that is not bytes or text is sent as JSON."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, (bytes, str)) and not hasattr(body, "__next__"):
        body = json.dumps(body, ensure_ascii=False)
    if isinstance(body, str):
        body = body.encode()
    if body is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = JSON_TYPE
    headers = {name: value for name, value in headers.items() if value is not None}
    chunked = any(name.lower() == "transfer-encoding" for name in headers)
    try:
        connection.request(method, path, body=body, headers=headers, encode_chunked=chunked)
    except (BrokenPipeError, ConnectionResetError):
        pass  # an answer that came before the body was read is waiting
    response = connection.getresponse()
    return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def request(address, method, path, body=None, headers=None):
    connection = open_connection(address)
    try:
        return exchange(connection, method, path, body, headers)
    finally:
        connection.close()


def parse_replies(data):
    """The replies in raw bytes, one after the other; interim 1xx ones included. Bodies end by Content-Length."""
    replies = []
    while data:
        head, separator, rest = data.partition(b"\r\n\r\n")
        assert separator, f"incomplete head {data!r}"
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = 0 if status < 200 or status == 204 else int(headers.get("content-length", len(rest)))
        replies.append(Reply(status, headers, rest[:length]))
        data = rest[length:]
    return replies


def read_to_end(sock, seconds=10.0):
    """All bytes until the peer closes; (bytes, whether it closed in time)."""
    deadline, data = time.monotonic() + seconds, b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return data, False
        sock.settimeout(left)
        try:
            chunk = sock.recv(65536)
        except socket.timeout:
            return data, False
        except ConnectionResetError:
            return data, True
        if not chunk:
            return data, True
        data += chunk


def read_reply(sock, head_only=False):
    """One reply from a socket, byte-exact: nothing of the next one is taken."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        octet = sock.recv(1)
        assert octet, f"closed after {data!r}"
        data += octet
    reply = parse_replies(data)[0]
    length = 0 if head_only or reply.status < 200 or reply.status == 204 else int(reply.headers["content-length"])
    body = b""
    while len(body) < length:
        chunk = sock.recv(length - len(body))
        assert chunk, f"closed after {data + body!r}"
        body += chunk
    return Reply(reply.status, reply.headers, body)


def raw_exchange(address, data, seconds=10.0, half_close=False):
    """Sends bytes on a fresh connection; (replies' bytes, whether the server closed in time)."""
    with connect(address) as sock:
        try:
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_to_end(sock, seconds)


def post_bytes(body, path="/rank", headers=()):
    """A whole POST as raw bytes."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: test", f"Content-Type: {JSON_TYPE}", f"Content-Length: {len(body)}"]
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n").encode() + body
