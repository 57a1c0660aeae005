"""Imported models, and the ranker that docs/bring-your-own-model.md exports, serve what the original scores."""

import json
import os
import re
import subprocess
import sys

import pytest

from support import models
from support.golden import check_answer, is_close
from support.server import ROOT, Server, run

DOCUMENT = (ROOT / "docs" / "bring-your-own-model.md").read_text(encoding="utf-8")
NAMES = ["sasrec-gelu", "sasrec-relu", "sasrec-swish", "gru-wide", "gru-square", "gru-narrow", "port-2020",
         "port-query", "port-post", "port-pre"]


def python(cwd, *arguments):
    """Runs Python with `train` importable, as in the root of the repository."""
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imported")
    python(folder, ROOT / "tests" / "train" / "importer_cases.py", folder)
    return folder


def test_every_case_is_tried(imported):
    assert sorted(path.name for path in imported.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_imported_model_is_valid(imported, name):
    done = run("validate", imported / name / "model" / "1")
    assert done.returncode == 0, done.stderr
    assert re.search(r"golden [1-9]\d* requests", done.stdout), done.stdout


@pytest.mark.parametrize("name", ["sasrec-gelu", "gru-narrow", "port-query"])
def test_imported_model_ranks_as_the_original(imported, name):
    folder = imported / name
    with Server(folder, "--budget-ms", 20000, "--queue-ms", 20000) as server:
        for line in models.golden_lines(folder / "model" / "1"):
            answer = server.ranked(line["request"])
            check_answer(answer, line["expected"])
            assert [item["item"] for item in answer["items"]] == [item["item"] for item in line["expected"]["items"]]


# the document's own ranker

def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.S)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """my_ranker.py and export_my_ranker.py as they stand in the document, run."""
    folder = tmp_path_factory.mktemp("own")
    for text in blocks("python"):
        named = re.match(r"# (\w+\.py)", text)
        if named and "my_ranker" in named[1]:
            (folder / named[1]).write_text(text, encoding="utf-8")
    assert sorted(path.name for path in folder.iterdir()) == ["export_my_ranker.py", "my_ranker.py"]
    python(folder, "export_my_ranker.py")
    return folder / "my-models"


def test_the_document_s_ranker_is_valid(exported):
    done = run("validate", exported / "mine" / "1")
    assert done.returncode == 0, done.stderr
    assert "golden 4 requests" in done.stdout


def test_the_document_s_request_is_answered_as_shown(exported):
    request = next(found[1] for found in (re.search(r"-d '(.*)'", text, re.S) for text in blocks("sh"))
                   if "mine-1" in found[1])
    (shown,) = [json.loads(text) for text in blocks("json")]
    with Server(exported, "--budget-ms", 20000, "--queue-ms", 20000) as server:
        found = server.ranked(json.loads(request))
    assert [item["item"] for item in found["items"]] == [item["item"] for item in shown["items"]]
    for ours, theirs in zip(found.pop("items"), shown.pop("items")):
        assert is_close(ours["score"], theirs["score"], 1e-5)
    assert found == shown


@pytest.mark.parametrize("text", blocks("python"), ids=range(len(blocks("python"))))
def test_the_document_s_code_is_python(text):
    compile(text, "bring-your-own-model.md", "exec")


def test_the_document_names_every_flag():
    done = [subprocess.run([sys.executable, "-m", "train", "import", kind, "--help"], cwd=ROOT, capture_output=True,
                           text=True, check=True, timeout=120).stdout
            for kind in ("recbole-sasrec", "recbole-gru4rec", "pmixer-sasrec")]
    flags = set(re.findall(r"--[a-z-]+", " ".join(done))) - {"--help"}
    assert len(flags) >= 8
    for flag in sorted(flags):
        assert f"`{flag}" in DOCUMENT or f" {flag} " in DOCUMENT, flag
