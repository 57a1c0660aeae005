"""Exports a model folder as ONNX, for the comparison and for bench/peers/server.py.

    python3 -m bench.peers.export MODEL_DIR --out build/peers/onnx

Writes graph.onnx (any number of candidates, at least one event of history), serving.onnx (the same, and an empty
history), ids.npy and config.json. The item table is part of the file, so it must stay under ONNX's 2 GB.
"""

from __future__ import annotations

import argparse
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from bench.peers.bodies import read_bodies
from bench.peers.graph import AXES, OUTPUTS, Graph, load_graph
from bench.peers.inputs import INPUT_NAMES, InputMaker
from train.safetensors_file import load_file

OPSET = 17  # has LayerNormalization


def export_graph(graph: Graph, inputs: "tuple[torch.Tensor, ...]", path: Path) -> None:
    """One graph with the axes of AXES left open."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(graph, inputs, str(path), input_names=INPUT_NAMES, output_names=OUTPUTS, dynamic_axes=AXES,
                          opset_version=OPSET, do_constant_folding=True)
    onnx.checker.check_model(str(path))


def export(model: Path, out: Path) -> None:
    """Everything that a runtime needs of a model folder."""
    out.mkdir(parents=True, exist_ok=True)
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    ids = load_file(model / "model.safetensors")["items.ids"].numpy()
    np.save(out / "ids.npy", ids)
    shutil.copyfile(model / "config.json", out / "config.json")
    maker = InputMaker(config, ids)
    body = max(read_bodies(model / "warmup.jsonl"), key=lambda body: len(body["candidates"]))
    inputs, _ = maker.make(body["history"], [maker.row(item) for item in body["candidates"]])
    example = tuple(torch.from_numpy(array) for array in inputs)
    for name, any_history in (("graph.onnx", False), ("serving.onnx", True)):
        export_graph(load_graph(model, any_history), example, out / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="model folder as bench/peers/reference_model.py writes it")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    export(args.model, args.out)


if __name__ == "__main__":
    main()
