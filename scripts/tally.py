"""Counts the results of one test run: prints "PASSED FAILED", and what failed on standard error.

    tally.py meson  meson-logs/testlog.json STATUS
    tally.py pytest junit.xml STATUS
    tally.py lines  output STATUS               its last line is "PASSED passed, FAILED failed"

STATUS is the runner's exit code. A runner that left no results, or failed without a failed test, counts as one failure.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

TAP_LINE = re.compile(r"^(not )?ok\b(?P<rest>.*)$", re.MULTILINE)
TAP_SKIP = re.compile(r"#\s*SKIP\b", re.IGNORECASE)


def note(text):
    print(text, file=sys.stderr)


def count_tap(output):
    """(passed, failed, skipped) of a TAP document."""
    passed = failed = skipped = 0
    for line in TAP_LINE.finditer(output):
        if line.group(1):
            failed += 1
        elif TAP_SKIP.search(line.group("rest")):
            skipped += 1
            note("skipped: " + line.group(0).strip())
        else:
            passed += 1
    return passed, failed, skipped


def count_program(test):
    """(passed, failed) of one program that meson ran: a line of testlog.json."""
    output, result = test.get("stdout") or "", test["result"]
    passed, failed, skipped = count_tap(output)
    if result == "SKIP" and "SKIP" in output:
        note(f"skipped: {test['name']}: {output.strip()}")
        return 0, 0
    if result == "OK" and passed + failed + skipped == 0:
        passed = 0 if re.search(r"^1\.\.0", output, re.MULTILINE) else 1
    if (result != "OK" or passed + skipped == 0) and failed == 0:
        failed = 1
    if failed:
        note(f"--- {test['name']}: {result}, exit code {test.get('returncode')}\n{output}{test.get('stderr') or ''}")
    return passed, failed


def count_meson(path):
    with open(path, encoding="utf-8") as stream:
        counts = [count_program(json.loads(line)) for line in stream if line.strip()]
    return sum(passed for passed, _ in counts), sum(failed for _, failed in counts)


def count_pytest(path):
    passed = failed = 0
    for case in ElementTree.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
        elif "skipped" in kinds:
            note(f"skipped: {case.get('name')}: {case.find('skipped').get('message')}")
        else:
            passed += 1
    return passed, failed


def count_lines(path):
    with open(path, encoding="utf-8") as stream:
        found = re.search(r"^(\d+) passed, (\d+) failed\n\Z", stream.read(), re.MULTILINE)
    if not found:
        raise ValueError("its last line is no count")
    return int(found.group(1)), int(found.group(2))


def main():
    kind, path, status = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        passed, failed = {"meson": count_meson, "pytest": count_pytest, "lines": count_lines}[kind](path)
    except (OSError, ElementTree.ParseError, ValueError) as error:
        note(f"{kind}: no results: {error}")
        passed, failed = 0, 1
    if status != 0 and failed == 0:
        note(f"{kind}: exit code {status} without a failed test")
        failed = 1
    print(passed, failed)


if __name__ == "__main__":
    main()
