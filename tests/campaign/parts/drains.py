"""SIGTERM under load: what was taken is answered, new connections are served until the promised delay is over.

The clients run in a closed loop, every eighth request on a connection of its own. load.py says what counts as lost.
"""

import signal
import time

import bundled
from load import Load
from support.server import Server

DELAY_S, TIMEOUT_S = 0.2, 5.0
ENOUGH = 1050  # requests before a drain ends


def drain_once(context, folder, exchanges, seed):
    """(the load's tally, exit code, refusals before the delay was over)"""
    with Server(folder, "--workers", 2, "--drain-delay", DELAY_S, "--drain-timeout", TIMEOUT_S,
                "--access-log-sample", 0) as server:
        load = Load(server.data, exchanges.requests, exchanges.expected, connections=24, seed=seed, once=0.125)
        told = [None]

        def should_stop(now):
            if told[0] is None and load.tally.answered >= context.size(ENOUGH // 2, 100):
                told[0] = time.monotonic()
                server.signal(signal.SIGTERM)
            return told[0] is not None and now > told[0] + DELAY_S + TIMEOUT_S + 5

        tally = load.run(should_stop)
        code = server.wait(DELAY_S + TIMEOUT_S + 10)
    # the promise runs from the signal, which came after told[0]; refused_at is taken after the refusal
    early = sum(told[0] is None or at < told[0] + DELAY_S for at in tally.refused_at)
    return tally, code, early


def run(context):
    folder = bundled.link(context.work / "models")
    exchanges = bundled.Exchanges(candidates=20)
    with Server(folder) as server:
        exchanges.learn(server, 1)
    figures = dict.fromkeys(("drains", "requests", "lost", "errors", "early_refusals", "bad_exits", "raced"), 0)
    while figures["drains"] < context.size(200, 3) or figures["requests"] < context.size(200_000, 500):
        seed = context.seed + figures["drains"]
        tally, code, early = drain_once(context, folder, exchanges, seed)
        figures["drains"] += 1
        figures["requests"] += tally.sent
        figures["lost"] += len(tally.lost)
        figures["errors"] += context.faults_of(tally, f"drain {figures['drains']}, seed {seed}")
        figures["early_refusals"] += early
        figures["bad_exits"] += code != 0
        figures["raced"] += tally.raced
        if code != 0:
            context.fault(f"drain {figures['drains']}, seed {seed}: exit {code}")
        if figures["drains"] % 20 == 0:
            context.say(f"{figures}")
    return figures
