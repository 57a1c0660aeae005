"""Checkpoints and model folders.

A checkpoint is a model folder whose file also holds what only training needs:
`training.tower.*` (the parts of the item table), `training.optimizer.*`, the
step, and later `contrast.*`. `export` drops those unless told to keep them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List

import torch

from .build import Bundle, Trainee, model_json
from .model import TRAINING_ONLY, load_model, pack_ids
from .reference import Reference
from .safetensors_file import load_file, save_file
from .stats import ALL
from .trainer import Trainer


def write_text(path: Path, text: str) -> None:
    """Write, flush to the disk, rename: a reader sees the old file or the new one, whole."""
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def served_tensors(trainee: Trainee) -> Dict[str, torch.Tensor]:
    """The contract's tensors: the model's, and the item table with everything static summed in."""
    with torch.no_grad():
        trainee.eval()
        tensors = {name: value.detach().clone() for name, value in trainee.model.state_dict().items()}
        tensors["items.embedding"] = trainee.tower(ALL).detach().clone()
        tensors["items.unknown"] = unknown_item(trainee)
    tensors.update(pack_ids([str(item) for item in range(len(tensors["items.embedding"]))]))
    return tensors


def unknown_item(trainee: Trainee) -> torch.Tensor:
    """What stands in for an item that the table lacks: the mean row of the table."""
    return trainee.tower(ALL).mean(0).detach().clone()


def write_checkpoint(trainer: Trainer, bundle: Bundle, folder: Path) -> None:
    """A whole training checkpoint as a model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = model_json(bundle.settings, bundle.columns)
    write_text(folder / "config.json", json.dumps(raw, indent=1, ensure_ascii=False) + "\n")
    save_file({**served_tensors(trainer.trainee), **trainer.state_tensors()}, folder / "model.safetensors")


def export(checkpoint: Path, out: Path, keep_training_tensors: bool = False) -> Dict[str, int]:
    """Copies a checkpoint to a model folder, without training-only tensors unless asked; returns tensor counts."""
    tensors = load_file(checkpoint / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items()
            if keep_training_tensors or not name.startswith(TRAINING_ONLY)}
    out.mkdir(parents=True, exist_ok=True)
    save_file(kept, out / "model.safetensors")
    write_text(out / "config.json", (checkpoint / "config.json").read_text(encoding="utf-8"))
    load_model(out)
    return {"written": len(kept), "dropped": len(tensors) - len(kept)}


def _round(value: Any) -> Any:
    """Keeps 10 significant digits of float64: far below any tolerance, and a smaller file."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {key: _round(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_round(item) for item in value]
    return value


def write_golden(folder: Path, requests: List[Dict[str, Any]]) -> None:
    """golden.jsonl: what this package answers in float64 from the folder's float32 weights."""
    reference = Reference(load_model(folder))
    lines = []
    for request in requests:
        answer = reference.score(request)
        lines.append(json.dumps({"request": request, "expected": _round(answer)}, ensure_ascii=False,
                                separators=(",", ":")))
    write_text(folder / "golden.jsonl", "\n".join(lines) + "\n")


def write_lines(path: Path, requests: List[Dict[str, Any]]) -> None:
    """Request bodies, one JSON object a line."""
    write_text(path, "".join(json.dumps(request, ensure_ascii=False, separators=(",", ":")) + "\n"
                             for request in requests))
