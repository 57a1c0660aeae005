"""deploy/: every metric, flag and variable that it names is one that the server has, and docs/operating.md lists them.

What needs tools that scripts/test does not install (Prometheus) is skipped here, and run by scripts/lint-deploy.
"""

import json
import re
import shutil
import subprocess
import time

import pytest
import yaml

from support import dashboard, metrics, models
from support.prometheus import RULES, Prometheus
from support.server import ROOT, Server, run

DEPLOY = ROOT / "deploy"
OPERATING = ROOT / "docs" / "operating.md"
NAME = re.compile(r"\b(?:rankd_|process_)[a-z0-9_]+\b")
RECORDED = re.compile(r"\brankd:[a-z0-9_:]+\b")
SELECTOR = re.compile(r"\b((?:rankd_|process_)[a-z0-9_]+)\{([^}]*)\}")
MATCHER = re.compile(r'([a-z_]+)\s*(=~|=)\s*"([^"]*)"')
TARGET_LABELS = {"job", "instance", "namespace", "pod"}  # a scrape adds them
ADAPTED = "rankd_queue_seconds"  # made by the adapter, for the autoscaler alone
VARIABLES = {"job": "rankd", "instance": ".*", "__rate_interval": "5s"}
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
needs_prometheus = pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")


def load(*parts):
    """The documents of a YAML file under deploy/."""
    return list(yaml.safe_load_all(DEPLOY.joinpath(*parts).read_text(encoding="utf-8")))


def rules():
    return [rule for group in load("prometheus", "rankd.rules.yaml")[0]["groups"] for rule in group["rules"]]


def adapter_queries():
    """The adapter's rule with its placeholders filled in."""
    queries = []
    for rule in load("prometheus", "adapter.yaml")[0]["rules"]:
        query = rule["metricsQuery"].replace("<<.GroupBy>>", "pod").replace("<<.LabelMatchers>>", 'namespace="shop"')
        queries += [rule["seriesQuery"], query]
    return queries


def panel_queries():
    """{panel's title: its queries}, with Grafana's variables filled in."""
    return {panel["title"]: [query.expression for query in dashboard.queries(panel, VARIABLES)]
            for panel in dashboard.shown(dashboard.read())}


def expressions():
    """(where, expression) of everything in deploy/ that asks for metrics."""
    yield from ((f"rule {rule.get('alert') or rule['record']}", rule["expr"]) for rule in rules())
    yield from ((f"panel {title}", query) for title, queries in panel_queries().items() for query in queries)
    yield from ((f"annotation {name}", query)
                for name, query in dashboard.annotations(dashboard.read(), VARIABLES).items())
    yield from (("adapter", query) for query in adapter_queries())


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    """The families of /metrics after an answer of each kind that the tests need a series of."""
    folder = models.link_golden(tmp_path_factory.mktemp("deploy") / "models", "sasrec_mlp")
    with Server(folder, "--budget-ms", 20000) as server:
        server.rank({"candidates": [1, 2]})
        text = server.admin_get("/metrics").body.decode()
    return metrics.parse(text)


def base_name(name, families):
    """The family that a sample of this name belongs to, or None."""
    for end in ("", "_bucket", "_sum", "_count"):
        base = name.removesuffix(end) if end else name
        if name.endswith(end) and base in families and (not end or families[base].kind == "histogram"):
            return base
    return None


def test_every_metric_is_exposed(families):
    found = {(where, name) for where, expression in expressions() for name in NAME.findall(expression)}
    assert len(found) > 60
    assert not {pair for pair in found if base_name(pair[1], families) is None}


def test_every_metric_is_on_the_dashboard(families):
    text = " ".join(query for queries in panel_queries().values() for query in queries)
    assert {base_name(name, families) for name in NAME.findall(text)} == set(families)


def test_variables_are_filled_in():
    document = dashboard.read()
    asked = []

    def label_values(selector, label):
        asked.append((selector, label))
        return ["first", "second"]

    assert dashboard.resolve(document, label_values) == {"job": "first", "instance": ".*"}
    assert asked == [("rankd_build_info", "job"), ('rankd_build_info{job="first"}', "instance")]
    assert dashboard.fill("rate(x{a=\"$job\"}[${__rate_interval}])", VARIABLES) == 'rate(x{a="rankd"}[5s])'
    assert not [query for _, query in expressions() if "$" in query]
    with pytest.raises(KeyError):
        dashboard.fill("$unknown", VARIABLES)


def test_every_recorded_series_is_recorded():
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = {name for _, expression in expressions() for name in RECORDED.findall(expression)}
    assert recorded == asked


def test_every_label_is_exposed(families):
    """Labels of selectors exist, and so do the values that they must equal."""
    checked = 0
    for where, expression in expressions():
        for name, matchers in SELECTOR.findall(expression):
            samples = [dict(labels) for _, labels in families[base_name(name, families)].samples]
            for label, operator, value in MATCHER.findall(matchers):
                if label in TARGET_LABELS:
                    continue
                checked += 1
                assert any(label in sample for sample in samples), (where, name, label)
                if operator == "=":
                    assert any(sample.get(label) == value for sample in samples), (where, name, label, value)
    assert checked > 15


def test_the_autoscaler_asks_for_what_the_adapter_makes():
    made = {rule["name"]["as"] for rule in load("prometheus", "adapter.yaml")[0]["rules"]}
    asked = {metric["pods"]["metric"]["name"] for metric in load("kubernetes", "autoscaler.yaml")[0]["spec"]["metrics"]
             if metric["type"] == "Pods"}
    assert made == asked == {ADAPTED}


def test_dashboard_is_laid_out():
    panels = dashboard.read()["panels"]
    taken, ids = set(), [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or (panel["description"] and panel["targets"]), panel["title"]


# --- docs/operating.md


def table(heading):
    """The rows of the table under a heading of docs/operating.md, cells without their backquotes."""
    part = OPERATING.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
            for line in part.splitlines() if line.startswith("| `")]
    assert rows, heading
    return rows


def test_documented_metrics_are_the_metrics(families):
    documented = {name: (kind, {label for label in labels.replace("–", "").split(", ") if label})
                  for name, kind, labels, _ in table("Metrics")}
    exposed = {name: (family.kind, {label for _, sample in family.samples for label, _ in sample} - {"le"})
               for name, family in families.items()}
    assert documented == exposed


def test_every_alert_has_its_runbook():
    alerts = {rule["alert"]: rule for rule in rules() if "alert" in rule}
    headings = set(re.findall(r"^### (Rankd\w+)$", OPERATING.read_text(encoding="utf-8"), re.MULTILINE))
    assert headings == set(alerts)
    for name, rule in alerts.items():
        assert rule["annotations"]["runbook_url"] == f"docs/operating.md#{name.lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_every_alert_is_tested():
    text = (DEPLOY / "prometheus" / "rankd.rules.test.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r'alertname="(\w+)"', text)) == {rule["alert"] for rule in rules() if "alert" in rule}


# --- what starts the server


def accepted(environment, *arguments):
    """The values in force; every variable must have had its effect."""
    done = run("serve", "--print-config", *arguments, env=environment)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    for name, value in environment.items():
        in_force = values[name.removeprefix("RANKD_").lower()]
        assert str(in_force) == value or float(in_force) == float(value), name
    return values


def container(*parts):
    deployment = next(document for document in load(*parts) if document["kind"] == "Deployment")
    return deployment["spec"]["template"]["spec"], deployment["spec"]["template"]["spec"]["containers"][0]


def test_image_is_accepted():
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    environment = dict(pair.split("=", 1) for line in re.findall(r"^ENV (.*)$", text, re.MULTILINE)
                       for pair in line.split())
    values = accepted(environment)
    ports = re.search(r"^EXPOSE (\d+) (\d+)$", text, re.MULTILINE).groups()
    assert [values[key].rpartition(":")[2] for key in ("listen", "admin")] == list(ports)
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE), "not root, by number"


def test_unit_is_accepted():
    text = (DEPLOY / "systemd" / "rankd.service").read_text(encoding="utf-8")
    command = re.search(r"^ExecStart=\S+/rankd serve ?(.*)$", text, re.MULTILINE).group(1).split()
    environment = dict(re.findall(r"^Environment=(\w+)=(.*)$", text, re.MULTILINE))
    values = accepted(environment, *command)
    stop = int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE).group(1))
    assert stop > values["drain_delay"] + values["drain_timeout"]


@pytest.mark.parametrize("unit, name, key", [("rankd.socket", "data", "listen"),
                                             ("rankd-admin.socket", "admin", "admin")])
def test_sockets_are_the_defaults(unit, name, key):
    text = (DEPLOY / "systemd" / unit).read_text(encoding="utf-8")
    assert f"\nFileDescriptorName={name}\n" in text and "\nService=rankd.service\n" in text
    assert f"\nListenStream={accepted({})[key]}\n" in text


def test_pod_is_accepted():
    pod, rankd = container("kubernetes", "rankd.yaml")
    environment = {entry["name"]: entry["value"] for entry in rankd["env"]}
    command, *arguments = rankd["args"]
    assert command == "serve"
    values = accepted(environment, *arguments)
    ports = {port["name"]: str(port["containerPort"]) for port in rankd["ports"]}
    assert ports == {"data": values["listen"].rpartition(":")[2], "admin": values["admin"].rpartition(":")[2]}
    sleep = rankd["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > sleep + values["drain_delay"] + values["drain_timeout"]


def test_chart_settings_are_settings():
    values = load("helm", "rankd", "values.yaml")[0]
    for settings in [values["settings"]] + [load("helm", "rankd", "ci", path.name)[0].get("settings", {})
                                            for path in (DEPLOY / "helm" / "rankd" / "ci").iterdir()]:
        accepted({f"RANKD_{key.upper()}": str(value) for key, value in settings.items()})


def test_probes_answer(golden_server):
    _, rankd = container("kubernetes", "rankd.yaml")
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert rankd[name]["httpGet"]["port"] == "admin"
        assert golden_server.admin_get(rankd[name]["httpGet"]["path"]).status == 200


def test_kustomization_names_files():
    resources = load("kubernetes", "kustomization.yaml")[0]["resources"]
    assert resources and all((DEPLOY / "kubernetes" / name).is_file() for name in resources)


# --- with Prometheus' own tools


@needs_promtool
def test_metrics_pass_the_linter(golden_server):
    golden_server.rank({"candidates": [1]})
    done = subprocess.run(["promtool", "check", "metrics"], input=golden_server.admin_get("/metrics").body,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr, (done.stdout + done.stderr).decode()


@needs_promtool
def test_queries_are_promql(tmp_path):
    group = {"name": "all", "rules": [{"record": f"x{number}", "expr": expression}
                                      for number, (_, expression) in enumerate(expressions())]}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "all.yaml"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """(server, a Prometheus that scrapes it)"""
    folder = tmp_path_factory.mktemp("prometheus")
    served = models.link_golden(folder / "models", "sasrec_mlp")
    with Server(served, "--budget-ms", 20000, "--queue-ms", 20000) as server:
        with Prometheus(folder, server.admin, {"namespace": "shop", "pod": "a"}) as prometheus:
            yield server, prometheus


@needs_prometheus
def test_every_panel_shows_something(watched):
    """Under traffic each query of the dashboard, the adapter and the rules has a result; no alert fires, but those of
    latency, which is the machine's."""
    server, prometheus = watched
    waiting = {query: title for title, queries in panel_queries().items() for query in queries}
    waiting |= {query: "adapter" for query in adapter_queries() if "sum by" in query}
    waiting |= {rule["record"]: "rule" for rule in rules() if "record" in rule}
    deadline = time.monotonic() + 90
    while waiting and time.monotonic() < deadline:
        for _ in range(20):
            server.rank({"candidates": [1, 2, "nobody"]})
        waiting = {query: title for query, title in waiting.items() if not prometheus.ask(query)}
        time.sleep(0.5)
    assert not waiting
    assert not prometheus.ask('ALERTS{alertstate="firing",alertname!~"RankdBudgetBurn.*"}')
