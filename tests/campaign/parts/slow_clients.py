"""A thousand clients that drip their head, their body, their chunks, or never read their answer: each is gone when its
deadline is over, and those who behave notice nothing.

That a dripping client is gone it sees itself. One that does not read cannot see it: there the server's descriptors tell.
Readers are of two kinds: answers larger than what the kernel buffers (the server itself waits), and smaller ones, which
the server has handed over to the kernel whole.
"""

import random
import selectors
import socket
import time

import bundled
import process
from load import Background, capacity_per_s
from support import models, wire
from support.server import Server

DRIP_S = 0.25
LATE_S = 2.0
DRIPS, READERS = ("head", "body", "chunk"), ("large", "small")
KINDS = DRIPS + READERS
MIX = DRIPS * 6 + READERS  # few readers: each makes the kernel hold megabytes
SIGNALS = [f"signal-{k:02d}-with-a-name-that-makes-answers-large-for-little-work" for k in range(60)]
CANDIDATES = {"large": 500, "small": 25}


class SlowClient:
    """`deadline`: when the server has promised to be rid of it; None until its answer began."""

    def __init__(self, address, kind, request_timeout, drip_at):
        self.kind, self.request_timeout, self.next_drip = kind, request_timeout, drip_at
        self.deadline = self.ended = None
        self.sock = socket.socket()
        if kind in READERS:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.connect(address)
        self.rest = b""
        if kind in READERS:
            body = {"candidates": [1] * CANDIDATES[kind], "explain": True}
            self.sock.sendall(wire.post_bytes(body, "/rank/wide"))
        else:
            self.deadline = time.monotonic() + request_timeout
            begin, self.rest = self.script(kind)
            self.sock.sendall(begin)
        self.sock.setblocking(False)

    @staticmethod
    def script(kind):
        """What it sends at once, and what byte by byte, without end."""
        head = b"POST /rank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        if kind == "head":
            return head + b"X-Slow: ", b"a" * 4000
        if kind == "body":
            return head + b"Content-Length: 4000\r\n\r\n", b" " * 4000
        return head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 4000

    def drip(self, now):
        if self.rest and not self.ended and now >= self.next_drip:
            self.next_drip = now + DRIP_S
            try:
                self.rest = self.rest[self.sock.send(self.rest[:1]):]
            except BlockingIOError:
                pass
            except OSError:
                self.ended = now

    def look(self, now):
        """Something came. Returns whether there is anything more to look for."""
        if self.kind in READERS:
            self.deadline = now + self.request_timeout
            return False
        try:
            if self.sock.recv(4096) == b"":
                self.ended = now
        except BlockingIOError:
            pass
        except OSError:
            self.ended = now
        return not self.ended


def watch(server, clients, others):
    """Drips until every client is gone or LATE_S after the last deadline. Returns when the readers of each kind were
    gone, at the latest; None: they stayed."""
    selector, gone = selectors.DefaultSelector(), dict.fromkeys(READERS)
    n_small = sum(client.kind == "small" for client in clients)
    for client in clients:
        selector.register(client.sock, selectors.EVENT_READ, client)
    end = time.monotonic() + clients[0].request_timeout + LATE_S
    while time.monotonic() < end:
        for key, _ in selector.select(0.005):
            if not key.data.look(time.monotonic()):
                selector.unregister(key.data.sock)
        now = time.monotonic()
        for client in clients:
            client.drip(now)
            end = max(end, (client.deadline or 0) + LATE_S)
        drips = sum(not client.ended for client in clients if client.kind in DRIPS)
        if drips > 0:
            continue  # the server may be rid of some that do not know it yet
        readers = process.descriptors(server.process.pid) - others
        for kind, most in (("large", n_small), ("small", 0)):
            gone[kind] = gone[kind] or (now if readers <= most else None)
        if all(gone.values()):
            break
    return gone


def overdue_ms(clients, kind, gone):
    """How long after its deadline the last client of a kind was gone."""
    mine = [client for client in clients if client.kind == kind]
    if kind in DRIPS:
        return max(1000 * ((client.ended or float("inf")) - client.deadline) for client in mine)
    answered = [client.deadline for client in mine if client.deadline]
    return 1000 * ((gone[kind] or float("inf")) - max(answered))


def run(context):
    request_timeout = context.size(5, 2)
    folder = bundled.link(context.work / "models")
    rows = {1: [0.1 * k for k in range(len(SIGNALS))]}
    models.table_model(folder / "wide" / "1", rows, signals=SIGNALS)
    exchanges = bundled.Exchanges(candidates=100)
    chance = random.Random(context.seed)
    flags = ("--request-timeout", request_timeout, "--max-connections", 2048, "--access-log-sample", 0,
             "--default-model", bundled.NAME, "--max-candidates", 512, "--budget-ms", 2000, "--queue-ms", 2000)
    with Server(folder, *flags) as server:
        exchanges.learn(server, 1)
        rate = 0.3 * capacity_per_s(server.data, exchanges.requests, exchanges.expected,
                                    seconds=context.size(3.0, 0.5))
        load = {"connections": 16, "rate": rate, "seed": context.seed}
        with Background(server.data, exchanges.requests, exchanges.expected, **load) as calm:
            time.sleep(context.size(10.0, 1.0))
            calm = calm.stop()
        with Background(server.data, exchanges.requests, exchanges.expected, **load) as clients:
            time.sleep(1.0)
            others, began, slow = process.descriptors(server.process.pid), time.monotonic(), []
            for k in range(context.size(1000, 40)):
                drip_at = time.monotonic() + DRIP_S * chance.random()
                slow.append(SlowClient(server.data, MIX[k % len(MIX)], request_timeout, drip_at))
            opened = time.monotonic()
            gone = watch(server, slow, others)
            ended = time.monotonic()
            tally = clients.stop()
        for client in slow:
            client.sock.close()
    overdue = {kind: overdue_ms(slow, kind, gone) for kind in KINDS}
    context.say(f"opened in {opened - began:.1f} s, watched for {ended - opened:.1f} s; good traffic {rate:.0f}/s; "
                f"overdue in ms: {overdue}")
    calm_ms, loaded_ms = calm.percentile_ms(0.99), tally.percentile_ms(0.99, opened + 1.0, ended)
    small = overdue.pop("small")
    return {"clients": len(slow), "left": sum(value > 1000 * LATE_S for value in overdue.values()),
            "overdue": max(overdue.values()), "overdue_small": small,
            "errors": context.faults_of(tally, f"seed {context.seed}"), "lost": len(tally.lost),
            "shed": tally.shed, "normal_p99": calm_ms, "p99_rise": loaded_ms / calm_ms}
