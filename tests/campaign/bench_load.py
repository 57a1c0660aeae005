"""`rankd bench load`, the open-loop client in C: for rates that a client which compares answers cannot offer."""

import json
import os
import subprocess

from support.server import BINARY, _die_with_parent


def cores():
    """(for the server, for the client): the client has the last core to itself where there are several."""
    usable = sorted(os.sched_getaffinity(0))
    return (set(usable[:-1]), {usable[-1]}) if len(usable) > 1 else (set(usable), set(usable))


class pinned:
    """What starts inside runs on these cores only."""

    def __init__(self, chosen):
        self.chosen = chosen

    def __enter__(self):
        self.before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.chosen)

    def __exit__(self, *_):
        os.sched_setaffinity(0, self.before)


def start(server, bodies, out, **options):
    """Starts the client on its core; `out`: its JSON file."""
    command = [BINARY, "bench", "load", "--url", "http://%s:%d/rank" % server.data, "--bodies", str(bodies),
               "--json", str(out)]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    with pinned(cores()[1]):
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                preexec_fn=_die_with_parent)


def finish(client, out):
    """The median over the client's runs, by name; None if it never got an answer in its measured time."""
    _, complaints = client.communicate(timeout=3600)
    if b"no request was answered" in complaints:
        return None
    assert client.returncode == 0, complaints.decode()
    with open(out, encoding="utf-8") as stream:
        return json.load(stream)["median"]


def run(server, bodies, out, **options):
    return finish(start(server, bodies, out, **options), out)


def write_bodies(path, bodies):
    path.write_text("".join(json.dumps(body) + "\n" for body in bodies), encoding="utf-8")
    return path
