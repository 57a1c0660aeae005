"""`python3 -m train import`: flags, the run, and what it prints."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..model_config import ConfigError
from ..safetensors_file import SafetensorsError
from . import pmixer_sasrec, recbole_gru4rec, recbole_sasrec
from .checkpoint import CheckpointError, Tensors, read_checkpoint
from .folder import made_up, read_scores, short_histories, write_folder
from .ids import read_ids
from .imported import Imported

KINDS = {module.NAME: module for module in (recbole_sasrec, recbole_gru4rec, pmixer_sasrec)}


def add_command(commands: Any) -> None:
    """The word `import` and one word a kind below it."""
    top = commands.add_parser("import", help="Checkpoint of another library -> model folder.")
    kinds = top.add_subparsers(dest="kind", required=True)
    for name, module in KINDS.items():
        sub = kinds.add_parser(name, help=(module.__doc__ or "").splitlines()[0])
        sub.add_argument("checkpoint", type=Path, help="what torch.save wrote, or a .safetensors file")
        sub.add_argument("out", type=Path, help="model folder to write: models/NAME/VERSION")
        sub.add_argument("--token-ids", type=Path, help="external ids: the data set that RecBole saved "
                         "(save_dataset: True), or JSON, a list in the order of rows or {id: row}")
        sub.add_argument("--scores", type=Path, help="scores of the original code (JSON lines) as golden answers")
        module.add_flags(sub)
        sub.set_defaults(function=run)


def convert(args: argparse.Namespace) -> Imported:
    """Reads the checkpoint and maps its tensors."""
    state, settings = read_checkpoint(args.checkpoint)
    module = KINDS[args.kind]
    return module.convert(Tensors(state, args.kind), settings, args)


def run(args: argparse.Namespace) -> None:
    """Checkpoint of another library -> model folder."""
    try:
        model = convert(args)
        ids = read_ids(args.token_ids, len(model.tensors["items.embedding"]))
        given, apart = read_scores(args.scores, model, ids) if args.scores else ([], 0.0)
        golden = [case for case in given if len(case[0]) >= model.shortest_exact]
        source = "the original code" if golden else "the original formulas"
        golden = golden or made_up(model)
        worst = write_folder(model, ids, args.out, golden)
    except (CheckpointError, ConfigError, SafetensorsError, json.JSONDecodeError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    dim, encoder = model.config["dim"], model.config["encoder"]
    print(f"{args.out}: {len(ids)} items of {dim} numbers, {encoder['type']} of {encoder['layers']} layers, "
          f"the last {encoder['max_history']} events")
    for note in model.notes:
        print(f"  {note}")
    if given:
        print(f"  {len(given)} lines of the original code's scores confirm the formulas; "
              f"largest difference {apart:.1e}")
    print(f"  {len(golden)} golden answers ({source}); largest difference of a logit {worst:.1e}")
    if args.token_ids is None:
        print("  no --token-ids: an item's id is its row number, 1 the first after the padding")
    if model.shortest_exact > 1:
        print(f"  exact for histories of at least {model.shortest_exact} events; below, {model.remark}:")
        for length, difference, common in short_histories(model, args.out, ids):
            print(f"    {length} events: logits differ by up to {difference:.2g}, {common:.1f} of the top 10 agree")
