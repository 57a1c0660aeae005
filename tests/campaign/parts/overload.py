"""Several times the capacity offered, open loop: what is accepted is answered in time, the rest is refused at once.

The server has all cores but the last, the client (`rankd bench load`) the last one; capacity is that client's closed
loop. In the full form with the reference model of docs/performance.md at 500 candidates; in the short one with a slow
model, so that ten times the capacity are still few requests.
"""

import subprocess
import sys
import time
from collections import defaultdict

import bench_load
from probes import Prober
from support import models
from support.server import ROOT, Server


def prepare(context):
    """(models folder, file of bodies)"""
    folder = context.work / "models"
    if context.short:
        models.heavy_model(folder / "heavy" / "1")
        return folder, bench_load.write_bodies(context.work / "bodies.jsonl", [models.heavy_body(300)])
    subprocess.run([sys.executable, "-m", "bench.peers.reference_model", "--out", folder / "reference" / "1",
                    "--bodies", context.work / "bodies", "--candidates", "500"], cwd=ROOT, check=True)
    return folder, context.work / "bodies" / "bodies-500.jsonl"


# of the client's report, for the log: latencies count from the intended instant, so `wait` and `lag` are in them
TOLD = ("ok_p99_ms", "ok_max_ms", "status_200", "status_429", "status_504", "timeouts", "refused_p99_ms", "wait_p99_ms",
        "lag_p99_ms", "sent_per_s")

UNMEASURED = ("ok_p99_ms", "ok_max_ms")


def number(value):
    return float("nan") if value is None else value


class Overload:
    def __init__(self, context, server, bodies):
        self.context, self.server, self.bodies = context, server, bodies
        self.figures = {"resets": 0, "statuses": 0, "unanswered": 0}
        self.accepted = self.degraded = 0

    def load(self, name, **options):
        out = self.context.work / f"{name}.json"
        found = bench_load.run(self.server, self.bodies, out, seed=self.context.seed, **options)
        if found is None:
            self.context.say(f"{name}: no request was answered in the measured time")
            return defaultdict(float, dict.fromkeys(UNMEASURED))  # counts are 0, latencies unknown
        return found

    def measure_capacity(self):
        found = self.load("capacity", closed=16, warmup=self.context.size(3, 0.5),
                          duration=self.context.size(8, 1), repeat=self.context.size(3, 1))
        self.figures["capacity"] = found["goodput_per_s"]
        return found["goodput_per_s"]

    def normal(self, name, warmup):
        """p99 at half the capacity, in ms."""
        found = self.load(name, rate=0.5 * self.figures["capacity"], warmup=warmup,
                          duration=self.context.size(4, 1), connections=64)
        return number(found["ok_p99_ms"])

    def push(self, times, connections):
        """One turn of overload; keeps the worst of several turns."""
        capacity = self.figures["capacity"]
        found = self.load(f"{times}x-{connections}", rate=times * capacity, connections=connections,
                          warmup=self.context.size(2, 0.5),
                          duration=self.context.size(60, 2), timeout_ms=5000)
        share = 100.0 * found["goodput_per_s"] / capacity
        told = {key: round(found[key] or 0.0, 1) for key in TOLD}
        self.context.say(f"{times}× = {times * capacity:.0f}/s, {connections} connections: goodput {share:.1f} %; "
                         f"{told}")
        self.worst(f"goodput_{times}x", share, min)
        self.worst(f"p99_{times}x", number(found["ok_p99_ms"]), max)
        self.worst(f"max_{times}x", number(found["ok_max_ms"]), max)
        self.accepted += found["status_200"]
        self.degraded += found["degraded"]
        self.figures["resets"] += int(found["resets"] + found["malformed"] + found["connect_failures"])
        self.figures["unanswered"] += int(found["timeouts"])
        self.figures["statuses"] += int(found["status_other"] + found["status_503"])

    def worst(self, key, value, choose):
        self.figures[key] = choose(self.figures.get(key, value), value)


def serves(server, bodies):
    """One 200 within some seconds."""
    with open(bodies, encoding="utf-8") as stream:
        body = stream.readline()
    for _ in range(20):
        if server.rank(body).status == 200:
            return True
        time.sleep(0.25)
    return False


def run(context):
    folder, bodies = prepare(context)
    with bench_load.pinned(bench_load.cores()[0]):
        server = Server(folder, "--access-log-sample", 0, "--workers", len(bench_load.cores()[0])).__enter__()
    try:
        overload = Overload(context, server, bodies)
        overload.measure_capacity()
        normal_ms = overload.normal("before", 1)
        with Prober(server.data) as data, Prober(server.admin) as admin:
            for times in (3, 10):
                for connections in (64, 512):
                    overload.push(times, connections)
            recovered_ms = overload.normal("after", 0.8)
        if server.process.poll() is not None or not serves(server, bodies):
            context.fault(server.describe("it does not serve any more"))
    finally:
        server.__exit__()
    failed = data.failed + admin.failed
    if failed:
        context.fault(f"{len(failed)} probes failed, e.g. {failed[:3]}")
    ratio = min(recovered_ms / normal_ms, 2.0 if recovered_ms <= normal_ms + 1.0 else float("inf"))
    return {**overload.figures, "degraded": 100.0 * overload.degraded / max(1, overload.accepted),
            "normal_p99": normal_ms, "recovered_p99": ratio, "probes_failed": len(failed),
            "probes": len(data.seconds) + len(admin.seconds), "probe_p99": max(data.p99_ms(), admin.p99_ms())}
