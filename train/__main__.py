"""Command line: python3 -m train COMMAND; --help lists the commands."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from . import evaluate, export, paired, report, requests
from .build import DEFAULT_CONFIG, DEFAULT_DATA, ROOT, Bundle, build, load_settings
from .contrast import TASKS
from .data import load
from .experiments import commands as experiments
from .experiments.plan import load_plan
from .importers.command import add_command as add_import_command
from .loop import unpack_json
from .memory import keep_freed_memory
from .model_config import load_config
from .paired import Predictions
from .retrieval import commands as retrieval
from .safetensors_file import load_file
from .trainer import Trainer, predict, predict_folder


def _settings(args: argparse.Namespace) -> Dict[str, Any]:
    settings = load_settings(args.config)
    if getattr(args, "seed", None) is not None:
        settings["seed"] = args.seed
    if getattr(args, "epochs", None) is not None:
        settings["optimizer"]["epochs"] = args.epochs
    if getattr(args, "tasks", None):
        settings["contrast"] = load_plan("ablation").tasks(args.tasks)
    return settings


def train(args: argparse.Namespace, folder: Path) -> "tuple[Bundle, Trainer, Dict[str, Any]]":
    """Builds, fits (with a checkpoint in `folder` after every epoch) and calibrates; returns what the report says."""
    bundle = build(_settings(args), args.data)
    trainer = Trainer(bundle)
    if args.resume and (folder / "model.safetensors").exists():
        trainer.resume(load_file(folder / "model.safetensors"))
        print(f"{folder}: goes on after epoch {trainer.epoch}", flush=True)
    elif args.warm_start is not None:
        missing = trainer.warm_start(load_file(args.warm_start / "model.safetensors"))
        print(f"{args.warm_start}: weights taken over, {len(missing)} tensors begin anew", flush=True)

    def after_epoch(epoch: int) -> None:
        found = evaluate.brief(bundle, trainer.trainee, "validation")
        trainer.log[-1]["validation"] = found
        print("  6 May: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()), flush=True)

    trainer.fit(after_epoch, lambda line: print(line, flush=True), lambda: export.write_checkpoint(trainer, folder))
    seconds, used = (sum(line[key] for line in trainer.log) for key in ("seconds", "cpu_seconds"))
    slope, shift = evaluate.calibrate(bundle, trainer.trainee)
    print(f"fitted in {seconds:.0f} s; combined head on 6 May: logit -> {slope:.3f} logit + {shift:.3f}", flush=True)
    export.write_checkpoint(trainer, folder)
    settings = bundle.settings
    facts = {"name": settings["name"], "command": args.shown, "seed": settings["seed"], "threads": settings["threads"],
             "epochs": settings["optimizer"]["epochs"], "training_seconds": seconds, "training_cpu_seconds": used,
             "calibration_slope": slope, "calibration_shift": shift, "contrast": settings.get("contrast", {}),
             "training": trainer.log}
    return bundle, trainer, facts


def _export(bundle: Bundle, checkpoint_folder: Path, out: Path, keep: bool) -> None:
    counts = export.export(checkpoint_folder, out, keep)
    export.write_golden(out, requests.golden(bundle))
    export.write_lines(out / "warmup.jsonl", requests.warmup(bundle))
    print(f"{out}: {counts['written']} tensors written, {counts['dropped']} training-only ones dropped")


def _against(bundle: Bundle, trainer: Trainer, folder: Path) -> Dict[str, Any]:
    """Differences from the model in `folder` on the test days; exits if any of them shows this one to be worse."""
    mine, other = (Predictions.of(bundle, found) for found in (
        predict(bundle, trainer.trainee, "test"), predict_folder(bundle, folder, "test")))
    found = paired.differences([other], {"this": [mine]})["this"]
    print(paired.render({"this": found}, {"this": f"less {folder}"}, "test days"), flush=True)
    if paired.worse(found):
        sys.exit(f"worse than {folder} on the test days: {', '.join(paired.worse(found))}; nothing is exported")
    shown = folder.resolve().relative_to(ROOT) if folder.resolve().is_relative_to(ROOT) else folder
    return {"model": str(shown), "differences": paired.as_json(found)}


def run(args: argparse.Namespace) -> None:
    """Data -> train -> evaluate -> export."""
    bundle, trainer, facts = train(args, args.checkpoint)
    if args.not_worse_than is not None:
        facts["against"] = _against(bundle, trainer, args.not_worse_than)
    _export(bundle, args.checkpoint, args.out, args.keep_training_tensors)
    result = evaluate.evaluate(bundle, trainer.trainee)
    report.write_report(args.out, result, facts)
    print((args.out / "report.md").read_text(encoding="utf-8"))


def checkpoint(args: argparse.Namespace) -> None:
    """Train and write the whole checkpoint as a model folder."""
    train(args, args.out)
    print(f"wrote {args.out}")


def update(args: argparse.Namespace) -> None:
    """The daily update: go on from a checkpoint with one more day of the log, then export."""
    tensors = load_file(args.checkpoint / "model.safetensors")
    settings = unpack_json(tensors["training.settings"])
    bundle = build(settings, data=load(args.data).until(args.day), fixed=load_config(args.checkpoint))
    options = {**settings["optimizer"], **settings["update"]}
    trainer = Trainer(bundle, seed=args.seed, days=(args.day,), options=options)
    trainer.warm_start(tensors)
    following = (args.day + 1,)

    def show(when: str) -> None:
        found = evaluate.brief(bundle, trainer.trainee, following)
        print(f"  day {following[0]} {when}: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()),
              flush=True)

    known = len(bundle.targets(following)[0]) > 0
    slope, shift = evaluate.fit_calibration(bundle, trainer.trainee, (args.day,))  # before the day is trained on
    if known:
        show("before")
    trainer.fit(log=lambda line: print(line, flush=True))
    if known:
        show("after")
    evaluate.apply_calibration(trainer.trainee, slope, shift)
    export.write_checkpoint(trainer, args.checkpoint_out)
    _export(bundle, args.checkpoint_out, args.out, args.keep_training_tensors)


def export_command(args: argparse.Namespace) -> None:
    """Checkpoint -> model folder; golden and warm-up requests are made anew from the logs."""
    _export(build(load_settings(args.config), args.data), args.checkpoint, args.out, args.keep_training_tensors)


def requests_command(args: argparse.Namespace) -> None:
    """Request bodies for benchmarks."""
    bundle = build(load_settings(args.config), args.data)
    made = requests.realistic(bundle, args.n, args.candidates, args.history, args.plain_ids, args.seed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    export.write_lines(args.out, made)
    print(f"{args.out}: {len(made)} requests")


def _training_flags(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--epochs", type=int)
    sub.add_argument("--tasks", nargs="+", choices=list(TASKS), help="contrastive tasks to attach, as "
                     "configs/ablation.json sets them")
    sub.add_argument("--resume", action="store_true", help="go on from the checkpoint after its last whole epoch")
    sub.add_argument("--warm-start", type=Path, help="begin with the weights of this checkpoint")


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
    sub.add_argument("--not-worse-than", type=Path, metavar="MODEL", help="export only if no difference from this "
                     "model on the test days is shown to be for the worse")
    sub.add_argument("--keep-training-tensors", action="store_true")
    _training_flags(sub)
    sub = command("checkpoint", checkpoint, None)
    sub.add_argument("--out", type=Path, default=ROOT / "build" / "train" / "checkpoint")
    _training_flags(sub)
    sub = command("update", update, 1)
    sub.add_argument("checkpoint", type=Path)
    sub.add_argument("out", type=Path)
    sub.add_argument("--day", type=int, required=True, help="day of the log to train on: 12 = 6 May, 13 = 7 May")
    sub.add_argument("--checkpoint-out", type=Path, required=True, help="where the next update goes on from")
    sub.add_argument("--keep-training-tensors", action="store_true")
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
    retrieval.add_commands(commands)
    experiments.add_commands(commands)
    return top


def main(arguments: Optional[List[str]] = None) -> None:
    """Entry point."""
    keep_freed_memory()
    args = parser().parse_args(arguments)
    args.shown = " ".join(["python3 -m train", *(arguments if arguments is not None else sys.argv[1:])])
    args.function(args)


if __name__ == "__main__":
    main()
