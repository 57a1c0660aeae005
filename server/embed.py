"""Writes files as one C source: embed.py OUTPUT SYMBOL FILE... (server/embedded.h says what it holds).

A JSON file is written without its white space. The order is that of the arguments.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json"}
COLUMNS = 24


def content(path):
    data = path.read_bytes()
    if path.suffix == ".json":
        return json.dumps(json.loads(data), separators=(",", ":")).encode()
    return data


def rows(data):
    for at in range(0, len(data), COLUMNS):
        yield "\t" + "".join(f"{byte}," for byte in data[at:at + COLUMNS])


def main(output, symbol, *names):
    lines = ['#include "server/embedded.h"', ""]
    entries = []
    for number, path in enumerate(map(Path, names)):
        data = content(path)
        tag = base64.urlsafe_b64encode(hashlib.sha256(data).digest()[:12]).decode()
        lines += [f"static const unsigned char file_{number}[] = {{", *rows(data), "};", ""]
        entries.append(f'\t{{"{path.name}", "{TYPES[path.suffix]}", "\\"{tag}\\"", '
                       f"{{(const char *)file_{number}, {len(data)}}}}},")
    lines += [f"const struct rk_embedded {symbol}[] = {{", *entries, "\t{0},", "};"]
    Path(output).write_text("\n".join(lines) + "\n", encoding="utf-8")


main(*sys.argv[1:])
