"""The tree as the tests of its rules see it: files that are or will be in the repository, and the built objects."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-test"
BINARY = ROOT / os.environ.get("RANKD_BIN", "build-test/rankd")
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
AREAS = ("model", "loader", "server", "bench")


def run(*command, **options):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120, **options).stdout


def files(*endings):
    """Paths relative to the root, of tracked files and of new ones that are not ignored."""
    names = run("git", "ls-files", "-co", "--exclude-standard", "-z").split("\0")
    return sorted({name for name in names if name and name.endswith(endings) and (ROOT / name).is_file()})


def c_files(*areas):
    """C sources and headers under these top folders."""
    return [name for name in files(".c", ".h") if name.split("/")[0] in areas]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def includes(name):
    """(own headers, system headers) that a file includes."""
    found = INCLUDE.findall(text(name))
    return [own for own, _ in found if own], [system for _, system in found if system]


def archives():
    """The product's static libraries."""
    return sorted(path for area in AREAS for path in (BUILD / area).rglob("*.a"))


def objects():
    """The objects of the product's static libraries, relative to the build folder."""
    return sorted({str(path.relative_to(BUILD)) for archive in archives()
                   for path in Path(f"{archive}.p").glob("*.o")})


def check_each(names, check):
    """Runs check(name) for each and fails with every offender at once."""
    names = list(names)
    assert names, "nothing to check"
    faults = []
    for name in names:
        try:
            check(name)
        except AssertionError as fault:
            faults.append(f"{name}: " + str(fault).split("\n", maxsplit=1)[0])
    assert not faults, "\n".join(faults)
