"""What the README shows is what the product does."""

import json
import re

import pytest

from support import models
from support.golden import is_close
from support.server import ROOT, Server

README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language, part):
    """The code block in that language which holds the part."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", README, re.S) if part in text]
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def server():
    with Server(models.BUNDLED.parents[1], "--budget-ms", 20000, "--queue-ms", 20000) as running:
        yield running


def request_of_readme():
    return json.loads(re.search(r"-d '(.*)'", block("sh", "curl"), re.S)[1])


def test_the_request_is_answered_as_shown(server):
    shown = json.loads(block("json", "request_id"))
    found = server.ranked(request_of_readme())
    assert [item["item"] for item in found["items"]] == [item["item"] for item in shown["items"]]
    for ours, theirs in zip(found.pop("items"), shown.pop("items")):
        assert is_close(ours["score"], theirs["score"], 1e-5)
    assert found == shown


def test_the_other_weight_brings_the_item_to_the_front(server):
    named = re.search(r'`("reward": .*?)` to weigh.*?here item\s+`(".*?")`', README, re.S)
    request = {**request_of_readme(), **json.loads("{" + named[1] + "}")}
    assert json.dumps(server.ranked(request)["items"][0]["item"]) == named[2]
