"""float32 arithmetic with the standard library."""

import math
import re
import struct

JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")


def f32(x):
    """x rounded to the nearest float, as a Python number; an overflow is an infinity."""
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)


def sum_f32(terms):
    """Sum from left to right, rounded to float after every addition."""
    total = 0.0
    for term in terms:
        total = f32(total + term)
    return total


def significant_digits(text):
    """Number of significant digits that the JSON number `text` spends."""
    mantissa = re.split("[eE]", text.lstrip("-"))[0].replace(".", "")
    stripped = mantissa.lstrip("0").rstrip("0")
    return max(1, len(stripped))


def shortest_digits(value):
    """Fewest significant digits whose decimal reads back to the float `value`."""
    for digits in range(1, 10):
        if f32(float(f"{value:.{digits - 1}e}")) == value:
            return digits
    raise AssertionError(f"{value!r} is not a float")


def check_shortest(text):
    """`text`, a JSON number of a reply, is a float in the shortest form that reads back to it."""
    assert JSON_NUMBER.match(text), f"{text} is not a JSON number"
    value = f32(float(text))
    assert math.isfinite(value), text
    assert significant_digits(text) == shortest_digits(value), f"{text} is not the shortest form of {value!r}"
    return value
