"""Out of descriptors, out of memory, nowhere to log to: serving goes on, or a start is refused in clear words; nothing
spins meanwhile."""

import contextlib
import os
import resource
import select
import signal
import subprocess
import time

import bundled
import process
from support import wire
from support.server import BINARY, LINE, Server, _die_with_parent, clean_environment, parse_address

IDLE_S = 1.0
SPINNING_PERCENT = 30.0
START_S = 20.0
MIB = 1 << 20
PATIENT = ("--drain-delay", 0, "--budget-ms", 5000, "--queue-ms", 5000)


class Cases:
    """Counts cases, and what was wrong with them."""

    def __init__(self, context, folder, exchanges):
        self.context, self.folder, self.exchanges = context, folder, exchanges
        self.cases = self.failed = self.crashes = self.spinning = 0
        self.worst_idle = 0.0

    @contextlib.contextmanager
    def case(self, name):
        """What raises inside is a failed case."""
        self.cases += 1
        try:
            yield
        except (AssertionError, OSError, wire.http.client.HTTPException, subprocess.TimeoutExpired) as error:
            self.failed += 1
            self.context.fault(f"{name}: {type(error).__name__} {error}")

    def check_answer(self, address):
        """One right answer, on a connection of its own."""
        with wire.connect(address) as sock:
            sock.settimeout(5)
            sock.sendall(self.exchanges.requests[0])
            reply = wire.read_reply(sock)
        assert reply.status == 200 and reply.body == self.exchanges.expected[1][0], reply
        return True

    def check_idle(self, name, pid):
        share = 100 * process.cpu_share(pid, IDLE_S)
        self.worst_idle = max(self.worst_idle, share)
        if share > SPINNING_PERCENT:
            self.spinning += 1
            self.context.fault(f"{name}: {share:.0f} % of a core while idle")

    def check_end(self, name, code):
        """An end by a signal is a crash."""
        if code is not None and code < 0 and code not in (-signal.SIGKILL, -signal.SIGTERM):
            self.crashes += 1
            self.context.fault(f"{name}: ended by signal {-code}")


class Bare:
    """`rankd serve` with standard streams and limits of the caller's choice; on a port that is found out from its
    standard output, or given."""

    def __init__(self, folder, *flags, stdout=subprocess.PIPE, stderr=subprocess.PIPE, limits=(), port=0):
        def prepare():
            _die_with_parent()
            for kind, value in limits:
                resource.setrlimit(kind, (value, value))

        command = [BINARY, "serve", "--models", str(folder), "--listen", f"127.0.0.1:{port}", "--admin", "127.0.0.1:0",
                   "--access-log-sample", "1", *map(str, PATIENT), *map(str, flags)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                                        env=clean_environment(), preexec_fn=prepare)
        self.data = ("127.0.0.1", port)

    def await_ready(self):
        """True when it is ready; False when it ended. AssertionError: neither."""
        deadline, text = time.monotonic() + START_S, b""
        while time.monotonic() < deadline:
            if self.process.stdout is None:
                if self.process.poll() is not None:
                    return False
                with contextlib.suppress(OSError):
                    if wire.request(self.data, "GET", "/readyz").status == 200:
                        return True
                time.sleep(0.05)
            elif select.select([self.process.stdout], [], [], 0.1)[0]:
                chunk = os.read(self.process.stdout.fileno(), 4096)
                text += chunk
                for match in filter(None, map(LINE.match, text.decode().split("\n"))):
                    self.data = parse_address(match.group(2))
                    if match.group(1) == "ready":
                        return True
                if not chunk:
                    self.process.wait(START_S)
                    return False
        raise AssertionError("neither ready nor ended")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


def starts(cases, name, limits):
    """A start under limits: ready and right, or refused with exit code 1 and a reason."""
    with cases.case(name), Bare(cases.folder, limits=limits) as server:
        if server.await_ready():
            cases.check_answer(server.data)
            cases.check_idle(name, server.process.pid)
            return "serves"
        words = server.process.stderr.read().decode("utf-8", "replace").strip()
        cases.check_end(name, server.process.returncode)
        assert server.process.returncode in (1, 127), (server.process.returncode, words)
        assert words, "it ended without a word"
        return "refused"
    return "failed"


def memory_at_start(cases):
    """RLIMIT_AS from far too little to enough."""
    sizes = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096, 8192)
    outcomes = {}
    for mib in cases.context.size(sizes, (16, 128, 8192)):
        outcomes[mib] = starts(cases, f"address space of {mib} MiB", [(resource.RLIMIT_AS, mib * MIB)])
    cases.context.say(f"start with an address space of MiB: {outcomes}")


def descriptors_at_start(cases):
    outcomes = {}
    for count in cases.context.size((4, 6, 8, 12, 16, 24, 32, 64), (6, 64)):
        outcomes[count] = starts(cases, f"{count} descriptors", [(resource.RLIMIT_NOFILE, count)])
    cases.context.say(f"start with descriptors: {outcomes}")


def descriptors_while_serving(cases):
    """All descriptors taken by idle connections; a kept connection is served on, and new ones once there is room."""
    name = "descriptors taken by connections"
    with cases.case(name), Server(cases.folder, *PATIENT) as server:
        kept = wire.connect(server.data)
        limit = process.descriptors(server.process.pid) + 8
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        idle = [wire.connect(server.data) for _ in range(64)]
        cases.check_idle(name, server.process.pid)
        kept.sendall(cases.exchanges.requests[0])
        assert wire.read_reply(kept).body == cases.exchanges.expected[1][0]
        for sock in [*idle, kept]:
            sock.close()
        deadline = time.monotonic() + 10
        while not quietly(lambda: cases.check_answer(server.data)):
            assert time.monotonic() < deadline, "no new connection after the old ones closed"
            time.sleep(0.05)
        assert server.stop() == 0


def reload_without(cases, name, kind, spare):
    """A reload that cannot get what it needs: 409 or 200, and serving goes on; with room again it works."""
    with cases.case(name), Server(cases.folder, *PATIENT) as server:
        connection, kept = wire.open_connection(server.admin), wire.connect(server.data)
        path = f"/v1/models/{bundled.NAME}/reload"
        assert wire.exchange(connection, "POST", path, {"version": 1}).status == 200
        _, most = resource.prlimit(server.process.pid, kind)
        resource.prlimit(server.process.pid, kind, (spare(server.process.pid), most))
        for _ in range(3):
            reply = wire.exchange(connection, "POST", path, {"version": 1})
            assert reply.status in (200, 409), reply
            kept.sendall(cases.exchanges.requests[0])
            assert wire.read_reply(kept).body == cases.exchanges.expected[1][0]
        cases.check_idle(name, server.process.pid)
        resource.prlimit(server.process.pid, kind, (most, most))
        assert wire.exchange(connection, "POST", path, {"version": 1}).status == 200
        cases.check_answer(server.data)
        assert server.process.poll() is None, server.describe("ended")
        kept.close()
        assert server.stop() == 0


def quietly(work):
    """False where it cannot be done yet."""
    try:
        return work()
    except (OSError, AssertionError):
        return False


def streams(cases):
    """Standard error where nothing can be written, or nobody reads; every request is logged."""
    full = open("/dev/full", "wb")
    for name, error in (("log to a full disk", full), ("log to a pipe that nobody reads", subprocess.PIPE),
                        ("log to a closed pipe", "closed")):
        with cases.case(name):
            log(cases, name, error)
    port = free_port()
    with cases.case("standard output on a full disk"), Bare(cases.folder, stdout=full, port=port) as server:
        if server.await_ready():
            cases.check_answer(server.data)
            cases.check_idle("standard output on a full disk", server.process.pid)
        else:
            assert server.process.returncode == 1 and server.process.stderr.read().strip()
    full.close()


def log(cases, name, error):
    reader, writer = os.pipe()
    if error == "closed":
        error = writer
    with Bare(cases.folder, stderr=error) as server:
        assert server.await_ready(), f"{name}: refused to start"
        os.close(writer)
        os.close(reader)  # behind the ready line: from here on writing into the closed pipe fails
        for _ in range(cases.context.size(2000, 500)):  # more than a pipe holds
            cases.check_answer(server.data)
        cases.check_idle(name, server.process.pid)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


def free_port():
    with wire.socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(context):
    folder = bundled.link(context.work / "models")
    exchanges = bundled.Exchanges(candidates=20)
    with Server(folder) as server:
        exchanges.learn(server, 1)
    cases = Cases(context, folder, exchanges)
    memory_at_start(cases)
    descriptors_at_start(cases)
    descriptors_while_serving(cases)
    reload_without(cases, "reload without address space", resource.RLIMIT_AS, process.virtual_bytes)
    reload_without(cases, "reload without descriptors", resource.RLIMIT_NOFILE, process.descriptors)
    streams(cases)
    return {"cases": cases.cases, "failed": cases.failed, "crashes": cases.crashes, "spinning": cases.spinning,
            "worst_idle": cases.worst_idle}
