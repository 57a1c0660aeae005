"""Requests a second of rankd and of bench/peers/server.py: same model, same bodies, same client, same cores.

    python3 -m bench.peers.end_to_end --models MODELS --onnx DIR --bodies DIR --programs build --json FILE

Both servers run for the whole time on the same cores and are loaded in turn, so that the idle one costs the other
nothing; the client (closed loop) has the last core to itself where there are several. A closed loop tells throughput;
its latencies hide queueing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple
from urllib.error import URLError
from urllib.request import Request, urlopen

from bench.peers.bodies import read_bodies
from bench.peers.compare import cpu_model

START_S = 60.0
TOLERANCE = 1e-4


@contextlib.contextmanager
def running(command: List[str], cores: Set[int], log: Path) -> Iterator[subprocess.Popen]:
    """A server on some cores, ended at the end."""
    with open(log, "wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   preexec_fn=lambda: os.sched_setaffinity(0, cores))
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(process: subprocess.Popen, url: str, log: Path) -> None:
    """Until /readyz answers 200."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urlopen(url + "/readyz", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"{url} does not turn ready:\n{log.read_text(errors='replace')}")


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url: str, body: Dict[str, Any]) -> Dict[str, Any]:
    """One answer."""
    request = Request(url + "/rank", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as response:
        return json.load(response)


def check_same(urls: Dict[str, str], body: Dict[str, Any]) -> None:
    """Both servers give each item the same score."""
    answers = [{item["item"]: item["score"] for item in ask(url, body)["items"]} for url in urls.values()]
    if any(answer.keys() != answers[0].keys() for answer in answers):
        raise SystemExit("the servers answer with other items")
    error = max(abs(score - answers[0][item]) for answer in answers for item, score in answer.items())
    if not error <= TOLERANCE:
        raise SystemExit(f"the servers' scores differ by {error:.1e}")


def load(args: argparse.Namespace, url: str, bodies: Path, core: int, seed: int) -> Dict[str, float]:
    """One run of the client; its summary."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run([str(args.programs / "bench" / "rankd-load"), "--url", url, "--bodies", str(bodies), "--closed",
                        str(args.in_flight), "--duration", str(args.seconds), "--warmup", str(args.warm_up), "--seed",
                        str(seed), "--timeout-ms", "60000", "--json", str(report)], check=True,
                       stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        return json.loads(report.read_text(encoding="utf-8"))["median"]


def server_commands(args: argparse.Namespace, workers: int) -> Dict[str, Tuple[str, List[str]]]:
    """Name -> URL and command line."""
    ours, theirs = f"127.0.0.1:{free_port()}", free_port()
    return {
        "rankd": (f"http://{ours}", [
            str(args.programs / "rankd"), "serve", "--models", str(args.models), "--default-model", args.name,
            "--listen", ours, "--admin", "off", "--workers", str(workers), "--budget-ms", "60000", "--queue-ms",
            "60000", "--drain-delay", "0", "--access-log-sample", "0"]),
        "FastAPI + ONNX Runtime": (f"http://127.0.0.1:{theirs}", [
            sys.executable, "-m", "bench.peers.server", "--model", str(args.onnx), "--port", str(theirs), "--workers",
            str(workers)]),
    }


def measure(args: argparse.Namespace, urls: Dict[str, str], core: int) -> List[Dict[str, Any]]:
    """Rows of the table: a server at a size."""
    rows = []
    for size in [int(text) for text in args.candidates.split(",")]:
        bodies = args.bodies / f"bodies-{size}.jsonl"
        check_same(urls, read_bodies(bodies)[0])
        runs: Dict[str, List[Dict[str, float]]] = {name: [] for name in urls}
        for seed in range(args.repeat):
            for name, url in urls.items():
                runs[name].append(load(args, url, bodies, core, seed + 1))
        for name, found in runs.items():
            rows.append({"name": name, "candidates": size, "runs": found,
                         "requests_per_s": statistics.median(run["goodput_per_s"] for run in found),
                         "not_200": sum(run["requests"] - run["status_200"] for run in found),
                         "client_cpu_share": statistics.median(run["client_cpu_share"] for run in found)})
    return rows


def table(report: Dict[str, Any]) -> str:
    """The run as text."""
    lines = [f"CPU      {report['cpu']}; servers on cores {report['server_cores']}, client on {report['client_core']}",
             f"load     closed loop, {report['in_flight']} in flight, median of {report['repeat']} x "
             f"{report['seconds']:g} s after {report['warm_up']:g} s of warm-up", "",
             f"{'':28}{'candidates':>11}{'requests/s':>12}{'ratio':>8}{'not 200':>9}{'client CPU':>12}"]
    base = {row["candidates"]: row["requests_per_s"] for row in report["rows"] if row["name"] != "rankd"}
    for row in report["rows"]:
        slower = base[row["candidates"]]
        ratio = f"{row['requests_per_s'] / slower:.2f}" if slower else "-"
        lines.append(f"{row['name']:28}{row['candidates']:>11}{row['requests_per_s']:>12.1f}{ratio:>8}"
                     f"{row['not_200']:>9.0f}{row['client_cpu_share']:>12.2f}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="folder of models")
    parser.add_argument("--name", default="reference", help="of the model to load")
    parser.add_argument("--onnx", type=Path, required=True, help="what bench/peers/export.py wrote of it")
    parser.add_argument("--bodies", type=Path, required=True, help="folder of bodies-N.jsonl")
    parser.add_argument("--programs", type=Path, required=True, help="build folder")
    parser.add_argument("--candidates", default="100,500,2000")
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    servers, client = set(cores[:-1] or cores), cores[-1]
    commands = server_commands(args, len(servers))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        started = []
        for name, (url, command) in commands.items():
            log = folder / re.sub("[^a-z]", "", name.lower())
            started.append((stack.enter_context(running(command, servers, log)), url, log))
        for process, url, log in started:
            wait_ready(process, url, log)
        rows = measure(args, {name: url for name, (url, _) in commands.items()}, client)
    report = {"tool": "bench/peers/end_to_end.py", "cpu": cpu_model(), "server_cores": sorted(servers),
              "client_core": client, "in_flight": args.in_flight, "repeat": args.repeat, "seconds": args.seconds,
              "warm_up": args.warm_up, "rows": rows}
    print(table(report))
    if args.json is not None:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if any(row["not_200"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
