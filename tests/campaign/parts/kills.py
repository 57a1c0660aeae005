"""kill -9 and a restart on the same port, under load: only what was in flight at the kill may be missing."""

import random
import time

import bundled
from load import Background
from support.server import Server

FLAGS = ("--workers", 2, "--access-log-sample", 0)


def run(context):
    folder = bundled.link(context.work / "models")
    exchanges = bundled.Exchanges(candidates=20)
    chance, kills, ready_ms = random.Random(context.seed), [], []
    with Server(folder, *FLAGS) as server:
        exchanges.learn(server, 1)
        port = server.data[1]
    server = start(folder, port, ready_ms)
    try:
        with Background(server.data, exchanges.requests, exchanges.expected, connections=16, seed=context.seed,
                        once=0.05, retry=True) as clients:
            for _ in range(context.size(100, 3)):
                time.sleep(0.2 + 0.3 * chance.random())
                killed = time.monotonic()
                server.process.kill()
                server.__exit__()
                kills.append((killed, time.monotonic()))
                server = start(folder, port, ready_ms)
            time.sleep(0.3)
            tally = clients.stop()
    finally:
        server.__exit__()
    in_flight = [loss for loss in tally.lost
                 if any(loss.sent <= dead and loss.noticed >= killed for killed, dead in kills)]
    tally.lost = [loss for loss in tally.lost if loss not in in_flight]
    return {
        "kills": len(kills), "ready": max(ready_ms), "requests": tally.answered, "lost": len(tally.lost),
        "in_flight": len(in_flight) + tally.raced,
        "errors": context.faults_of(tally, f"seed {context.seed}", (200, 429, 503, 504)),
    }


def start(folder, port, ready_ms):
    """A server on that port; the time that it took to turn ready is appended."""
    began = time.monotonic()
    server = Server(folder, *FLAGS, listen=f"127.0.0.1:{port}").__enter__()
    ready_ms.append(1000 * (time.monotonic() - began))
    return server
