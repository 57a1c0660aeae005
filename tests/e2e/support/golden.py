"""Comparison of an answer with golden.jsonl: item by item, matched by id as written, not by place."""

import json

TOLERANCE = 1e-4


def is_close(found, expected, tolerance=TOLERANCE):
    if expected is None or found is None:
        return found is None and expected is None
    return abs(found - expected) <= tolerance * max(1.0, abs(expected))


def check_item(found, expected, tolerance):
    for key, value in expected.items():
        if key in ("signals", "terms"):
            assert (found.get(key) is None) == (value is None), (key, found, expected)
            for name, number in (value or {}).items():
                assert is_close(found[key][name], number, tolerance), (key, name, found, expected)
        elif key == "score":
            assert is_close(found["score"], value, tolerance), (found, expected)
        else:
            assert found.get(key) == value, (key, found, expected)
    assert ("unknown" in found) == ("unknown" in expected), (found, expected)


def check_answer(found, expected, tolerance=TOLERANCE):
    """`found` may hold more items than `expected` lists (the request's top_k is left out)."""
    waiting = {}
    for item in found["items"]:
        waiting.setdefault(json.dumps(item["item"]), []).append(item)
    for item in expected["items"]:
        check_item(waiting[json.dumps(item["item"])].pop(0), item, tolerance)
    if "history" in expected:
        assert found["history"] == expected["history"]


def check_order(items):
    """Scores fall; those without a score come last."""
    scores = [item["score"] for item in items]
    known = [score for score in scores if score is not None]
    assert scores == sorted(known, reverse=True) + [None] * (len(scores) - len(known))


def without_top_k(request):
    return {key: value for key, value in request.items() if key != "top_k"}
