"""Commands and flags that the documents name are there: of rankd, of `python3 -m train`, of scripts/."""

import argparse
import os
import re
from functools import lru_cache

import pytest

from documents import ROOT, parse
from support.server import run
from train.__main__ import parser as train_parser

FLAG = re.compile(r"--[a-z][a-z0-9-]*")
ENDS = {"|", "||", "&&", ";", "&", "#", ">", "<"}


def command_lines(document):
    """Lines of code blocks, continued ones joined, and inline code."""
    for block in document.blocks:
        yield from re.sub(r"\\\n\s*", " ", block.text).split("\n")
    yield from document.spans


def after_program(line, program):
    """Lists of the words that follow the program, each up to the next command, redirection or column of the line."""
    for found in re.finditer(rf"(?:^|(?<=[\s/(<\"'])){program}(?= (?P<rest>.*))", line):
        words = []
        for word in re.split(r" +", re.split(r" {3,}", found["rest"].strip())[0]):
            if word in ENDS:
                break
            words.append(word.strip("`,.;:()[]\"'"))
        yield words


def flags_of(words):
    return {found[0] for found in map(FLAG.match, words) if found}


@lru_cache(maxsize=None)
def rankd_help(*command):
    """(exit code, what `rankd … --help` prints)."""
    done = run(*command, "--help")
    return done.returncode, done.stdout + done.stderr


def rankd_faults(words):
    commands = set(re.findall(r"^  ([a-z]+) ", rankd_help()[1], re.MULTILINE))
    if not words or not re.fullmatch(r"[a-z]+|--[a-z-]+", words[0]):
        return
    command = words[:0] if words[0].startswith("--") else words[:2] if words[0] == "bench" else words[:1]
    if command and command[0] not in commands:
        yield f"rankd {words[0]}: no such command"
        return
    if command == ["bench"] or command[1:2] and not re.fullmatch("[a-z]+", command[1]):
        return  # the general form, `rankd bench …`
    status, text = rankd_help(*command)
    if status != 0:
        yield f"rankd {' '.join(command)}: {text.strip()}"
        return
    for flag in flags_of(words) - set(FLAG.findall(text)):
        yield f"rankd {' '.join(command)}: no {flag}"


@lru_cache(maxsize=None)
def train_commands():
    return train_parser()


def subcommands(parser):
    return next((action.choices for action in parser._actions  # pylint: disable=protected-access
                 if isinstance(action, argparse._SubParsersAction)), {})  # pylint: disable=protected-access


def train_faults(words):
    parser, named = train_commands(), []
    for word in words:
        if not subcommands(parser) or not re.fullmatch(r"[a-z][a-z0-9-]*", word):
            break
        if word not in subcommands(parser):
            yield f"train {' '.join([*named, word])}: no such command"
            return
        parser, named = subcommands(parser)[word], [*named, word]
    known = {flag for action in parser._actions for flag in action.option_strings}  # pylint: disable=protected-access
    for flag in flags_of(words) - known - {"--help"}:
        yield f"train {' '.join(named)}: no {flag}"


@lru_cache(maxsize=None)
def script_text(name):
    """The script, and what it hands its flags to: programs in Python, `rankd serve`, `python3 -m train`."""
    text = (ROOT / "scripts" / name).read_text(encoding="utf-8")
    parts = [text]
    for named in re.findall(r"\b(?:bench|deploy|scripts|tests|train)(?:/[\w.-]+)+", text):
        path = ROOT / named
        files = path.rglob("*.py") if path.is_dir() else [path] if path.is_file() else []
        parts += [file.read_text(encoding="utf-8") for file in files]
    if "rankd serve" in text:
        parts.append(rankd_help("serve")[1])
    parts += [parser.format_help() for command, parser in subcommands(train_commands()).items()
              if f"-m train {command}" in text]
    return "\n".join(parts)


def script_faults(name, words):
    path = ROOT / "scripts" / name
    if not path.is_file() or not (os.access(path, os.X_OK) or path.suffix):
        yield f"scripts/{name}: no such program"
        return
    for flag in flags_of(words) - set(FLAG.findall(script_text(name))):
        yield f"scripts/{name}: no {flag}"


def faults(document):
    """Everything named that is not there."""
    for line in command_lines(document):
        for words in after_program(line, "rankd"):
            yield from rankd_faults(words)
        for words in after_program(line, r"python3 -m train"):
            yield from train_faults(words)
        for found in re.finditer(r"(?:^|(?<=[\s(`]))scripts/([\w.-]+)", line):
            words = next(after_program(line[found.start():] + " ", re.escape(found[0])), [])
            yield from script_faults(found[1], words)


def test_commands_and_flags_exist(document):
    assert not list(faults(document))


@pytest.mark.parametrize("text", [
    "`rankd rerank DIR`", "    build/rankd serve --model x\n", "`rankd bench storm --url x`", "`rankd --verbose`",
    "    rankd bench load --url URL \\\n        --speed 3\n", "    rankd rank DIR < x | rankd doctor --no-such\n",
    "`python3 -m train deploy`", "    python3 -m train import recbole-bert4rec a b\n", "`python3 -m train run --gpu`",
    "    python3 -m train import recbole-sasrec a b --dataset c\n", "`scripts/none`", "`scripts/serve --no-such 3`",
    "`scripts/train --no-such`", "    scripts/campaign --longer\n"])
def test_a_wrong_command_is_found(text):
    assert len(list(faults(parse("sample.md", text)))) == 1


@pytest.mark.parametrize("text", [
    "`systemctl reload rankd`", "    install -m 755 build/rankd /usr/local/bin/\n", "`rankd bench …`",
    "`rankd --version`",
    "    rankd serve --config FILE   --nonsense is what the next column says\n", "`scripts/serve --budget-ms 30`",
    "`scripts/train --seed 2`", "`python3 -m train --help`", "    rankd rank DIR | jq --sort-keys\n"])
def test_a_right_command_is_let_through(text):
    assert not list(faults(parse("sample.md", text)))
