"""Writes the reference model R of docs/performance.md as a model folder, and request bodies for it.

    python3 -m bench.peers.reference_model --out build/peers/models/reference/1 --bodies build/peers/bodies

R: d = 64; SASRec over 50 events, 2 pre-norm blocks, 2 heads, FFN of 256 with GELU; up to 50 positive and 20 negative
events, which each candidate attends to; mlp 320 -> 256 -> 128 -> 6 signals; additive reward. Weights are random and
scaled so that activations keep a variance of about 1 and scores spread like a trained model's: arithmetic costs the
same whatever the weights are, and rounding errors show as they would in service.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import torch

from bench.peers.bodies import SHORT_VIEW_MS, BodyMaker, Shares, write_bodies
from train.export import write_golden
from train.model import Model
from train.model_config import parse_config
from train.safetensors_file import save_file

SIGNALS = ("click", "like", "follow", "share", "long_view", "hate")
WEIGHTS = {"click": 1.0, "like": 1.0, "follow": 1.0, "share": 1.0, "long_view": 0.5, "hate": -1.5}
CANDIDATES = (100, 500, 2000)
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def reference_config(args: argparse.Namespace) -> Dict[str, Any]:
    """config.json of R."""
    return {
        "format": "rankd-model/1", "name": "reference", "dim": args.dim,
        "actions": ["click", "like", "hate", "short_view"],
        "derived_actions": [{"name": "short_view", "watch_ms_below": SHORT_VIEW_MS}],
        "encoder": {"type": "sasrec", "max_history": args.history, "layers": 2, "heads": 2, "ffn": 4 * args.dim,
                    "activation": "gelu", "norm": "pre", "position": "from_end", "use_actions": True,
                    "final_norm": True},
        "feedback": {"positive": {"actions": ["click", "like"], "max": 50},
                     "negative": {"explicit": ["hate"], "implicit": ["short_view"], "max": 20}},
        "features": {"user": [], "candidate": [{"name": f"feature_{k}", "type": "numeric", "mean": 10.0, "std": 3.0,
                                                "log1p": False} for k in range(args.features)]},
        "ranker": {"type": "mlp", "target_attention": {"heads": args.attention_heads}, "hidden": [256, 128],
                   "activation": args.activation},
        "signals": list(SIGNALS), "reward": {"type": "additive", "weights": WEIGHTS},
        # bfloat16 keeps 8 bits of each product's factors
        "precision": args.precision, "golden_tolerance": 1e-4 if args.precision == "f32" else 0.1,
    }


def _scaled(name: str, shape: Tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """One tensor: matrices keep the variance of what goes through them, norms are near the identity."""
    draw = torch.randn(shape, generator=generator)
    if "norm." in name:
        return 0.1 * draw + (1.0 if name.endswith("weight") else 0.0)
    if name.endswith("bias"):
        return 0.1 * draw
    if name.startswith("ranker.mlp"):
        return draw * math.sqrt(2.0 / shape[1])
    if name == "ranker.heads.weight":
        return 2.5 * draw / math.sqrt(shape[1])  # scores that spread by about 0.5
    if name.endswith("weight"):
        return draw / math.sqrt(shape[1])
    return 0.5 * draw if name.startswith("encoder.") else draw


def reference_tensors(raw: Dict[str, Any], items: int, seed: int, dtype: torch.dtype) -> Dict[str, torch.Tensor]:
    """model.safetensors of R; the ids are 1 ... items in random order."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {name: tuple(value.shape) for name, value in
              Model(parse_config(raw), 1, unknown=False, cold_start=False).state_dict().items()}
    tensors = {name: _scaled(name, shape, generator) for name, shape in sorted(shapes.items())
               if name != "items.embedding"}
    tensors["items.embedding"] = torch.randn(items, raw["dim"], generator=generator).to(dtype)
    tensors["items.ids"] = 1 + torch.randperm(items, generator=generator)
    return tensors


def golden_bodies(maker: BodyMaker, count: int, history: int) -> "list[Dict[str, Any]]":
    """Histories of every length from none to more than the model keeps."""
    lengths = [history, 0, 1, 2, history // 2, history + 10]
    return [maker.body(40 + at, lengths[at % len(lengths)], explain=True) for at in range(count)]


def write_model(args: argparse.Namespace) -> np.ndarray:
    """Writes the folder; returns the ids."""
    raw = reference_config(args)
    tensors = reference_tensors(raw, args.items, args.seed, DTYPES[args.table])
    ids = tensors["items.ids"].numpy()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "config.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    save_file(tensors, args.out / "model.safetensors")
    del tensors
    maker = BodyMaker(ids, args.shares, args.features, args.seed + 1)
    if args.golden:
        write_golden(args.out, golden_bodies(maker, args.golden, args.history))
    write_bodies(args.out / "warmup.jsonl", [maker.body(n, args.history) for n in (1, 100, 500)])
    return ids


def parse_arguments(arguments: "list[str] | None" = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="model folder, for instance MODELS/reference/1")
    parser.add_argument("--bodies", type=Path, help="folder for bodies-N.jsonl")
    parser.add_argument("--items", type=int, default=200_000, help="rows of the item table (default %(default)s)")
    parser.add_argument("--table", choices=DTYPES, default="f32", help="element type of the item table")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32", help="of the server's arithmetic")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--history", type=int, default=50, help="events that the model keeps, and of a body")
    parser.add_argument("--attention-heads", type=int, default=1, help="of the target attention")
    parser.add_argument("--activation", choices=("relu", "gelu", "gelu_tanh", "silu"), default="relu",
                        help="of the ranker's mlp")
    parser.add_argument("--features", type=int, default=0, help="numeric features a candidate (R has none)")
    parser.add_argument("--golden", type=int, default=6,
                        help="golden requests; 0 for tables that float64 would not fit")
    parser.add_argument("--candidates", default=",".join(map(str, CANDIDATES)), help="sizes of the bodies")
    parser.add_argument("--bodies-each", type=int, default=16, help="bodies of each size")
    parser.add_argument("--positive-share", type=float, default=1.0, help="of the events: click (like)")
    parser.add_argument("--negative-share", type=float, default=0.4, help="of the events: short view")
    parser.add_argument("--hate-share", type=float, default=0.04, help="of the events: hate")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    args.shares = Shares(args.positive_share, args.negative_share, args.hate_share)
    return args


def main() -> None:
    args = parse_arguments()
    ids = write_model(args)
    if args.bodies is None:
        return
    for count in [int(text) for text in args.candidates.split(",")]:
        maker = BodyMaker(ids, args.shares, args.features, args.seed + count)
        write_bodies(args.bodies / f"bodies-{count}.jsonl",
                     [maker.body(count, args.history) for _ in range(args.bodies_each)])


if __name__ == "__main__":
    main()
