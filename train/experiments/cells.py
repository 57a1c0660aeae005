"""Runs cells and keeps their results: <folder>/<row>-<seed>.json each. A finished cell is never run again.

Several processes may work on one folder (one a processor core, say): each takes a cell by making its `.claim`
file, and a claim whose process is gone is taken over.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from ..export import write_text

Run = Callable[[str, int], Dict[str, Any]]


def _alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def claim(path: Path) -> bool:
    """Takes a cell for this process; false if another one that is alive has it."""
    for _ in range(2):
        try:
            with open(path, "x", encoding="ascii") as stream:
                stream.write(str(os.getpid()))
            return True
        except FileExistsError:
            if _alive(path.read_text(encoding="ascii")):
                return False
            path.unlink(missing_ok=True)
    return False


def run_cells(folder: Path, cells: List[Tuple[str, int]], run: Run, log: Callable[[str], None] = print) -> int:
    """Runs every cell (row, seed) that has no result and that nobody else runs; returns how many were run."""
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for at, (row, seed) in enumerate(cells):
        result, taken = folder / f"{row}-{seed}.json", folder / f"{row}-{seed}.claim"
        if result.exists() or not claim(taken):
            continue
        log(f"cell {at + 1}/{len(cells)}: {row}, seed {seed}")
        try:
            if not result.exists():
                wall, used = time.time(), time.process_time()
                found = run(row, seed)
                found.update(row=row, seed=seed, minutes=(time.time() - wall) / 60,
                             cpu_minutes=(time.process_time() - used) / 60)
                write_text(result, json.dumps(found, indent=1) + "\n")
                done += 1
        finally:
            taken.unlink(missing_ok=True)
    return done


def results(folder: Path) -> Dict[str, List[Dict[str, Any]]]:
    """Finished cells by row, in order of their seeds."""
    found: Dict[str, List[Dict[str, Any]]] = {}
    for path in folder.glob("*.json"):
        cell = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(cell["row"], []).append(cell)
    return {row: sorted(cells, key=lambda cell: cell["seed"]) for row, cells in found.items()}
