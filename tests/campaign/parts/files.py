"""The model's files truncated, overwritten, renamed and removed, while version 2 loads from them and while version 1
serves from what it has read."""

import os
import random
import shutil
import threading
import time
from collections import Counter

import bundled
from load import Background
from support import wire
from support.server import Server

SERVING, OTHER = 1, 2
FILES = ("model.safetensors", "model.safetensors", "config.json", "golden.jsonl")


def truncate(path, chance):
    os.truncate(path, chance.randrange(path.stat().st_size))


def overwrite(path, chance):
    """In place, from somewhere on: what a copy over a served file does."""
    size = path.stat().st_size
    with open(path, "r+b") as stream:
        stream.seek(chance.randrange(size))
        stream.write(chance.randbytes(min(65536, size)))


def extend(path, chance):
    with open(path, "ab") as stream:
        stream.write(chance.randbytes(1 + chance.randrange(65536)))


def rename(path, _):
    path.rename(path.with_suffix(".away"))


def remove(path, _):
    path.unlink()


def remove_folder(path, _):
    shutil.rmtree(path.parent)


DAMAGES = (truncate, overwrite, extend, rename, remove, remove_folder)


class Rounds:
    def __init__(self, context, server, folder):
        self.context, self.server, self.folder = context, server, folder
        self.random, self.outcomes = random.Random(context.seed), Counter()
        self.pristine = context.work / "pristine"
        shutil.copytree(folder, self.pristine)
        self.connection = wire.open_connection(server.admin)

    def restore(self, version):
        target = self.folder / bundled.NAME / str(version)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.pristine / bundled.NAME / str(version), target)

    def reload(self, version):
        return wire.exchange(self.connection, "POST", f"/v1/models/{bundled.NAME}/reload", {"version": version})

    def play(self, number):
        """Damages a file a moment after a load of version 2 began, or one of the version that serves."""
        damage, name = self.random.choice(DAMAGES), self.random.choice(FILES)
        version = self.random.choice((OTHER, OTHER, OTHER, SERVING))
        path = self.folder / bundled.NAME / str(version) / name
        delay = self.random.choice((0.0, self.random.uniform(0.0, 0.002), self.random.uniform(0.0, 0.05)))

        def hurt():
            time.sleep(delay)
            damage(path, self.random)

        thread = threading.Thread(target=hurt)
        thread.start()
        reply = self.reload(OTHER)
        thread.join()
        self.outcomes[reply.status] += 1
        if reply.status not in (200, 409):
            self.context.fault(f"round {number}: {damage.__name__} {path.name}: {reply.status} {reply.body[:200]}")
        self.restore(version)
        back = self.reload(SERVING)
        if back.status != 200:
            self.context.fault(f"round {number}: the intact version 1 does not load: {back.body[:200]}")


def run(context):
    folder = bundled.copy_two(context.work / "models")
    exchanges = bundled.Exchanges(candidates=20)
    with Server(folder, "--access-log-sample", 0, "--log-level", "error") as server:
        exchanges.learn(server, OTHER)
        rounds = Rounds(context, server, folder)
        assert rounds.reload(SERVING).status == 200
        exchanges.learn(server, SERVING)
        done = 0
        with Background(server.data, exchanges.requests, exchanges.expected, connections=8,
                        rate=context.size(500.0, 100.0), seed=context.seed) as clients:
            while done < context.size(500, 10) and server.process.poll() is None:
                rounds.play(done)
                done += 1
            tally = clients.stop()
        crashes = int(server.process.poll() is not None)
        if crashes:
            context.fault(server.describe(f"ended in round {done}, seed {context.seed}"))
    return {"rounds": done, "crashes": crashes, "lost": len(tally.lost),
            "errors": context.faults_of(tally, f"seed {context.seed}"),
            "outcomes": ", ".join(f"{count} × {status}" for status, count in sorted(rounds.outcomes.items()))}
