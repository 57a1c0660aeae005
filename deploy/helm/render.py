"""Lints the chart and renders it with Helm's own engine (the package helm-python-sdk): what `helm lint` and `helm
template` do where there is no helm.

    render.py OUT           lint with the default values and with each of rankd/ci/; the documents into OUT, one file
                            each, and fail if deploy/kubernetes differs from what the chart makes
    render.py --write       write deploy/kubernetes anew
"""

import argparse
import difflib
import re
import sys
from pathlib import Path

import helm_python as helm
import yaml

HERE = Path(__file__).resolve().parent
CHART = HERE / "rankd"
PLAIN = HERE.parent / "kubernetes"
WARNING = 2  # helm's severities: 0 unknown, 1 info, 2 warning, 3 error

# Which kinds of the chart's documents each file of deploy/kubernetes holds, and the values that make them.
ON = {"autoscaling": {"enabled": True}, "monitoring": {"serviceMonitor": True}}
FILES = {
    "rankd.yaml": ({}, ("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy")),
    "autoscaler.yaml": (ON, ("HorizontalPodAutoscaler",)),
    "monitoring.yaml": (ON, ("ServiceMonitor",)),
}
HEAD = "# Made from deploy/helm/rankd by deploy/helm/render.py --write; change the chart, not this file.\n"
MANAGED = re.compile(r" *app\.kubernetes\.io/managed-by: Helm\n")


def values_sets():
    """{name: values}: the default and the files of ci/."""
    sets = {"default": {}}
    for path in sorted((CHART / "ci").glob("*-values.yaml")):
        sets[path.name.removesuffix("-values.yaml")] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return sets


def lint(values):
    """The findings of `helm lint` that are warnings or worse."""
    report = helm.lint(CHART, values, strict=True)
    found = [f"{m['path']}: {m['error']}" for m in report["messages"] if m["severity"] >= WARNING]
    return found + [error for error in report["errors"] if not any(error in line for line in found)]


def documents(chart, values):
    """The texts of the rendered documents."""
    chart.validate_schema(chart.merge_values(values))
    texts = []
    for path, text in sorted(chart.render(values, name="rankd", namespace="rankd").items()):
        if path.endswith(".yaml"):
            texts += [part.strip("\n") + "\n" for part in ("\n" + text).split("\n---\n") if part.strip()]
    return texts


def plain_files(chart):
    """{file of deploy/kubernetes: its text}."""
    made = {}
    for name, (values, kinds) in FILES.items():
        texts = [text for text in documents(chart, values) if yaml.safe_load(text)["kind"] in kinds]
        made[name] = HEAD + MANAGED.sub("", "---\n".join(texts))
    return made


def check_plain(chart):
    """The differences between deploy/kubernetes and the chart."""
    differences = []
    for name, text in plain_files(chart).items():
        path = PLAIN / name
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        differences += difflib.unified_diff(old.splitlines(), text.splitlines(), str(path), "the chart's", lineterm="")
    return differences


def render_all(chart, folder):
    for name, values in values_sets().items():
        for number, text in enumerate(documents(chart, values)):
            kind = yaml.safe_load(text)["kind"]
            (folder / f"{name}-{number:02}-{kind}.yaml").write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", help="folder for the rendered documents")
    parser.add_argument("--write", action="store_true", help="write deploy/kubernetes anew")
    options = parser.parse_args()
    findings = [f"{name}: {finding}" for name, values in values_sets().items() for finding in lint(values)]
    with helm.Chart.load(CHART) as chart:
        if options.write:
            for name, text in plain_files(chart).items():
                (PLAIN / name).write_text(text, encoding="utf-8")
        findings += check_plain(chart)
        if options.out:
            render_all(chart, options.out)
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
