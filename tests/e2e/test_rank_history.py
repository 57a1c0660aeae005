"""History: counters, unknown items and actions, the window, derived actions. Equivalent histories get equal items."""

import pytest

from support import models

ACTIONS = ("click", "like", "follow", "forward", "hate")


@pytest.fixture(scope="module")
def known():
    """Ids that sasrec_mlp knows."""
    tensors, _ = models.read_tensors(models.golden_folder("sasrec_mlp"))
    raw = tensors["items.ids"][2]
    return [int.from_bytes(raw[at:at + 8], "little") for at in range(0, len(raw), 8)]


def events(known, n, **fields):
    return [{"item": known[(7 * k) % len(known)], "action": ACTIONS[k % 5], **fields} for k in range(n)]


def ask(server, known, history, model="sasrec_mlp"):
    answer = server.ranked({"candidates": known[:20], "history": history, "explain": True}, f"/rank/{model}")
    return answer["items"], answer["history"]


def test_history_changes_scores(golden_server, known):
    assert ask(golden_server, known, [])[0] != ask(golden_server, known, events(known, 3))[0]


def test_absent_and_empty_history_are_equal(golden_server, known):
    absent = golden_server.ranked({"candidates": known[:20], "explain": True})
    items, counters = ask(golden_server, known, [])
    assert absent["items"] == items and absent["history"] == counters
    assert counters == {"used": 0, "unknown_items": 0, "unknown_actions": 0}


def test_order_matters(golden_server, known):
    history = events(known, 6)
    assert ask(golden_server, known, history)[0] != ask(golden_server, known, history[::-1])[0]


def test_last_max_history_events_remain(golden_server, known):
    history = events(known, 80)
    items, counters = ask(golden_server, known, history)
    assert counters["used"] == 50
    assert items == ask(golden_server, known, history[-50:])[0]
    assert items != ask(golden_server, known, history[-49:])[0]


def test_unknown_items_are_dropped_and_counted(golden_server, known):
    history = events(known, 6)
    mixed = history[:2] + [{"item": "nobody", "action": "click"}] + history[2:] + [{"item": 999999999999}]
    items, counters = ask(golden_server, known, mixed)
    assert counters == {"used": 6, "unknown_items": 2, "unknown_actions": 0}
    assert items == ask(golden_server, known, history)[0]


def test_unknown_actions_are_ignored_and_counted_each_mention(golden_server, known):
    history = [{"item": known[0], "action": ["click", "wave", "wave"]}, {"item": known[1], "action": "nod"},
               {"item": "nobody", "action": "nod"}]
    items, counters = ask(golden_server, known, history)
    assert counters == {"used": 2, "unknown_items": 1, "unknown_actions": 4}
    assert items == ask(golden_server, known, [{"item": known[0], "action": "click"}, {"item": known[1]}])[0]


def test_counters_look_at_every_event(golden_server, known):
    history = [{"item": "nobody", "action": "nod"}] * 3 + events(known, 60)
    _, counters = ask(golden_server, known, history)
    assert counters == {"used": 50, "unknown_items": 3, "unknown_actions": 3}


def test_forms_of_an_action(golden_server, known):
    same = [[{"item": known[3], "action": value}] for value in ("like", ["like"], ["like", "like"])]
    answers = [ask(golden_server, known, history) for history in same]
    assert answers[0] == answers[1] == answers[2]
    several = ask(golden_server, known, [{"item": known[3], "action": ["like", "click"]}])
    assert several == ask(golden_server, known, [{"item": known[3], "action": ["click", "like"]}])
    assert several[0] != answers[0][0]
    none = ask(golden_server, known, [{"item": known[3]}])
    assert none == ask(golden_server, known, [{"item": known[3], "action": []}])


def test_forms_of_an_item(golden_server, known):
    assert ask(golden_server, known, [{"item": known[3]}]) == ask(golden_server, known, [{"item": str(known[3])}])


def test_derived_actions(golden_server, known):
    """sasrec_mlp: short_view below 3000 ms, long_view from a ratio of 0.8."""
    def one(**fields):
        return ask(golden_server, known, [{"item": known[3], **fields}])[0]

    nothing = one()
    assert one(watch_ms=2999) == one(action="short_view")
    assert one(watch_ms=2999, action="short_view") == one(action="short_view")
    assert one(watch_ms=3000) == nothing
    assert one(watch_ms=8000, duration_ms=10000) == one(action="long_view") != nothing
    assert one(watch_ms=7999, duration_ms=10000) == nothing
    assert one(watch_ms=2500, duration_ms=2500) == one(action=["short_view", "long_view"])
    assert one(duration_ms=10000) == nothing
    assert one(watch_ms=5000, duration_ms=0) == nothing
    assert one(watch_ms=0, duration_ms=0) == one(action="short_view")


def test_timestamps_do_not_change_scores(golden_server, known):
    plain, stamped = events(known, 5), events(known, 5, timestamp=1650812741.5)
    assert ask(golden_server, known, plain) == ask(golden_server, known, stamped)


def close(found, expected):
    return found == expected or all(abs(found[name] - expected[name]) <= 1e-6 for name in expected)


@pytest.mark.parametrize("name", models.GOLDEN_SETS)
def test_candidates_do_not_see_one_another(golden_server, name):
    """A candidate's signals depend neither on the other candidates nor on its place."""
    line = models.golden_lines(models.golden_folder(name))[1]["request"]
    named = [candidate["item"] if isinstance(candidate, dict) else candidate for candidate in line["candidates"]]
    once = [k for k, item in enumerate(named) if [str(other) for other in named].count(str(item)) == 1]
    body = {"history": line["history"], "explain": True, "user": line.get("user")}

    def ask_signals(candidates):
        answer = golden_server.ranked({**body, "candidates": candidates}, f"/rank/{name}")
        return {str(item["item"]): item.get("signals") for item in answer["items"]}

    whole, turned = ask_signals(line["candidates"]), ask_signals(line["candidates"][::-1])
    for k in once:
        assert close(turned[str(named[k])], whole[str(named[k])])
    for k in (once[0], once[len(once) // 2], once[-1]):
        assert close(ask_signals([line["candidates"][k]])[str(named[k])], whole[str(named[k])])
