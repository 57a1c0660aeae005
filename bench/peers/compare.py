"""Measures rankd and its rivals on the reference model in one run: microseconds a request, one thread, one core.

    python3 -m bench.peers.compare --model MODEL_DIR --halves MODEL_DIR --onnx DIR --bodies DIR \\
        --rankd build/bench/rankd-bench-model --json FILE

In each round every contender has its turn at every size, so that what disturbs the machine for a while disturbs all of
them; a turn's figure is the median over its requests, the figure in the table is the median over the rounds. A rival's
time is the inference from rows to scores; rankd's is that of its stages encode_user and score, and holds the choice of
the feedback events and the order of the answer too. Decoding and writing JSON is in neither.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import torch

from bench.peers.bodies import read_bodies
from bench.peers.graph import load_graph
from bench.peers.inputs import InputMaker, Inputs
from bench.peers.rivals import RIVALS, Call, Workload, versions
from train.model import load_model
from train.reference import Reference

TOLERANCE = 1e-4  # of a score, between runtimes that compute in float32
WARM_UP_S = 0.2


class Contender(NamedTuple):
    """A rival made ready for one size."""
    name: str
    exact: bool
    calls: List[Call]


class Quality(NamedTuple):
    """How scores compare with those of the float64 reference, over all bodies of a size."""
    max_error: float
    top10: float


def quality(found: List[np.ndarray], expected: List[np.ndarray]) -> Quality:
    """Largest difference, and the mean share of the ten best that are the same."""
    errors = [float(np.abs(ours - theirs).max()) for ours, theirs in zip(found, expected)]
    overlaps = []
    for ours, theirs in zip(found, expected):
        count = min(10, len(ours))
        best = [set(np.argsort(-scores, kind="stable")[:count].tolist()) for scores in (ours, theirs)]
        overlaps.append(len(best[0] & best[1]) / count)
    return Quality(max(errors), statistics.mean(overlaps))


def time_calls(calls: List[Call], seconds: float) -> float:
    """Median microseconds of the calls, made in turn for a while."""
    clock, samples = time.perf_counter_ns, []
    end = clock() + int(seconds * 1e9)
    while clock() < end or len(samples) < len(calls):
        for call in calls:
            start = clock()
            call()
            samples.append(clock() - start)
    return statistics.median(samples) / 1e3


def run_rankd(program: Path, model: Path, bodies: Path, *flags: str) -> None:
    """One run of the program, which says itself why it fails."""
    subprocess.run([str(program), str(model), "--bodies", str(bodies), *flags], check=True, stdout=subprocess.DEVNULL)


def bench_rankd(args: argparse.Namespace, model: Path, bodies: Path, size: int) -> Dict[str, Any]:
    """One turn: the JSON's entry of the size, with the run's peak."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        run_rankd(args.rankd, model, bodies, "--candidates", str(size), "--repeat", "1", "--seconds",
                  str(args.seconds), "--core", str(args.core), "--json", str(report))
        found = json.loads(report.read_text(encoding="utf-8"))
    return {**found["sizes"][0], "peak_gflops": found["peak_gflops"], "tier": found["tier"]}


def rankd_scores(program: Path, model: Path, path: Path) -> List[np.ndarray]:
    """What it answers to each body of a file, in the body's order."""
    with tempfile.TemporaryDirectory() as folder:
        replies = Path(folder) / "replies.jsonl"
        run_rankd(program, model, path, "--repeat", "1", "--seconds", "0.001", "--replies", str(replies))
        answers = [json.loads(line) for line in replies.read_text(encoding="utf-8").splitlines()]
    scores = [{item["item"]: item["score"] for item in answer["items"]} for answer in answers]
    return [np.array([found[item] for item in body["candidates"]])
            for body, found in zip(read_bodies(path), scores)]


class Comparison:
    """All contenders at all sizes."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.sizes = [int(text) for text in args.candidates.split(",")]
        self.ours = {"rankd f32": args.model}
        if args.halves is not None:
            self.ours["rankd bf16"] = args.halves
        config = json.loads((args.onnx / "config.json").read_text(encoding="utf-8"))
        self.maker = InputMaker(config, np.load(args.onnx / "ids.npy"))
        self.graph = load_graph(args.model)
        self.reference = Reference(load_model(args.model))
        self.contenders: Dict[int, List[Contender]] = {}
        self.qualities: Dict[Tuple[str, int], Quality] = {}
        self.failures: List[str] = []
        self.rounds: Dict[Tuple[str, int], List[float]] = {}
        self.details: Dict[Tuple[str, int], List[Dict[str, Any]]] = {}

    def bodies(self, size: int) -> Path:
        """The file of a size's requests."""
        return self.args.bodies / f"bodies-{size}.jsonl"

    def inputs(self, body: Dict[str, Any]) -> Inputs:
        """A body as the graph's inputs."""
        return self.maker.make(body["history"], [self.maker.row(item) for item in body["candidates"]])[0]

    def expected(self, body: Dict[str, Any]) -> np.ndarray:
        """Scores of the float64 reference in the request's order."""
        scores = {item["item"]: item["score"] for item in self.reference.score(body)["items"]}
        return np.array([scores[item] for item in body["candidates"]])

    def judge(self, name: str, exact: bool, size: int, found: Quality) -> None:
        """Notes how good the scores are; those of float32 have to agree."""
        self.qualities[name, size] = found
        if exact and not found.max_error <= TOLERANCE:
            self.failures.append(f"{name}, N = {size}: scores differ by {found.max_error:.1e}")

    def prepare(self, size: int) -> None:
        """Makes the rivals ready for a size, and checks everybody's scores."""
        bodies = read_bodies(self.bodies(size))
        inputs = [self.inputs(body) for body in bodies]
        expected = [self.expected(body) for body in bodies]
        if len({tuple(len(array) for array in one) for one in inputs}) != 1:
            raise SystemExit(f"{self.bodies(size)}: bodies of different shapes")
        for name, model in self.ours.items():
            found = rankd_scores(self.args.rankd, model, self.bodies(size))
            self.judge(name, model is self.args.model, size, quality(found, expected))
        workload = Workload(self.graph, self.args.onnx / "graph.onnx", inputs[0])
        self.contenders[size] = []
        for kind in RIVALS:
            try:
                rival = kind(workload)
                calls = [rival.call(one) for one in inputs]
                found = [np.array(call()) for call in calls]
            except (ImportError, RuntimeError) as error:
                self.failures.append(f"{kind.name}: does not run: {str(error).splitlines()[0]}")
                continue
            self.judge(kind.name, kind.exact, size, quality(found, expected))
            time_calls(calls, WARM_UP_S)
            self.contenders[size].append(Contender(kind.name, kind.exact, calls))

    def round(self) -> None:
        """One turn of every contender at every size."""
        for size in self.sizes:
            for name, model in self.ours.items():
                entry = bench_rankd(self.args, model, self.bodies(size), size)
                self.details.setdefault((name, size), []).append(entry)
                self.rounds.setdefault((name, size), []).append(entry["us"]["encode_user"] + entry["us"]["score"])
            for contender in self.contenders[size]:
                us = time_calls(contender.calls, self.args.seconds)
                self.rounds.setdefault((contender.name, size), []).append(us)

    def run(self) -> None:
        """Everything; figures are in `rounds` afterwards."""
        for size in self.sizes:
            self.prepare(size)
        for _ in range(self.args.repeat):
            self.round()

    def median(self, name: str, size: int) -> Optional[float]:
        """A contender's figure, None where it did not run."""
        found = self.rounds.get((name, size))
        return statistics.median(found) if found else None

    def names(self) -> List[str]:
        """Contenders in the table's order."""
        return [*self.ours, *(kind.name for kind in RIVALS)]

    def report(self) -> Dict[str, Any]:
        """The whole run as JSON."""
        rows = []
        for name in self.names():
            for size in self.sizes:
                us, base = self.median(name, size), self.median("rankd f32", size)
                row = {"name": name, "candidates": size, "us": us, "rounds_us": self.rounds.get((name, size)),
                       "ratio_to_rankd_f32": us / base if us else None}
                if (name, size) in self.qualities:
                    row.update(self.qualities[name, size]._asdict())
                if (name, size) in self.details:
                    row["details"] = self.details[name, size]
                rows.append(row)
        best = []
        for size in self.sizes:
            figures = [(self.median(c.name, size), c.name, c.exact) for c in self.contenders[size]]
            entry: Dict[str, Any] = {"candidates": size}
            for ours, exact in (("rankd f32", True), ("rankd bf16", False)):
                us = self.median(ours, size)
                rivals = [(figure, name) for figure, name, is_exact in figures if is_exact or not exact]
                if us and rivals:
                    figure, name = min(rivals)
                    entry[ours] = {"us": us, "best_rival": name, "best_rival_us": figure, "ratio": figure / us}
            best.append(entry)
        return {"tool": "bench/peers/compare.py", "cpu": cpu_model(), "cores": os.cpu_count(), "core": self.args.core,
                "versions": versions(), "rounds": self.args.repeat, "seconds_a_turn": self.args.seconds,
                "rows": rows, "best": best, "failures": self.failures}

    def table(self) -> str:
        """The run as text."""
        report = self.report()
        known = {name: version for name, version in report["versions"].items() if version}
        tier = next(iter(self.details.values()))[0]["tier"]
        peak = statistics.median(entry["peak_gflops"] for entries in self.details.values() for entry in entries)
        lines = [f"CPU      {report['cpu']}, core {report['core']} of {report['cores']}, one thread",
                 f"rankd    kernels: {tier}; f32 peak of this core {peak:.0f} GFLOP/s",
                 "rivals   " + ", ".join(f"{name} {version}" for name, version in known.items()),
                 f"us a request, median of {report['rounds']} rounds x {report['seconds_a_turn']:g} s; "
                 "x: times rankd f32", ""]
        lines.append(f"{'':28}" + "".join(f"{f'N = {size}':>20}" for size in self.sizes)
                     + f"{'max error':>12}{'top 10':>8}")
        for name in self.names():
            cells = []
            for size in self.sizes:
                us, base = self.median(name, size), self.median("rankd f32", size)
                cells.append(f"{us:>11.1f} {us / base:>7.2f}x" if us else f"{'-':>20}")
            found = [self.qualities[name, size] for size in self.sizes if (name, size) in self.qualities]
            end = f"{max(q.max_error for q in found):>12.1e}{min(q.top10 for q in found):>8.3f}" if found else ""
            lines.append(f"{name:28}" + "".join(cells) + end)
        lines.append("")
        for entry in report["best"]:
            for ours in self.ours:
                if ours in entry:
                    one = entry[ours]
                    lines.append(f"N = {entry['candidates']}: {ours} is {one['ratio']:.2f} times as fast as "
                                 f"{one['best_rival']}")
        return "\n".join([*lines, *self.failures])


def cpu_model() -> str:
    """The kernel's name of the processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the reference model, precision f32")
    parser.add_argument("--halves", type=Path, help="the same weights with precision bf16")
    parser.add_argument("--onnx", type=Path, required=True, help="what bench/peers/export.py wrote of --model")
    parser.add_argument("--bodies", type=Path, required=True, help="folder of bodies-N.jsonl")
    parser.add_argument("--rankd", type=Path, required=True, help="the program rankd-bench-model")
    parser.add_argument("--candidates", default="100,500,2000")
    parser.add_argument("--repeat", type=int, default=7, help="rounds")
    parser.add_argument("--seconds", type=float, default=0.3, help="of a turn")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="that everything runs on")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    os.sched_setaffinity(0, {args.core})
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    comparison = Comparison(args)
    comparison.run()
    print(comparison.table())
    if args.json is not None:
        args.json.write_text(json.dumps(comparison.report(), indent=1) + "\n", encoding="utf-8")
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    sys.exit(main())
