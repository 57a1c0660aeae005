"""A Prometheus of our own: it scrapes a server every second, evaluates the project's rules, and is asked over HTTP."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from support.server import ROOT, _die_with_parent

RULES = ROOT / "deploy" / "prometheus" / "rankd.rules.yaml"
SCRAPE_S = 1
START_S = 60.0
LISTENING = re.compile(r'msg="Listening on" address=127\.0\.0\.1:(\d+)')


class QueryError(Exception):
    """What Prometheus says of an expression that it cannot evaluate."""


class Prometheus:
    """Use as a context manager. Configuration, log and data go into `folder`; the port is chosen by the kernel."""

    def __init__(self, folder, admin, labels=None):
        """`admin`: (host, port) of the server's admin listener; `labels`: added to all that is scraped."""
        self.folder = folder
        target = {"targets": ["%s:%d" % admin], "labels": labels or {}}
        every = f"{SCRAPE_S}s"
        config = {"global": {"scrape_interval": every, "evaluation_interval": every}, "rule_files": [str(RULES)],
                  "scrape_configs": [{"job_name": "rankd", "static_configs": [target]}]}
        (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
        self.process = self.port = None

    def __enter__(self):
        with open(self.folder / "log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.folder}/prometheus.yml",
                 f"--storage.tsdb.path={self.folder}/data", "--web.listen-address=127.0.0.1:0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent)
        try:
            self.port = self._find_port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _find_port(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            found = LISTENING.search((self.folder / "log").read_text(encoding="utf-8"))
            if found:
                return int(found.group(1))
            time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text(encoding="utf-8"))

    def get(self, path, **parameters):
        """`data` of an answer of /api/v1; QueryError if Prometheus refuses."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?" + urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as refusal:
            raise QueryError(refusal.read().decode("utf-8", "replace")) from refusal

    def ask(self, query):
        """[(labels, [(time, value)])] of an instant query: [] if there is nothing yet."""
        return [(series["metric"], [number_at(series["value"])])
                for series in self.get("query", query=query)["result"]]

    def await_value(self, query):
        """Waits until the query has a value: the first scrape comes some seconds after the start."""
        deadline = time.monotonic() + START_S
        while not self.ask(query):
            assert time.monotonic() < deadline, f"{query} has no value"
            time.sleep(0.2)

    def ask_range(self, query, start, end, step_s):
        """The same at every step from start to end (s since the epoch)."""
        found = self.get("query_range", query=query, start=start, end=end, step=step_s)
        return [(series["metric"], [number_at(pair) for pair in series["values"]]) for series in found["result"]]

    def label_values(self, selector, label):
        """What Grafana's label_values(selector, label) gives, in alphabetical order."""
        return sorted({series[label] for series in self.get("series", **{"match[]": selector}) if label in series})

    def rules(self):
        """Every rule with what Prometheus found of it: name, type, health, lastError, state."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


def number_at(pair):
    """[time, "value"] as numbers."""
    return pair[0], float(pair[1])
