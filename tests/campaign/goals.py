"""Every part of the campaign and every goal, in one table. A part is parts/<module>.py with one function, run(context),
which returns its measured figures by key."""

from collections import namedtuple

# kind: "must" always decides; "time" and "size" only in the full campaign, since a loaded machine or the short form
# cannot keep them. Without a limit a figure is told, not judged.
Goal = namedtuple("Goal", "key text relation limit unit kind")
Part = namedtuple("Part", "name title goals")


def must(key, text, relation="==", limit=0, unit=""):
    return Goal(key, text, relation, limit, unit, "must")


def time(key, text, relation, limit, unit="ms"):
    return Goal(key, text, relation, limit, unit, "time")


def size(key, text, limit, unit=""):
    return Goal(key, text, ">=", limit, unit, "size")


def told(key, text, unit=""):
    return Goal(key, text, None, None, unit, "told")


def overload_goals(times, share):
    return [
        time(f"goodput_{times}x", f"{times}× offered: goodput of capacity", ">=", share, "%"),
        time(f"p99_{times}x", f"{times}×: p99 of accepted", "<=", 35),
        time(f"max_{times}x", f"{times}×: slowest accepted", "<=", 50),
    ]


PARTS = [
    Part("overload", "3× and 10× capacity offered, open loop, 64 and 512 connections", [
        told("capacity", "capacity beside the same client", "1/s"),
        *overload_goals(3, 95), *overload_goals(10, 90),
        must("resets", "connections reset or refused, broken answers"),
        time("unanswered", "not answered within 5 s", "==", 0, ""),
        must("statuses", "answers other than 200, 429 and 504"),
        told("degraded", "accepted answers that are degraded", "%"),
        told("normal_p99", "p99 at half the capacity, before", "ms"),
        time("recovered_p99", "the same from 1 s after the overload: at most twice that, or 1 ms more", "<=", 2, "×"),
        must("probes_failed", "probes not answered 200, on both ports"),
        size("probes", "probes (every 100 ms)", 1000),
        time("probe_p99", "probes: p99, the worse port", "<=", 20),
    ]),
    Part("drains", "SIGTERM under load, again and again", [
        size("drains", "drains", 200),
        size("requests", "requests", 200_000),
        must("lost", "requests lost"),
        must("errors", "wrong answers, statuses other than 200, 429, 504"),
        must("early_refusals", "connections refused while the server still promised to serve"),
        must("bad_exits", "ends other than exit code 0"),
        told("raced", "requests sent into a connection that the server had closed before"),
    ]),
    Part("reloads", "reloads under 70 % load, two versions alternating", [
        size("reloads", "reloads", 1000),
        told("requests", "requests meanwhile"),
        must("refused", "reloads not answered 200"),
        must("errors", "wrong answers, statuses other than 200, 429, 504"),
        must("lost", "requests lost"),
        told("steady_p99", "p99 without reloads", "ms"),
        time("p99_rise", "p99 rise while reloading without pause", "<=", 1),
        told("shed", "429 and 504", "%"),
        must("memory_growth", "growth of resident memory, late against early", "<=", 5, "%"),
    ]),
    Part("bad_versions", "bad model versions through the reload endpoint", [
        size("tried", "files tried", 35_000),
        told("kinds", "by kind"),
        must("accepted_wrongly", "accepted wrongly"),
        must("crashes", "crashes"),
        told("harmless", "flips that leave every tensor as it was: accepted, answers equal"),
        must("errors", "wrong answers, statuses other than 200 of the old version meanwhile"),
        must("lost", "requests lost meanwhile"),
        must("memory_growth", "growth of resident memory", "<=", 15, "%"),
    ]),
    Part("files", "the model's file truncated, overwritten, renamed, removed while it loads and while it serves", [
        size("rounds", "rounds", 500),
        must("crashes", "crashes"),
        must("errors", "changed answers, statuses other than 200"),
        must("lost", "requests lost"),
        told("outcomes", "loads while the file was damaged"),
    ]),
    Part("kills", "kill -9 and restart under load", [
        size("kills", "kills", 100),
        time("ready", "slowest from start to ready", "<=", 1000),
        told("requests", "requests answered"),
        must("lost", "requests lost that were not in flight when it was killed"),
        told("in_flight", "requests in flight when it was killed"),
        must("errors", "wrong answers, statuses other than 200, 503 before ready, 429, 504"),
    ]),
    Part("slow_clients", "slow clients: header, body and chunks in drips, answers never read", [
        size("clients", "slow clients at once", 1000),
        must("left", "kinds of which one was still connected 2 s after its deadline"),
        time("overdue", "last one gone after its deadline", "<=", 200),
        time("overdue_small", "the same for unread answers that fit the kernel's buffers", "<=", 200),
        must("errors", "good traffic: wrong answers, statuses other than 200, 429, 504"),
        time("shed", "good traffic: 429 and 504", "==", 0, ""),
        must("lost", "good traffic: requests lost"),
        told("normal_p99", "good traffic: p99 without them", "ms"),
        time("p99_rise", "good traffic: p99 with them", "<", 2, "×"),
    ]),
    Part("resources", "out of descriptors, memory, log space", [
        size("cases", "cases", 20),
        must("failed", "cases where serving stopped, or a start neither served nor refused clearly"),
        must("crashes", "ends by a signal"),
        must("spinning", "cases with more than 30 % of a core used while idle"),
        told("worst_idle", "most processor time used while idle, of one core", "%"),
    ]),
    Part("malformed", "malformed HTTP, and valid requests in random pieces", [
        size("mutations", "seeded mutations", 100_000),
        must("smuggled", "answers to requests that were only a body, or behind an ambiguous head"),
        must("crashes", "crashes"),
        told("unseen", "the same behind a line that begins with a NUL (docs: not visible above the HTTP library)"),
        must("hung", "connections not ended 5 s after the client's end"),
        told("statuses", "first answers by status"),
        size("splits", "valid requests split at random", 2000),
        must("different", "split requests answered in other bytes"),
    ]),
    Part("soak", "70 % load for a long time", [
        size("minutes", "minutes", 30),
        told("requests", "answers, each compared with one checked against the float64 reference"),
        must("errors", "wrong answers, statuses other than 200, 429, 504"),
        must("lost", "requests lost"),
        told("shed", "429 and 504", "%"),
        told("p99", "p99", "ms"),
        must("memory_growth", "growth of resident memory, late against early", "<=", 2, "%"),
        must("descriptor_growth", "descriptors more at the end", "<=", 0),
    ]),
]
NAMES = [part.name for part in PARTS]


def is_met(goal, value):
    """None where there is nothing to judge."""
    if goal.relation is None:
        return None
    if value is None or value != value:
        return False
    return {"==": value == goal.limit, "<=": value <= goal.limit, "<": value < goal.limit,
            ">=": value >= goal.limit}[goal.relation]
