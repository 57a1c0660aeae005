"""The Python client as the tests use it: imported from its place, and on a clock of theirs."""

import sys

from support.server import ROOT

SOURCE = ROOT / "clients" / "python" / "rankd_client.py"
sys.path.insert(0, str(SOURCE.parent))

import rankd_client as rc  # noqa: E402


class Clock:
    """Time that passes only when somebody sleeps, or a test says so: `tick` seconds whenever it is looked at."""

    def __init__(self):
        self.now = 1000.0
        self.tick = 0.0
        self.looks = 0
        self.slept = []

    def __call__(self):
        self.now += self.tick
        self.looks += 1
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def open_client(url, clock, **options):
    """A client on that clock. Its sockets wait for real, so no time-out is short unless it is to happen."""
    options = {"timeout_s": 60.0, "deadline_s": 100.0, "uniform": lambda: 0.5, **options}
    return rc.RankdClient(url, clock=clock, sleep=clock.sleep, **options)
