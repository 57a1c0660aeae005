"""A client that checks every answer and knows what became of every request: what `rankd bench load` does not do.

One thread, kept connections, open loop (`rate`, Poisson arrivals, latencies from the intended instant) or closed loop.

When is a request lost? When the server's kernel acknowledged its last byte and no whole answer came: TCP_INFO tells.
Not lost is what was never taken: a connection that was refused, and a request that was sent into a kept connection
which the server had closed before (its bytes are not acknowledged; counted as `raced`, HTTP lets a client repeat it).
"""

import multiprocessing
import random
import re
import selectors
import socket
import struct
import time
from collections import Counter, deque, namedtuple

CONTENT_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)
VERSION = re.compile(rb"\r\nX-Model-Version: *[^\r]*/(\d+)", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nConnection: *close", re.IGNORECASE)
BYTES_ACKED = 120  # offset of tcpi_bytes_acked in struct tcp_info
PATIENCE_S = 30.0
KEPT_SAMPLES = 5


# instants: its last byte was sent, its connection was opened, the loss was noticed
Loss = namedtuple("Loss", "sent opened noticed what")


class Tally:
    """What became of the requests of one run."""

    def __init__(self):
        self.sent = self.ok = self.degraded = self.raced = self.refused = self.connects = 0
        self.statuses, self.versions = Counter(), Counter()
        self.wrong = 0
        self.lost = []        # of Loss
        self.refused_at = []  # instants
        self.samples = []     # what is worth showing of wrong answers
        self.latencies = []   # (instant of the end, seconds) of 200s

    @property
    def answered(self):
        return sum(self.statuses.values())

    @property
    def shed(self):
        return self.statuses[429] + self.statuses[504]

    def errors(self, allowed=(200, 429, 504)):
        """Answers of any other status, and wrong ones."""
        return self.wrong + sum(count for status, count in self.statuses.items() if status not in allowed)

    def percentile_ms(self, share, since=0.0, until=float("inf")):
        values = sorted(latency for at, latency in self.latencies if since <= at < until)
        return 1000 * values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


class Connection:
    def __init__(self, sock):
        self.sock, self.opened = sock, time.monotonic()
        self.index, self.began, self.sent_at = None, 0.0, 0.0
        self.pending, self.received = b"", bytearray()
        self.total = 0  # bytes given to the kernel so far

    def all_acknowledged(self):
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return not self.pending and struct.unpack_from("<Q", info, BYTES_ACKED)[0] >= self.total


class Load:
    """`requests`: whole requests as bytes. `expected`: {model version: [answer's body]}, beside the requests.

    `once`: share of the requests that get a connection of their own. `retry`: connects again after a refusal."""

    def __init__(self, address, requests, expected, connections=8, rate=None, seed=1, once=0.0, retry=False):
        self.address, self.requests, self.expected = address, requests, expected
        self.n_connections, self.rate, self.once, self.retry = connections, rate, once, retry
        self.random, self.tally = random.Random(seed), Tally()
        self.selector, self.idle, self.waiting, self.busy = selectors.DefaultSelector(), deque(), deque(), set()
        self.missing = connections  # to be opened
        self.connect_after = 0.0

    def run(self, should_stop):
        """Until should_stop(now), then waits for what is under way."""
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if should_stop(now) or self.is_gone():
                break
            self.open_missing(now)
            if self.rate:
                while due <= now:
                    self.waiting.append(due)
                    due += self.random.expovariate(self.rate)
            while self.idle and (self.waiting or not self.rate):
                self.send(self.idle.popleft(), self.waiting.popleft() if self.rate else time.monotonic())
            self.turn(min(0.01, max(0.0, due - time.monotonic())) if self.rate else 0.01)
        self.finish()
        return self.tally

    def run_for(self, seconds):
        end = time.monotonic() + seconds
        return self.run(lambda now: now >= end)

    def is_gone(self):
        """No connection is left, and none is to be opened again."""
        return self.missing == 0 and not self.idle and not self.busy

    def open_missing(self, now):
        while self.missing > 0 and now >= self.connect_after:
            try:
                sock = socket.create_connection(self.address, timeout=5)
            except OSError:
                self.tally.refused += 1
                self.tally.refused_at.append(time.monotonic())
                self.connect_after = now + 0.005
                self.missing -= 0 if self.retry else 1
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            self.missing -= 1
            self.tally.connects += 1
            connection = Connection(sock)
            self.selector.register(sock, selectors.EVENT_READ, connection)
            self.idle.append(connection)

    def send(self, connection, began):
        connection.index = self.random.randrange(len(self.requests))
        connection.began, connection.sent_at = began, time.monotonic()
        connection.pending = self.requests[connection.index]
        self.busy.add(connection)
        self.tally.sent += 1
        self.push(connection)

    def push(self, connection):
        try:
            count = connection.sock.send(connection.pending)
        except BlockingIOError:
            count = 0
        except OSError:
            self.end(connection, "cannot be sent to")
            return
        connection.total += count
        connection.pending = connection.pending[count:]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.pending else 0)
        if self.selector.get_key(connection.sock).events != events:
            self.selector.modify(connection.sock, events, connection)

    def turn(self, seconds):
        for key, events in self.selector.select(seconds):
            if events & selectors.EVENT_WRITE and key.data.pending:
                self.push(key.data)
            if events & selectors.EVENT_READ and key.data.sock.fileno() >= 0:
                self.read(key.data)

    def read(self, connection):
        try:
            data = connection.sock.recv(262144)
        except BlockingIOError:
            return
        except OSError as error:
            self.end(connection, type(error).__name__)
            return
        if not data:
            self.end(connection, "end of file")
            return
        connection.received += data
        self.take(connection)

    def take(self, connection):
        """An answer, once it is whole."""
        received = connection.received
        head_bytes = received.find(b"\r\n\r\n") + 4
        if head_bytes < 4:
            return
        head = bytes(received[:head_bytes])
        length = CONTENT_LENGTH.search(head)
        end = head_bytes + (int(length.group(1)) if length else 0)
        if len(received) < end:
            return
        if connection.index is None or len(received) > end:
            self.tally.wrong += 1
            self.keep(connection, head, b"bytes that nobody asked for")
        self.check(connection, head, bytes(received[head_bytes:end]))
        closes = CLOSE.search(head) or self.random.random() < self.once
        connection.received, connection.index = bytearray(), None
        self.busy.discard(connection)
        if closes:
            self.close(connection)
        else:
            self.idle.append(connection)

    def check(self, connection, head, body):
        status, now = int(head[9:12]), time.monotonic()
        self.tally.statuses[status] += 1
        if status != 200 or connection.index is None:
            if status not in (200, 429, 503, 504):
                self.keep(connection, head, body)
            return
        self.tally.latencies.append((now, now - connection.began))
        found = VERSION.search(head)
        version = int(found.group(1)) if found else None
        self.tally.versions[version] += 1
        if version in self.expected and body == self.expected[version][connection.index]:
            self.tally.ok += 1
        elif b'"degraded":null' not in body and b'"degraded":{' in body:
            self.tally.degraded += 1
        else:
            self.tally.wrong += 1
            self.keep(connection, head, body)

    def keep(self, connection, head, body):
        if len(self.tally.samples) < KEPT_SAMPLES:
            self.tally.samples.append((connection.index, head.decode("latin-1"), body[:300].decode("latin-1")))

    def end(self, connection, how):
        """The server closed, or the connection broke."""
        if connection.index is not None:
            if connection.all_acknowledged() or connection.received:
                what = f"{how} after {len(connection.received)} bytes of the answer"
                self.lose(connection, what)
            else:
                self.tally.raced += 1
        elif connection in self.idle:
            self.idle.remove(connection)
        self.close(connection)

    def lose(self, connection, what):
        self.tally.lost.append(Loss(connection.sent_at, connection.opened, time.monotonic(), what))

    def close(self, connection):
        self.busy.discard(connection)
        self.selector.unregister(connection.sock)
        connection.sock.close()
        self.missing += 1

    def finish(self):
        end = time.monotonic() + PATIENCE_S
        while self.busy and time.monotonic() < end:
            self.turn(0.02)
        for connection in self.busy:
            self.lose(connection, f"no answer after {PATIENCE_S:.0f} s")
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


class Background:
    """A Load in a process of its own, so that it and the campaign do not wait for each other."""

    def __init__(self, *arguments, **options):
        fork = multiprocessing.get_context("fork")
        self.mine, theirs = fork.Pipe()
        self.process = fork.Process(target=self._run, args=(theirs, arguments, options), daemon=True)
        self.process.start()
        theirs.close()

    @staticmethod
    def _run(pipe, arguments, options):
        last = [time.monotonic()]

        def should_stop(now):
            if now - last[0] < 0.02:
                return False
            last[0] = now
            return pipe.poll()

        pipe.send(Load(*arguments, **options).run(should_stop))

    def stop(self):
        """Ends it and returns its Tally."""
        self.mine.send("stop")
        tally = self.mine.recv()
        self.process.join()
        return tally

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.is_alive():
            self.process.terminate()
            self.process.join()


def capacity_per_s(address, requests, expected, connections=8, seconds=3.0):
    """Answers a second of this client in a closed loop, beside the server on the same machine."""
    load = Load(address, requests, expected, connections)
    load.run_for(0.3 * seconds)
    load = Load(address, requests, expected, connections)
    return load.run_for(seconds).ok / seconds
