"""Reads PyTorch checkpoints without running anything that is in them.

torch.save writes a ZIP file: NAME/data.pkl, a pickle, and NAME/data/KEY, the bytes of storage KEY. A pickle may call
any function when it is read, and `weights_only` refuses those of RecBole's trainer, which pickles its whole
configuration beside the weights. So the pickle is read here: tensors and plain containers are made, an object of any
other class turns into an inert `Opaque` that holds its state, and its package need not be there.
"""

from __future__ import annotations

import collections
import pickle
import zipfile
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

import torch

from ..safetensors_file import load_file

State = Dict[str, torch.Tensor]
_STORAGES = {"DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
             "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
             "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
             "BoolStorage": torch.bool}


class CheckpointError(ValueError):
    """The checkpoint is not what the importer takes; the message names the tensor or the setting."""


class Opaque(dict):
    """Stands in for an object of a class that is not called: state, items and elements are kept, nothing runs."""

    state: Any = None

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __call__(self, *_: Any, **__: Any) -> "Opaque":
        return Opaque()

    def __hash__(self) -> int:
        return id(self)

    def append(self, value: Any) -> None:
        """A list's, which a pickle calls for subclasses of list."""
        self[len(self)] = value

    def extend(self, values: Sequence[Any]) -> None:
        """A list's, likewise."""
        for value in values:
            self.append(value)


def _tensor(storage: torch.Tensor, offset: int, shape: Sequence[int], strides: Sequence[int],
            *_: Any) -> torch.Tensor:
    """In place of torch._utils._rebuild_tensor_v2."""
    return storage.as_strided(tuple(shape), tuple(strides), offset)


_CALLED = {("collections", "OrderedDict"): collections.OrderedDict, ("torch", "Size"): tuple,
           ("torch._utils", "_rebuild_tensor"): _tensor, ("torch._utils", "_rebuild_tensor_v2"): _tensor,
           ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor}


class InertUnpickler(pickle.Unpickler):
    """Reads a pickle in which nothing is called."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """An inert class, whatever the name."""
        return type(global_name, (Opaque,), {"__module__": module_name})


class _ArchiveUnpickler(InertUnpickler):
    """Reads data.pkl of an open archive."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(archive.open(f"{root}/data.pkl"))
        self.archive, self.root = archive, root

    def find_class(self, module_name: str, global_name: str) -> Any:
        """The few things that are called, the dtype of a storage's class, and an inert class for all else."""
        if (module_name, global_name) in _CALLED:
            return _CALLED[module_name, global_name]
        if module_name == "torch" and global_name in _STORAGES:
            return _STORAGES[global_name]
        return super().find_class(module_name, global_name)

    def persistent_load(self, pid: Any) -> torch.Tensor:
        """("storage", class, key, device, elements) -> all its elements."""
        _, dtype, key, _, elements = pid
        raw = bytearray(self.archive.read(f"{self.root}/data/{key}"))
        if not isinstance(dtype, torch.dtype):
            raise pickle.UnpicklingError(f"storage {key} of an unknown class")
        return torch.frombuffer(raw, dtype=dtype, count=elements) if elements else torch.empty(0, dtype=dtype)


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        roots = [name[:-len("/data.pkl")] for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise pickle.UnpicklingError("no data.pkl")
        if f"{roots[0]}/byteorder" in archive.namelist() and archive.read(f"{roots[0]}/byteorder") != b"little":
            raise pickle.UnpicklingError("not little endian")
        return _ArchiveUnpickler(archive, roots[0]).load()


def read_checkpoint(path: Path) -> Tuple[State, Dict[str, Any]]:
    """(tensors by name, settings saved beside them or {}) of a .safetensors file or of what torch.save wrote.

    Takes a bare state dict and a dict with the state dict under `state_dict`; the settings are RecBole's
    configuration (`config`), if that is there. A file of the time before PyTorch 1.6 may hold a bare state dict only.
    """
    if path.suffix == ".safetensors":
        return load_file(path), {}
    try:
        found = _read_zip(path) if zipfile.is_zipfile(path) else torch.load(path, "cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: not a checkpoint of torch.save ({error})") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: expected a state dict, found {type(found).__name__}; "
                              "save model.state_dict(), not the module")
    state = found.get("state_dict", found)
    state = {} if isinstance(state, Opaque) or not isinstance(state, dict) else state
    strangers = [str(name) for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if not state or strangers:
        raise CheckpointError(f"{path}: expected a state dict" + (f", but `{strangers[0]}` is no tensor" if strangers
                                                                  else "; save model.state_dict(), not the module"))
    return dict(state), _recbole_settings(found.get("config"))


def _recbole_settings(config: Any) -> Dict[str, Any]:
    state = config.state if isinstance(config, Opaque) else config
    state = state if isinstance(state, dict) else {}
    settings = state.get("final_config_dict", state)
    return settings if isinstance(settings, dict) else {}


class Tensors:
    """Takes tensors out of a state dict, each with the shape that it must have; nothing may be left in the end."""

    def __init__(self, state: State, source: str) -> None:
        self.state, self.source, self.taken = state, source, set()

    def take(self, name: str, *shape: Optional[int]) -> torch.Tensor:
        """The tensor in float64; None in `shape` stands for any size."""
        wanted = "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
        if name not in self.state:
            raise CheckpointError(f"{name}: expected {wanted}, found no tensor of that name; is it {self.source}?")
        tensor = self.state[name]
        if len(tensor.shape) != len(shape) or any(size not in (None, found)
                                                  for size, found in zip(shape, tensor.shape)):
            raise CheckpointError(f"{name}: expected {wanted}, found {list(tensor.shape)}")
        if not tensor.is_floating_point():
            raise CheckpointError(f"{name}: expected floating-point numbers, found {tensor.dtype}")
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{name}: expected finite numbers, found infinite ones or NaN")
        self.taken.add(name)
        return tensor.detach().double()

    def layers(self, prefix: str) -> int:
        """How many layers there are: one more than the highest number that follows the prefix."""
        numbers = [int(name[len(prefix):].split(".")[0]) for name in self.state
                   if name.startswith(prefix) and name[len(prefix):].split(".")[0].isdigit()]
        return max(numbers, default=0) + 1

    def finish(self) -> None:
        """Refuses a tensor that nobody took: it would be left out of the scores in silence."""
        extra = sorted(set(self.state) - self.taken)
        if extra:
            shown = ", ".join(f"`{name}` {list(self.state[name].shape)}" for name in extra[:3])
            raise CheckpointError(f"{shown}: expected no such tensor in {self.source}" +
                                  (f" (and {len(extra) - 3} more)" if len(extra) > 3 else ""))


def setting(name: str, given: Any, settings: Dict[str, Any], key: str) -> Any:
    """A number or name that no tensor tells: the flag's value, else the checkpoint's; never a guess."""
    value = settings.get(key) if given is None else given
    if value is None:
        raise CheckpointError(f"--{name}: the checkpoint does not tell `{key}`, and no tensor does; give the flag")
    return value
