"""A client of rankd's `POST /rank` in one file, to be copied: Python 3.8 or newer, the standard library only.

    client = RankdClient("http://127.0.0.1:8080", timeout_s=0.2, deadline_s=0.5)    # one for the whole process
    try:
        ranking = client.rank(history=[{"item": 3587, "action": "click"}], candidates=[7229, 6997, 2594])
        order = [item.item for item in ranking.items]
    except RankdError:
        order = [7229, 6997, 2594]    # the caller's own fallback order

- 429 and 503 are tried again, at most `retries` times a call, after `Retry-After` and a random delay, as long as that
  ends before `deadline_s` and retries stay a small share of all calls (`retry_share`).
- Nothing else is tried again: no time-out, no answer that broke off, no other status. One case is no retry, though the
  request is sent twice: a connection kept from an earlier call turns out closed before the first byte of an answer.
  Servers close idle connections at any time, and ranking changes nothing in the server, so the request goes out once
  more, on a new connection (RFC 9110, section 9.2.2).
- Time-outs bound whole exchanges, not single reads. The time that is left goes along as `X-Rank-Budget-Ms`, so that the
  server does not work for an answer that nobody waits for.

Threads may share a client: each call has a connection to itself, taken from the idle ones. After a fork the child
starts with none. HTTP proxies that the environment names are not used.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import random
import re
import socket
import ssl
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Literal, Mapping, NamedTuple, Optional, Tuple, Union

ItemId = Union[int, str]    # 12 and "12" name the same item; an answer has it as the request wrote it

RETRIED = (429, 503)
BACKOFF_S = 0.1             # most of the random delay before the first retry; doubles with each
RETRY_RESERVE = 10.0        # retries that a client may make before its calls have earned any
IDLE_S = 50.0               # a connection idle for longer is not used again: rankd closes it after 60 s
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_SECONDS = re.compile(r"[0-9]{1,9}\Z")
_TIMING = re.compile(r"([a-z_]+);dur=([0-9.]+)")
_Reply = Tuple[http.client.HTTPResponse, bytes]
_CLOSED = (ConnectionError, ssl.SSLEOFError)


class RankedItem(NamedTuple):    # there are hundreds: made in half the time of a frozen dataclass
    """score is None where there is none: the model does not know the item (unknown), the score was not finite (error),
    or the time did not suffice (neither). Scored items have signals and terms under explain."""
    item: ItemId
    score: Optional[float]
    unknown: bool = False
    error: Optional[str] = None
    signals: Optional[Mapping[str, float]] = None
    terms: Optional[Mapping[str, float]] = None


@dataclass(frozen=True)
class HistoryUse:
    """Counts of the history's events: those that the model saw, those with an item or action that it does not know."""
    used: int
    unknown_items: int
    unknown_actions: int


@dataclass(frozen=True)
class Degraded:
    """The budget ended before all was scored: counts of the candidates with a score and of those left without."""
    reason: str
    scored: int
    unscored: int


@dataclass(frozen=True)
class Ranking:
    """The answer; items come best first. timing_ms: the server's stages (queue, decode, …, total)."""
    request_id: str
    model: str
    model_version: int
    items: Tuple[RankedItem, ...]
    history: HistoryUse
    degraded: Optional[Degraded]
    timing_ms: Mapping[str, float]
    traceparent: Optional[str]


class RankdError(Exception):
    """Whatever kept a ranking from being had. request_id is what the server's log knows the request by."""

    def __init__(self, message: str, request_id: Optional[str] = None) -> None:
        super().__init__(message, request_id)
        self.message = message
        self.request_id = request_id

    def __str__(self) -> str:
        return f"{self.message} (request {self.request_id})"


class RankdTimeout(RankdError):
    """No whole answer came in time. The server may have worked on it, or not."""


class RankdConnectionError(RankdError):
    """No connection could be made, or it ended before the whole answer was there."""


class RankdProtocolError(RankdError):
    """What came with status 200 is no ranking."""


class Fault(NamedTuple):
    """A rule that was broken (422): pointer is a JSON Pointer into the body ("" is all of it), or header a name."""
    pointer: Optional[str]
    header: Optional[str]
    message: str


class RankdProblem(RankdError):
    """The server refused. code is the last part of the problem's type, such as "overloaded"; where something else than
    rankd answered (a proxy), code is None, title the status line's reason, detail empty."""

    def __init__(self, status: int, code: Optional[str], title: str, detail: str, faults: Tuple[Fault, ...],
                 request_id: Optional[str], retry_after_s: Optional[int]) -> None:
        where = "; ".join(f"{fault.header or fault.pointer or 'body'}: {fault.message}" for fault in faults)
        super().__init__(": ".join(part for part in (f"{status} {title}", where or detail) if part), request_id)
        self.args = (status, code, title, detail, faults, request_id, retry_after_s)    # so that it can be pickled
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.faults, self.retry_after_s = faults, retry_after_s


class _Connection(http.client.HTTPConnection):
    """A connection whose operations all end at `expires` (on the clock, s), and which counts an answer's bytes."""

    raw: socket.socket

    def __init__(self, host: str, port: int, tls: Optional[ssl.SSLContext], clock: Callable[[], float]) -> None:
        super().__init__(host, port)
        self.default_port = 443 if tls else 80
        self.tls, self.clock = tls, clock
        self.expires, self.received, self.idle_since = 0.0, 0, 0.0

    def time_left(self) -> float:
        left = self.expires - self.clock()
        if left <= 0:
            raise socket.timeout("timed out")
        return left

    def connect(self) -> None:
        raw = socket.create_connection((self.host, self.port), self.time_left())
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                raw.settimeout(self.time_left())
                raw = self.tls.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise
        self.raw, self.sock = raw, _TimedSocket(self, raw)

    def is_quiet(self) -> bool:
        """Whether an idle connection is open and holds nothing that nobody asked for."""
        try:
            self.raw.settimeout(0)
            socket.socket.recv(self.raw, 1, socket.MSG_PEEK)    # below TLS, which cannot peek
            return False
        except OSError as error:
            return isinstance(error, BlockingIOError)


class _TimedSocket:
    """What http.client asks of a socket."""

    def __init__(self, owner: _Connection, raw: socket.socket) -> None:
        self.owner, self.raw = owner, raw

    def sendall(self, data: bytes) -> None:
        self.raw.settimeout(self.owner.time_left())
        self.raw.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self.owner, self.raw), 65536)

    def close(self) -> None:
        self.raw.close()


class _Incoming(io.RawIOBase):
    """The bytes of one answer."""

    def __init__(self, owner: _Connection, raw: socket.socket) -> None:
        self.owner, self.raw = owner, raw
        self.stream = raw.makefile("rb", buffering=0)    # keeps the socket open until it is closed itself

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        self.raw.settimeout(self.owner.time_left())
        n_bytes = self.stream.readinto(buffer)
        self.owner.received += n_bytes or 0
        return n_bytes

    def close(self) -> None:
        self.stream.close()
        super().close()


class RankdClient:
    """base_url: http://HOST:PORT or https://…, perhaps with a path before /v1/rank. timeout_s bounds one exchange with
    its connecting, deadline_s a whole call with its retries and delays. retry_share: retries a call, over all calls,
    after the first RETRY_RESERVE. max_idle: connections that are kept. headers go along with every request (a proxy's
    Authorization). clock (s, monotonic), sleep (s) and uniform (0 … 1) are there to be replaced in tests."""

    def __init__(self, base_url: str, *, timeout_s: float = 1.0, deadline_s: float = 4.0, retries: int = 1,
                 retry_share: float = 0.1, max_idle: int = 16, headers: Optional[Mapping[str, str]] = None,
                 tls: Optional[ssl.SSLContext] = None, clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep, uniform: Callable[[], float] = random.random) -> None:
        url = urllib.parse.urlsplit(base_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or url.username:
            raise ValueError(f"expected http://HOST:PORT or https://HOST:PORT, found {base_url!r}")
        if not (0 < timeout_s < 1e6 and 0 < deadline_s < 1e6 and min(retries, retry_share, max_idle) >= 0):
            raise ValueError("expected times above 0 and below 1e6, and counts of at least 0")
        self._host, self._path = url.hostname, url.path.rstrip("/") + "/v1/rank"
        self._tls = (tls or ssl.create_default_context()) if url.scheme == "https" else None
        self._port = url.port or (443 if self._tls else 80)
        self._timeout_s, self._deadline_s, self._retries = timeout_s, deadline_s, retries
        self._retry_share, self._retries_left = retry_share, RETRY_RESERVE
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        self._clock, self._sleep, self._uniform = clock, sleep, uniform
        self._lock = threading.Lock()
        self._idle: List[_Connection] = []      # the last used last, taken first: those too many grow old
        self._max_idle, self._process = max_idle, os.getpid()

    def rank(self, history: Iterable[Mapping[str, Any]], candidates: Iterable[Union[ItemId, Mapping[str, Any]]], *,
             model: Optional[str] = None, user: Optional[Mapping[str, Any]] = None, top_k: Optional[int] = None,
             reward_weights: Optional[Mapping[str, float]] = None, explain: Optional[bool] = None,
             budget_ms: Optional[float] = None, on_deadline: Optional[Literal["degrade", "fail"]] = None,
             context: Optional[Mapping[str, Any]] = None, request_id: Optional[str] = None,
             traceparent: Optional[str] = None, deadline_s: Optional[float] = None) -> Ranking:
        """Ranks the candidates (ids, or {"item", "features"}) for a user with this history (events {"item", "action",
        "timestamp", "watch_ms", "duration_ms"}, the oldest first); docs/http-api.md says what each field means. Numbers
        of numpy are fine. Without a request_id a random one is sent. traceparent: W3C trace context of the caller.

        Raises RankdProblem, RankdTimeout, RankdConnectionError or RankdProtocolError, each a RankdError; ValueError or
        TypeError for what cannot be written as JSON or as a header.
        """
        request_id = uuid.uuid4().hex if request_id is None else request_id
        fields = {"request_id": request_id, "model": model, "user": user, "history": list(history),
                  "candidates": list(candidates), "top_k": top_k, "explain": explain, "budget_ms": budget_ms,
                  "reward": None if reward_weights is None else {"weights": reward_weights},
                  "on_deadline": on_deadline, "context": context}
        body = json.dumps({name: value for name, value in fields.items() if value is not None}, ensure_ascii=False,
                          allow_nan=False, separators=(",", ":"), default=_plain).encode()
        headers = {**self._headers, **({} if traceparent is None else {"traceparent": traceparent})}
        if _REQUEST_ID.match(request_id):
            headers["X-Request-Id"] = request_id    # an answer that the server prepared ahead knows only this one
        expires = self._clock() + (self._deadline_s if deadline_s is None else deadline_s)
        try:
            response, data = self._call(body, headers, expires, request_id)
        except socket.timeout:
            raise RankdTimeout("no answer in time", request_id) from None
        except (OSError, http.client.HTTPException) as error:
            raise RankdConnectionError(f"{type(error).__name__}: {error}", request_id) from error
        return _decode(response, data, request_id)

    def close(self) -> None:
        """Closes the idle connections. The client can still be used."""
        with self._lock:
            connections, self._idle = self._idle, []
        for connection in connections:
            connection.close()

    def __enter__(self) -> RankdClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, body: bytes, headers: Dict[str, str], expires: float, request_id: str) -> _Reply:
        """The response with status 200 and its body, after as many attempts as are due."""
        with self._lock:
            self._retries_left = min(RETRY_RESERVE, self._retries_left + self._retry_share)
        for attempt in range(self._retries + 1):
            response, data = self._exchange(body, headers, min(self._clock() + self._timeout_s, expires))
            if response.status == 200:
                break
            problem = _problem(response, data, request_id)
            delay_s = self._uniform() * BACKOFF_S * 2 ** attempt + (problem.retry_after_s or 0)
            if (response.status not in RETRIED or attempt == self._retries or self._clock() + delay_s >= expires or
                    not self._may_retry()):
                raise problem
            self._sleep(delay_s)
        return response, data

    def _may_retry(self) -> bool:
        with self._lock:
            may = self._retries_left >= 1
            self._retries_left -= may
            return may

    def _exchange(self, body: bytes, headers: Dict[str, str], expires: float) -> _Reply:
        """One request and its response, on a kept connection or on a new one."""
        connection = self._take_idle()
        if connection:
            try:
                return self._send(connection, body, headers, expires)
            except _CLOSED:
                if connection.received:
                    raise
                self.close()    # the others are likely to be closed, too
        return self._send(_Connection(self._host, self._port, self._tls, self._clock), body, headers, expires)

    def _send(self, connection: _Connection, body: bytes, headers: Dict[str, str], expires: float) -> _Reply:
        connection.expires, connection.received = expires, 0
        keep = False
        try:
            headers = {**headers, "X-Rank-Budget-Ms": f"{max(0.001, connection.time_left() * 1000):.3f}"}
            try:
                connection.request("POST", self._path, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                if connection.sock is None:
                    raise
                # The server may have answered before it read all (413, 503): then the answer is there to be read.
            response = connection.getresponse()
            if response.length is None and not response.chunked:
                raise http.client.IncompleteRead(b"")    # whether it broke off could not be told
            data = response.read()
            keep = not response.will_close
        finally:
            if keep:
                self._keep_idle(connection)
            else:
                connection.close()
        return response, data

    def _take_idle(self) -> Optional[_Connection]:
        while True:
            with self._lock:
                if self._process != os.getpid():
                    self._process, self._idle = os.getpid(), []    # they are the parent's
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if self._clock() - connection.idle_since < IDLE_S and connection.is_quiet():
                return connection
            connection.close()

    def _keep_idle(self, connection: _Connection) -> None:
        connection.idle_since = self._clock()
        with self._lock:
            self._idle.append(connection)
            surplus = self._idle.pop(0) if len(self._idle) > self._max_idle else None
        if surplus:
            surplus.close()


def _plain(value: Any) -> Any:
    if not hasattr(value, "tolist"):
        raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
    return value.tolist()


def _problem(response: http.client.HTTPResponse, data: bytes, request_id: str) -> RankdProblem:
    retry_after = response.getheader("Retry-After") or ""
    retry_after_s = int(retry_after) if _SECONDS.match(retry_after) else None
    try:
        document = json.loads(data)
        faults = tuple(Fault(fault.get("pointer"), fault.get("header"), fault["message"])
                       for fault in document.get("errors", ()))
        return RankdProblem(response.status, document["type"].rpartition(":")[2], document["title"],
                            document["detail"], faults, document.get("request_id", request_id), retry_after_s)
    except (ValueError, KeyError, TypeError, AttributeError):
        return RankdProblem(response.status, None, response.reason, "", (), request_id, retry_after_s)


def _decode(response: http.client.HTTPResponse, data: bytes, request_id: str) -> Ranking:
    try:
        document = json.loads(data)
        degraded = document["degraded"]
        return Ranking(
            request_id=document["request_id"],
            model=document["model"]["name"],
            model_version=document["model"]["version"],
            items=tuple(RankedItem(item["item"], item["score"], item.get("unknown", False), item.get("error"),
                                   item.get("signals"), item.get("terms")) for item in document["items"]),
            history=HistoryUse(**{name: document["history"][name] for name in HistoryUse.__annotations__}),
            degraded=degraded and Degraded(degraded["reason"], degraded["scored"], degraded["unscored"]),
            timing_ms={stage: float(ms) for stage, ms in _TIMING.findall(response.getheader("Server-Timing") or "")},
            traceparent=response.getheader("traceparent"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RankdProtocolError(f"the answer is no ranking: {type(error).__name__}: {error}", request_id) from error
