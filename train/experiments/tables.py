"""Finished cells -> Markdown tables, mean ± standard deviation over seeds; written between markers of a document.

A marker is `<!-- table: FOLDER -->`, FOLDER a folder of cells; the table stands between it and `<!-- end -->`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import numpy as np

from .. import paired
from ..export import write_text
from ..metrics import table
from .cells import results
from .plan import Plan, load_plan

MARKED = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.S)
Cells = List[Dict[str, Any]]

ABLATION = {"click AUC": "auc.click", "click GAUC": "gauc.click", "long view AUC": "auc.long_view",
            "long view GAUC": "gauc.long_view", "like AUC": "auc.like", "like GAUC": "gauc.like",
            "profile enter AUC": "auc.profile_enter", "profile enter GAUC": "gauc.profile_enter",
            "hate or short AUC": "auc.hate_or_short_view", "hate or short GAUC": "gauc.hate_or_short_view",
            "NDCG served": "ndcg.additive", "NDCG combined": "ndcg.combined", "tail click AUC": "tail.click",
            "tail long view AUC": "tail.long_view"}
RETRIEVAL = {"HR@10": "hr@10", "HR@20": "hr@20", "HR@50": "hr@50", "NDCG@10": "ndcg@10", "NDCG@20": "ndcg@20",
             "tail HR@20": "tail.hr@20", "ΔHR@20": "delta.hr@20", "alignment": "alignment",
             "uniformity (users)": "uniformity_users", "uniformity (items)": "uniformity_items",
             "popularity shown": "shown.mean_popularity", "coverage": "shown.coverage"}


def value_at(cell: Dict[str, Any], path: str) -> Optional[float]:
    """cell["test"] at a key, or at a key of an object inside it."""
    test = cell["test"]
    if path in test:
        return test[path]
    head, _, rest = path.partition(".")
    return test.get(head, {}).get(rest) if isinstance(test.get(head), dict) else None


def mean_sd(values: List[float], digits: int) -> str:
    """mean ± sample standard deviation; the value alone for one seed."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def _cell(cells: Cells, path: str) -> str:
    values = [value_at(cell, path) for cell in cells]
    if any(value is None for value in values):
        return ""
    return mean_sd(values, 1 if path.endswith("popularity") else 4)


def _cost(cells: Cells) -> Dict[str, str]:
    an_epoch = [float(np.mean([line["cpu_seconds"] for line in cell["training"]])) for cell in cells]
    return {"seeds": str(len(cells)), "epochs": mean_sd([cell["epochs"] for cell in cells], 0).split(" ")[0],
            "CPU s an epoch": mean_sd(an_epoch, 1), "CPU minutes": mean_sd([cell["cpu_minutes"] for cell in cells], 1)}


def _lifts(found: Dict[str, Cells], name: str, suffix: str = "") -> str:
    """HR@20, HR@50, NDCG@20 of a row against the base row of its loss (or <base><suffix>), in percent of the means."""
    base = next((row for row in found if name.startswith(f"{row}_")), None)
    if base is None or base + suffix not in found or base + suffix == name:
        return ""
    parts = []
    for path in ("hr@20", "hr@50", "ndcg@20"):
        mine, theirs = (np.mean([value_at(cell, path) for cell in found[row]]) for row in (name, base + suffix))
        parts.append(f"{100 * (mine / theirs - 1):+.0f} %")
    return ", ".join(parts)


def _against_base(plan: Plan, folder: Path) -> Dict[str, paired.Differences]:
    """Paired differences of every row from the base, over the seeds that all rows have."""
    names = [raw["name"] for raw in plan.rows if list(folder.glob(f"{raw['name']}-*.npz"))]
    seeds = [seed for seed in plan.seeds if all((folder / f"{name}-{seed}.npz").exists() for name in names)]
    if "base" not in names or not seeds:
        return {}
    runs = {name: [paired.Predictions.load(folder / f"{name}-{seed}.npz") for seed in seeds] for name in names}
    return paired.differences(runs.pop("base"), runs)


def render(plan_name: str, plan: Plan, folder: Path) -> str:
    """The table of a plan's finished cells, a run a column; runs and metrics without any value are left out."""
    found, metrics = results(folder), ABLATION if plan_name == "ablation" else RETRIEVAL
    columns: Dict[str, Dict[str, str]] = {}
    for raw in plan.rows:
        cells = found.get(raw["name"])
        if not cells:
            continue
        column = {title: _cell(cells, path) for title, path in metrics.items()}
        if plan_name != "ablation":
            column["HR@20, HR@50, NDCG@20 over the base"] = _lifts(found, raw["name"])
            column["over the base trained as long"] = _lifts(found, raw["name"], "_long")
        columns[raw["title"]] = {**column, **_cost(cells)}
    if not columns:
        return "No cell is finished."
    names = [name for name in next(iter(columns.values())) if any(column[name] for column in columns.values())]
    rows = [{"": name, **{title: column[name] for title, column in columns.items()}} for name in names]
    getters: Dict[str, Callable] = {title: (lambda row, title=title: row[title]) for title in rows[0]}
    text = table(rows, getters)
    against = _against_base(plan, folder) if plan_name == "ablation" else {}
    if against:
        titles = {raw["name"]: raw["title"] for raw in plan.rows}
        text += ("\n\nDifferences, a mean over seeds; in brackets 95 % intervals by paired bootstrap over users; bold "
                 "where they leave 0 out.\n\n" + paired.render(against, titles))
    return text


def write_document(document: Path, folder: Path) -> List[str]:
    """Fills every marker of the document whose cells are there; returns the folders' names."""
    written = []

    def fill(match: "re.Match[str]") -> str:
        name = match.group(2)
        if not results(folder / name):
            return match.group(0)
        plan_name = name.partition("-")[0]
        written.append(name)
        return match.group(1) + "\n" + render(plan_name, load_plan(plan_name), folder / name) + "\n\n" + match.group(3)

    text = MARKED.sub(fill, document.read_text(encoding="utf-8"))
    write_text(document, text)
    return written
