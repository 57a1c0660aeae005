"""Code blocks are valid in their language, and the requests in them are answered as the document shows."""

import json
import re
import shlex
import subprocess

import pytest

from documents import parse
from support import wire
from support.golden import is_close

PORTS = {8080: "data", 8081: "admin"}


def in_language(document, *languages):
    return [block for block in document.blocks if block.language in languages]


def test_json_blocks_are_json(document):
    for block in in_language(document, "json"):
        json.loads(block.text)


def check_shell(text):
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr


def test_shell_blocks_are_bash(document):
    for block in in_language(document, "sh", "bash", "shell"):
        check_shell(block.text)


def test_python_blocks_compile(document):
    for block in in_language(document, "python", "py"):
        compile(block.text, f"{document.name}:{block.line}", "exec")


def test_wrong_blocks_are_found():
    with pytest.raises(AssertionError):
        check_shell("curl 'http://127.0.0.1")


def curls(document):
    """(block, URL's port, path, method, headers, body or None) of every curl command at a server of this machine."""
    for block in document.blocks:
        for found in re.finditer(r"^ *curl (?:[^'\"\n\\]|\\\n|'[^']*'|\"[^\"]*\")*", block.text, re.MULTILINE):
            words = shlex.split(found[0].replace("\\\n", " "))
            url = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/\S*)", next((word for word in words if "://" in word), ""))
            after = dict(zip(words, words[1:]))
            body = next((after[flag] for flag in ("-d", "--data", "--data-binary") if flag in after), None)
            headers = dict(re.split(": *", words[at + 1], 1) for at, word in enumerate(words) if word == "-H")
            if body is not None:
                headers.setdefault("Content-Type", "application/x-www-form-urlencoded")  # as curl does
            assert url, f"{found[0]}: its address is not http://127.0.0.1:PORT/PATH"
            yield block, int(url[1]), url[2], after.get("-X", "GET" if body is None else "POST"), headers, body


def test_addresses_are_those_of_the_interface(document, server):
    """Port, path and method of every curl command, and of every other address of this machine in the document."""
    known = server.admin_get("/openapi.json").json
    asked = [(port, path, method) for _, port, path, method, _, _ in curls(document)]
    asked += [(int(port), path, None) for port, path in
              re.findall(r"http://127\.0\.0\.1:(\d+)(/[\w/{}.-]*\w|/)", document.text)]
    for port, path, method in asked:
        assert port in PORTS, port
        fitting = [item for template, item in known["paths"].items() if re.fullmatch(
            re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(template)), path.split("?")[0])
            and any(at["url"].endswith(f":{getattr(server, PORTS[port])[1]}") for at in item["servers"])]
        assert any(method is None or method.lower() in item for item in fitting), (port, path, method)


def rankings(document):
    """(body, headers, the JSON that the document shows next or None) of the requests to rank."""
    following = dict(zip(map(id, document.blocks), document.blocks[1:]))
    for block, _, path, _, headers, body in curls(document):
        if body is not None and "/rank" in path and not body.startswith("@"):
            shown = following.get(id(block))
            yield body, headers, json.loads(shown.text) if shown and shown.language == "json" else None
    for block in in_language(document, "json"):
        found = json.loads(block.text)
        if isinstance(found, dict) and "candidates" in found:
            yield block.text, {"Content-Type": "application/json"}, None


def check_answer(reply, shown):
    """A problem is the one shown; an answer of the bundled model has the items shown, in their order."""
    problem = isinstance(shown, dict) and shown.get("status")
    assert reply.status == (problem or 200), reply
    if problem:
        without = [{key: value for key, value in part.items() if key != "request_id"} for part in (reply.json, shown)]
        assert without[0] == without[1]
    elif shown and shown["model"]["name"] == "kuairand":
        assert reply.json["model"] == shown["model"] and reply.json["history"] == shown["history"]
        for ours, theirs in zip(reply.json["items"], shown["items"], strict=True):
            assert (ours["item"], set(ours)) == (theirs["item"], set(theirs))
            assert ours["score"] == theirs["score"] or is_close(ours["score"], theirs["score"], 1e-5)


def test_requests_are_answered_as_shown(document, server):
    for body, headers, shown in rankings(document):
        check_answer(wire.request(server.data, "POST", "/rank", body.encode(), headers), shown)


REQUEST = """```sh
curl -s http://127.0.0.1:8080/rank {} -d '{}'
```

```json
{}
```
"""
HEADER = "-H 'Content-Type: application/json'"


@pytest.mark.parametrize("header, body, shown", [
    ("", '{"candidates": [1]}', '{"status": 200}'), (HEADER, '{"candidates": []}', "{}"),
    (HEADER, '{"candidates": [7229]}', '{"status": 422}'),
    (HEADER, '{"candidates": [7229]}', '{"model": {"name": "kuairand", "version": 1}, "items": [{"item": 7229, '
                                       '"score": 5.5}], "history": {"used": 0}}')])
def test_a_wrong_answer_is_found(server, header, body, shown):
    sample = parse("sample.md", REQUEST.format(header, body, shown))
    assert len(list(rankings(sample))) == 1
    with pytest.raises(AssertionError):
        test_requests_are_answered_as_shown(sample, server)


@pytest.mark.parametrize("text", ["`http://127.0.0.1:8080/metrics`", "http://127.0.0.1:8081/nothing",
                                  "    curl http://127.0.0.1:8081/v1/models/a/reload\n", "http://127.0.0.1:80/rank"])
def test_a_wrong_address_is_found(server, text):
    with pytest.raises(AssertionError):
        test_addresses_are_those_of_the_interface(parse("sample.md", text), server)
