"""Probes every 100 ms on both ports, each on a connection of its own, as an orchestrator sends them."""

import threading
import time

from support import wire

EVERY_S = 0.1
PATHS = ("/livez", "/readyz")


class Prober(threading.Thread):
    """A thread a port. `failed`: (path, what came instead of 200)."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.ended = address, threading.Event()
        self.seconds, self.failed = [], []

    def run(self):
        due = time.monotonic()
        while not self.ended.wait(max(0.0, due - time.monotonic())):
            due += EVERY_S
            for path in PATHS:
                began = time.monotonic()
                try:
                    status = wire.request(self.address, "GET", path).status
                except (OSError, wire.http.client.HTTPException) as error:
                    status = repr(error)
                self.seconds.append(time.monotonic() - began)
                if status != 200:
                    self.failed.append((path, status))

    def p99_ms(self):
        values = sorted(self.seconds)
        return 1000 * values[int(0.99 * (len(values) - 1))]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
