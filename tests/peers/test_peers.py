"""The reference model and what the rivals compute of it: the same scores as the model contract's reference path."""

import json

import numpy as np
import pytest
import torch

from bench.peers import bodies, reference_model
from bench.peers.graph import load_graph
from bench.peers.inputs import Counters, InputMaker
from train.model import load_model
from train.reference import Reference


@pytest.fixture(scope="module", name="folder")
def make_folder(tmp_path_factory):
    """A small reference model and its bodies."""
    root = tmp_path_factory.mktemp("peers")
    args = reference_model.parse_arguments(["--out", str(root / "reference" / "1"), "--items", "300"])
    ids = reference_model.write_model(args)
    maker = bodies.BodyMaker(ids, args.shares, 0, 5)
    bodies.write_bodies(root / "bodies.jsonl", [maker.body(20, 50) for _ in range(3)])
    return root


@pytest.fixture(scope="module", name="model")
def model_folder(folder):
    """The model's own folder."""
    return folder / "reference" / "1"


@pytest.fixture(scope="module", name="maker")
def make_maker(model):
    """From requests to inputs."""
    config = json.loads((model / "config.json").read_text())
    return InputMaker(config, np.array([int(name) for name in load_model(model).ids]))


def scores(graph, maker, body):
    """id -> score, as the graph computes it."""
    rows = [maker.row(item) for item in body["candidates"]]
    known = [(item, row) for item, row in zip(body["candidates"], rows) if row is not None]
    inputs, _ = maker.make(body.get("history") or [], [row for _, row in known],
                           (body.get("reward") or {}).get("weights"))
    found = graph(*(torch.from_numpy(array) for array in inputs))[0].tolist()
    return dict(zip([item for item, _ in known], found))


def expected_scores(model, body):
    """The same by the reference path, in float64."""
    answer = Reference(load_model(model)).score(body)
    return {item["item"]: item["score"] for item in answer["items"] if item["score"] is not None}


def test_golden_answers_of_every_history(model, maker):
    graph = load_graph(model, any_history=True)
    lengths = set()
    for line in (model / "golden.jsonl").read_text().splitlines():
        pair = json.loads(line)
        found = scores(graph, maker, pair["request"])
        lengths.add(len(pair["request"]["history"]))
        for item in pair["expected"]["items"]:
            assert found[item["item"]] == pytest.approx(item["score"], abs=1e-5)
    assert {0, 1, 50, 60} <= lengths


def test_graph_without_empty_histories_is_the_same(model, folder, maker):
    body = bodies.read_bodies(folder / "bodies.jsonl")[0]
    assert scores(load_graph(model), maker, body) == pytest.approx(scores(load_graph(model, True), maker, body))


def test_unknown_items_other_ids_and_weights(model, folder, maker):
    body = bodies.read_bodies(folder / "bodies.jsonl")[1]
    body["candidates"] = [body["candidates"][0], str(body["candidates"][1]), "no", 10 ** 12, "007"]
    body["history"][3]["item"] = "gone"
    body["history"][4]["item"] = str(body["history"][4]["item"])
    body["history"][5]["action"] = ["like", "never_heard_of"]
    body["reward"] = {"weights": {"click": 2.5, "hate": 0}}
    expected = expected_scores(model, body)
    assert len(expected) == 2
    assert scores(load_graph(model), maker, body) == pytest.approx(expected, abs=1e-5)
    assert maker.events(body["history"])[2] == Counters(used=49, unknown_items=1, unknown_actions=1)


def test_feedback_fills_up_with_implicit_events(maker):
    click, hate, short = (maker.actions[name] for name in ("click", "hate", "short_view"))
    actions = [{short}, {hate}, {click, short}, set(), {hate, short}] + [{short}] * 18
    positive, negative = maker.feedback(actions)
    assert positive == [2]
    assert negative == [1, 4, *range(5, 23)]
    assert maker.feedback([{hate}] * 25 + [{short}] * 5)[1] == list(range(5, 25))


def test_bodies_have_the_shares_that_were_asked_for(maker):
    shares = bodies.Shares(positive=0.5, negative=0.2, hate=0.1)
    history = bodies.BodyMaker(np.arange(1, 100), shares, 0, 3).history(50)
    _, actions, counters = maker.events(history)
    positive, negative = maker.feedback(actions)
    assert counters.used == 50
    assert len(positive) == 25
    assert len(negative) == 10
    assert sum(maker.actions["hate"] in found for found in actions) == 5


def test_full_bodies_fill_both_sets(folder, maker):
    for body in bodies.read_bodies(folder / "bodies.jsonl"):
        inputs, _ = maker.make(body["history"], [maker.row(item) for item in body["candidates"]])
        assert [len(array) for array in inputs] == [50, 50, 50, 20, 20, 6]


def test_the_same_seed_gives_the_same_weights(model, tmp_path):
    again = reference_model.parse_arguments(["--out", str(tmp_path / "1"), "--items", "300", "--golden", "0"])
    reference_model.write_model(again)
    assert (tmp_path / "1" / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


def test_scores_spread_like_a_trained_models(model, folder):
    found = [score for body in bodies.read_bodies(folder / "bodies.jsonl")
             for score in expected_scores(model, body).values()]
    assert 0.2 < np.std(found) < 1.0


def test_candidate_features(tmp_path):
    args = reference_model.parse_arguments(["--out", str(tmp_path / "1"), "--items", "50", "--features", "2"])
    ids = reference_model.write_model(args)
    body = bodies.BodyMaker(ids, args.shares, 2, 1).body(3, 5)
    assert all(set(candidate["features"]) == {"feature_0", "feature_1"} for candidate in body["candidates"])
    with pytest.raises(ValueError):
        load_graph(tmp_path / "1")
