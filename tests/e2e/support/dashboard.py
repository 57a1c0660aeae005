"""The dashboard deploy/grafana/rankd.json as Grafana reads it: panels, their queries, variables filled in."""

import json
import re
from collections import namedtuple

from support.server import ROOT

PATH = ROOT / "deploy" / "grafana" / "rankd.json"
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
LABEL_VALUES = re.compile(r"label_values\((.+), *(\w+)\)\Z")
LEGEND = re.compile(r"\{\{ *(\w+) *\}\}")

Query = namedtuple("Query", "expression legend is_instant")


def read():
    return json.loads(PATH.read_text(encoding="utf-8"))


def rate_interval_s(scrape_s, step_s):
    """Grafana's $__rate_interval: it holds two scrapes at least, even when one has failed."""
    return max(step_s + scrape_s, 4 * scrape_s)


def fill(expression, variables):
    """Every $name and ${name} replaced. KeyError: one has no value."""
    return VARIABLE.sub(lambda match: variables[match.group(1) or match.group(2)], expression)


def resolve(document, label_values):
    """{variable: value}, as a reader who opens the dashboard has them: the first value of each, all of those that have
    an `All`. `label_values(selector, label)`: what the data source knows."""
    variables = {}
    for variable in document["templating"]["list"]:
        if variable["type"] != "query":
            continue
        selector, label = LABEL_VALUES.match(fill(variable["query"], variables)).groups()
        values = label_values(selector, label)
        assert values, f"variable {variable['name']}: {variable['query']} has no value"
        variables[variable["name"]] = variable["allValue"] if variable.get("includeAll") else values[0]
    return variables


def shown(document):
    """The panels that show something: all but the headings of rows."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def queries(panel, variables):
    return [Query(fill(target["expr"], variables), target["legendFormat"], target.get("instant", False))
            for target in panel["targets"]]


def annotations(document, variables):
    """{name: expression} of the marks that the time axes bear."""
    return {entry["name"]: fill(entry["expr"], variables) for entry in document["annotations"]["list"]}


def legend(text, labels):
    """A series' name in the legend."""
    if not text:
        return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__")
    return LEGEND.sub(lambda match: labels.get(match.group(1), ""), text)
