"""Reload after reload, two versions alternating, under 70 % load: each answer is byte for byte that of the version
which it names."""

import statistics
import threading
import time

import bench_load
import bundled
import process
from load import Background, capacity_per_s
from support.server import Server


def switch(server, version):
    return server.admin_post(f"/v1/models/{bundled.NAME}/reload", {"version": version})


def p99_rises(context, server, exchanges):
    """p99 of the open-loop client in turns with a reload every half second, less that of the turn before without any,
    in ms."""
    bodies = bench_load.write_bodies(context.work / "bodies.jsonl", exchanges.bodies)
    out, seconds = context.work / "load.json", context.size(10, 1)
    closed = bench_load.run(server, bodies, out, closed=16, warmup=1, duration=seconds)
    rises = []
    for turn in range(context.size(5, 1)):
        p99_ms = []
        for is_reloading in (False, True):
            stop = threading.Event()

            def reload_on():
                version = 1
                while is_reloading and not stop.wait(0.5):
                    version = 3 - version
                    switch(server, version)

            thread = threading.Thread(target=reload_on)
            thread.start()
            found = bench_load.run(server, bodies, out, rate=0.7 * closed["goodput_per_s"], connections=64, warmup=1,
                                   duration=seconds, seed=context.seed + turn)
            stop.set()
            thread.join()
            p99_ms.append(found["ok_p99_ms"])
        context.say(f"p99 without reloads {p99_ms[0]:.2f} ms, with one every half second {p99_ms[1]:.2f} ms")
        rises.append(p99_ms)
    return rises


def run(context):
    folder = bundled.copy_two(context.work / "models")
    exchanges = bundled.Exchanges(candidates=200)
    with Server(folder, "--access-log-sample", 0) as server:
        for version in (1, 2):
            assert switch(server, version).status == 200
            exchanges.learn(server, version)
        capacity = capacity_per_s(server.data, exchanges.requests, exchanges.expected,
                                  seconds=context.size(4.0, 1.0))
        load = {"connections": 32, "rate": 0.7 * capacity, "seed": context.seed}
        with Background(server.data, exchanges.requests, exchanges.expected, **load) as steady:
            time.sleep(context.size(15.0, 1.0))
            calm = steady.stop()
        context.faults_of(calm, "before the reloads")
        reloads, refused, resident = context.size(1000, 20), 0, []
        with Background(server.data, exchanges.requests, exchanges.expected, **load) as clients:
            time.sleep(0.5)
            began = time.monotonic()
            for k in range(reloads):
                reply = switch(server, 1 + k % 2)
                if reply.status != 200:
                    refused += 1
                    context.fault(f"reload {k}: {reply.status} {reply.body[:200]}")
                resident.append(process.resident_bytes(server.process.pid))
            ended = time.monotonic()
            tally = clients.stop()
        turns = p99_rises(context, server, exchanges)
    context.say(f"{reloads} reloads in {ended - began:.1f} s at {load['rate']:.0f}/s; "
                f"answers by version {dict(tally.versions)}, resident {resident[0]} … {resident[-1]} bytes")
    harsh_ms = tally.percentile_ms(0.99, began, ended) - calm.percentile_ms(0.99)
    return {
        "reloads": reloads, "requests": tally.sent, "refused": refused, "lost": len(tally.lost),
        "errors": context.faults_of(tally, f"seed {context.seed}"),
        "steady_p99": statistics.median(calm_ms for calm_ms, _ in turns),
        "p99_rise": statistics.median(with_ms - calm_ms for calm_ms, with_ms in turns), "harsh_rise": harsh_ms,
        "shed": 100.0 * tally.shed / max(1, tally.sent),
        "memory_growth": 100.0 * process.growth_share(resident),
    }
