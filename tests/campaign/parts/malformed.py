"""Malformed HTTP on many connections, and valid requests in random pieces. Every answer counts against what the stream
may get by the rules (http_rules): one more is a smuggled one. A last 400 is no answer to a request: it ends the
connection, and the HTTP library sends its own refusals twice for some heads. It also takes a line that begins with a
NUL for the end of a head, which nobody above it can see: these are counted apart."""

import random
import re
import selectors
import socket
import time
from collections import Counter, deque

import bundled
import http_rules
import mutations
from support import wire
from support.server import Server

AT_ONCE = 128
QUIET_S = 0.03
PATIENCE_S = 5.0
STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
VARIABLE = re.compile(rb"(?mi)^(Date|Server-Timing|Connection): [^\r]*\r\n")


class Exchange:
    """Pieces sent one by one on a connection of their own, and all that comes back until the server closes."""

    def __init__(self, address, pieces, tag, quiet):
        self.quiet, self.has_ended = quiet, False
        self.pieces, self.tag, self.received, self.is_done = deque(pieces), tag, b"", False
        self.sock = socket.create_connection(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.next_at, self.end = time.monotonic(), time.monotonic() + PATIENCE_S

    def push(self, now, gap):
        """The next piece, when its time has come; some time behind the last the sending side is closed."""
        if now < self.next_at or self.has_ended:
            return
        try:
            if self.pieces:
                self.sock.send(self.pieces.popleft())
            else:
                self.has_ended = True
                self.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the server has refused it already
            self.pieces.clear()
        self.next_at = now + (gap if self.pieces else self.quiet)

    def pull(self, now):
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.received += data
        self.is_done = not data
        if not self.pieces:
            self.next_at = now + self.quiet


def exchange_all(address, streams, finish, gap, quiet):
    """Each (pieces, tag) of an iterator, AT_ONCE at a time; finish(exchange) for each. `gap`: between pieces; `quiet`:
    nothing came for so long behind the last, and the client ends its side."""
    selector, alive = selectors.DefaultSelector(), set()
    while True:
        while streams is not None and len(alive) < AT_ONCE:
            following = next(streams, None)
            if following is None:
                streams = None
                break
            exchange = Exchange(address, *following, quiet)
            alive.add(exchange)
            selector.register(exchange.sock, selectors.EVENT_READ, exchange)
        if not alive:
            return
        now = time.monotonic()
        for exchange in alive:
            exchange.push(now, gap)
        for key, _ in selector.select(0.0005):
            key.data.pull(now)
        for exchange in [one for one in alive if one.is_done or one.end < now]:
            alive.discard(exchange)
            selector.unregister(exchange.sock)
            exchange.sock.close()
            finish(exchange)


class Mutations:
    def __init__(self, context, server):
        self.context, self.server = context, server
        self.statuses = Counter()
        self.smuggled = self.unseen = self.hung = self.tried = 0
        self.valid = mutations.valid_requests()

    def stream(self, number):
        chance = random.Random(f"{self.context.seed}/{number}")
        return mutations.mutate(chance.choice(self.valid), chance)

    def streams(self, count):
        for number in range(count):
            data = self.stream(number)
            at = random.Random(number).randrange(len(data))
            pieces = [data] if number % 4 else [data[:at], data[at:]]
            yield [piece for piece in pieces if piece], number

    def finish(self, exchange):
        """Judges one connection's answers."""
        self.tried += 1
        data = self.stream(exchange.tag)
        found = [int(status) for status in STATUS.findall(exchange.received) if status[:1] != b"1"]
        self.statuses[found[0] if found else "none"] += 1
        while len(found) > 1 and (found[-1] == 400 or found[-1] == found[-2] == 413):
            found.pop()
        if len(found) > http_rules.most_answers(data) and b"\n\0" in data:
            self.unseen += 1
        elif len(found) > http_rules.most_answers(data):
            self.smuggled += 1
            self.context.fault(f"mutation {exchange.tag}, seed {self.context.seed}: {data!r} got {found}")
        if not exchange.is_done:
            self.hung += 1
            self.context.fault(f"mutation {exchange.tag}, seed {self.context.seed}: {data!r} is still open")

    def run(self, count):
        exchange_all(self.server.data, self.streams(count), self.finish, gap=0.001, quiet=QUIET_S)


class Splits:
    """Valid requests, one to three in a row, in up to 12 pieces; the answers are those to the whole."""

    def __init__(self, context, server, exchanges):
        self.context, self.server = context, server
        self.different = self.tried = 0
        self.requests = [self.with_id(request) for request in exchanges.requests[:6]]
        self.requests.append(self.with_id(mutations.valid_requests()[2]))
        self.requests.append(self.with_id(mutations.valid_requests()[3]))
        self.whole = [self.steady(wire.raw_exchange(server.data, self.last(request))[0]) for request in self.requests]
        assert all(whole.startswith(b"HTTP/1.1 ") for whole in self.whole), self.whole

    @staticmethod
    def with_id(request):
        return request.replace(b"Host:", b"X-Request-Id: split\r\nHost:", 1)

    @staticmethod
    def last(request):
        return request.replace(b"Host:", b"Connection: close\r\nHost:", 1)

    @staticmethod
    def steady(received):
        return VARIABLE.sub(b"", received)

    def streams(self, count):
        for number in range(count):
            chance = random.Random(f"{self.context.seed}/split/{number}")
            chosen = chance.choices(range(len(self.requests)), k=chance.randint(1, 3))
            data = b"".join(self.requests[k] for k in chosen[:-1]) + self.last(self.requests[chosen[-1]])
            cuts = sorted(chance.sample(range(1, len(data)), chance.randint(1, 11)))
            yield [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])], (number, chosen)

    def finish(self, exchange):
        number, chosen = exchange.tag
        self.tried += 1
        if self.steady(exchange.received) != b"".join(self.whole[k] for k in chosen):
            self.different += 1
            self.context.fault(f"split {number}, seed {self.context.seed}: {exchange.received[:300]!r}")

    def run(self, count):
        exchange_all(self.server.data, self.streams(count), self.finish, gap=0.002, quiet=PATIENCE_S)


def run(context):
    folder = bundled.link(context.work / "models")
    flags = ("--access-log-sample", 0, "--log-level", "error", "--budget-ms", 5000, "--queue-ms", 5000)
    with Server(folder, *flags) as server:
        splits = Splits(context, server, bundled.Exchanges(candidates=20))
        splits.run(context.size(2000, 100))
        damage = Mutations(context, server)
        damage.run(context.size(100_000, 2500))
        crashes = int(server.process.poll() is not None or server.get("/livez").status != 200)
        if crashes:
            context.fault(server.describe("ended"))
    statuses = ", ".join(f"{count:,} × {status}" for status, count in damage.statuses.most_common())
    return {"mutations": damage.tried, "smuggled": damage.smuggled, "unseen": damage.unseen, "hung": damage.hung,
            "crashes": crashes, "statuses": statuses, "splits": splits.tried, "different": splits.different}
