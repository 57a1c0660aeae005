"""The bundled model with requests whose answers PyTorch computed in float64 (its golden.jsonl), and a second version of
it, whose answers follow from the same signals: its reward weighs them otherwise."""

import json
import shutil

from support import models, wire
from support.golden import check_answer

NAME = models.BUNDLED.parent.name
OTHER_WEIGHTS = {"click": 1.0, "long_view": 0.25, "like": 4.0, "hate": -2.0}


def link(folder):
    """A models folder with version 1 only."""
    (folder / NAME).mkdir(parents=True)
    (folder / NAME / "1").symlink_to(models.BUNDLED, target_is_directory=True)
    return folder


def weighted(line):
    """A golden line as version 2 has to answer it."""
    request, items = line["request"], []
    weights = {**OTHER_WEIGHTS, **(request.get("reward") or {}).get("weights", {})}
    for item in line["expected"]["items"]:
        terms = {name: weight * item["signals"][name] for name, weight in weights.items()}
        items.append({**item, "terms": terms, "score": sum(terms.values())})
    return {"request": request, "expected": {**line["expected"], "items": items}}


def plain_lines():
    """Golden lines that list every candidate with its signals."""
    return [line for line in models.golden_lines(models.BUNDLED)
            if "top_k" not in line["request"] and all("signals" in item for item in line["expected"]["items"])]


def copy_two(folder):
    """Versions 1 and 2 as files of our own; both have golden answers. Returns the folder."""
    for version in (1, 2):
        target = folder / NAME / str(version)
        shutil.copytree(models.BUNDLED, target)
    config = models.read_config(target)
    models.write_config(target, {**config, "reward": {"type": "additive", "weights": OTHER_WEIGHTS}})
    models.write_lines(target / "golden.jsonl", [weighted(line) for line in plain_lines()])
    return folder


def ask(server, body):
    """A whole answer; a machine under load may need some tries."""
    for _ in range(100):
        reply = server.rank(body)
        if reply.status == 200 and reply.json["degraded"] is None:
            return reply
        assert reply.status in (200, 429, 504), reply
    raise AssertionError(reply)


class Exchanges:
    """Requests, and the bytes that each version answers: asked once, checked against the float64 reference."""

    def __init__(self, candidates):
        """`candidates`: about how many each request has; golden candidates repeat until there are as many."""
        self.lines = plain_lines()
        self.bodies, self.expected = [], {}
        for number, line in enumerate(self.lines):
            own = line["request"]["candidates"]
            request = {key: value for key, value in line["request"].items() if key != "explain"}
            times = max(1, candidates // len(own))
            self.bodies.append({**request, "candidates": own * times, "request_id": f"c{number}"})
        self.requests = [wire.post_bytes(json.dumps(body).encode()) for body in self.bodies]

    def learn(self, server, version):
        """Asks the server, which has to serve that version."""
        answers = []
        for line, body in zip(self.lines, self.bodies):
            line = weighted(line) if version == 2 else line
            reply = ask(server, body)
            assert reply.json["model"] == {"name": NAME, "version": version}, reply.json["model"]
            times = len(body["candidates"]) // len(line["request"]["candidates"])
            bare = [{key: value for key, value in item.items() if key not in ("signals", "terms")}
                    for item in line["expected"]["items"]]
            check_answer(reply.json, {**line["expected"], "items": bare * times})
            answers.append(reply.body)
        self.expected[version] = answers
        return self
