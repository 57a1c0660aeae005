"""Which model and which version answers: names, versions, links, fallback, the default model."""

import os

import pytest

from support import models
from support.problems import check_problem
from support.server import Server, run

ROWS = {1: [0.0, 0.0]}
ONE = {"candidates": [1]}


def make(folder, name, *numbers):
    for number in numbers:
        models.table_model(folder / name / str(number), ROWS)
    return folder


def truncate(path):
    os.truncate(path, path.stat().st_size - 1)


def test_highest_version_that_loads(tmp_path):
    folder = make(tmp_path / "models", "m", 2, 9, 10)
    with Server(folder) as server:
        assert server.ranked(ONE)["model"] == {"name": "m", "version": 10}


def test_broken_newest_falls_back(tmp_path):
    folder = make(tmp_path / "models", "m", 1, 2, 3)
    truncate(folder / "m" / "3" / "model.safetensors")
    (folder / "m" / "2" / "config.json").write_text("{}")
    with Server(folder) as server:
        assert server.ranked(ONE)["model"]["version"] == 1
        assert any("model.safetensors" in line for line in server.logs)
        assert any("config.json" in line for line in server.logs)


def test_none_that_loads_stops_the_start_with_the_reasons(tmp_path):
    folder = make(tmp_path / "models", "broken", 1, 2)
    make(folder, "good", 1)
    truncate(folder / "broken" / "1" / "model.safetensors")
    (folder / "broken" / "2" / "config.json").write_text("{}")
    done = run("serve", "--models", folder, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    assert done.returncode == 1 and "ready" not in done.stdout
    assert "broken" in done.stderr and "model.safetensors" in done.stderr and "config.json" in done.stderr


def test_other_entries_are_ignored(tmp_path):
    folder = make(tmp_path / "models", "m", 1)
    for name in ("02", "0", "x", "3x", "-4", "1.5", "+7", "99999999999999999999999"):
        models.table_model(folder / "m" / name, ROWS)
    for name in ("a b", "ä", "x" * 65, "a:b"):
        make(folder, name, 1)
    (folder / "m" / "9").write_text("a file")
    (folder / "README").write_text("a file")
    (folder / "lost+found").mkdir()
    with Server(folder) as server:
        assert server.ranked(ONE)["model"] == {"name": "m", "version": 1}


@pytest.mark.parametrize("name", ["a", "x" * 64, "A.b_c-9", "0"])
def test_good_names(tmp_path, name):
    with Server(make(tmp_path / "models", name, 1)) as server:
        assert server.ranked(ONE, f"/rank/{name}")["model"]["name"] == name


def test_links_are_followed(tmp_path):
    make(tmp_path / "store", "real", 1)
    folder = tmp_path / "models"
    (folder / "mounted").mkdir(parents=True)
    (folder / "linked").symlink_to(tmp_path / "store" / "real")
    (folder / "mounted" / "4").symlink_to(tmp_path / "store" / "real" / "1")
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    files = folder / "files" / "1"
    files.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (files / name).symlink_to(tmp_path / "store" / "real" / "1" / name)
    (tmp_path / "link").symlink_to(folder)
    with Server(tmp_path / "link") as server:
        for name, version in (("linked", 1), ("mounted", 4), ("files", 1)):
            assert server.ranked(ONE, f"/rank/{name}")["model"] == {"name": name, "version": version}


def test_the_name_in_the_config_is_a_note(tmp_path):
    models.table_model(tmp_path / "models" / "folder" / "1", ROWS, changes={"name": "another"})
    with Server(tmp_path / "models") as server:
        assert server.ranked(ONE)["model"]["name"] == "folder"
        assert server.rank(ONE, "/rank/another").status == 404


# the default model

@pytest.fixture(scope="module")
def several(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several") / "models"
    make(folder, "one", 1)
    return make(folder, "two", 2)


def test_several_models_without_a_default(several):
    with Server(several) as server:
        check_problem(server.rank(ONE), 404, "unknown-model")
        check_problem(server.rank(ONE, "/v1/rank"), 404, "unknown-model")
        assert server.ranked(ONE, "/rank/one")["model"]["name"] == "one"
        assert server.ranked({**ONE, "model": "two"})["model"]["name"] == "two"


def test_several_models_with_a_default(several):
    with Server(several, "--default-model", "two") as server:
        assert server.ranked(ONE)["model"] == {"name": "two", "version": 2}
        assert server.ranked({**ONE, "model": "one"})["model"]["name"] == "one"
        assert server.ranked(ONE, "/v1/rank/one")["model"]["name"] == "one"


def test_default_that_is_not_there(several):
    done = run("serve", "--models", several, "--default-model", "three", "--listen", "127.0.0.1:0", "--admin", "off")
    assert done.returncode == 1 and "three" in done.stderr


def test_a_single_model_needs_no_default(tmp_path):
    with Server(make(tmp_path / "models", "only", 1)) as server:
        assert server.ranked(ONE)["model"]["name"] == "only"
