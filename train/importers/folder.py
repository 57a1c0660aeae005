"""Writes an imported model as a model folder, with golden answers from the original's scores, and checks it.

The folder is made beside its place and renamed when it is whole and right, so a server that watches the place never
sees a part of it.
"""

from __future__ import annotations

import json
import math
import random
import re
import shutil
from pathlib import Path
from typing import Any, Dict, List, Tuple

import torch

from ..export import write_lines, write_text
from ..model import load_model, pack_ids
from ..reference import Reference
from ..safetensors_file import save_file
from .checkpoint import CheckpointError
from .imported import SIGNAL, Imported

LARGEST_LOGIT = 30.0
SAME_SCORE = 1e-3  # float32 of other code against float64, relative to max(1, score)
GOLDEN_CANDIDATES = 20
SHORT_HISTORIES = 10
SEED = 1
# Rows of the history, rows of the candidates, the original's logits of these.
Case = Tuple[List[int], List[int], List[float]]


def _request(history: List[int], candidates: List[int], ids: List[str]) -> Dict[str, Any]:
    return {"history": [{"item": ids[row - 1]} for row in history],
            "candidates": [ids[row - 1] for row in candidates], "explain": True}


def _answer(history: List[int], candidates: List[int], logits: List[float], ids: List[str]) -> Dict[str, Any]:
    """A line of golden.jsonl from the original's logits of the candidates."""
    items = []
    for at in sorted(range(len(candidates)), key=lambda place: -logits[place]):
        logit = logits[at]
        items.append({"item": ids[candidates[at] - 1],
                      "score": math.exp(max(-LARGEST_LOGIT, min(LARGEST_LOGIT, logit))),
                      "signals": {SIGNAL: 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0}})
    return {"request": _request(history, candidates, ids), "expected": {"items": items}}


def made_up(model: Imported) -> List[Case]:
    """Random histories of many lengths, those that are exact; half of the candidates are the original's best."""
    chance, rows = random.Random(SEED), len(model.tensors["items.embedding"])
    longest = model.config["encoder"]["max_history"]
    lengths = sorted({length for length in (1, 2, 3, 5, longest // 2, longest - 1, longest, longest + 3)
                      if length >= model.shortest_exact})
    cases = []
    for length in lengths * 2:
        history = [chance.randint(1, rows) for _ in range(length)]
        logits = model.original(history)
        best = (logits[1:].topk(min(rows, GOLDEN_CANDIDATES // 2)).indices + 1).tolist()
        others = chance.sample(range(1, rows + 1), min(rows, GOLDEN_CANDIDATES))
        candidates = list(dict.fromkeys(best + others))[:GOLDEN_CANDIDATES]
        cases.append((history, candidates, logits[candidates].tolist()))
    return cases


def read_scores(path: Path, model: Imported, ids: List[str]) -> Tuple[List[Case], float]:
    """The original code's own scores: lines {"history": [id, …], "candidates": [id, …], "scores": [number, …]}.

    They must be what the importer computes by the original's formulas; if not, a flag or the kind of model is wrong.
    Returns all lines and their largest difference from the formulas.
    """
    rows, cases, worst = {token: row for row, token in enumerate(ids, 1)}, [], 0.0
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            case = json.loads(line)
            history, candidates = ([rows[str(token)] for token in case[key]] for key in ("history", "candidates"))
            scores = [float(score) for score in case["scores"]]
        except KeyError as error:
            raise CheckpointError(f"{path}: line {number}: {error.args[0]!r} is missing or no known id") from None
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{path}: line {number}: expected an object of two lists of ids and one of scores "
                                  f"({error})") from None
        if not history or len(scores) != len(candidates):
            raise CheckpointError(f"{path}: line {number}: expected a history and a score for every candidate")
        ours = model.original(history)[candidates].tolist()
        for token, wanted, found in zip(case["candidates"], scores, ours):
            worst = max(worst, abs(wanted - found))
            if not abs(wanted - found) <= SAME_SCORE * max(1.0, abs(wanted)):
                raise CheckpointError(f"{path}: line {number}: item {token}: the original's score is {wanted:.6g}, "
                                      f"these tensors and flags give {found:.6g}; is a flag wrong?")
        cases.append((history, candidates, scores))
    if not cases:
        raise CheckpointError(f"{path}: expected a line of scores at least, found none")
    return cases, worst


def write_folder(model: Imported, ids: List[str], out: Path, cases: List[Case]) -> float:
    """Writes `out`, which must not be there yet; returns the golden answers' largest difference of a logit."""
    name, version = out.absolute().parts[-2:]
    if not re.fullmatch("[A-Za-z0-9._-]{1,64}", name) or not re.fullmatch("[1-9][0-9]*", version):
        raise CheckpointError(f"{out}: expected a folder NAME/VERSION, the name of [A-Za-z0-9._-], the version a "
                              "number from 1 on")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CheckpointError(f"{out}: is there already; a version is not changed, give the next number")
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    tensors = {name: tensor.float().contiguous() for name, tensor in model.tensors.items()}
    save_file({**tensors, **pack_ids(ids)}, part / "model.safetensors")
    write_text(part / "config.json", json.dumps(model.config, indent=1, ensure_ascii=False) + "\n")
    answers = [_answer(*case, ids) for case in cases]
    write_lines(part / "golden.jsonl", answers)
    write_lines(part / "warmup.jsonl", [answer["request"] for answer in answers[:4]])
    try:
        worst = _check(part, cases, ids)
        if out.exists():
            out.rmdir()
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return worst


def _check(folder: Path, cases: List[Case], ids: List[str]) -> float:
    """The largest difference between the golden logits and the contract's reference; refuses one above tolerance."""
    reference, worst = Reference(load_model(folder)), 0.0
    for history, candidates, logits in cases:
        with torch.no_grad():
            found = reference.model(reference.batch(_request(history, candidates, ids))[0])[:, 0]
        worst = max(worst, (found - torch.tensor(logits, dtype=torch.float64)).abs().max().item())
    if worst > reference.config.golden_tolerance:
        raise CheckpointError(f"{folder}: the converted model differs from the original's scores by {worst:.3g}")
    return worst


def _all_logits(reference: Reference, history: List[int], ids: List[str]) -> torch.Tensor:
    """u · e of every item, [V], of a model that has no `ranker.bias`."""
    with torch.no_grad():
        _, user = reference.model.encode(reference.batch(_request(history, history[:1], ids))[0])
        return reference.model.items.embedding @ user[0]


def short_histories(model: Imported, folder: Path, ids: List[str]) -> List[Tuple[int, float, float]]:
    """For lengths below `shortest_exact`: (length, largest difference of a logit, how many of the top 10 agree).

    Over random histories, against the original with its padding and all items as candidates.
    """
    reference, chance, rows, found = Reference(load_model(folder)), random.Random(SEED), len(ids), []
    for length in sorted({max(1, model.shortest_exact * share // 4) for share in (1, 2, 3)} - {model.shortest_exact}):
        worst, common = 0.0, 0
        for _ in range(SHORT_HISTORIES):
            history = [chance.randint(1, rows) for _ in range(length)]
            ours, theirs = _all_logits(reference, history, ids), model.original(history)[1:]
            worst = max(worst, (ours - theirs).abs().max().item())
            top = [set(logits.topk(min(10, rows)).indices.tolist()) for logits in (ours, theirs)]
            common += len(top[0] & top[1])
        found.append((length, worst, common / SHORT_HISTORIES))
    return found
