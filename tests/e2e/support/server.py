"""`rankd serve` as a process of its own: started on free ports, awaited, logged, always ended by its process id."""

import ctypes
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from support import wire

ROOT = Path(__file__).resolve().parents[3]
BINARY = str((ROOT / os.environ.get("RANKD_BIN", "build-test/rankd")).resolve())
START_SECONDS = 60.0
STOP_SECONDS = 60.0
# Variables of every server that a test starts; a suite may put some here.
ENVIRONMENT = {}
LINE = re.compile(r"^(listening|ready) data=(\S+) admin=(\S+)$")
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def _die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def clean_environment(extra=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RANKD_")}
    environment.update(extra or {})
    return environment


def run(*arguments, env=None, timeout=60, cwd=None):
    """Runs the binary to its end."""
    return subprocess.run([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=clean_environment(env), timeout=timeout, check=False, cwd=cwd)


def parse_address(url):
    """(host, port), a Unix socket's path, or None for off. Takes `host:port`, `http://host:port` and `unix:/path`."""
    if url == "off":
        return None
    text = url.rpartition("://")[2]
    if text.startswith("unix:"):
        return text[len("unix:"):]
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Server:
    """Use as a context manager. Addresses appear with the `listening` line."""

    def __init__(self, models, *arguments, env=None, wait="ready", listen="127.0.0.1:0", admin="127.0.0.1:0", cwd=None,
                 program=(BINARY,), pass_fds=()):
        command = [*program, "serve"]
        for flag, value in (("--models", models), ("--listen", listen), ("--admin", admin)):
            if value is not None:
                command += [flag, str(value)]
        self.lines, self.logs = [], []
        self.data = self.admin = None
        self.wait_for = wait
        self.condition = threading.Condition()
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=clean_environment({**ENVIRONMENT, **(env or {})}), preexec_fn=_die_with_parent, cwd=cwd,
            pass_fds=pass_fds)
        self.readers = [threading.Thread(target=self._read, args=(stream, lines), daemon=True) for stream, lines in
                        ((self.process.stdout, self.lines), (self.process.stderr, self.logs))]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, lines):
        for line in stream:
            with self.condition:
                lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.condition.notify_all()
        with self.condition:
            self.condition.notify_all()

    def __enter__(self):
        try:
            if self.wait_for:
                self.await_line(self.wait_for)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def _line(self, word):
        return next((match for match in map(LINE.match, self.lines) if match and match.group(1) == word), None)

    def await_line(self, word, seconds=START_SECONDS):
        """Waits for the `listening` or the `ready` line and learns the addresses from it."""
        deadline = time.monotonic() + seconds
        with self.condition:
            while not self._line(word):
                assert time.monotonic() < deadline, self.describe("late")
                assert any(reader.is_alive() for reader in self.readers), self.describe("ended")
                self.condition.wait(0.1)
            match = self._line(word)
        self.data, self.admin = parse_address(match.group(2)), parse_address(match.group(3))
        return match.group(0)

    def describe(self, why):
        return f"{why}: exit {self.process.poll()}\nstdout: {self.lines}\nstderr: " + "\n".join(self.logs[-40:])

    def stop(self, number=signal.SIGTERM, seconds=STOP_SECONDS):
        """Sends the signal, waits for the end, returns the exit code."""
        self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=STOP_SECONDS):
        code = self.process.wait(seconds)
        for reader in self.readers:
            reader.join(5)
        return code

    def signal(self, number):
        self.process.send_signal(number)

    def log_records(self):
        """Standard error, every line of which has to be a JSON object."""
        with self.condition:
            return [json.loads(line) for line in self.logs]

    def await_log(self, text, seconds=10.0):
        """Waits until a log line holds the text."""
        deadline = time.monotonic() + seconds
        with self.condition:
            while not any(text in line for line in self.logs):
                assert time.monotonic() < deadline, self.describe(f"no log line with {text}")
                self.condition.wait(0.05)

    # requests
    def rank(self, body, path="/rank", headers=None):
        return wire.request(self.data, "POST", path, body, headers)

    def ranked(self, body, path="/rank", headers=None):
        """The answer of a request that has to succeed."""
        reply = self.rank(body, path, headers)
        assert reply.status == 200, reply
        return reply.json

    def get(self, path, headers=None):
        return wire.request(self.data, "GET", path, headers=headers)

    def admin_get(self, path, headers=None):
        return wire.request(self.admin, "GET", path, headers=headers)

    def admin_post(self, path, body=None, headers=None):
        return wire.request(self.admin, "POST", path, body, headers)
