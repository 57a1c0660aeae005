"""Command line: python3 -m train {run,checkpoint,export,requests,import}."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from . import evaluate, export, report, requests
from .build import DEFAULT_CONFIG, DEFAULT_DATA, ROOT, Bundle, build, load_settings
from .importers.command import add_command as add_import_command
from .trainer import Trainer


def _settings(args: argparse.Namespace) -> Dict[str, Any]:
    settings = load_settings(args.config)
    if getattr(args, "seed", None) is not None:
        settings["seed"] = args.seed
    if getattr(args, "epochs", None) is not None:
        settings["optimizer"]["epochs"] = args.epochs
    return settings


def train(args: argparse.Namespace) -> "tuple[Bundle, Trainer, Dict[str, Any]]":
    """Builds, fits and calibrates; returns what the report says of it."""
    bundle = build(_settings(args), args.data)
    trainer = Trainer(bundle)
    validation = []

    def after_epoch(epoch: int) -> None:
        validation.append(evaluate.brief(bundle, trainer.trainee, "validation"))
        print("  6 May: " + ", ".join(f"{name} {value:.4f}" for name, value in validation[-1].items()), flush=True)

    started, used = time.time(), time.process_time()
    trainer.fit(after_epoch)
    seconds, used = time.time() - started, time.process_time() - used
    slope, shift = evaluate.calibrate(bundle, trainer.trainee)
    print(f"fitted in {seconds:.0f} s; combined head on 6 May: logit -> {slope:.3f} logit + {shift:.3f}", flush=True)
    settings = bundle.settings
    facts = {"name": settings["name"], "command": args.shown, "seed": settings["seed"], "threads": settings["threads"],
             "epochs": settings["optimizer"]["epochs"], "training_seconds": seconds, "training_cpu_seconds": used,
             "calibration_slope": slope, "calibration_shift": shift, "validation_by_epoch": validation}
    return bundle, trainer, facts


def run(args: argparse.Namespace) -> None:
    """Data -> train -> evaluate -> export."""
    bundle, trainer, facts = train(args)
    export.write_checkpoint(trainer, bundle, args.checkpoint)
    counts = export.export(args.checkpoint, args.out, args.keep_training_tensors)
    export.write_golden(args.out, requests.golden(bundle))
    export.write_lines(args.out / "warmup.jsonl", requests.warmup(bundle))
    result = evaluate.evaluate(bundle, trainer.trainee)
    report.write_report(args.out, result, facts)
    print((args.out / "report.md").read_text(encoding="utf-8"))
    print(f"{args.out}: {counts['written']} tensors written, {counts['dropped']} training-only ones dropped")


def checkpoint(args: argparse.Namespace) -> None:
    """Train and write the whole checkpoint as a model folder."""
    bundle, trainer, _ = train(args)
    export.write_checkpoint(trainer, bundle, args.out)
    print(f"wrote {args.out}")


def export_command(args: argparse.Namespace) -> None:
    """Checkpoint -> model folder; golden and warm-up requests are made anew from the logs."""
    counts = export.export(args.checkpoint, args.out, args.keep_training_tensors)
    bundle = build(load_settings(args.config), args.data)
    export.write_golden(args.out, requests.golden(bundle))
    export.write_lines(args.out / "warmup.jsonl", requests.warmup(bundle))
    print(f"{args.out}: {counts['written']} tensors written, {counts['dropped']} training-only ones dropped")


def requests_command(args: argparse.Namespace) -> None:
    """Request bodies for benchmarks."""
    bundle = build(load_settings(args.config), args.data)
    made = requests.realistic(bundle, args.n, args.candidates, args.history, args.plain_ids, args.seed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    export.write_lines(args.out, made)
    print(f"{args.out}: {len(made)} requests")


def parser() -> argparse.ArgumentParser:
    """All commands and flags."""
    top = argparse.ArgumentParser(prog="python3 -m train", description=__doc__)
    commands = top.add_subparsers(dest="name", required=True)

    def command(name: str, function: Any, seed: Optional[int]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=(function.__doc__ or "").strip())
        sub.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="training config (JSON)")
        sub.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of KuaiRand-Pure")
        sub.add_argument("--seed", type=int, default=seed)
        sub.set_defaults(function=function)
        return sub

    sub = command("run", run, None)
    sub.add_argument("--out", type=Path, default=ROOT / "models" / "kuairand" / "1", help="model folder to write")
    sub.add_argument("--checkpoint", type=Path, default=ROOT / "build" / "train" / "checkpoint")
    sub.add_argument("--epochs", type=int)
    sub.add_argument("--keep-training-tensors", action="store_true")
    sub = command("checkpoint", checkpoint, None)
    sub.add_argument("--out", type=Path, default=ROOT / "build" / "train" / "checkpoint")
    sub.add_argument("--epochs", type=int)
    sub = command("export", export_command, None)
    sub.add_argument("checkpoint", type=Path)
    sub.add_argument("out", type=Path)
    sub.add_argument("--keep-training-tensors", action="store_true")
    sub = command("requests", requests_command, 7)
    sub.add_argument("--n", type=int, default=100)
    sub.add_argument("--candidates", type=int, default=500)
    sub.add_argument("--history", type=int, default=50)
    sub.add_argument("--plain-ids", action="store_true", help="ids alone, without any features")
    sub.add_argument("--out", type=Path, required=True)
    add_import_command(commands)
    return top


def main(arguments: Optional[List[str]] = None) -> None:
    """Entry point."""
    args = parser().parse_args(arguments)
    args.shown = " ".join(["python3 -m train", *(arguments if arguments is not None else sys.argv[1:])])
    args.function(args)


if __name__ == "__main__":
    main()
