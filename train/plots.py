"""PNG plots of runs: curves by epoch, calibration, signals with their intervals. Nothing without matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

try:
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
except ImportError:
    pyplot = None


def _save(figure: Any, path: Path) -> str:
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return path.name


def curves(training: List[Dict[str, Any]], path: Path) -> str:
    """Loss and task losses by epoch, and the validation metrics of the epochs that were judged."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    epochs = range(1, len(training) + 1)
    for name in (key for key in training[0] if "." not in key and not key.endswith("seconds") and key != "validation"):
        left.plot(epochs, [line.get(name) for line in training], marker="o", label=name)
    left.set(xlabel="epoch", title="training loss")
    judged = [(at, line["validation"]) for at, line in zip(epochs, training) if "validation" in line]
    for name in judged[0][1] if judged else ():
        right.plot([at for at, _ in judged], [found[name] for _, found in judged], marker="o", label=name)
    right.set(xlabel="epoch", title="validation")
    for axes in (left, right) if judged else (left,):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _save(figure, path)


def calibration(deciles: List[Dict[str, float]], path: Path) -> str:
    """Predicted against realised mean reward by decile, with two standard errors."""
    figure, axes = pyplot.subplots(figsize=(5, 5))
    predicted, realised = ([decile[key] for decile in deciles] for key in ("predicted", "realised"))
    axes.errorbar(predicted, realised, [2 * decile["standard_error"] for decile in deciles], fmt="o", capsize=3)
    top = 1.05 * max(*predicted, *realised)
    axes.plot([0, top], [0, top], color="grey", linewidth=1)
    axes.set(xlabel="predicted mean reward", ylabel="realised mean reward", title="combined head, by decile")
    return _save(figure, path)


def signals(rows: List[Dict[str, Any]], path: Path) -> str:
    """AUC of every measurable signal with its interval, beside the floor's."""
    rows = [row for row in rows if row["measurable"]]
    figure, axes = pyplot.subplots(figsize=(7, 4))
    place = range(len(rows))
    found = [row["model"]["auc"] for row in rows]
    spread = [[entry["value"] - entry["low"] for entry in found], [entry["high"] - entry["value"] for entry in found]]
    axes.errorbar(place, [entry["value"] for entry in found], spread, fmt="o", capsize=4, label="model")
    axes.plot(place, [row["floor"]["auc"]["value"] for row in rows], "x", color="grey", label="floor")
    axes.set_xticks(list(place), [row["signal"] for row in rows], rotation=20)
    axes.set(title="AUC on the test days")
    axes.legend()
    return _save(figure, path)


def ranking_plots(folder: Path, result: Dict[str, Any], facts: Dict[str, Any]) -> List[str]:
    """The plots of a ranking run; returns their file names."""
    if pyplot is None:
        return []
    return [curves(facts["training"], folder / "curves.png"), signals(result["signals"], folder / "signals.png"),
            calibration(result["calibration"], folder / "calibration.png")]


def retrieval_plots(folder: Path, training: List[Dict[str, Any]]) -> List[str]:
    """The plots of a retrieval run; returns their file names."""
    return [] if pyplot is None else [curves(training, folder / "curves.png")]
