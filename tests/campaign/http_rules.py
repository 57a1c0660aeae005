"""How many requests a byte stream holds, by the rules of RFC 9112, written apart from the server.

A line may end in a bare line feed, as the HTTP library takes it. Where two parsers could read a head in two ways the
stream is ambiguous: the server may answer that head once, and must not answer anything behind it.
"""

import re

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
FRAMING = (b"content-length", b"transfer-encoding")
LINE = re.compile(rb"\r?\n")


class Ambiguous(Exception):
    pass


def cut_line(data, at):
    """(line without its end, where the next begins), or None while it is incomplete."""
    end = data.find(b"\n", at)
    if end < 0:
        return None
    line = data[at:end]
    return line[:-1] if line.endswith(b"\r") else line, end + 1


def cut_head(data, at):
    """(lines, where the head ends), or None while it is incomplete."""
    lines = []
    while True:
        cut = cut_line(data, at)
        if cut is None:
            return None
        line, at = cut
        if line:
            lines.append(line)
        elif lines:  # empty lines before a request line are skipped
            return lines, at


def framing(lines):
    """("length", n) or ("chunked", None). Ambiguous: what another parser could take for another length. Oddities that
    say nothing of the length (a strange method) are none."""
    if not re.match(rb".* HTTP/1\.[01]\Z", lines[0], re.DOTALL):
        raise Ambiguous("request line")
    found = {}
    for line in lines[1:]:
        if b"\0" in line or line[:1] in b" \t:":
            raise Ambiguous("a NUL, a folded line, a line without a name")
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name) or b"\r" in line or name.lower() not in FRAMING:
            if any(known in line.lower() for known in FRAMING) and not (colon and TOKEN.match(name)):
                raise Ambiguous("a length's field that is broken")
            if b"\r" in line:
                raise Ambiguous("a carriage return inside")
            continue
        if name.lower() in found:
            raise Ambiguous("repeated field")
        found[name.lower()] = value.strip(b" \t")
    if b"transfer-encoding" in found:
        if found[b"transfer-encoding"].lower() != b"chunked" or b"content-length" in found:
            raise Ambiguous("coding")
        return "chunked", None
    length = found.get(b"content-length", b"0")
    if not re.match(rb"[0-9]{1,15}\Z", length):
        raise Ambiguous("length")
    return "length", int(length)


def cut_chunks(data, at):
    """Where the chunked body ends; None: incomplete."""
    while True:
        cut = cut_line(data, at)
        if cut is None:
            return None
        line, at = cut
        if not re.match(rb"[0-9A-Fa-f]{1,15}[ \t]*(;.*)?\Z", line, re.DOTALL):
            raise Ambiguous("chunk size")
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            break
        if len(data) < at + size + 1:
            return None
        at += size
        ending = LINE.match(data, at)
        if not ending:
            if data[at:] == b"\r":
                return None
            raise Ambiguous("behind a chunk")
        at = ending.end()
    while True:  # trailer
        end = data.find(b"\n", at)
        if end < 0:
            return None
        line, at = data[at:end].rstrip(b"\r"), end + 1
        if not line or line[:1] in b"\0:":  # the library ends a trailer there too, and shows nothing of it
            return at


def most_answers(data):
    """The most final answers that the stream may get: its whole requests, and one more for what is broken behind."""
    at, whole = 0, 0
    while at < len(data):
        try:
            cut = cut_head(data, at)
            if cut is None:
                return whole + 1
            kind, length = framing(cut[0])
            at = cut[1] + length if kind == "length" else cut_chunks(data, cut[1])
        except Ambiguous:
            return whole + 1
        if at is None or at > len(data):
            return whole + 1
        whole += 1
    return whole
