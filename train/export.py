"""Checkpoints and model folders.

A checkpoint is a model folder whose file also holds what only training needs:
`training.weights.*` (the raw weights, the item table's parts among them),
`training.average.*`, `training.optimizer.*`, the generators' states, and the
tasks' `contrast.*`. `export` drops those unless told to keep them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List

from .loop import Loop
from .model import TRAINING_ONLY, load_model
from .reference import Reference
from .safetensors_file import load_file, save_file


def write_text(path: Path, text: str) -> None:
    """Write, flush to the disk, rename: a reader sees the old file or the new one, whole."""
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def write_checkpoint(trainer: Loop, folder: Path) -> None:
    """A whole training checkpoint as a model folder: what is served, and all that the rest of the run depends on."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "config.json", json.dumps(trainer.config_json(), indent=1, ensure_ascii=False) + "\n")
    save_file({**trainer.served(), **trainer.state_tensors()}, folder / "model.safetensors")


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
