"""What no file of the project may say: places of somebody's machine, notes of unfinished work."""

import re

import tree

# Written in parts, so that this file does not say them either.
PLACES = re.compile("|".join(["/" + "work/", "/" + "root/", "/" + "home/[a-z]", "/Users" + "/[A-Za-z]"]))
NOTES = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
BINARY = (".gz", ".safetensors", ".png", ".ico")
NOT_OURS = ("LICENSE", "data/kuairand-pure/LICENSE")

NAMES = [name for name in tree.files("") if not name.endswith(BINARY) and name not in NOT_OURS]


def test_there_is_something_to_check():
    assert len(NAMES) > 80
    assert PLACES.search("see /" + "work/x") and NOTES.search("a TO" + "DO: x")


def check_words(name):
    for number, line in enumerate(tree.text(name).split("\n"), 1):
        for pattern in (PLACES, NOTES):
            found = pattern.search(line)
            assert not found, f"line {number}: {found.group(0)}"


def test_words():
    tree.check_each(NAMES, check_words)
