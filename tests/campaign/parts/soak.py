"""70 % load for a long time: every answer compared, memory and descriptors watched."""

import time

import bundled
import process
from load import Background, capacity_per_s
from support.server import Server

WATCH_S = 0.5


def run(context):
    folder = bundled.link(context.work / "models")
    exchanges = bundled.Exchanges(candidates=200)
    seconds = context.size(60 * context.options.soak_minutes, 3.0)
    with Server(folder) as server:
        exchanges.learn(server, 1)
        capacity = capacity_per_s(server.data, exchanges.requests, exchanges.expected,
                                  seconds=context.size(5.0, 1.0))
        pid, resident = server.process.pid, []
        time.sleep(0.5)
        descriptors = process.descriptors(pid)
        with Background(server.data, exchanges.requests, exchanges.expected, connections=32, rate=0.7 * capacity,
                        seed=context.seed, once=0.01) as clients:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(WATCH_S)
                resident.append(process.resident_bytes(pid))
            tally = clients.stop()
        time.sleep(0.5)
        descriptors = process.descriptors(pid) - descriptors
        if server.process.poll() is not None:
            context.fault(server.describe("ended"))
    context.say(f"{0.7 * capacity:.0f} requests/s offered")
    return {
        "minutes": seconds / 60, "requests": tally.answered, "lost": len(tally.lost),
        "errors": context.faults_of(tally, f"seed {context.seed}"), "p99": tally.percentile_ms(0.99),
        "shed": 100.0 * tally.shed / max(1, tally.sent),
        "memory_growth": 100.0 * process.growth_share(resident), "descriptor_growth": descriptors,
    }
