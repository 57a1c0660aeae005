"""Results as JSON, as a Markdown table, and the table's place in docs/reliability.md."""

import datetime
import json
import os
import platform
import re
from pathlib import Path

import goals

BEGIN, END = "<!-- campaign: begin -->", "<!-- campaign: end -->"
RELATIONS = {"==": "", "<=": "≤ ", "<": "< ", ">=": "≥ "}


def machine():
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {"cpu": found.group(1) if found else platform.machine(), "cores": os.cpu_count(),
            "kernel": platform.release(), "date": datetime.date.today().isoformat()}


def result_of(part, figures, faults, seed, short, seconds):
    """A part as it stands in the JSON file. `decides`: whether a missed goal fails this run."""
    rows = []
    for goal in part.goals:
        value = figures.get(goal.key)
        rows.append({**goal._asdict(), "measured": value, "met": goals.is_met(goal, value),
                     "decides": goal.kind == "must" or (goal.kind != "told" and not short)})
    return {"part": part.name, "title": part.title, "seed": seed, "short": short, "seconds": round(seconds, 1),
            "rows": rows, "faults": faults}


def is_failed(result):
    return any(row["decides"] and not row["met"] for row in result["rows"]) or bool(result["faults"])


def number(value, unit):
    if value is None:
        return "not measured"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    else:
        text = f"{value:,}"
    return f"{text} {unit}".rstrip()


def goal_text(row):
    if row["relation"] is None:
        return ""
    return RELATIONS[row["relation"]] + number(row["limit"], row["unit"])


def verdict(row):
    return {None: "", True: "met", False: "**missed**"}[row["met"]]


def markdown(results, about):
    lines = [f"{about['cpu']}, {about['cores']} cores shared by server and clients, Linux {about['kernel']}, "
             f"{about['date']}.", "", "| what | goal | measured | |", "|---|---|---|---|"]
    for result in results:
        form = ", **short form**" if result["short"] else ""
        lines.append(f"| **{result['part']}**: {result['title']}{form} | | {result['seconds']:.0f} s | |")
        for row in result["rows"]:
            lines.append(f"| {row['text']} | {goal_text(row)} | {number(row['measured'], row['unit'])} | "
                         f"{verdict(row)} |")
    return "\n".join(lines) + "\n"


def write(out, results):
    """results.json holds the newest result of each part; results.md is its table."""
    path, kept = out / "results.json", {}
    if path.exists():
        kept = {result["part"]: result for result in json.loads(path.read_text(encoding="utf-8"))["results"]}
    kept.update({result["part"]: result for result in results})
    ordered, about = [kept[name] for name in goals.NAMES if name in kept], machine()
    path.write_text(json.dumps({"machine": about, "results": ordered}, indent=1, ensure_ascii=False) + "\n",
                    encoding="utf-8")
    (out / "results.md").write_text(markdown(ordered, about), encoding="utf-8")


def write_into_document(results_path, document):
    """Replaces what stands between the markers by the table."""
    stored = json.loads(results_path.read_text(encoding="utf-8"))
    text = document.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{document} lacks the markers"
    table = markdown(stored["results"], stored["machine"])
    document.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")
