"""Bad versions through the reload endpoint of a serving server: truncations, bit flips of the header, crafted files,
weights that are not finite, wrong golden answers. What may be accepted is what safetensors_rules calls harmless."""

import json
import os
import random
import struct
from collections import Counter

import attacks
import process
import safetensors_rules
from load import Background
from support import models, wire
from support import safetensors_file as st
from support.server import Server

GOOD, BAD = 1, 2
LIVELY = ("sasrec_mlp", "gru_dcn")  # whose version 1 answers requests all the time


class Tries:
    """One server with every golden set as a model: version 1 serves, version 2 is damaged again and again."""

    def __init__(self, context, server, folder):
        self.context, self.server, self.folder = context, server, folder
        self.random = random.Random(context.seed)
        self.connection = wire.open_connection(server.admin)
        self.kinds, self.figures, self.resident = Counter(), Counter(), []

    def path(self, name):
        return self.folder / name / str(BAD) / "model.safetensors"

    def reload(self, name, version):
        return wire.exchange(self.connection, "POST", f"/v1/models/{name}/reload", {"version": version})

    def attempt(self, name, kind, what, is_harmless=False):
        """One reload of the bad version, as it lies there now."""
        self.kinds[kind] += 1
        reply = self.reload(name, BAD)
        if reply.status == 200:
            if is_harmless and self.answers(name, BAD) == self.answers_of_good[name]:
                self.figures["harmless"] += 1
            else:
                self.figures["accepted_wrongly"] += 1
                self.context.fault(f"{name}: {kind} accepted: {what}; seed {self.context.seed}")
            assert self.reload(name, GOOD).status == 200
        elif reply.status != 409:
            self.context.fault(f"{name}: {kind}: {reply.status} {reply.body[:200]}: {what}")
        if sum(self.kinds.values()) % 200 == 1:
            self.resident.append(process.resident_bytes(self.server.process.pid))

    def answers(self, name, version):
        """The items that every golden request gets, which that version has to give."""
        found = []
        for line in models.golden_lines(models.golden_folder(name)):
            reply = self.server.rank({**line["request"], "request_id": "r"}, f"/rank/{name}")
            assert reply.status == 200 and reply.json["model"]["version"] == version, reply
            found.append(reply.json["items"])
        return found

    def learn(self):
        self.answers_of_good = {name: self.answers(name, GOOD) for name in models.GOLDEN_SETS}

    def truncations(self, name, count):
        """Ever shorter, at least one in each of the first bytes."""
        whole = self.path(name).read_bytes()
        (header,) = struct.unpack("<Q", whole[:8])
        chosen = {*range(0, 16), 8 + header, len(whole) - 1}
        chosen |= {self.random.randrange(8 + header) for _ in range(count // 2)}
        chosen |= {self.random.randrange(len(whole)) for _ in range(count // 2)}
        for length in sorted(chosen, reverse=True):
            os.truncate(self.path(name), length)
            self.attempt(name, "truncations", f"{length} of {len(whole)} bytes")
        self.path(name).write_bytes(whole)

    def flips(self, name, count):
        whole = bytearray(self.path(name).read_bytes())
        (header,) = struct.unpack("<Q", whole[:8])
        intact = safetensors_rules.used(bytes(whole))
        bits = range(8 * (8 + header))
        with open(self.path(name), "r+b", buffering=0) as stream:
            for bit in self.random.sample(bits, min(count, len(bits))):
                whole[bit // 8] ^= 1 << bit % 8
                os.pwrite(stream.fileno(), whole[bit // 8:bit // 8 + 1], bit // 8)
                harmless = safetensors_rules.used(bytes(whole)) == intact
                self.attempt(name, "flips", f"bit {bit % 8} of byte {bit // 8}", harmless)
                whole[bit // 8] ^= 1 << bit % 8
                os.pwrite(stream.fileno(), whole[bit // 8:bit // 8 + 1], bit // 8)

    def crafted(self, name):
        whole = self.path(name).read_bytes()
        for what, data in attacks.all_of(whole):
            if safetensors_rules.used(data) == safetensors_rules.used(whole):
                continue  # what only a training tensor loses is no attack
            dropped_only = safetensors_rules.used(data) is not None and self.same_used(data, whole)
            self.path(name).write_bytes(data)
            self.attempt(name, "crafted", what, dropped_only)
        self.path(name).write_bytes(whole)

    @staticmethod
    def same_used(data, whole):
        """Whether all tensors that are used are bit for bit those of the whole file."""
        one, other = st.decode(data)[0], st.decode(whole)[0]
        kept = [{name: value for name, value in found.items() if not name.startswith(safetensors_rules.DROPPED)}
                for found in (one, other)]
        return kept[0] == kept[1]

    def not_finite(self, name):
        whole = self.path(name).read_bytes()
        patterns = {"F32": [b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\x80\xff", b"\1\0\x80\x7f"],
                    "F16": [b"\0\x7e", b"\0\x7c"], "BF16": [b"\xc0\x7f", b"\x80\xff"]}
        for tensor, (entry, start) in safetensors_rules.used(whole).items():
            begin, end = entry["data_offsets"]
            for pattern in patterns.get(entry["dtype"], []):
                at = start + begin + len(pattern) * self.random.randrange((end - begin) // len(pattern))
                self.path(name).write_bytes(whole[:at] + pattern + whole[at + len(pattern):])
                self.attempt(name, "not finite", f"{tensor}, {pattern.hex()}")
        self.path(name).write_bytes(whole)

    def wrong_golden(self, name):
        path = self.path(name).parent / "golden.jsonl"
        lines = models.golden_lines(models.golden_folder(name))
        for k, line in enumerate(lines):
            item = next((one for one in line["expected"]["items"] if one.get("score") is not None), None)
            if item is None:
                continue
            for factor, offset in ((1.01, 0.01), (-1.0, 1.0), (1.0, 1e6)):
                wrong = json.loads(json.dumps(line))
                place = line["expected"]["items"].index(item)
                wrong["expected"]["items"][place]["score"] = factor * item["score"] + offset
                models.write_lines(path, [*lines[:k], wrong, *lines[k + 1:]])
                self.attempt(name, "wrong golden", f"line {k + 1}: {factor} × score + {offset}")
        path.unlink()


def live_requests(tries):
    """(whole requests, their bodies' answers) of version 1 of the lively models."""
    requests, answers = [], []
    for name in LIVELY:
        for line in models.golden_lines(models.golden_folder(name)):
            body = {**line["request"], "request_id": "live"}
            requests.append(wire.post_bytes(body, f"/rank/{name}"))
            answers.append(tries.server.rank(body, f"/rank/{name}").body)
    return requests, answers


def run(context):
    folder = context.work / "models"
    for name in models.GOLDEN_SETS:
        models.copy_golden(folder, name, GOOD)
    with Server(folder, "--default-model", "sasrec_mlp", "--access-log-sample", 0, "--log-level", "error",
                "--budget-ms", 20000, "--queue-ms", 20000) as server:
        for name in models.GOLDEN_SETS:
            models.copy_golden(folder, name, BAD, golden=False)
        tries = Tries(context, server, folder)
        tries.learn()
        requests, answers = live_requests(tries)
        # where a harmless flip is accepted, the other version serves for a moment
        harmless = [answer.replace(b'"version":%d' % GOOD, b'"version":%d' % BAD) for answer in answers]
        with Background(server.data, requests, {GOOD: answers, BAD: harmless}, connections=4,
                        rate=context.size(300.0, 50.0), seed=context.seed) as clients:
            run_all(tries, context)
            tally = clients.stop()
        crashes = int(server.process.poll() is not None)
        if crashes:
            context.fault(server.describe("ended"))
        last = {name: tries.answers(name, GOOD) for name in models.GOLDEN_SETS} if not crashes else {}
    if last != tries.answers_of_good:
        context.fault("the old versions' answers changed")
    return {
        "tried": sum(tries.kinds.values()), "crashes": crashes,
        "kinds": ", ".join(f"{count:,} {kind}" for kind, count in sorted(tries.kinds.items())),
        "accepted_wrongly": tries.figures["accepted_wrongly"], "harmless": tries.figures["harmless"],
        "errors": context.faults_of(tally, "old version", (200, 429)), "lost": len(tally.lost),
        "memory_growth": 100 * process.growth_share(tries.resident),
    }


def run_all(tries, context):
    names = models.GOLDEN_SETS if not context.short else ["odd_dims"]
    for name in names:
        tries.truncations(name, context.size(1500, 100))
        tries.flips(name, context.size(3200, 300))
        tries.not_finite(name)
        tries.wrong_golden(name)
        if name in (*LIVELY, "odd_dims"):
            tries.crafted(name)
        context.say(f"{name}: {dict(tries.kinds)}")
