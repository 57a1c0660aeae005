"""`rankd doctor`: what it finds on this machine, and whether its prediction of the memory comes true."""

import re
import resource
import subprocess
import time
from pathlib import Path

import pytest

from support import models
from support.server import BINARY, Server, clean_environment, run

WITHIN = 0.04  # of what is predicted; the prediction is made to be within 2 %, huge pages and other kernels may differ


def sections(output):
    return {match[1].strip(): match[2] for match in re.finditer(r"^(\S.{13})(.*)$", output, re.M)}


def total(command, folder, **options):
    """(predicted bytes, the sum of the parts)"""
    done = run(command, folder, **options)
    assert done.returncode == 0, (done.stdout, done.stderr)
    table = re.search(r"memory that serving takes.*?\n(.*?)\n  all +(\d+)\n", done.stdout, re.S)
    return int(table[2]), sum(int(number) for number in re.findall(r" (\d+)$", table[1], re.M))


def test_what_it_tells():
    done = run("doctor", models.BUNDLED, "--workers", 1)
    assert done.returncode == 0, (done.stdout, done.stderr)
    found = sections(done.stdout)
    assert list(found) == ["processor", "kernels", "BLAS", "huge pages", "sandbox", "descriptors", "model", "memory",
                           "capacity"]
    assert re.match(r"scalar|avx2|avx512|amx", found["kernels"]) and "OpenBLAS" in found["BLAS"]
    assert found["model"].startswith(f"kuairand/{models.BUNDLED.name}, golden: ")
    rate, mean_us = re.match(r"(\d+) requests/s by 1 workers, (\d+) µs each", found["capacity"]).groups()
    assert int(rate) * int(mean_us) <= 1.1e6, "one worker cannot rank for longer than the time that passes"


@pytest.mark.parametrize("workers", [1, 3])
def test_the_memory_is_as_predicted(workers):
    predicted, parts = total("doctor", models.BUNDLED, env={"RANKD_WORKERS": str(workers)})
    assert predicted == parts
    with Server(models.BUNDLED.parents[1], "--workers", workers) as server:
        time.sleep(0.3)  # the last threads have begun
        status = Path(f"/proc/{server.process.pid}/status").read_text()
    resident = 1024 * int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.M)[1])
    assert abs(resident - predicted) <= WITHIN * predicted, (resident, predicted)


def test_inspect_predicts_the_same():
    inspected, parts = total("inspect", models.BUNDLED)
    assert inspected == parts
    assert abs(inspected - total("doctor", models.BUNDLED)[0]) <= WITHIN * inspected


def test_settings_are_those_of_the_server(tmp_path):
    config = tmp_path / "rankd.json"
    config.write_text('{"workers": 3, "sandbox": "off", "max_candidates": 77}')
    output = run("doctor", "--config", config, models.golden_folder("gru_dcn"), env={"RANKD_CPU": "scalar"}).stdout
    assert "with 3 workers, 77 candidates" in output and "the setting is off" in output
    assert sections(output)["kernels"].startswith("scalar")


def test_too_few_descriptors():
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    done = subprocess.run([BINARY, "doctor", str(models.golden_folder("gru_dcn"))], capture_output=True, text=True,
                          preexec_fn=limit, env=clean_environment(), timeout=60, check=False)
    assert done.returncode == 1 and re.search(r"^! .*RLIMIT_NOFILE", done.stdout, re.M), done.stdout


def test_a_model_that_does_not_load(tmp_path):
    done = run("doctor", tmp_path)
    assert done.returncode == 1 and "processor" in done.stdout and "config.json" in done.stderr


def test_without_warm_up_requests(tmp_path):
    folder = models.table_model(tmp_path / "t" / "1", {1: [0.0, 0.0]})
    found = sections(run("doctor", folder).stdout)
    assert found["capacity"].startswith("not measured") and "no golden.jsonl" in found["model"]


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--workers", "0", "a"), ("--cpu", "sse", "a"),
                                       ("--config", "/nope", "a")])
def test_wrong_command_lines(arguments):
    done = run("doctor", *arguments)
    assert done.returncode == 2 and done.stdout == "" and done.stderr
