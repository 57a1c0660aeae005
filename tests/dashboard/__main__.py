"""Does the dashboard show a load test? Started by scripts/try-dashboard."""

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "e2e"), str(TESTS / "campaign")]

import bench_load  # noqa: E402
import bundled  # noqa: E402
from support import dashboard  # noqa: E402
from support.prometheus import SCRAPE_S, Prometheus, QueryError  # noqa: E402
from support.server import Server  # noqa: E402

CANDIDATES = 500
CAPACITY_S, CARRIED_S, OVERLOAD_S = 3, 40, 20
CARRIED, OVERLOAD = 0.4, 4.0  # of the capacity
SETTLE_S = 4  # for the last scrapes and evaluations
LEAD_S = 6  # until a rate has only the load before its eyes
AGREEMENT = 0.1  # of the requests sent: how far dashboard and client may be apart

# What a load test may leave at 0, and why. Everything else must have shown something.
MAY_STAY_AT_0 = {
    "Answered in part": "only where a budget runs out in the middle of a ranking",
    "Lost and late clients": "the client waits for every answer",
    "Scores that are no numbers": "the model is sound",
    "Rise of the p99 by a change of version": "the p99 need not rise",
    "Starts": "nothing restarts",
    "Should be nothing": "its title says it",
}
MAY_HAVE_NO_SERIES = {"mark: Starts": "nothing restarts"}
# The overload misses the objective by far: these have to fire.
BURN_ALERTS = ("RankdBudgetBurnFast", "RankdBudgetBurn", "RankdBudgetBurnSlow", "RankdBudgetBurnCreeping")

Shown = namedtuple("Shown", "title series fault")  # series: [(name, [(time, finite value)])]


def finite(points):
    """What Grafana draws: NaN and infinities are gaps."""
    return [(at, value) for at, value in points if math.isfinite(value)]


def show(prometheus, title, queries, span):
    """What a panel shows over the span (start, end)."""
    series = []
    for query in queries:
        try:
            found = prometheus.ask(query.expression) if query.is_instant else \
                prometheus.ask_range(query.expression, *span, SCRAPE_S)
        except QueryError as refusal:
            return Shown(title, series, f"{query.expression}: {refusal}")
        series += [(dashboard.legend(query.legend, labels), finite(points)) for labels, points in found]
    values = [value for _, points in series for _, value in points]
    if not values and title not in MAY_HAVE_NO_SERIES:
        return Shown(title, series, "no value")
    return Shown(title, series, "stays at 0" if values and not any(values) and title not in MAY_STAY_AT_0 else None)


def print_table(heading, rows):
    print(f"\n{heading:44s} {'series':>6s}  {'':24s} {'last':>10s} {'min':>10s} {'max':>10s}")
    for shown in rows:
        print(f"{shown.title:44s} {len(shown.series):6d}", end="")
        for number, (name, points) in enumerate(shown.series):
            values = [value for _, value in points]
            figures = [values[-1], min(values), max(values)] if values else [math.nan] * 3
            print(" " * 51 * (number > 0) + f"  {name[:24]:24s}" + "".join(f" {figure:10.4g}" for figure in figures))
        if not shown.series:
            print()
        if shown.fault:
            print(f"{'':44s} FAULT: {shown.fault}")


class Load:
    """A turn of the open-loop client: `began` (s since the epoch) when it was started, `seconds` long."""

    def __init__(self, name, server, bodies, folder, seconds, **options):
        self.name, self.seconds, self.out = name, seconds, folder / f"{name}.json"
        self.began, self.found = time.time(), None
        self.client = bench_load.start(server, bodies, self.out, connections=128, timeout_ms=5000, warmup=0,
                                       duration=seconds, **options)

    def finish(self):
        self.found = bench_load.finish(self.client, self.out)
        assert self.found is not None, f"{self.name}: no request was answered"
        print(f"{self.name}: {self.found['sent_per_s']:.0f} requests/s for {self.seconds} s, "
              f"200: {self.found['status_200']:.0f}, 429: {self.found['status_429']:.0f}, "
              f"p99 {self.found['ok_p99_ms']:.1f} ms", flush=True)
        return self


def run_loads(server, folder, second_version):
    """Measures the capacity, then makes the load test: its loads, finished."""
    bodies = bench_load.write_bodies(folder / "bodies.jsonl", bundled.Exchanges(CANDIDATES).bodies)
    capacity = Load("capacity", server, bodies, folder, CAPACITY_S, closed=16).finish().found["goodput_per_s"]
    carried = Load("carried", server, bodies, folder, CARRIED_S, rate=CARRIED * capacity)
    time.sleep(CARRIED_S / 2)
    second_version.rename(folder / "models" / bundled.NAME / "2")
    reply = server.admin_post(f"/v1/models/{bundled.NAME}/reload")
    assert reply.status == 200, reply
    print(f"reload after {CARRIED_S / 2:.0f} s: {reply.json}", flush=True)
    carried.finish()
    return [carried, Load("overload", server, bodies, folder, OVERLOAD_S, rate=OVERLOAD * capacity).finish()]


def disagreements(panels, loads):
    """Faults where the dashboard does not show of a load what its client counted."""
    shown = next(dict(panel.series) for panel in panels if panel.title == "Requests by status")
    faults = []
    for load in loads:
        begin, end = load.began + LEAD_S, load.began + load.seconds - 1
        for code in ("200", "429"):
            rates = [value for at, value in shown.get(code, []) if begin <= at <= end]
            rate = statistics.mean(rates) if rates else 0.0
            counted = load.found[f"status_{code}"] / load.seconds
            line = f"{load.name}: {code}: {rate:.0f}/s on the dashboard, {counted:.0f}/s at the client"
            print(line)
            if abs(rate - counted) > AGREEMENT * load.found["sent_per_s"]:
                faults.append(line)
    return faults


def judge_rules(prometheus, span):
    """What the recording rules recorded, and faults of any rule."""
    recorded, faults = [], []
    print(f"\n{'alert':30s} {'evaluates':>9s}  state")
    for rule in prometheus.rules():
        name = rule["name"]
        if rule["health"] != "ok":
            faults.append(f"rule {name}: {rule['health']} {rule.get('lastError', '')}")
        if rule["type"] == "recording":
            recorded.append(show(prometheus, name, [dashboard.Query(name, "", False)], span))
            continue
        print(f"{name:30s} {rule['health']:>9s}  {rule['state']}")
        if name in BURN_ALERTS and rule["state"] != "firing":
            faults.append(f"alert {name}: {rule['state']}, though the overload missed the objective")
    return recorded, faults


def main():
    parser = argparse.ArgumentParser(prog="scripts/try-dashboard", description=__doc__)
    parser.add_argument("--png", type=Path, metavar="FILE", help="draw the panels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rankd-dashboard-") as name:
        folder = Path(name)
        second_version = bundled.copy_two(folder / "models") / bundled.NAME / "2"
        second_version = second_version.rename(folder / "second")
        with bench_load.pinned(bench_load.cores()[0]):
            server = Server(folder / "models", "--access-log-sample", 0, "--workers", len(bench_load.cores()[0]))
        with server, Prometheus(folder, server.admin) as prometheus:
            prometheus.await_value("rankd_ready")
            loads = run_loads(server, folder, second_version)
            span = loads[0].began, time.time()
            time.sleep(SETTLE_S)
            document = dashboard.read()
            variables = dashboard.resolve(document, prometheus.label_values)
            variables["__rate_interval"] = f"{dashboard.rate_interval_s(SCRAPE_S, SCRAPE_S)}s"
            panels = [show(prometheus, panel["title"], dashboard.queries(panel, variables), span)
                      for panel in dashboard.shown(document)]
            marks = [show(prometheus, f"mark: {title}", [dashboard.Query(expression, "", False)], span)
                     for title, expression in dashboard.annotations(document, variables).items()]
            recorded, faults = judge_rules(prometheus, span)
    print("variables: " + ", ".join(f"${name} = {value}" for name, value in variables.items()))
    print_table("recording rule", recorded)
    print_table("mark", marks)
    print_table("panel", panels)
    print()
    faults += disagreements(panels, loads)
    if options.png:
        import draw
        draw.save(options.png, document, panels)
    faults += [f"{shown.title}: {shown.fault}" for shown in [*recorded, *marks, *panels] if shown.fault]
    print(f"\n{len(panels)} panels, {len(recorded)} recording rules, {len(faults)} faults", *faults, sep="\n  ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
