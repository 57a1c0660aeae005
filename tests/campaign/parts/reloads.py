"""Reload after reload, two versions alternating, under 70 % load: each answer is byte for byte that of the version
which it names."""

import time

import bundled
import process
from load import Background, capacity_per_s
from support.server import Server


def switch(server, version):
    return server.admin_post(f"/v1/models/{bundled.NAME}/reload", {"version": version})


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
    context.say(f"{reloads} reloads in {ended - began:.1f} s at {load['rate']:.0f}/s; "
                f"answers by version {dict(tally.versions)}, resident {resident[0]} … {resident[-1]} bytes")
    steady_ms, reload_ms = calm.percentile_ms(0.99), tally.percentile_ms(0.99, began, ended)
    return {
        "reloads": reloads, "requests": tally.sent, "refused": refused, "lost": len(tally.lost),
        "errors": context.faults_of(tally, f"seed {context.seed}"),
        "steady_p99": steady_ms, "p99_rise": reload_ms - steady_ms,
        "shed": 100.0 * tally.shed / max(1, tally.sent),
        "memory_growth": 100.0 * process.growth_share(resident),
    }
