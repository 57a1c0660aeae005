"""Reward: explain, exact sums of terms, the request's weights, odds, rank fusion, scores that leave the floats."""

import json
import math

import pytest

from conftest import TABLE_ROWS
from support import models
from support.floats import f32, sum_f32
from support.problems import check_invalid
from support.server import Server

ADDITIVE = ["sasrec_mlp", "gru_dcn", "mean_mmoe", "odd_dims", "sasrec_post"]


def requests_of(name):
    return [line["request"] for line in models.golden_lines(models.golden_folder(name))]


@pytest.mark.parametrize("name", ADDITIVE + ["rank_fusion"])
def test_terms_add_up_to_the_score_exactly(golden_server, name):
    for request in requests_of(name):
        for item in golden_server.ranked({**request, "explain": True}, f"/rank/{name}")["items"]:
            if item["score"] is not None:
                assert sum_f32(map(f32, item["terms"].values())) == f32(item["score"])


@pytest.mark.parametrize("name", ADDITIVE)
def test_terms_are_weight_times_signal(golden_server, name):
    config = models.read_config(models.golden_folder(name))
    request = {**requests_of(name)[1], "explain": True, "reward": {"weights": {"like": 1.5}}}
    weights = {**config["reward"]["weights"], "like": 1.5}
    for item in golden_server.ranked(request, f"/rank/{name}")["items"]:
        if item["score"] is None:
            assert "signals" not in item and "terms" not in item
            continue
        assert list(item["signals"]) == config["signals"]
        assert list(item["terms"]) == [signal for signal in config["signals"] if signal in weights]
        for signal, term in item["terms"].items():
            assert math.isclose(term, weights[signal] * item["signals"][signal], rel_tol=1e-6, abs_tol=1e-12)


def test_without_explain_there_is_neither(golden_server):
    for flag in ({}, {"explain": False}):
        for item in golden_server.ranked({**requests_of("sasrec_mlp")[1], **flag, "explain": False})["items"]:
            assert set(item) <= {"item", "score", "unknown"}


def test_explain_does_not_change_scores(golden_server):
    request = requests_of("sasrec_mlp")[1]
    with_explain = golden_server.ranked({**request, "explain": True})["items"]
    without = golden_server.ranked({**request, "explain": False})["items"]
    assert [(item["item"], item["score"]) for item in with_explain] == [(i["item"], i["score"]) for i in without]


def test_weights_are_merged(table_server):
    def ask(weights):
        answer = table_server.ranked({"candidates": [2], "explain": True, "reward": {"weights": weights}})
        return answer["items"][0]

    plain = ask({})
    doubled = ask({"like": 2})
    assert doubled["signals"] == plain["signals"]
    assert doubled["terms"]["click"] == plain["terms"]["click"]
    assert f32(doubled["terms"]["like"]) == 2 * f32(plain["terms"]["like"])
    zero = ask({"like": 0})
    assert zero["terms"]["like"] == 0 and zero["score"] == plain["terms"]["click"]
    negative = ask({"like": -1, "click": -1e6})
    assert negative["score"] < 0


def test_weights_of_signals_that_the_model_does_not_weigh(tmp_path):
    reward = {"type": "additive", "weights": {"click": 1.0}}
    models.table_model(tmp_path / "models" / "t" / "1", {1: [1.0, 2.0]}, reward=reward)
    with Server(tmp_path / "models") as server:
        item = server.ranked({"candidates": [1], "explain": True})["items"][0]
        assert list(item["terms"]) == ["click"] and list(item["signals"]) == ["click", "like"]
        item = server.ranked({"candidates": [1], "explain": True, "reward": {"weights": {"like": 1}}})["items"][0]
        assert list(item["terms"]) == ["click", "like"]
        assert item["terms"] == item["signals"]


def test_unknown_signal_lists_the_known_ones(table_server):
    reply = table_server.rank({"candidates": [1], "reward": {"weights": {"clap": 1}}})
    message = check_invalid(reply, "/reward/weights/clap") + reply.json["detail"]
    assert "click" in message and "like" in message


@pytest.mark.parametrize("value, good", [(1e6, True), (-1e6, True), (0, True), (-0.0, True), (1000000.5, False),
                                         (-2e6, False), (1e39, False), ("1", False), (True, False), ([], False)])
def test_weights_have_limits(table_server, value, good):
    reply = table_server.rank({"candidates": [1], "reward": {"weights": {"like": value}}})
    if good:
        assert reply.status == 200
    else:
        check_invalid(reply, "/reward/weights/like")


def test_sigmoids_of_written_logits(table_server):
    for item in table_server.ranked({"candidates": [1, 2, 3, 4, 12], "explain": True})["items"]:
        for logit, signal in zip(TABLE_ROWS[item["item"]], ("click", "like")):
            assert abs(item["signals"][signal] - 1 / (1 + math.exp(-logit))) <= 1e-6


# odds

@pytest.fixture(scope="module")
def odds_server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odds") / "models"
    vectors = {k: [float(logit)] for k, logit in enumerate((0, 1, -1, 29, 30, 31, 80, -30, -31, -90, 20, 21))}
    models.dot_model(folder / "odds" / "1", vectors, [1.0])
    with Server(folder) as server:
        yield server


def test_odds_is_exp_of_the_clamped_logit(odds_server):
    answer = odds_server.ranked({"candidates": list(range(12)), "explain": True})
    logits = [0, 1, -1, 29, 30, 31, 80, -30, -31, -90, 20, 21]
    for item in answer["items"]:
        expected = math.exp(max(-30, min(30, logits[item["item"]])))
        assert math.isclose(item["score"], expected, rel_tol=1e-5), item
        assert item["terms"] == {"next": item["score"]}


def test_odds_order_is_by_the_logit(odds_server):
    """Equal scores of clamped logits keep the request's order; p saturates earlier, the order does not."""
    answer = odds_server.ranked({"candidates": [10, 11, 3, 4]})
    assert [item["item"] for item in answer["items"]] == [4, 3, 11, 10]


def test_odds_has_no_weights_to_override(odds_server, golden_server):
    check_invalid(odds_server.rank({"candidates": [1], "reward": {"weights": {"next": 1}}}), "/reward/weights/next")
    request = {**requests_of("odds_reward")[1], "reward": {"weights": {"click": 2}}}
    check_invalid(golden_server.rank(request, "/rank/odds_reward"), "/reward/weights/click")


# rank fusion

def test_rank_fusion_counts_greater_logits(tmp_path):
    reward = {"type": "rank", "rank_offset": 1, "weights": {"click": 1.0, "like": 2.0}}
    rows = {1: [0.0, 3.0], 2: [1.0, 2.0], 3: [1.0, 1.0], 4: [-1.0, 3.0]}
    models.table_model(tmp_path / "models" / "r" / "1", rows, reward=reward)
    with Server(tmp_path / "models") as server:
        answer = server.ranked({"candidates": [1, 2, 99, 3, 4, 1], "explain": True})
        terms = {item["item"]: item["terms"] for item in answer["items"] if item["score"] is not None}
        ranks = {1: (3, 1), 2: (1, 4), 3: (1, 5), 4: (5, 1)}
        for item, (click, like) in ranks.items():
            assert math.isclose(terms[item]["click"], 1 / (1 + click), rel_tol=1e-6)
            assert math.isclose(terms[item]["like"], 2 / (1 + like), rel_tol=1e-6)


def test_weights_override_rank_fusion(golden_server):
    request = requests_of("rank_fusion")[1]
    body = {**request, "explain": True, "reward": {"weights": {"hate": 0, "follow": 3}}}
    terms = golden_server.ranked(body, "/rank/rank_fusion")["items"][0]["terms"]
    assert list(terms) == ["click", "like", "follow", "hate"] and terms["hate"] == 0


# scores that leave the floats

def test_overflow_of_the_sum_is_not_a_score(tmp_path):
    reward = {"type": "additive", "weights": {"click": 3e38, "like": 3e38}}
    rows = {1: [20.0, 20.0], 2: [0.0, -20.0], 3: [20.0, 20.0], 4: [-1.0, -20.0]}
    models.table_model(tmp_path / "models" / "big" / "1", rows, reward=reward)
    with Server(tmp_path / "models") as server:
        reply = server.rank({"candidates": [1, 2, "x", 3, 4], "explain": True})
        assert reply.status == 200
        json.loads(reply.body, parse_constant=lambda token: pytest.fail(token))
        items = reply.json["items"]
        assert [item["item"] for item in items] == [2, 4, 1, "x", 3]
        for item in (items[2], items[4]):
            assert item == {"item": item["item"], "score": None, "error": "nonfinite"}
        assert items[3] == {"item": "x", "score": None, "unknown": True}
        assert "rankd_nonfinite_scores_total 2\n" in server.admin_get("/metrics").body.decode()


def test_nan_logits_are_not_scores(tmp_path):
    models.dot_model(tmp_path / "models" / "nan" / "1", {1: [3e38, 3e38], 2: [1e-38, 0.0]}, [3e38, -3e38])
    with Server(tmp_path / "models") as server:
        items = server.ranked({"candidates": [1, 2]})["items"]
        assert items[0]["item"] == 2 and items[0]["score"] is not None
        assert items[1] == {"item": 1, "score": None, "error": "nonfinite"}
