"""report.md and report.json of a trained model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Sequence

from . import paired
from .export import write_text
from .metrics import Interval, table
from .plots import ranking_plots


def _interval(entry: Dict[str, float], digits: int = 3) -> str:
    return f"{entry['value']:.{digits}f} ({entry['low']:.{digits}f} to {entry['high']:.{digits}f})"


def _signals(result: Dict[str, Any]) -> str:
    def note(row: Dict[str, Any]) -> str:
        if not row["measurable"]:
            return f"only {row['positives']} positives: not measurable here"
        if row["auc_gain"]["high"] < 0:
            return "worse"
        return "better" if row["auc_gain"]["low"] > 0 else "no difference shown"

    return table(result["signals"], {
        "signal": lambda row: row["signal"],
        "positives": lambda row: f"{row['positives']}",
        "AUC": lambda row: _interval(row["model"]["auc"]),
        "floor AUC": lambda row: f"{row['floor']['auc']['value']:.3f}",
        "AUC gain": lambda row: _interval(row["auc_gain"]),
        "GAUC": lambda row: _interval(row["model"]["gauc"]),
        "floor GAUC": lambda row: f"{row['floor']['gauc']['value']:.3f}",
        "against the floor": note})


def _against(model: str, differences: Dict[str, Dict[str, float]]) -> str:
    found = {"this": {name: Interval(**entry) for name, entry in differences.items()}}
    return (f"\n## Against {model}\n\nDifferences on the same exposures; in brackets 95 % intervals by paired "
            "bootstrap over users; bold where they leave 0 out.\n\n"
            + paired.render(found, {"this": "difference"}, "metric"))


def render(result: Dict[str, Any], facts: Dict[str, Any], images: Sequence[str] = ()) -> str:
    """The Markdown report."""
    parts = [f"# {facts['name']}: evaluation\n",
             f"Made by `{facts['command']}` (seed {facts['seed']}); {facts['epochs']} epochs, "
             f"{facts['training_seconds']:.0f} s of training, "
             f"{facts['training_cpu_seconds']:.0f} s of processor time; threads: {facts['threads']}.\n",
             f"Test days 7 and 8 May 2022: {result['rows']} exposures of {result['users']} users. Users' state is "
             "frozen at the end of 6 May. In brackets: 95 % intervals, "
             f"{result['bootstrap_rounds']} bootstrap resamples of users, paired for the gains. The floor is no model: "
             "smoothed item, user and tab rates of the training days.\n",
             "## Signals\n", _signals(result) + "\n",
             "## Order: NDCG of the realised reward\n",
             table(result["ndcg"], {"order": lambda row: row["order"], "users": lambda row: str(row["users"]),
                                    "NDCG": _interval}) + "\n",
             "`additive` is what is served; `combined` orders by the combined head alone. Users whose exposures all "
             "had the same reward are left out.\n",
             "## Calibration of the combined head, by decile of its prediction\n",
             table(result["calibration"], {
                 "rows": lambda row: str(row["rows"]), "predicted": lambda row: f"{row['predicted']:.3f}",
                 "realised": lambda row: f"{row['realised']:.3f} ± {row['standard_error']:.3f}",
                 "predicted / realised": lambda row: f"{row['ratio']:.3f}"}) + "\n",
             "## Long tail: items with at most 5 training exposures\n",
             table(result["long_tail"], {
                 "signal": lambda row: row["signal"], "rows": lambda row: str(row["rows"]),
                 "positives": lambda row: str(row["positives"]), "AUC": lambda row: f"{row['auc']:.3f}",
                 "floor AUC": lambda row: f"{row['floor']:.3f}"})]
    if "against" in facts:
        parts.append(_against(**facts["against"]))
    parts += [f"\n![{name.partition('.')[0]}]({name})" for name in images]
    return "\n".join(parts) + "\n"


def write_report(folder: Path, result: Dict[str, Any], facts: Dict[str, Any]) -> None:
    """report.md and report.json, and their plots."""
    images = ranking_plots(folder, result, facts)
    write_text(folder / "report.json", json.dumps({**facts, "test": result}, indent=1) + "\n")
    write_text(folder / "report.md", render(result, facts, images))
