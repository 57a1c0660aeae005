"""The command that trains, judges and exports one retrieval model: retrieve."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Dict, List

from .. import export
from ..build import ROOT, load_settings
from ..model_config import parse_config
from ..plots import retrieval_plots
from ..safetensors_file import load_file
from . import evaluate
from .fitting import fit
from .sequences import Sequences, find_sequences
from .stage import RetrievalTrainer, model_json

CONFIG = ROOT / "train" / "configs" / "sasrec.json"


def golden_requests(sequences: Sequences, limit: int, count: int = 12) -> List[Dict[str, Any]]:
    """Histories of held-out users, their next item among others, and one user without a history."""
    held = sequences.held["test"].sample(count)
    made = []
    for at, (user, end, item) in enumerate(zip(held.user, held.end, held.item)):
        first = max(int(sequences.offsets[user]), int(end) - limit - 5)
        history = [] if at == 0 else [{"item": sequences.ids[row]} for row in sequences.item[first:end]]
        others = [(int(item) + 37 * step) % sequences.n_items for step in range(1, 40)]
        candidates = [sequences.ids[row] for row in [int(item), *others]] + ["no-such-item"]
        made.append({"history": history, "candidates": candidates, "explain": True})
    return made


def retrieve(args: argparse.Namespace) -> None:
    """The retrieval stage on one data set: train -> evaluate over the whole catalogue -> export."""
    settings = load_settings(args.config)
    sequences = find_sequences(args.data, parse_config(model_json(settings)), args.users)
    trainer = RetrievalTrainer(sequences, settings, args.seed)
    held = args.checkpoint / "model.safetensors"
    if args.resume and held.exists():
        trainer.resume(load_file(held))
    elif args.warm_start is not None:
        trainer.warm_start(load_file(args.warm_start / "model.safetensors"))
    fit(trainer, lambda: export.write_checkpoint(trainer, args.checkpoint))
    export.write_checkpoint(trainer, args.checkpoint)
    counts = export.export(args.checkpoint, args.out, args.keep_training_tensors)
    export.write_golden(args.out, golden_requests(sequences, trainer.config.encoder.max_history))
    result = {"command": args.shown, "settings": trainer.settings, "training": trainer.log,
              "test": evaluate.evaluate(trainer, "test")}
    export.write_text(args.out / "report.json", json.dumps(result, indent=1) + "\n")
    images = "".join(f"\n![{name.partition('.')[0]}]({name})\n" for name in retrieval_plots(args.out, trainer.log))
    export.write_text(args.out / "report.md", evaluate.render(result) + images)
    print((args.out / "report.md").read_text(encoding="utf-8"))
    print(f"{args.out}: {counts['written']} tensors written, {counts['dropped']} training-only ones dropped")


def add_commands(commands) -> None:
    """Adds `retrieve` to the parser of train/__main__.py."""
    sub = commands.add_parser("retrieve", help=(retrieve.__doc__ or "").strip())
    sub.add_argument("--config", type=Path, default=CONFIG, help="training config (JSON)")
    sub.add_argument("--data", type=Path, required=True, help="FOLDER/beauty, sports or toys; or of KuaiRand-Pure")
    sub.add_argument("--out", type=Path, required=True, help="model folder to write")
    sub.add_argument("--checkpoint", type=Path, default=ROOT / "build" / "train" / "retrieval")
    sub.add_argument("--seed", type=int)
    sub.add_argument("--users", type=int, default=0, help="only the first so many users, to try it out")
    sub.add_argument("--resume", action="store_true", help="go on from the checkpoint after its last whole epoch")
    sub.add_argument("--warm-start", type=Path, help="begin with the weights of this checkpoint")
    sub.add_argument("--keep-training-tensors", action="store_true")
    sub.set_defaults(function=retrieve)
