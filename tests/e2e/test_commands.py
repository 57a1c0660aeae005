"""The command line: `rankd rank` answers as the server does; help and completion know every command and flag."""

import json
import re
import shutil
import subprocess

import pytest

from support import models
from support.server import BINARY, Server, clean_environment, run

COMMANDS = ["serve", "inspect", "validate", "rank", "doctor", "bench", "replay", "completion"]
SETTINGS = sorted(json.loads(run("serve", "--print-config").stdout))


def ranked_here(folder, body, *flags):
    """(exit code, standard output as it is)"""
    done = subprocess.run([BINARY, "rank", *flags, str(folder)], input=body, capture_output=True, timeout=60,
                          env=clean_environment(), check=False)
    assert done.stderr == b"", done.stderr
    return done.returncode, done.stdout


# rank

@pytest.mark.parametrize("name", models.GOLDEN_SETS)
def test_the_same_bytes_as_the_server(golden_server, name):
    for number, line in enumerate(models.golden_lines(models.golden_folder(name))[:4]):
        body = json.dumps({**line["request"], "request_id": f"same-{number}"}).encode()
        reply = golden_server.rank(body, f"/rank/{name}")
        assert reply.status == 200
        assert ranked_here(models.golden_folder(name), body) == (0, reply.body)


@pytest.mark.parametrize("body", [
    b'{"request_id": "r", "candidates": []}', b'{"request_id": "r", "candidates": [1], "colour": 1}',
    b'{"request_id": "r", "candidates": [1.0], "top_k": 0}',
    b'{"request_id": "r", "candidates": [1], "reward": {"weights": {"x": 1}}}'])
def test_the_same_problem_as_the_server(golden_server, body):
    reply = golden_server.rank(body, "/rank/sasrec_mlp")
    assert reply.status == 422
    assert ranked_here(models.golden_folder("sasrec_mlp"), body) == (1, reply.body)


@pytest.mark.parametrize("body, code", [(b"", "malformed-json"), (b"{", "malformed-json"), (b"[]", "invalid-request"),
                                        (b" " * (4 << 20) + b"{}", "too-large")], ids=["empty", "cut", "array", "big"])
def test_other_problems(body, code):
    exit_code, text = ranked_here(models.golden_folder("sasrec_mlp"), body)
    assert exit_code == 1 and json.loads(text)["type"] == f"urn:rankd:problem:{code}"


def test_the_kernels_can_be_chosen():
    folder = models.golden_folder("sasrec_mlp")
    body = json.dumps({**models.golden_lines(folder)[0]["request"], "request_id": "r"}).encode()
    with Server(folder.parents[1], "--default-model", "sasrec_mlp", "--cpu", "scalar", "--budget-ms", 20000) as server:
        assert ranked_here(folder, body, "--cpu", "scalar") == (0, server.rank(body).body)


def test_a_folder_that_does_not_load(tmp_path):
    done = run("rank", tmp_path)
    assert done.returncode == 1 and done.stdout == "" and "config.json" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--cpu",), ("--cpu", "sse", "a"), ("--nope", "a"), ("",)])
def test_wrong_command_lines(arguments):
    done = run("rank", *arguments)
    assert done.returncode == 2 and done.stdout == "" and done.stderr


# help

def test_version():
    assert re.fullmatch(r"rankd \d+\.\d+\.\d+\n", run("--version").stdout)


def test_help_lists_every_command():
    done = run("--help")
    assert done.returncode == 0
    assert re.findall(r"^  (\w+) ", done.stdout, re.M) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command):
    done = run(command, "--help")
    assert done.returncode == 0 and f"rankd {command}" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("word", ["load", "model", "anytime"])
def test_bench_lists_what_can_be_measured_and_each_has_help(word):
    assert word in re.findall(r"^  (\w+) ", run("bench", "--help").stdout, re.M)
    done = run("bench", word, "--help")
    assert done.returncode == 0 and f"rankd bench {word}" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("arguments, found", [((), ""), (("laod",), "expected load, model or anytime, found laod")])
def test_a_wrong_bench(arguments, found):
    done = run("bench", *arguments)
    assert done.returncode == 2 and done.stdout == "" and found in done.stderr and "  anytime " in done.stderr


def test_an_unknown_command():
    assert run("help").stdout == run("--help").stdout
    done = run("rnak")
    assert done.returncode == 2 and "rnak: no such command" in done.stderr


# completion

def completed(*words):
    """What bash offers for the last word."""
    script = run("completion", "bash").stdout + """
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rankd; printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(["bash", "-c", script, "bash", "rankd", *words], capture_output=True, text=True, timeout=20,
                          check=True, cwd=models.GOLDEN)
    return sorted(done.stdout.split())


def test_bash_completes():
    assert completed("") == sorted(COMMANDS + ["--help", "--version"])
    assert completed("va") == ["validate"]
    assert completed("serve", "--") == sorted(f"--{key.replace('_', '-')}" for key in
                                              SETTINGS + ["config", "help", "print_config"])
    assert completed("serve", "--cpu", "a") == ["amx", "auto", "avx2", "avx512"]
    assert completed("serve", "--workers", "") == []
    assert completed("rank", "sasrec_m") == ["sasrec_mlp"]
    assert completed("bench", "") == sorted(["load", "model", "anytime", "--help"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_names_everything(shell):
    done = run("completion", shell)
    assert done.returncode == 0
    for word in COMMANDS + [key.replace("_", "-") for key in SETTINGS]:
        assert re.search(rf"\b{word}\b", done.stdout), word
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True, timeout=20)


@pytest.mark.parametrize("arguments", [(), ("csh",)])
def test_completion_for_another_shell(arguments):
    assert run("completion", *arguments).returncode == 2
