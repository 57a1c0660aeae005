"""Heap allocations of a request in the running server: ours none; libmicrohttpd's own, counted exactly.

alloc_count.c is loaded into the server and keeps its counts in a shared file. After a warm-up, a thousand requests on a
kept connection must not allocate anywhere but in libmicrohttpd, which makes, for each answer,

    1  for the response object
    3  for every header that is added to it (the list's node, the name, the value)

An answer of /rank has four headers of ours: Content-Type, Server-Timing, X-Request-Id, X-Model-Version. Probes are
prepared ahead and cost nothing.
"""

import mmap
import os
import struct

import pytest

from support import models, wire
from support.server import ROOT, Server

LIBRARY = ROOT / os.environ.get("ALLOC_COUNT_LIBRARY", "build-test/tests/alloc/alloc_count.so")
N_CALLERS = 64
N_REQUESTS = 1000
N_WARM_UP = 200
HTTP_PER_RANK = 1 + 3 * 4


class Counts:
    def __init__(self, path):
        with open(path, "rb") as stream:
            self.memory = mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ)

    def read(self):
        http, _, own, _, base, n_callers = struct.unpack_from("<6Q", self.memory)
        return http, own, base, n_callers

    def callers(self, since):
        """Places in the program that allocated after `since`, as offsets for addr2line."""
        _, _, base, n_callers = self.read()
        ring = struct.unpack_from(f"<{N_CALLERS}Q", self.memory, 48)
        return sorted({hex(ring[k % N_CALLERS] - base) for k in range(max(since, n_callers - N_CALLERS), n_callers)})


@pytest.fixture(scope="module")
def server_and_counts(tmp_path_factory):
    assert LIBRARY.exists(), f"{LIBRARY} is not built"
    folder = tmp_path_factory.mktemp("alloc")
    models.link_golden(folder / "models", *models.GOLDEN_SETS)
    environment = {"LD_PRELOAD": str(LIBRARY), "ALLOC_COUNT_FILE": str(folder / "counts")}
    with Server(folder / "models", "--default-model", "sasrec_mlp", "--workers", 2, "--budget-ms", 20000,
                "--queue-ms", 20000, "--access-log-sample", 0.2, env=environment) as server:
        yield server, Counts(folder / "counts")


def rises(server, counts, messages):
    """(libmicrohttpd's, ours) for N_REQUESTS requests after a warm-up, the messages in turn on one kept connection."""
    connection = wire.open_connection(server.data)
    try:
        for k in range(N_WARM_UP):
            wire.exchange(connection, *messages[k % len(messages)])
        http, own, _, n_callers = counts.read()
        for k in range(N_REQUESTS):
            wire.exchange(connection, *messages[k % len(messages)])
        http_after, own_after, _, _ = counts.read()
    finally:
        connection.close()
    assert own_after == own, f"{own_after - own} allocations of ours, from {counts.callers(n_callers)}"
    return http_after - http


def rank_messages(name, change=None):
    return [("POST", f"/rank/{name}", {**line["request"], **(change or {})})
            for line in models.golden_lines(models.golden_folder(name))]


def test_the_counter_counts(server_and_counts):
    server, counts = server_and_counts
    http, own, _, _ = counts.read()
    assert own > 100, "loading a model allocates"
    for _ in range(3):
        assert server.get("/livez").status == 200
    assert counts.read()[0] > http, "a connection allocates in libmicrohttpd"


@pytest.mark.parametrize("name", models.GOLDEN_SETS)
def test_rank_allocates_nothing_of_ours(server_and_counts, name):
    assert rises(*server_and_counts, rank_messages(name)) == HTTP_PER_RANK * N_REQUESTS


def test_a_trace_costs_its_header(server_and_counts):
    trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    messages = [(*message, trace) for message in rank_messages("sasrec_mlp")]
    assert rises(*server_and_counts, messages) == (HTTP_PER_RANK + 3) * N_REQUESTS


def test_without_explain_and_with_ids_of_ours(server_and_counts):
    messages = rank_messages("sasrec_mlp", {"explain": False}) + rank_messages("sasrec_mlp", {"request_id": "mine"})
    assert rises(*server_and_counts, messages) == HTTP_PER_RANK * N_REQUESTS


ERRORS = {
    "malformed": ("POST", "/rank", b'{"candidates": [1'),
    "invalid": ("POST", "/rank", {"candidates": [1.5] * 50, "x": 1}),
    "unknown model": ("POST", "/rank/nope", {"candidates": [1]}), "unknown path": ("GET", "/nope"),
    "method": ("GET", "/rank"), "media type": ("POST", "/rank", b"{}", {"Content-Type": "text/plain"}),
    "late": ("POST", "/rank", {"candidates": [1], "budget_ms": 0.001}),
}


@pytest.mark.parametrize("message", ERRORS.values(), ids=ERRORS.keys())
def test_errors_allocate_nothing_of_ours(server_and_counts, message):
    assert rises(*server_and_counts, [message]) % N_REQUESTS == 0


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
def test_probes_allocate_nothing_at_all(server_and_counts, path):
    assert rises(*server_and_counts, [("GET", path)]) == 0


def test_the_server_counts_its_own(server_and_counts):
    """rankd_heap_allocations_total stands still as well."""
    server, counts = server_and_counts

    def shown():
        lines = server.admin_get("/metrics").body.decode().split("\n")
        return next(line for line in lines if line.startswith("rankd_heap_allocations_total "))

    before = shown()
    rises(server, counts, rank_messages("gru_dcn"))
    assert shown() == before
