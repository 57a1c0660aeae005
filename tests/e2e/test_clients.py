"""The programs of docs/clients.md, run as they stand there: against the server, and against one that refuses."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from support import models
from support.server import ROOT, Server, clean_environment
from support.stub import OK, RANKING, Stub, problem

TEXT = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The section's title: the language of its program, the file's name.
PROGRAMS = {"curl": ("sh", "rank.sh"), "Python": ("python", "plain.py"),
            "Python with the client": ("python", "rank.py"), "Go": ("go", "rank.go"), "JavaScript": ("js", "rank.mjs")}


def version(*command):
    """The first number with a dot in what a program says of itself."""
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return tuple(map(int, re.search(r"(\d+)\.(\d+)", said).groups()))


def need(program, *arguments, least=None):
    """The program's path; skips where it is missing or too old."""
    path = shutil.which(program)
    if not path:
        pytest.skip(f"{program} is not installed")
    if least and version(path, *arguments) < least:
        pytest.skip(f"{program} is older than {least}")
    return path


def sections():
    """{title: its code blocks as (language, text)}, of the sections with code."""
    parts = re.split(r"^## (.+)\n", TEXT, flags=re.MULTILINE)[1:]
    return {title: FENCE.findall(text) for title, text in zip(parts[::2], parts[1::2]) if FENCE.search(text)}


@pytest.fixture(scope="module", params=PROGRAMS)
def command(request, tmp_path_factory):
    """The command that runs the section's program."""
    language, name = PROGRAMS[request.param]
    file = tmp_path_factory.mktemp("clients") / name
    file.write_text(sections()[request.param][0][1], encoding="utf-8")
    if language == "sh":
        need("curl", "--version", least=(7, 84))
        need("jq")
        return ["sh", str(file)]
    if language == "go":
        binary = str(file.with_suffix(""))
        subprocess.run([need("go"), "build", "-o", binary, str(file)], check=True, timeout=300, cwd=file.parent,
                       env={**os.environ, "GOTOOLCHAIN": "local", "GOPROXY": "off"})
        return [binary]
    return [need("node", "--version", least=(18, 0)) if language == "js" else sys.executable, str(file)]


def run(command, url):
    environment = clean_environment({"RANKD_URL": url, "PYTHONPATH": str(ROOT / "clients" / "python"),
                                     "PYTHONDONTWRITEBYTECODE": "1", "no_proxy": "*"})
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)


def ranked(done):
    """The (item, score) that a program printed."""
    assert done.returncode == 0, done
    return [tuple(json.loads(word) for word in line.split()) for line in done.stdout.splitlines()]


def test_every_program_is_run():
    assert {title: [language for language, _ in blocks] for title, blocks in sections().items()} == \
        {title: [language] for title, (language, _) in PROGRAMS.items()}


@pytest.fixture(scope="module")
def server():
    with Server(models.BUNDLED.parents[1]) as server:
        yield server


def test_the_ranked_items_are_printed(server, command):
    """Each sends the same request, and prints the answer in its order."""
    with Stub(OK) as stub:
        run(command, stub.url)
    sent = json.loads(stub.requests[0].body)
    assert sent["candidates"] == [7229, 6997, 2594, 4636, 2445]
    assert sent["history"] == [{"item": 3587, "action": ["click", "long_view"]}, {"item": 38, "action": "like"}]
    expected = server.ranked(sent)["items"]
    assert ranked(run(command, "http://{}:{}".format(*server.data))) == \
        [(item["item"], item["score"]) for item in expected]


@pytest.mark.parametrize("status, code", [(429, "overloaded"), (503, "not-ready")])
def test_a_refusal_is_tried_again_once(command, status, code):
    refusal = problem(status, code, ["Retry-After: 0"])
    with Stub(refusal, OK) as stub:
        assert ranked(run(command, stub.url)) == [(item["item"], item["score"]) for item in RANKING["items"]]
    assert len(stub.requests) == 2 and stub.requests[0].headers["content-type"] == "application/json"
    with Stub(refusal, refusal, OK) as stub:
        done = run(command, stub.url)
    assert done.returncode != 0 and str(status) in done.stderr and not done.stdout
    assert len(stub.requests) == 2


def test_a_wait_that_is_too_long_is_not_waited_for(command):
    with Stub(problem(429, "overloaded", ["Retry-After: 3600"]), OK) as stub:
        done = run(command, stub.url)
    assert done.returncode != 0 and "429" in done.stderr and len(stub.requests) == 1


@pytest.mark.parametrize("status, code", [(422, "invalid-request"), (500, "internal"), (504, "deadline-exceeded")])
def test_other_refusals_are_not_tried_again(command, status, code):
    with Stub(problem(status, code, ["Retry-After: 0"]), OK) as stub:
        done = run(command, stub.url)
    assert done.returncode != 0 and str(status) in done.stderr and code in done.stderr and not done.stdout
    assert len(stub.requests) == 1


def test_silence_is_not_waited_for(command):
    """Were there no time-out, the program would run until the test ends it."""
    with Stub(Stub.SILENCE, OK) as stub:
        done = run(command, stub.url)
    assert done.returncode != 0 and not done.stdout and len(stub.requests) == 1
