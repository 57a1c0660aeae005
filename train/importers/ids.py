"""The items' external ids, which a checkpoint does not hold: from JSON, or from the data set that RecBole saved."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from pathlib import Path
from typing import Any, List, Optional

from .checkpoint import CheckpointError, InertUnpickler

PICKLE_START = b"\x80"
ZIP_START = b"PK"


def read_ids(path: Optional[Path], rows: int) -> List[str]:
    """External ids of rows 1 … `rows`.

    The file is RecBole's data set (written with `save_dataset: True`), or JSON: a list in the order of rows, the
    padding's first, or an object {id: row}. Without a file an item's id is its row.
    """
    if path is None:
        return [str(row) for row in range(1, rows + 1)]
    found = _read_file(path)
    if isinstance(found, dict):
        by_row = {row: token for token, row in found.items()}
        found = [by_row.get(row) for row in range(rows + 1)]
    if not isinstance(found, list) or len(found) != rows + 1:
        size = len(found) if isinstance(found, list) else type(found).__name__
        raise CheckpointError(f"{path}: expected {rows + 1} ids, the padding's first, found {size}")
    ids = found[1:]
    wrong = [row for row, token in enumerate(ids, 1) if type(token) not in (str, int) or token == ""]
    if wrong:
        raise CheckpointError(f"{path}: expected a string or an integer for row {wrong[0]}, "
                              f"found {ids[wrong[0] - 1]!r}")
    ids = [str(token) for token in ids]
    token, times = Counter(ids).most_common(1)[0]
    if times > 1:
        raise CheckpointError(f"{path}: expected every id once, found {token!r} {times} times")
    return ids


def _read_file(path: Path) -> Any:
    raw = path.read_bytes()
    if raw.startswith(PICKLE_START):
        return _recbole_tokens(path)
    try:
        if raw.startswith(ZIP_START):
            raise ValueError("it looks like a checkpoint, which holds no ids")
        return json.loads(raw)
    except ValueError as error:
        raise CheckpointError(f"{path}: expected JSON or a data set that RecBole saved: {error}") from None


def _strings(dtype: Any, raw: Any) -> List[str]:
    """The elements of a NumPy array of little-endian strings (dtype `<U`): UTF-32, filled up with NUL."""
    order, width = dtype.state[1], dtype.state[5]
    if order != "<" or width <= 0 or len(raw) % width:
        raise ValueError("tokens of another kind than NumPy's strings")
    return [raw[at:at + width].decode("utf-32-le").rstrip("\0") for at in range(0, len(raw), width)]


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    """In place of NumPy's: a string, or nothing for a number."""
    return _strings(dtype, raw)[0] if dtype.state[5] > 0 and raw else None


class _DatasetUnpickler(InertUnpickler):
    """Of NumPy's objects it makes single strings alone: RecBole's fields and tokens are such keys."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        if module_name.startswith("numpy.") and global_name == "scalar":
            return _scalar
        return super().find_class(module_name, global_name)


def _recbole_tokens(path: Path) -> List[str]:
    """`field2id_token[iid_field]` of a pickled recbole.data.dataset.Dataset, of which nothing is run."""
    try:
        with path.open("rb") as stream:
            dataset = _DatasetUnpickler(stream).load()
        _, _, dtype, _, raw = dataset.state["field2id_token"][dataset.state["iid_field"]].state
        return _strings(dtype, raw)
    except (pickle.UnpicklingError, AttributeError, EOFError, ImportError, IndexError, KeyError, TypeError,
            ValueError) as error:
        raise CheckpointError(f"{path}: not a data set that RecBole saved ({error})") from None
