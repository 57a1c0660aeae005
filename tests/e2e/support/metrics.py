"""A strict little parser of the Prometheus text format, version 0.0.4."""

import math
import re
from collections import namedtuple

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
HELP = re.compile(rf"# HELP ({NAME}) (\S.*)\Z")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram|summary|untyped)\Z")
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')
NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")

Family = namedtuple("Family", "kind help samples")  # samples: {(name, ((label, value), …)): number}


def parse_labels(text):
    labels, at = [], 0
    while text and at < len(text):
        match = LABEL.match(text, at)
        assert match, f"bad labels {text}"
        labels.append((match.group(1), match.group(2)))
        at = match.end()
    assert len({name for name, _ in labels}) == len(labels), f"repeated label {text}"
    return tuple(sorted(labels))


def parse_number(text):
    if text in ("+Inf", "-Inf", "NaN"):
        return float(text)
    assert NUMBER.match(text), f"bad number {text}"
    return float(text)


def family_of(name, families):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name[:-len(suffix)]
        if name.endswith(suffix) and base in families and families[base].kind in ("histogram", "summary"):
            return base
    assert name in families, f"{name} has no TYPE"
    return name


def parse(text):
    """{family name: Family}. HELP and TYPE stand once, before the samples, and samples of a family stand together."""
    assert text.endswith("\n")
    families, helps, current = {}, {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP"):
            name, words = HELP.match(line).groups()
            assert name not in helps, f"HELP twice: {name}"
            helps[name] = words
        elif line.startswith("# TYPE"):
            name, kind = TYPE.match(line).groups()
            assert name not in families, f"TYPE twice: {name}"
            assert name in helps, f"TYPE before HELP: {name}"
            families[name] = Family(kind, helps[name], {})
            current = name
        else:
            match = SAMPLE.match(line)
            assert match, f"bad line {line!r}"
            name, labels, number = match.group(1), parse_labels(match.group(2) or ""), parse_number(match.group(3))
            assert family_of(name, families) == current, f"{name} stands apart from its family"
            samples = families[current].samples
            assert (name, labels) not in samples, f"sample twice: {line}"
            samples[name, labels] = number
    assert set(helps) == set(families)
    for name, family in families.items():
        check_family(name, family)
    return families


def check_family(name, family):
    if family.kind == "counter":
        assert name.endswith("_total"), name
        assert all(number >= 0 and math.isfinite(number) for number in family.samples.values()), name
    if family.kind == "histogram":
        check_histogram(name, family)


def check_histogram(name, family):
    """Cumulative buckets that end with +Inf = _count, for every set of other labels."""
    series = {}
    for (sample, labels), number in family.samples.items():
        if sample == name + "_bucket":
            rest = tuple(label for label in labels if label[0] != "le")
            series.setdefault(rest, []).append((parse_number(dict(labels)["le"]), number))
    assert series, f"{name} has no bucket"
    for rest, buckets in series.items():
        assert buckets == sorted(buckets), f"{name}: buckets out of order"
        counts = [count for _, count in buckets]
        assert counts == sorted(counts), f"{name}: buckets are not cumulative"
        assert buckets[-1][0] == math.inf, f"{name}: no +Inf bucket"
        assert counts[-1] == family.samples[name + "_count", rest], name
        assert (name + "_sum", rest) in family.samples, name


def value(families, name, **labels):
    """One sample's number, 0 if the series does not exist yet."""
    base = family_of(name, families)
    return families[base].samples.get((name, tuple(sorted(labels.items()))), 0.0)


def total(families, name, **labels):
    """Sum over the samples that bear these labels."""
    wanted = set(labels.items())
    return sum(number for (sample, found), number in families[family_of(name, families)].samples.items()
               if sample == name and wanted <= set(found))
