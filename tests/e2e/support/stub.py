"""A server of one's own making: does to each request what a script says, and keeps what it was sent."""

import json
import socket
import threading
from collections import namedtuple

# connection: number of the connection, from 0, in the order of accepting.
Request = namedtuple("Request", "connection path headers body")

RANKING = {"request_id": "stub", "model": {"name": "stub", "version": 7}, "items": [{"item": 2, "score": 0.5},
           {"item": 1, "score": 0.25}], "history": {"used": 0, "unknown_items": 0, "unknown_actions": 0},
           "degraded": None}


def answer(status, document=None, headers=(), reason="Stub"):
    """The bytes of an answer; a document that is not bytes is written as JSON."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} {reason}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def problem(status, code, headers=(), **fields):
    document = {"type": f"urn:rankd:problem:{code}", "title": f"Title of {code}", "status": status,
                "detail": f"Detail of {code}.", **fields}
    return answer(status, document, headers)


OK = answer(200, RANKING)


class Early(bytes):
    """An answer that is sent when the request's head is there; then the connection ends, with the body not read."""


class Stub:
    """Use as a context manager. Each request takes the next step of the script, whichever connection it came on:

        bytes       sends them; the connection stays open
        Early       see there; the body that is kept is empty
        CLOSE       closes the connection without a byte
        SILENCE     sends nothing; the connection stays open
        a callable  is called with the socket, which is closed afterwards

    A request for which no step is left is kept too, and its connection closed.
    """

    CLOSE, SILENCE = object(), object()

    def __init__(self, *script):
        self.script = list(script)
        self.requests = []
        self.lock = threading.Lock()
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        """Ends every connection; a step that is under way sees its socket end."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()
        self.listener.close()
        self.end_connections()
        for thread in self.threads[1:]:
            thread.join()

    def end_connections(self):
        """Closes the connections as an idle server would, or one that restarts."""
        for sock in self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(len(self.sockets), sock), daemon=True)
            self.sockets.append(sock)
            self.threads.append(thread)
            thread.start()

    def _serve(self, number, sock):
        with sock, sock.makefile("rb") as stream:
            try:
                while self._step(number, sock, stream):
                    pass
            except OSError:
                pass

    def _step(self, number, sock, stream):
        """One request and what the script does to it; whether the connection stays open."""
        line = stream.readline()
        if not line:
            return False
        headers = {}
        for header in iter(stream.readline, b"\r\n"):
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        with self.lock:
            step = self.script.pop(0) if self.script else Stub.CLOSE
        body = b"" if isinstance(step, Early) else stream.read(int(headers.get("content-length", 0)))
        with self.lock:
            self.requests.append(Request(number, line.split()[1].decode(), headers, body))
        if callable(step):
            step(sock)
        elif isinstance(step, bytes):
            sock.sendall(step)
            return not isinstance(step, Early)
        return step is Stub.SILENCE
