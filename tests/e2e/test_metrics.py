"""/metrics: strict text format, the promised families, counters that count, no label with an id."""

import re
import time

import pytest

from support import metrics, models, wire
from support.server import Server

FAMILIES = {
    "rankd_http_requests_total": ("counter", {"route", "code"}), "rankd_rank_duration_seconds": ("histogram", set()),
    "rankd_stage_duration_seconds": ("histogram", {"stage"}), "rankd_candidates": ("histogram", set()),
    "rankd_inflight_requests": ("gauge", set()), "rankd_shed_total": ("counter", {"reason"}),
    "rankd_degraded_total": ("counter", {"reason"}), "rankd_unknown_items_total": ("counter", set()),
    "rankd_nonfinite_scores_total": ("counter", set()), "rankd_heap_allocations_total": ("counter", set()),
    "rankd_arena_bytes": ("gauge", {"kind"}), "rankd_model_info": ("gauge", {"name", "version", "sha256"}),
    "rankd_model_loads_total": ("counter", {"result"}), "rankd_model_parity_max_abs_error": ("gauge", None),
    "rankd_build_info": ("gauge", None),
}
BUCKETS = [.00025, .0005, .001, .0025, .005, .01, .02, .03, .04, .05, .075, .1, .25, float("inf")]
STAGES = {"queue", "decode", "encode_user", "score", "write"}


def scrape(server):
    time.sleep(0.05)  # a request is counted when its answer has been sent
    reply = server.admin_get("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].replace(" ", "").startswith("text/plain;version=0.0.4")
    return metrics.parse(reply.body.decode("utf-8"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = models.link_golden(tmp_path_factory.mktemp("metrics") / "models", "sasrec_mlp", "sasrec_post")
    with Server(folder, "--default-model", "sasrec_mlp", "--budget-ms", 20000, "--queue-ms", 20000) as server:
        for _ in range(3):
            server.rank(models.golden_lines(models.golden_folder("sasrec_mlp"))[1]["request"])
        yield server


@pytest.mark.parametrize("name", FAMILIES)
def test_family(server, name):
    kind, labels = FAMILIES[name]
    families = scrape(server)
    assert name in families, sorted(families)
    assert families[name].kind == kind
    if labels is not None and kind != "histogram":
        assert all({label for label, _ in found} == labels for _, found in families[name].samples)
    if kind == "histogram":
        assert all({label for label, _ in found} - {"le"} == labels for _, found in families[name].samples)


def test_process_metrics(server):
    families = scrape(server)
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                 "process_start_time_seconds", "process_virtual_memory_bytes"):
        assert metrics.value(families, name) > 0, name
    assert abs(metrics.value(families, "process_start_time_seconds") - time.time()) < 600


def test_buckets(server):
    families = scrape(server)
    edges = [float(dict(labels)["le"].replace("+Inf", "inf"))
             for name, labels in families["rankd_rank_duration_seconds"].samples if name.endswith("_bucket")]
    assert sorted(edges) == BUCKETS
    stages = {dict(labels)["stage"] for _, labels in families["rankd_stage_duration_seconds"].samples}
    assert stages >= STAGES


def test_requests_are_counted_by_route_and_code(server):
    before = scrape(server)
    for _ in range(5):
        server.rank({"candidates": [1]})
    for _ in range(3):
        server.rank({"candidates": []})
    server.rank(b"{")
    server.rank({"candidates": [1]}, "/rank/nope")
    server.get("/nope")
    server.get("/livez")
    after = scrape(server)

    def rise(**labels):
        return metrics.total(after, "rankd_http_requests_total", **labels) \
            - metrics.total(before, "rankd_http_requests_total", **labels)

    assert rise(route="rank", code="200") == 5
    assert rise(route="rank", code="422") == 3
    assert rise(route="rank", code="400") == 1
    assert rise(route="rank", code="404") == 1
    assert rise(code="404") == 2
    assert rise(route="live", code="200") == 1
    assert rise(route="metrics", code="200") in (1, 2)


def test_counters_of_ranking(server):
    before = scrape(server)
    server.ranked({"candidates": [1, 2, "nobody"]})
    server.ranked({"candidates": ["nobody"] * 4, "history": [{"item": "nobody"}]})
    after = scrape(server)

    def rise(name):
        return metrics.value(after, name) - metrics.value(before, name)

    assert rise("rankd_rank_duration_seconds_count") == 2
    assert rise("rankd_candidates_count") == 2
    assert rise("rankd_candidates_sum") == 7
    assert rise("rankd_unknown_items_total") >= 5
    assert metrics.value(after, "rankd_inflight_requests") == 0
    for stage in STAGES:
        assert metrics.value(after, "rankd_stage_duration_seconds_count", stage=stage) >= 2


def test_counters_never_fall(server):
    before = scrape(server)
    for _ in range(20):
        server.rank({"candidates": [1]})
    after = scrape(server)
    for name, family in before.items():
        if family.kind in ("counter", "histogram"):
            for key, number in family.samples.items():
                assert after[name].samples[key] >= number, key


def test_model_families(server):
    families = scrape(server)
    found = {dict(labels)["name"]: dict(labels) for _, labels in families["rankd_model_info"].samples}
    assert set(found) == {"sasrec_mlp", "sasrec_post"}
    for labels in found.values():
        assert labels["version"] == "1" and re.match(r"[0-9a-f]{64}\Z", labels["sha256"])
    assert metrics.total(families, "rankd_model_loads_total") >= 2
    for number in families["rankd_model_parity_max_abs_error"].samples.values():
        assert 0 <= number <= 1e-4


def test_no_label_holds_an_id(server):
    names = ["secret-id", "secret-user", "secret-request"]
    server.rank({"candidates": [names[0]], "user": {"id": names[1]}, "request_id": names[2]})
    server.rank({"candidates": [1]}, "/rank/secret-id")
    server.get("/secret-id")
    wire.raw_exchange(server.data, b"SECRET-ID / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    text = server.admin_get("/metrics").body.decode().lower()
    assert "secret" not in text


def test_heap_allocations_stand_still(server):
    body = models.golden_lines(models.golden_folder("sasrec_mlp"))[1]["request"]
    for _ in range(20):
        server.rank(body)
    before = scrape(server)
    for _ in range(50):
        server.rank(body)
    after = scrape(server)
    name = "rankd_heap_allocations_total"
    assert metrics.value(after, name) == metrics.value(before, name)
