"""The shape that every error has: RFC 9457 application/problem+json."""

import re

STATUS_OF = {
    "malformed-json": 400, "malformed-http": 400, "unauthorized": 401, "forbidden": 403, "unknown-path": 404,
    "unknown-model": 404, "method-not-allowed": 405, "request-timeout": 408, "reload-failed": 409, "too-large": 413,
    "unsupported-media-type": 415, "invalid-request": 422, "overloaded": 429, "internal": 500, "not-ready": 503,
    "draining": 503, "deadline-exceeded": 504,
}
KEYS = {"type", "title", "status", "detail", "request_id", "errors", "offset"}
PREPARED = {413, 429, 503}


def check_problem(reply, status, code):
    """The reply is the problem `code`; returns its document."""
    assert reply.status == status, reply
    assert reply.headers["content-type"] == "application/problem+json", reply.headers
    document = reply.json
    assert set(document) <= KEYS, document
    assert {"type", "title", "status", "detail"} <= set(document), document
    assert document["type"] == f"urn:rankd:problem:{code}", document
    assert document["status"] == status, document
    assert STATUS_OF[code] == status
    assert isinstance(document["title"], str) and document["title"]
    assert isinstance(document["detail"], str) and "\n" not in document["detail"]
    if "request_id" in document:
        assert re.match(r"[A-Za-z0-9._-]{1,64}\Z", document["request_id"]), document
    assert ("offset" in document) == (code == "malformed-json"), document
    assert ("errors" in document) == (code == "invalid-request"), document
    if status in (429, 503):
        assert re.match(r"[1-9][0-9]*\Z", reply.headers["retry-after"]), reply.headers
    return document


def check_invalid(reply, pointer=None, header=None):
    """A 422 whose faults include the pointer (or the header's name); returns that fault's message."""
    document = check_problem(reply, 422, "invalid-request")
    faults = document["errors"]
    assert 1 <= len(faults) <= 16
    for fault in faults:
        assert set(fault) in ({"pointer", "message"}, {"header", "message"}), fault
        assert isinstance(fault["message"], str) and fault["message"]
    key, value = ("header", header) if header else ("pointer", pointer)
    found = [fault for fault in faults if (fault.get(key) or "").lower() == value.lower()] if header else \
        [fault for fault in faults if fault.get(key) == value]
    assert found, (key, value, faults)
    return found[0]["message"]
