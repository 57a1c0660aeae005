"""GET /openapi.json: it names what the server answers, and each of its examples is answered as it says."""

import re

import pytest

from support import models, wire
from support.golden import is_close
from support.problems import STATUS_OF
from support.server import ROOT, Server

METHODS = {"get", "post", "head", "options"}


@pytest.fixture(scope="module")
def server():
    with Server("models", "--budget-ms", 20000, "--queue-ms", 20000, "--max-candidates", 600, cwd=ROOT) as running:
        yield running


@pytest.fixture(scope="module")
def document(server):
    reply = server.admin_get("/openapi.json")
    assert reply.status == 200 and reply.headers["content-type"] == "application/json"
    return reply.json


def address(server, operation_path, document):
    """The port of the path's first server."""
    url = document["paths"][operation_path]["servers"][0]["url"]
    return next(port for port in (server.data, server.admin) if url == f"http://{port[0]}:{port[1]}")


def find(document, reference):
    node = document
    for key in reference.removeprefix("#/").split("/"):
        node = node[key]
    return node


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_it_is_whole(document):
    assert document["openapi"] == "3.1.0"
    assert [server["description"] for server in document["servers"]] == ["data port", "admin port"]
    used = set(references(document))
    for reference in used:
        find(document, reference)
    for kind in ("examples", "parameters", "headers"):
        for name in document["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, (kind, name)


def test_it_is_on_the_admin_port_only(server):
    assert server.get("/openapi.json").status == 404


def test_every_path_and_method_of_it_is_answered(server, document):
    for path, item in document["paths"].items():
        for port in item["servers"]:
            at = next(port_at for port_at in (server.data, server.admin) if port["url"].endswith(f":{port_at[1]}"))
            allow = wire.request(at, "OPTIONS", path.replace("{model}", "kuairand")).headers["allow"]
            assert {method.strip().lower() for method in allow.split(",")} == METHODS & set(item), path
        for method in METHODS & set(item):
            assert str(200 if method != "options" else 204) in item[method]["responses"]


def test_its_problems_are_those_of_the_server(document):
    types = document["components"]["schemas"]["ProblemType"]["enum"]
    assert types == [f"urn:rankd:problem:{code}" for code in sorted(STATUS_OF, key=lambda code: types.index(
        f"urn:rankd:problem:{code}"))] and len(types) == len(STATUS_OF)
    assert set(document["components"]["responses"]) == {str(status) for status in STATUS_OF.values()} | {
        "414", "431", "505"}


def test_limits_are_those_in_force(server, document):
    request = document["components"]["schemas"]["RankRequest"]
    most = request["properties"]["candidates"]["maxItems"]
    assert most == 600 and request["required"] == ["candidates"]
    assert server.rank({"candidates": [1] * most}).status == 200
    assert server.rank({"candidates": [1] * (most + 1)}).status == 413


def test_members_are_those_that_are_taken(server, document):
    schemas = document["components"]["schemas"]

    def body(schema, key):
        return {"RankRequest": {"candidates": [1], key: None}, "Candidate": {"candidates": [{"item": 1, key: None}]},
                "Event": {"candidates": [1], "history": [{"item": 1, key: None}]},
                "User": {"candidates": [1], "user": {key: None}},
                "Reward": {"candidates": [1], "reward": {key: None}}}[schema]

    for schema in ("RankRequest", "Candidate", "Event", "User", "Reward"):
        for key in schemas[schema]["properties"]:
            expected = 422 if key in schemas[schema].get("required", ()) else 200
            assert server.rank(body(schema, key)).status == expected, (schema, key)
        assert server.rank(body(schema, "nothing")).status == 422
        assert schemas[schema]["additionalProperties"] is False


def test_settings_are_those_of_the_table(document):
    settings = document["components"]["schemas"]["Settings"]["properties"]
    assert settings["budget_ms"]["type"] == "integer" and settings["budget_ms"]["default"] == 50
    assert settings["cpu"]["enum"] == ["auto", "scalar", "avx2", "avx512", "amx"]
    text = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8").partition("## Start and logs")[0]
    assert set(settings) == set(re.findall(r"`([a-z_]+)`", "".join(
        line.split("|")[1] for line in text.split("\n") if line.startswith("| `"))))


def check_close(found, expected):
    if isinstance(expected, dict):
        assert set(expected) <= set(found) <= set(expected) | {"request_id"}, (found, expected)
        for key, value in expected.items():
            check_close(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected), (found, expected)
        for one, other in zip(found, expected):
            check_close(one, other)
    elif isinstance(expected, float):
        assert is_close(found, expected), (found, expected)
    else:
        assert found == expected and isinstance(found, type(expected)), (found, expected)


def test_examples_are_answered_as_they_say(server, document):
    sent = set()
    for path, item in document["paths"].items():
        operation = item.get("post") or item["get"]
        requests = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
        answers = {name: (int(status), reference["$ref"]) for status, response in operation["responses"].items()
                   for content in response.get("content", {}).values()
                   for name, reference in content.get("examples", {}).items()}
        assert not requests or set(requests) == set(answers)
        for name, (status, answer) in answers.items():
            request = find(document, requests[name]["$ref"])["value"] if requests else None
            reply = wire.request(address(server, path, document), "POST" if requests else "GET",
                                 path.replace("{model}", "kuairand"), request)
            assert reply.status == status, (path, name, reply)
            check_close(reply.json, find(document, answer)["value"])
            sent |= {answer, requests[name]["$ref"]} if requests else {answer}
    assert {f"#/components/examples/{name}" for name in document["components"]["examples"]} == sent
    assert len(sent) >= 8 and models.BUNDLED.exists()
