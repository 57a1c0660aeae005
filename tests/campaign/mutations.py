"""Seeded damage to valid HTTP requests, aimed at what decides where a request ends."""

import json

GLUED = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
ODD = (b"\0", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b",", b";", b"\x0b", b"\x7f", b"\x80", b"\xff", b"0", b"-",
       b"+", b"chunked", b"identity", b"100-continue", b"18446744073709551615", b"0x13")
FIELDS = (b"Content-Length: 4", b"Content-Length : 4", b"Content-Length:\r\n 4", b"Content-Length: 0",
          b"Content-Length: +4", b"Content-Length: 4, 4", b"Content-Length:",
          b"Transfer-Encoding: chunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding:\r\n chunked",
          b"Transfer-Encoding: xchunked", b"Transfer-Encoding: gzip, chunked",
          b"Transfer-Encoding: chunked, identity", b"transfer-encoding:\tchunked", b"Transfer_Encoding: chunked",
          b"Host: y", b"Expect: 100-continue", b"Connection: close", b"Connection: keep-alive, close",
          b"Content-Encoding: gzip", b"Upgrade: h2c", b"X-Rank-Budget-Ms: 1e9", b"X-Request-Id: a\0b", b"Trailer: Host",
          b": no name", b"no colon", b" folded: x", b"X: " + b"y" * 9000)


def valid_requests():
    """Whole requests; each holds the glued request somewhere inside its body."""
    inside = json.dumps({"candidates": [1, 2], "context": {"note": "x"}}).encode()
    body = inside + b"\r\n" + GLUED
    head = b"POST /rank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (inside, b"\r\n", GLUED)) + b"0\r\n\r\n"
    return [
        head + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        head + b"Content-Length: %d\r\n\r\n" % len(inside) + inside,
        head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks,
        b"GET /readyz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(GLUED) + GLUED,
        b"HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    ]


def flip(data, chance):
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1:]


def insert(data, chance):
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(ODD) + data[at:]


def delete(data, chance):
    at = chance.randrange(len(data))
    return data[:at] + data[at + 1 + chance.randrange(4):]


def double(data, chance):
    begin = chance.randrange(len(data))
    end = min(len(data), begin + 1 + chance.randrange(40))
    return data[:end] + data[begin:end] + data[end:]


def add_field(data, chance):
    lines = data.split(b"\r\n")
    lines.insert(1 + chance.randrange(min(4, len(lines))), chance.choice(FIELDS))
    return b"\r\n".join(lines)


def swap_lines(data, chance):
    lines = data.split(b"\r\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def line_ends(data, chance):
    end = data.find(b"\r\n\r\n")
    return data[:end].replace(b"\r\n", chance.choice((b"\n", b"\r", b"\n\r", b"\r\r\n"))) + data[end:]


def digits(data, chance):
    """Another number where one stands."""
    places = [at for at, octet in enumerate(data) if 48 <= octet <= 57]
    if not places:
        return data
    at = chance.choice(places)
    return data[:at] + b"%d" % chance.choice((0, 1, 5, 9, 18, 31, 32, 33, 255, 65536)) + data[at + 1:]


def cut(data, chance):
    return data[:chance.randrange(1, len(data))]


KINDS = (flip, flip, insert, insert, delete, double, add_field, add_field, swap_lines, line_ends, digits, cut)


def mutate(data, chance):
    """One to three kinds of damage; every second time with a glued request behind."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        if len(data) > 1:
            data = chance.choice(KINDS)(data, chance)
    return data + (GLUED if chance.random() < 0.5 else b"")
