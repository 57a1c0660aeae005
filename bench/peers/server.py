"""The server that one would otherwise write: FastAPI on uvicorn (uvloop, httptools, orjson), ONNX Runtime behind it.

    python3 -m bench.peers.server --model build/peers/onnx --port 8090 --workers 2

Same requests and answers as rankd's POST /rank, as far as the reference model goes: ids as strings or integers, derived
actions, top_k, reward weights, explain, unknown items. One process a core; inference stays on the event loop's thread,
since a hand-off to another thread costs more than it gains where each process has one core.
"""

from __future__ import annotations

import argparse
import json
import os
import uuid
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import onnxruntime
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

from bench.peers.inputs import INPUT_NAMES, InputMaker

MODEL_VARIABLE = "RANKER_MODEL"  # how the folder reaches the worker processes
FIELDS = {"request_id", "user", "history", "candidates", "top_k", "reward", "explain", "context", "model",
          "budget_ms", "on_deadline"}


class BadRequest(Exception):
    """The request breaks a rule; the text says which."""


class Ranker:
    """The model: one session, one thread."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.name = config.get("name", "model")
        self.inputs = InputMaker(config, np.load(folder / "ids.npy"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        self.session = onnxruntime.InferenceSession(str(folder / "serving.onnx"), options,
                                                    providers=["CPUExecutionProvider"])

    def rank(self, body: Dict[str, Any]) -> Dict[str, Any]:
        """The answer to one request."""
        check(body, self.inputs.signals)
        ids = [c["item"] if isinstance(c, dict) else c for c in body["candidates"]]
        rows = [self.inputs.row(item) for item in ids]
        known = [at for at, row in enumerate(rows) if row is not None]
        weights = {**self.inputs.weights, **((body.get("reward") or {}).get("weights") or {})}
        inputs, counters = self.inputs.make(body.get("history") or [], [rows[at] for at in known], weights)
        scores, signals = self.session.run(None, dict(zip(INPUT_NAMES, inputs)))
        order = np.argsort(-scores, kind="stable")
        if body.get("explain"):
            items = [self.explained(ids[known[at]], scores[at], signals[at], weights) for at in order.tolist()]
        else:
            items = [{"item": ids[known[at]], "score": score}
                     for at, score in zip(order.tolist(), scores[order].tolist())]
        if len(known) < len(ids):
            items += [{"item": item, "score": None, "unknown": True} for item, row in zip(ids, rows) if row is None]
        return {"request_id": body.get("request_id") or uuid.uuid4().hex, "model": {"name": self.name, "version": 1},
                "items": items[:body.get("top_k") or len(items)], "history": counters._asdict(), "degraded": None}

    def explained(self, item: Any, score: np.float32, signals: np.ndarray, weights: Dict[str, float]) -> Dict[str, Any]:
        """An item with its signals and the terms of its score."""
        found = dict(zip(self.inputs.signals, signals.tolist()))
        return {"item": item, "score": float(score), "signals": found,
                "terms": {name: weights[name] * value for name, value in found.items() if name in weights}}


def check(body: Any, signals: List[str]) -> None:
    """The rules that keep the rest from failing."""
    if not isinstance(body, dict):
        raise BadRequest("expected an object")
    unknown = body.keys() - FIELDS
    if unknown:
        raise BadRequest(f"unknown field {min(unknown)}")
    candidates = body.get("candidates")
    if not isinstance(candidates, list) or not candidates:
        raise BadRequest("candidates: expected an array that is not empty")
    for item in (c.get("item") if isinstance(c, dict) else c for c in candidates):
        if type(item) is not int and type(item) is not str:
            raise BadRequest("candidates: expected ids")
    for event in body.get("history") or ():
        if not isinstance(event, dict) or type(event.get("item")) not in (int, str):
            raise BadRequest("history: expected events with an item")
    top_k = body.get("top_k")
    if top_k is not None and (type(top_k) is not int or top_k < 1):
        raise BadRequest("top_k: expected an integer of at least 1")
    if not ((body.get("reward") or {}).get("weights") or {}).keys() <= set(signals):
        raise BadRequest(f"reward.weights: expected some of {', '.join(signals)}")


def problem(status: int, detail: str) -> Response:
    """An error as RFC 9457 has it."""
    return Response(orjson.dumps({"status": status, "detail": detail}), status,
                    media_type="application/problem+json")


def make_app() -> FastAPI:
    """uvicorn's factory: called once in each worker process."""
    app = FastAPI(openapi_url=None)
    ranker = Ranker(Path(os.environ[MODEL_VARIABLE]))

    @app.post("/rank")
    async def rank(request: Request) -> Response:
        try:
            body = orjson.loads(await request.body())
        except orjson.JSONDecodeError as error:
            return problem(400, str(error))
        try:
            answer = ranker.rank(body)
        except BadRequest as error:
            return problem(422, str(error))
        return Response(orjson.dumps(answer), media_type="application/json")

    @app.get("/readyz")
    async def ready() -> Response:
        return Response(b"ready\n", media_type="text/plain")

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="what bench/peers/export.py wrote")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    args = parser.parse_args()
    os.environ[MODEL_VARIABLE] = str(args.model.resolve())
    uvicorn.run("bench.peers.server:make_app", factory=True, host=args.host, port=args.port, workers=args.workers,
                loop="uvloop", http="httptools", access_log=False, log_level="warning", backlog=2048)


if __name__ == "__main__":
    main()
