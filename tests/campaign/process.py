"""What the kernel tells of a process: memory, descriptors, processor time."""

import os
import re
import time
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1))


def virtual_bytes(pid):
    return 1024 * int(re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def cpu_share(pid, seconds):
    """Share of one core that the process uses in the next seconds."""
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - began)


def growth_share(values):
    """How much the median of the last tenth is above that of the tenth after the first: 0.01 is 1 %."""
    tenth = max(1, len(values) // 10)
    early, late = sorted(values[tenth:2 * tenth] or values[:1]), sorted(values[-tenth:])
    return late[len(late) // 2] / early[len(early) // 2] - 1
