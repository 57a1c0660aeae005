"""A thousand clients that drip their head, their body, their chunks, or never read their answer: each is gone when its
deadline is over, and those who behave notice nothing.

That a dripping client is gone it sees itself. One that does not read cannot see it: there the kernel's table of
connections tells what became of the server's end.
Readers are of two kinds: answers larger than what the kernel buffers (the server itself waits), and smaller ones, which
the server has handed over to the kernel whole.
"""

import random
import selectors
import socket
import time

import bundled
from load import Background, capacity_per_s
from support import wire
from support.server import Server

DRIP_S = 1.0
LATE_S = 2.0
DRIPS, READERS = ("head", "body", "chunk"), ("large", "small")
KINDS = DRIPS + READERS
MIX = DRIPS * 6 + READERS  # few readers: each makes the kernel hold megabytes
CANDIDATES = {"large": 4000, "small": 400}
PIPELINED = {"large": 3, "small": 1}  # answers in a row; the kernel takes nearly 3 MB, one large answer has 1.8
ESTABLISHED = "01"


class SlowClient:
    """`deadline`: when the server has promised to be rid of it."""

    def __init__(self, address, kind, request_timeout, chance):
        self.kind, self.ended, self.rest = kind, None, b""
        self.sock = socket.socket()
        if kind in READERS:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.connect(address)
        if kind in READERS:
            self.begin_answer()
        else:
            begin, self.rest = self.script(kind)
            self.sock.sendall(begin)
        now = time.monotonic()
        self.deadline, self.next_drip = now + request_timeout, now + DRIP_S * chance.random()
        self.sock.setblocking(False)

    def begin_answer(self):
        """Asks until the answer is a large one and no refusal, and leaves it there unread."""
        n = CANDIDATES[self.kind]
        request = wire.post_bytes({"candidates": list(range(1, n + 1)), "explain": True})
        while True:
            self.sock.sendall(request)
            begin = self.sock.recv(12, socket.MSG_PEEK)
            if begin == b"HTTP/1.1 200":
                self.sock.sendall(request * (PIPELINED[self.kind] - 1))
                time.sleep(0.05)  # the answer that the kernel does not take begins only now
                return
            assert begin.startswith((b"HTTP/1.1 429", b"HTTP/1.1 504")), begin
            wire.read_reply(self.sock)
            time.sleep(0.05)

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
        """Something came for a dripping one; an end is an end."""
        try:
            if self.sock.recv(4096) == b"":
                self.ended = now
        except BlockingIOError:
            pass
        except OSError:
            self.ended = now


def connected_ports(port):
    """The clients' ports of connections that the server, at `port`, has not closed."""
    ports = set()
    with open("/proc/net/tcp", encoding="ascii") as stream:
        for line in stream:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and fields[3] == ESTABLISHED:
                ports.add(int(fields[2].rpartition(":")[2], 16))
    return ports


def watch(server, clients):
    """Drips until every client is gone or LATE_S after the last deadline."""
    selector = selectors.DefaultSelector()
    for client in clients:
        if client.kind in DRIPS:
            selector.register(client.sock, selectors.EVENT_READ, client)
    end = max(client.deadline for client in clients) + LATE_S
    while clients and time.monotonic() < end:
        time.sleep(0.01)
        for key, _ in selector.select(0.01):
            key.data.look(time.monotonic())
            if key.data.ended:
                selector.unregister(key.data.sock)
        now = time.monotonic()
        for client in clients:
            client.drip(now)
        readers = [client for client in clients if client.kind in READERS and now > client.deadline]
        ports = connected_ports(server.data[1]) if readers else ()
        for client in readers:
            if client.sock.getsockname()[1] not in ports:
                client.ended = now
        clients = [client for client in clients if not client.ended]


def overdue_ms(clients, kind):
    """How long after its deadline the last client of a kind was gone; for readers at least 0."""
    return max(1000 * ((client.ended or float("inf")) - client.deadline) for client in clients if client.kind == kind)


def run(context):
    request_timeout = context.size(10, 2)  # longer than it takes to open them all
    folder = bundled.link(context.work / "models")
    exchanges = bundled.Exchanges(candidates=100)
    chance = random.Random(context.seed)
    flags = ("--request-timeout", request_timeout, "--max-connections", 2048, "--access-log-sample", 0,
             "--budget-ms", 1000, "--queue-ms", 1000)
    with Server(folder, *flags) as server:
        exchanges.learn(server, 1)
        rate = 0.3 * capacity_per_s(server.data, exchanges.requests, exchanges.expected,
                                    seconds=context.size(3.0, 0.5))
        load = {"connections": 16, "rate": rate, "seed": context.seed}
        with Background(server.data, exchanges.requests, exchanges.expected, **load) as calm:
            time.sleep(context.size(10.0, 1.0))
            calm = calm.stop()
        kinds = [MIX[k % len(MIX)] for k in range(context.size(1000, 40))]
        slow = [SlowClient(server.data, kind, request_timeout, chance) for kind in kinds if kind in READERS]
        with Background(server.data, exchanges.requests, exchanges.expected, **load) as clients:
            time.sleep(0.5)
            slow += [SlowClient(server.data, kind, request_timeout, chance) for kind in kinds if kind in DRIPS]
            opened = time.monotonic()
            watch(server, slow)
            ended = time.monotonic()
            tally = clients.stop()
        for client in slow:
            client.sock.close()
    overdue = {kind: overdue_ms(slow, kind) for kind in KINDS}
    context.say(f"watched for {ended - opened:.1f} s; good traffic {rate:.0f}/s; "
                f"overdue in ms: {overdue}; "
                f"statuses {dict(tally.statuses)}")
    calm_ms, loaded_ms = calm.percentile_ms(0.99), tally.percentile_ms(0.99, opened, ended)
    small = overdue.pop("small")
    return {"clients": len(slow), "left": sum(value > 1000 * LATE_S for value in overdue.values()),
            "overdue": max(overdue.values()), "overdue_small": small,
            "errors": context.faults_of(tally, f"seed {context.seed}"), "lost": len(tally.lost),
            "shed": tally.shed, "normal_p99": calm_ms, "p99_rise": loaded_ms / calm_ms}
