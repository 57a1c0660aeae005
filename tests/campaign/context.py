"""What a part of the campaign is given: its size, its seed, a folder, and a place for what went wrong."""

import shutil
import tempfile
from pathlib import Path


class Context:
    def __init__(self, part, short, seed, out, options):
        self.part, self.short, self.seed, self.out, self.options = part, short, seed, out, options
        self.work = Path(tempfile.mkdtemp(prefix=f"rankd-campaign-{part}-"))
        self.faults = []

    def size(self, full, short):
        """How much of something this run does."""
        return short if self.short else full

    def fault(self, text):
        """Notes something that must not happen; the part goes on."""
        if len(self.faults) < 20:
            self.faults.append(text)
            print(f"    fault: {text[:600]}", flush=True)

    def faults_of(self, tally, what, allowed=(200, 429, 504)):
        """Notes what a load saw and must not have seen; returns how many wrong answers and unexpected statuses."""
        errors = tally.errors(allowed)
        if errors:
            self.fault(f"{what}: {tally.wrong} wrong answers, statuses {dict(tally.statuses)}, e.g. {tally.samples}")
        if tally.lost:
            self.fault(f"{what}: {len(tally.lost)} lost, e.g. {tally.lost[0]}")
        return errors

    def say(self, text):
        print(f"    {text}", flush=True)

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)
