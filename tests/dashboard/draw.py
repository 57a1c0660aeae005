"""A picture of the panels, laid out as the dashboard is: what Grafana would show of the run, roughly."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import EngFormatter, FuncFormatter, PercentFormatter  # noqa: E402

COLUMNS, INCH_PER_COLUMN, INCH_PER_ROW = 24, 0.8, 0.42


def formatter_of(unit):
    """A new one: each belongs to one axis."""
    if unit == "percentunit":
        return PercentFormatter(1.0, decimals=1)
    if unit == "sci":
        return FuncFormatter(lambda value, _: f"{value:.1e}")
    return EngFormatter({"s": "s", "bytes": "B", "reqps": "/s"}.get(unit, ""), places=None)


def draw_figure(axes, shown):
    """A stat: its last value, over a line of all."""
    points = shown.series[0][1] if shown.series else []
    axes.plot([at for at, _ in points], [value for _, value in points], color="tab:green", alpha=0.3)
    axes.set_axis_off()
    axes.text(0.5, 0.45, axes.yaxis.get_major_formatter()(points[-1][1]) if points else "no data", fontsize=18,
              ha="center", va="center", transform=axes.transAxes)


def draw_table(axes, shown):
    axes.set_axis_off()
    for number, (name, points) in enumerate(shown.series):
        lines = [f"{points[-1][1]:g} ×", *name.split(", ")]
        axes.text(0.02, 0.9 - 0.5 * number, "\n".join(line[:52] for line in lines), fontsize=8, va="top",
                  transform=axes.transAxes)


def draw_lines(axes, shown, began):
    for name, points in shown.series:
        axes.plot([at - began for at, _ in points], [value for _, value in points], label=name, linewidth=1)
    if shown.series:
        axes.legend(fontsize=6, ncol=5, loc="upper left", frameon=False)
    values = [value for _, points in shown.series for _, value in points] or [0.0]
    top = 1.2 * max(0.0, *values) or 1.0
    axes.set_ylim(min(-0.02 * top, 1.2 * min(values)), top)


def draw_heatmap(axes, shown, began):
    """Cumulative buckets as what falls into each."""
    buckets = sorted((float(name.replace("+Inf", "inf")), dict(points)) for name, points in shown.series)
    times = sorted(buckets[0][1])
    counts = [[below.get(at, 0.0) for at in times] for _, below in buckets]
    rows = [counts[0]] + [[high - low for low, high in zip(*pair)] for pair in zip(counts, counts[1:])]
    axes.pcolormesh([at - began for at in times], range(len(rows)), rows, cmap="Oranges", shading="nearest")
    axes.set_yticks(range(len(rows)), [f"≤ {bound:g} s" for bound, _ in buckets], fontsize=6)


def save(path, document, panels):
    """Draws the panels (as main's Shown, in the document's order) into a PNG file."""
    layout = document["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in layout)
    figure = plt.figure(figsize=(COLUMNS * INCH_PER_COLUMN, rows * INCH_PER_ROW))
    began = min(points[0][0] for shown in panels for _, points in shown.series if points)
    waiting = iter(panels)
    for panel in layout:
        at = panel["gridPos"]
        left, top = at["x"] / COLUMNS, 1 - at["y"] / rows
        if panel["type"] == "row":
            figure.text(left + 0.005, top - 0.75 / rows, panel["title"], fontsize=12, weight="bold")
            continue
        shown = next(waiting)
        axes = figure.add_axes([left + 0.9 / COLUMNS, top - (at["h"] - 0.9) / rows, (at["w"] - 1.1) / COLUMNS,
                                (at["h"] - 1.9) / rows])
        axes.set_title(panel["title"], fontsize=9, loc="left")
        axes.tick_params(labelsize=7)
        axes.yaxis.set_major_formatter(formatter_of(panel["fieldConfig"]["defaults"]["unit"]))
        if panel["type"] == "stat":
            draw_figure(axes, shown)
        elif panel["type"] == "table":
            draw_table(axes, shown)
        elif panel["type"] == "heatmap":
            draw_heatmap(axes, shown, began)
        else:
            draw_lines(axes, shown, began)
    figure.savefig(path, dpi=70)
