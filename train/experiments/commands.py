"""The commands that make the tables: ablation, retrieval, tables."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..build import DEFAULT_DATA, ROOT
from ..data import load
from ..model_config import parse_config
from ..retrieval.sequences import find_sequences
from ..retrieval.stage import model_json
from . import ablation, retrieval, tables
from .cells import run_cells
from .plan import load_plan

RESULTS = ROOT / "build" / "experiments"
DOCUMENT = ROOT / "docs" / "training.md"


def _run(args: argparse.Namespace, plan_name: str, folder: Path, make) -> None:
    plan = load_plan(plan_name)
    for name in args.rows or []:
        plan.row(name)
    rows = [raw["name"] for raw in plan.rows if not args.rows or raw["name"] in args.rows]
    cells = [(row, seed) for seed in args.seeds or plan.seeds for row in rows]
    done = run_cells(folder, cells, make(plan, folder), log=lambda line: print(line, flush=True))
    print(f"{folder}: {done} of {len(cells)} cells run now")
    print(tables.render(plan_name, plan, folder))


def run_ablation(args: argparse.Namespace) -> None:
    """The ranking stage on KuaiRand-Pure with the tasks off and on: every row and seed that is not finished yet."""
    _run(args, "ablation", args.results / "ablation",
         lambda plan, folder: ablation.runner(plan, load(args.data), folder))


def run_retrieval(args: argparse.Namespace) -> None:
    """The retrieval stage on one data set, each base loss without and with the tasks."""
    plan = load_plan(args.plan)
    config = parse_config(model_json(plan.settings(plan.row(plan.rows[0]["name"]))))
    sequences = find_sequences(args.data, config, args.users)
    _run(args, args.plan, args.results / f"{args.plan}-{args.data.name.lower()}",
         lambda plan, folder: retrieval.runner(plan, sequences))


def render_tables(args: argparse.Namespace) -> None:
    """Writes the finished cells' tables into docs/training.md, between its markers."""
    for name in tables.write_document(args.document, args.results):
        print(f"{args.document}: {name}")


def add_commands(commands) -> None:
    """Adds the sub-commands to the parser of train/__main__.py."""

    def command(name: str, function) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=(function.__doc__ or "").strip())
        sub.add_argument("--results", type=Path, default=RESULTS, help="folder of the finished cells")
        sub.set_defaults(function=function)
        return sub

    for name, function in (("ablation", run_ablation), ("retrieval", run_retrieval)):
        sub = command(name, function)
        sub.add_argument("--rows", nargs="+", help="names of rows (all)")
        sub.add_argument("--seeds", nargs="+", type=int, help="seeds (those of the plan)")
        if name == "ablation":
            sub.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of KuaiRand-Pure")
        else:
            sub.add_argument("--data", type=Path, required=True, help="FOLDER/beauty, sports, toys; or KuaiRand-Pure")
            sub.add_argument("--plan", default="retrieval", help="the table: configs/NAME.json")
            sub.add_argument("--users", type=int, default=0, help="only the first so many users, to try it out")
    sub = command("tables", render_tables)
    sub.add_argument("--document", type=Path, default=DOCUMENT)
