"""Request bodies for `rankd bench anytime`: the users and histories of a model's golden requests, each with the large
candidate lists of its warm-up requests.

    python3 bench/anytime/bodies.py models/kuairand/1 > FILE
"""

import json
import sys
from pathlib import Path

MIN_CANDIDATES = 200


def lines(path):
    with open(path, encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def bodies(model):
    users = [line["request"] for line in lines(model / "golden.jsonl")]
    lists = [body["candidates"] for body in lines(model / "warmup.jsonl")]
    for user in users:
        kept = {key: user[key] for key in ("user", "history") if key in user}
        for candidates in lists:
            if len(candidates) >= MIN_CANDIDATES:
                yield {**kept, "candidates": candidates}


if __name__ == "__main__":
    for body in bodies(Path(sys.argv[1])):
        print(json.dumps(body))
