"""The campaign: what docs/reliability.md promises, shown under load and faults. Started by scripts/campaign."""

import argparse
import importlib
import multiprocessing
import os
import resource
import sys
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import goals  # noqa: E402
import report  # noqa: E402
from context import Context  # noqa: E402
from support.server import BINARY, ROOT  # noqa: E402

FEW_DESCRIPTORS = 8192


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/campaign", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="these parts only")
    parser.add_argument("--list", action="store_true", help="the parts and their goals")
    parser.add_argument("--short", action="store_true", help="a reduced form: a minute; judges no time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "campaign", help="for results.json and results.md")
    parser.add_argument("--soak-minutes", type=float, default=30.0)
    parser.add_argument("--markdown", action="store_true",
                        help="run nothing: print the table of OUT/results.json and put it into docs/reliability.md")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.parts if name not in goals.NAMES]
    if unknown:
        parser.error(f"no part {unknown[0]}; --list shows them")
    return options


def show_list():
    for part in goals.PARTS:
        print(f"{part.name:14s} {part.title}")
        for goal in part.goals:
            if goal.relation:
                print(f"{'':16s} {goal.text}: {report.goal_text(goal._asdict())}")


def raise_descriptors():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if most != resource.RLIM_INFINITY and most < FEW_DESCRIPTORS else FEW_DESCRIPTORS
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def run_part(part, options):
    context = Context(part.name, options.short, options.seed, options.out, options)
    began, figures = time.monotonic(), {}
    print(f"{part.name}: {part.title}", flush=True)
    try:
        figures = importlib.import_module(f"parts.{part.name}").run(context)
    except Exception:  # a part that breaks must not hide the others' results
        traceback.print_exc()
        context.faults.append("the part broke: " + traceback.format_exc())
    finally:
        for child in multiprocessing.active_children():
            child.terminate()
        context.close()
    seconds = time.monotonic() - began
    result = report.result_of(part, figures, context.faults, options.seed, options.short, seconds)
    for row in result["rows"]:
        print(f"  {row['text']}: {report.number(row['measured'], row['unit'])}"
              + (f" (goal {report.goal_text(row)}: {report.verdict(row)})" if row["relation"] else ""), flush=True)
    return result


def main():
    options = parse(sys.argv[1:])
    if options.list:
        show_list()
        return 0
    if options.markdown:
        report.write_into_document(options.out / "results.json", ROOT / "docs" / "reliability.md")
        print((options.out / "results.md").read_text(encoding="utf-8"), end="")
        return 0
    if not os.access(BINARY, os.X_OK):
        print(f"{BINARY} is not built", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    raise_descriptors()
    passed = failed = 0
    for part in goals.PARTS:
        if options.parts and part.name not in options.parts:
            continue
        result = run_part(part, options)
        report.write(options.out, [result])
        if report.is_failed(result):
            failed += 1
            short = " --short" if options.short else ""
            print(f"{part.name}: FAILED. Again: scripts/campaign{short} --seed {options.seed} {part.name}", flush=True)
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
