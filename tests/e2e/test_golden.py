"""What the training framework computed against what the server answers, for every golden set and number of workers."""

import json
import os
import threading

import pytest

from support import models, wire
from support.floats import check_shortest
from support.golden import check_answer, check_order, without_top_k
from support.server import Server

GENEROUS = ("--budget-ms", 20000, "--queue-ms", 20000)


@pytest.fixture(scope="module", params=[1, 2, 4], ids=lambda n: f"workers{n}")
def workers_server(request, tmp_path_factory):
    folder = models.link_golden(tmp_path_factory.mktemp("workers") / "models", *models.GOLDEN_SETS)
    with Server(folder, "--default-model", "sasrec_mlp", "--workers", request.param, *GENEROUS) as server:
        yield server


def test_there_are_golden_sets():
    assert len(models.GOLDEN_SETS) >= 8


@pytest.mark.parametrize("name", models.GOLDEN_SETS)
def test_parity(workers_server, name):
    for line in models.golden_lines(models.golden_folder(name)):
        answer = workers_server.ranked(without_top_k(line["request"]), f"/rank/{name}")
        check_answer(answer, line["expected"])
        check_order(answer["items"])
        assert answer["model"] == {"name": name, "version": 1}
        assert answer["degraded"] is None
        assert len(answer["items"]) == len(line["request"]["candidates"])


@pytest.mark.parametrize("tier", ["scalar", "avx2", "avx512", "amx"])
def test_parity_of_every_tier(tmp_path, tier):
    flags = open("/proc/cpuinfo", encoding="ascii").read()
    if {"scalar": "", "avx2": " avx2 ", "avx512": " avx512vl ", "amx": " amx_int8 "}[tier] not in flags:
        pytest.skip(f"this processor has no {tier}")
    folder = models.link_golden(tmp_path / "models", *models.GOLDEN_SETS)
    with Server(folder, "--default-model", "sasrec_mlp", "--workers", 1, "--cpu", tier, *GENEROUS) as server:
        for name in models.GOLDEN_SETS:
            for line in models.golden_lines(models.golden_folder(name)):
                check_answer(server.ranked(without_top_k(line["request"]), f"/rank/{name}"), line["expected"])


@pytest.mark.parametrize("name", models.GOLDEN_SETS)
def test_top_k_is_a_prefix(golden_server, name):
    for line in models.golden_lines(models.golden_folder(name)):
        request = line["request"]
        whole = golden_server.ranked(without_top_k(request), f"/rank/{name}")
        for k in (1, request.get("top_k", 3), 1000):
            part = golden_server.ranked({**request, "top_k": k}, f"/rank/{name}")
            assert part["items"] == whole["items"][:k]
            assert part["history"] == whole["history"]


def numbers(body):
    """Every number of the items, as written."""
    found = []

    class Text(float):
        def __new__(cls, text):
            found.append(text)
            return super().__new__(cls, text)

    json.loads(body, parse_float=Text)
    return found


@pytest.mark.parametrize("name", models.GOLDEN_SETS)
def test_numbers_are_shortest_floats(golden_server, name):
    count = 0
    for line in models.golden_lines(models.golden_folder(name)):
        reply = golden_server.rank(line["request"], f"/rank/{name}")
        assert reply.status == 200
        for text in numbers(reply.body):
            check_shortest(text)
            count += 1
    assert count > 100


@pytest.mark.skipif(not (models.BUNDLED / "golden.jsonl").exists(), reason="the bundled model is not there")
def test_bundled_model():
    with Server(models.BUNDLED.parent.parent, "--workers", 2, *GENEROUS) as server:
        lines = models.golden_lines(models.BUNDLED)
        assert lines
        tolerance = models.read_config(models.BUNDLED).get("golden_tolerance", 1e-4)
        for line in lines:
            check_answer(server.ranked(without_top_k(line["request"])), line["expected"], tolerance)


def test_same_request_same_bytes_under_concurrency(golden_server):
    """The same request (with its request_id) gets the same body to the byte, whatever else runs."""
    requests = [(f"/rank/{name}", {**line["request"], "request_id": f"r{k}"})
                for name in models.GOLDEN_SETS
                for k, line in enumerate(models.golden_lines(models.golden_folder(name))[:5])]
    expected = [golden_server.rank(body, path).body for path, body in requests]
    faults = []

    def hammer(offset):
        connection = wire.open_connection(golden_server.data)
        try:
            for step in range(3 * len(requests)):
                at = (step * 7 + offset) % len(requests)
                path, body = requests[at]
                reply = wire.exchange(connection, "POST", path, body)
                if reply.status != 200 or reply.body != expected[at]:
                    faults.append((path, reply.status, reply.body[:200], expected[at][:200]))
        except Exception as error:  # a thread's exception would be lost
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=hammer, args=(offset,)) for offset in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults[0]


def test_bytes_do_not_depend_on_workers_or_restart(tmp_path):
    folder = models.link_golden(tmp_path / "models", "mean_mmoe", "sasrec_post")
    bodies = []
    for workers in (1, 4):
        with Server(folder, "--workers", workers, *GENEROUS) as server:
            bodies.append([server.rank({**line["request"], "request_id": "same"}, f"/rank/{name}").body
                           for name in ("mean_mmoe", "sasrec_post")
                           for line in models.golden_lines(models.golden_folder(name))])
    assert bodies[0] == bodies[1]


@pytest.mark.skipif("de_DE.UTF-8" not in os.popen("locale -a 2>/dev/null").read().replace("utf8", "UTF-8"),
                    reason="the German locale is not installed")
def test_numbers_in_a_locale_with_comma(tmp_path):
    folder = models.link_golden(tmp_path / "models", "sasrec_mlp")
    line = models.golden_lines(models.golden_folder("sasrec_mlp"))[1]
    with Server(folder, *GENEROUS, env={"LC_ALL": "de_DE.UTF-8"}) as server:
        check_answer(server.ranked(without_top_k(line["request"])), line["expected"])
