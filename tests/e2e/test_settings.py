"""Settings: flags, environment, file, their precedence; what is wrong stops the start with `where: key: reason`."""

import json
import os
import re

import pytest

from support import models
from support.server import Server, run

DEFAULTS = {
    "models": "models", "listen": "127.0.0.1:8080", "admin": "127.0.0.1:8081", "budget_ms": 50, "queue_ms": 35,
    "max_body_bytes": 4 * 1024 * 1024, "max_candidates": 4096, "max_history_events": 1024, "max_connections": 1024,
    "watch_models": 0, "idle_timeout": 60, "request_timeout": 10, "drain_delay": 5, "drain_timeout": 20, "cpu": "auto",
    "sandbox": "auto", "log_level": "info", "access_log_sample": 0.01, "log_ids": False, "record_bodies": False,
}
RANGES = {
    "workers": (1, 256), "budget_ms": (1, 60000), "queue_ms": (1, 60000), "max_body_bytes": (1024, 64 * 1024 * 1024),
    "max_candidates": (1, 65536), "max_history_events": (1, 65536), "max_connections": (1, 65536),
    "watch_models": (0, 3600), "idle_timeout": (1, 3600), "request_timeout": (1, 3600), "drain_delay": (0, 3600),
    "drain_timeout": (0, 3600),
}


def flag(key):
    return "--" + key.replace("_", "-")


def variable(key):
    return "RANKD_" + key.upper()


def shown(*arguments, env=None):
    """The values in force."""
    done = run("serve", "--print-config", *arguments, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(*arguments, env=None):
    """The one line that says why it does not start."""
    done = run("serve", "--print-config", *arguments, env=env)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    lines = [line for line in done.stderr.split("\n") if line]
    assert len(lines) == 1, done.stderr
    return lines[0]


def config_file(tmp_path, content):
    path = tmp_path / "rankd.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_defaults():
    values = shown()
    assert {key: values[key] for key in DEFAULTS} == DEFAULTS
    assert values["workers"] == len(os.sched_getaffinity(0))


def test_print_config_is_a_config_file(tmp_path):
    values = shown("--budget-ms", 77, "--listen", "[::1]:9999", "--admin", "off", "--drain-delay", 0.25)
    path = config_file(tmp_path, values)
    assert shown("--config", path) == values


@pytest.mark.parametrize("key, value", [("budget_ms", 99), ("workers", 3), ("drain_delay", 1.5), ("cpu", "scalar"),
                                        ("listen", "0.0.0.0:9"), ("models", "/some/where"), ("default_model", "m.1"),
                                        ("log_level", "debug"), ("admin", "off"), ("max_candidates", 65536)])
def test_every_way_and_the_precedence(tmp_path, key, value):
    other = {"budget_ms": [7, 8], "workers": [7, 8], "drain_delay": [7, 8.25], "cpu": ["auto", "auto"],
             "log_level": ["warn", "error"], "admin": ["127.0.0.1:7", "127.0.0.1:8"]}.get(
                 key, ["127.0.0.1:7", "127.0.0.1:8"] if key == "listen" else
                 [7, 8] if key == "max_candidates" else ["seven", "eight"])
    path = config_file(tmp_path, {key: other[0]})
    assert shown(flag(key), value)[key] == value
    assert shown(f"{flag(key)}={value}")[key] == value
    assert shown(env={variable(key): str(value)})[key] == value
    assert shown("--config", config_file(tmp_path, {key: value}))[key] == value
    path = config_file(tmp_path, {key: other[0]})
    assert shown("--config", path, env={variable(key): str(other[1])})[key] == other[1]
    assert shown("--config", path, flag(key), value, env={variable(key): str(other[1])})[key] == value


@pytest.mark.parametrize("key", RANGES)
def test_ranges(tmp_path, key):
    low, high = RANGES[key]
    for value in (low, high):
        assert shown(flag(key), value)[key] == value
    for value in (low - 1, high + 1, "x", "", "1x", "nan", "99999999999999999999"):
        message = refused(f"{flag(key)}={value}")
        assert key in message or flag(key) in message
        assert re.search(rf"environment: {key}: |{variable(key)}", refused(env={variable(key): str(value)}))
    for value in (low - 1, high + 1, "x", True, [], None if key == "x" else {}):
        message = refused("--config", config_file(tmp_path, {key: value}))
        assert "rankd.json" in message and key in message


@pytest.mark.parametrize("value", ["fast", "AVX2", "", "sse"])
def test_unknown_words(value):
    assert "cpu" in refused(f"--cpu={value}")
    assert "log" in refused(f"--log-level={value}")
    assert "sandbox" in refused(f"--sandbox={value}")


@pytest.mark.parametrize("value", ["127.0.0.1", "127.0.0.1:65536", "127.0.0.1:x", ":::", "[::1]", "unix:", "off", "",
                                   "::1:80", "host name:80", "127.0.0.1:-1", "unix:" + "x" * 200])
def test_bad_addresses(value):
    assert "listen" in refused(f"--listen={value}")


@pytest.mark.parametrize("value", ["a/b", "..a/", "x" * 65, "a b", "ä"])
def test_bad_default_models(value):
    assert "default" in refused("--default-model", value)


@pytest.mark.parametrize("content, part", [
    ({"budgetms": 50}, "budgetms"), ({"Budget_ms": 50}, "Budget_ms"), ({"budget-ms": 50}, "budget-ms"),
    ("[]", "rankd.json"), ("", "rankd.json"), ("{", "rankd.json"), ('{"workers": 1, "workers": 2}', "rankd.json"),
    ('{"workers": 1} x', "rankd.json"), ({"workers": 1.5}, "workers"), ({"workers": "2"}, "workers"),
    ({"listen": 8080}, "listen"), ({"models": 1}, "models"), ({"drain_delay": "1"}, "drain_delay"),
    ({"cpu": 1}, "cpu")])
def test_bad_config_files(tmp_path, content, part):
    message = refused("--config", config_file(tmp_path, content))
    assert part in message and re.match(r"[^:]+: ", message.partition("rankd: ")[2] or message)


def test_missing_config_file(tmp_path):
    assert "nope.json" in refused("--config", tmp_path / "nope.json")
    assert refused("--config", tmp_path)
    assert refused("--config")


@pytest.mark.parametrize("arguments", [("--nope",), ("--budget-ms",), ("stray",), ("--Budget-ms", "5"), ("-w", "3"),
                                       ("--budget_ms", "5"), ("--budget", "5"), ("--", "x")])
def test_bad_command_lines(arguments):
    assert refused(*arguments)


def test_unknown_environment_keys_of_ours():
    assert "RANKD_BUDGETMS" in refused(env={"RANKD_BUDGETMS": "5"})


def test_foreign_environment_does_not_matter():
    assert shown(env={"RANK_BUDGET_MS": "5", "PATH": os.environ["PATH"]})["budget_ms"] == 50


@pytest.mark.parametrize("arguments, code", [((), 2), (("nope",), 2), (("inspect",), 2), (("validate",), 2),
                                             (("inspect", "a", "b"), 2), (("validate", "--nope", "a"), 2)])
def test_commands(arguments, code):
    done = run(*arguments)
    assert done.returncode == code and done.stderr


def test_help():
    done = run("serve", "--help")
    assert done.returncode == 0
    for key in [*DEFAULTS, "workers", "default_model", "admin_token_file"]:
        assert flag(key) in done.stdout, key


def test_the_config_file_serves(tmp_path):
    models.table_model(tmp_path / "models" / "t" / "1", {1: [0.0, 0.0]})
    path = config_file(tmp_path, {"models": str(tmp_path / "models"), "listen": "127.0.0.1:0", "admin": "127.0.0.1:0",
                                  "max_candidates": 2})
    with Server(None, "--config", path, listen=None, admin=None) as server:
        assert server.rank({"candidates": [1] * 2}).status == 200
        assert server.rank({"candidates": [1] * 3}).status == 413
