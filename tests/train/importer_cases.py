"""Random state dicts with the originals' tensor names, and oracles that score them with PyTorch's own modules.

An oracle takes a state dict and a history of rows (oldest first) and returns the logits of all rows, row 0 the padding.
As a program it imports every case below a folder, `python3 importer_cases.py FOLDER`, for tests of the server.
"""

import math
import sys
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from train.__main__ import main

DIM, HEADS, FFN, LAYERS, ITEMS, MAX_HISTORY = 12, 3, 20, 2, 31, 8
State = Dict[str, torch.Tensor]


def random_state(shapes: Dict[str, Tuple[int, ...]], seed: int = 7) -> State:
    """Norms around 1, everything else of a size that lets scores differ."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        state[name] = torch.randn(*shape, generator=generator) * 0.4
        if "norm" in name.lower() and name.endswith("weight"):
            state[name] += 1.0
    return state


def pair(name: str, *shape: int) -> Dict[str, Tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def recbole_sasrec_state() -> State:
    shapes = {"item_embedding.weight": (ITEMS, DIM), "position_embedding.weight": (MAX_HISTORY, DIM),
              **pair("LayerNorm", DIM)}
    for index in range(LAYERS):
        attention, forward = (f"trm_encoder.layer.{index}.{part}" for part in ("multi_head_attention", "feed_forward"))
        for part in ("query", "key", "value", "dense"):
            shapes.update(pair(f"{attention}.{part}", DIM, DIM))
        shapes.update({**pair(f"{attention}.LayerNorm", DIM), **pair(f"{forward}.LayerNorm", DIM),
                       **pair(f"{forward}.dense_1", FFN, DIM), **pair(f"{forward}.dense_2", DIM, FFN)})
    return random_state(shapes)


def recbole_gru_state(embedding: int, hidden: int, layers: int) -> State:
    shapes = {"item_embedding.weight": (ITEMS, embedding), **pair("dense", embedding, hidden)}
    for index in range(layers):
        shapes[f"gru_layers.weight_ih_l{index}"] = (3 * hidden, hidden if index else embedding)
        shapes[f"gru_layers.weight_hh_l{index}"] = (3 * hidden, hidden)
    return random_state(shapes)


def pmixer_state(position_rows: int) -> State:
    shapes = {"item_emb.weight": (ITEMS, DIM), "pos_emb.weight": (position_rows, DIM), **pair("last_layernorm", DIM)}
    for index in range(LAYERS):
        shapes.update({f"attention_layers.{index}.in_proj_weight": (3 * DIM, DIM),
                       f"attention_layers.{index}.in_proj_bias": (3 * DIM,),
                       **pair(f"attention_layers.{index}.out_proj", DIM, DIM),
                       **pair(f"attention_layernorms.{index}", DIM), **pair(f"forward_layernorms.{index}", DIM),
                       **pair(f"forward_layers.{index}.conv1", DIM, DIM, 1),
                       **pair(f"forward_layers.{index}.conv2", DIM, DIM, 1)})
    state = random_state(shapes)
    if position_rows > MAX_HISTORY:
        state["pos_emb.weight"][0] = 0.0
    state["item_emb.weight"][0] = 0.0
    return state


def future(length: int) -> torch.Tensor:
    """True where attention must not look."""
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def layer_of(tensors: State, norm_first: bool, activation, eps: float, ffn: int) -> nn.TransformerEncoderLayer:
    """PyTorch's own encoder layer with its own names filled in."""
    layer = nn.TransformerEncoderLayer(DIM, HEADS, ffn, 0.0, activation, eps, True, norm_first).double()
    layer.load_state_dict({name: tensor.double() for name, tensor in tensors.items()})
    return layer.train()  # without dropout; train() keeps out the fused path, which has an approximation of its own


def recbole_sasrec_oracle(state: State, history, activation=F.gelu, eps=1e-12) -> torch.Tensor:
    """To the left, padded to the right; the state of the last event."""
    kept = history[-MAX_HISTORY:]
    rows = torch.tensor(kept + [0] * (MAX_HISTORY - len(kept)))
    items, s = state["item_embedding.weight"].double(), state
    x = items[rows] + s["position_embedding.weight"].double()
    x = F.layer_norm(x, (DIM,), s["LayerNorm.weight"].double(), s["LayerNorm.bias"].double(), eps)[None]
    for index in range(LAYERS):
        a, f = (f"trm_encoder.layer.{index}.{part}." for part in ("multi_head_attention", "feed_forward"))
        tensors = {}
        for kind in ("weight", "bias"):
            packed = torch.cat([s[f"{a}{part}.{kind}"] for part in ("query", "key", "value")])
            tensors.update({f"self_attn.in_proj_{kind}": packed, f"self_attn.out_proj.{kind}": s[f"{a}dense.{kind}"],
                            f"norm1.{kind}": s[f"{a}LayerNorm.{kind}"], f"norm2.{kind}": s[f"{f}LayerNorm.{kind}"],
                            f"linear1.{kind}": s[f"{f}dense_1.{kind}"], f"linear2.{kind}": s[f"{f}dense_2.{kind}"]})
        x = layer_of(tensors, False, activation, eps, FFN)(x, src_mask=future(MAX_HISTORY)).detach()
    return items @ x[0, len(kept) - 1]


def recbole_gru_oracle(state: State, history) -> torch.Tensor:
    embedding, hidden = state["dense.weight"].shape
    gru = nn.GRU(embedding, hidden, sum("weight_hh" in name for name in state), bias=False).double()
    gru.load_state_dict({name[len("gru_layers."):]: tensor.double() for name, tensor in state.items() if "gru" in name})
    dense = nn.Linear(hidden, embedding).double()
    dense.load_state_dict({name[len("dense."):]: tensor.double() for name, tensor in state.items() if "dense" in name})
    items = nn.Embedding.from_pretrained(state["item_embedding.weight"].double())
    with torch.no_grad():
        return items.weight @ dense(gru(items(torch.tensor(history[-MAX_HISTORY:])))[0])[-1]


def pmixer_oracle(norm: str, state: State, history) -> torch.Tensor:
    """To the right, padded to the left with row 0; no mask hides the padding from the events behind it."""
    s = {name: tensor.double() for name, tensor in state.items()}
    kept = history[-MAX_HISTORY:]
    rows = torch.tensor([0] * (MAX_HISTORY - len(kept)) + kept)
    real = (rows > 0).double()[:, None]
    old = len(s["pos_emb.weight"]) == MAX_HISTORY
    places = torch.arange(MAX_HISTORY) if old else torch.arange(1, MAX_HISTORY + 1) * (rows > 0)
    x = (s["item_emb.weight"][rows] * math.sqrt(DIM) + s["pos_emb.weight"][places])[None]
    for index in range(LAYERS):
        tensors = {"self_attn.in_proj_weight": s[f"attention_layers.{index}.in_proj_weight"],
                   "self_attn.in_proj_bias": s[f"attention_layers.{index}.in_proj_bias"]}
        for ours, theirs in (("self_attn.out_proj", "attention_layers.{}.out_proj"),
                             ("norm1", "attention_layernorms.{}"), ("norm2", "forward_layernorms.{}"),
                             ("linear1", "forward_layers.{}.conv1"), ("linear2", "forward_layers.{}.conv2")):
            for kind in ("weight", "bias"):
                tensor = s[f"{theirs.format(index)}.{kind}"]
                tensors[f"{ours}.{kind}"] = tensor[:, :, 0] if tensor.dim() == 3 else tensor
        layer = layer_of(tensors, norm == "pre", F.relu, 1e-8, DIM)
        x = x * real if old else x
        if norm == "query":
            q = layer.norm1(x)
            y = layer.norm2(q + layer.self_attn(q, x, x, attn_mask=future(MAX_HISTORY))[0])
            x = (y + layer.linear2(F.relu(layer.linear1(y)))).detach()
        else:
            x = layer(x, src_mask=future(MAX_HISTORY)).detach()
    last = F.layer_norm(x[0, -1], (DIM,), s["last_layernorm.weight"], s["last_layernorm.bias"], 1e-8)
    return s["item_emb.weight"] @ last


class Case(NamedTuple):
    """What to import and how, with its oracle."""
    state: State
    flags: Tuple[str, ...]
    oracle: Callable[[State, list], torch.Tensor]
    shortest_exact: int = 1


RECBOLE_FLAGS = ("recbole-sasrec", "--heads", str(HEADS), "--eps", "1e-12", "--activation")
GRU_FLAGS = ("recbole-gru4rec", "--max-history", str(MAX_HISTORY))


def _pmixer(norm: str, rows: int) -> Case:
    flags = ("pmixer-sasrec", "--norm", norm, "--maxlen", str(MAX_HISTORY), "--heads", str(HEADS))
    return Case(pmixer_state(rows), flags, lambda state, history: pmixer_oracle(norm, state, history), MAX_HISTORY)


CASES = {
    "sasrec gelu": Case(recbole_sasrec_state(), (*RECBOLE_FLAGS, "gelu"), recbole_sasrec_oracle),
    "sasrec relu": Case(recbole_sasrec_state(), (*RECBOLE_FLAGS, "relu"),
                        lambda state, history: recbole_sasrec_oracle(state, history, F.relu)),
    "sasrec swish": Case(recbole_sasrec_state(), (*RECBOLE_FLAGS, "swish"),
                         lambda state, history: recbole_sasrec_oracle(state, history, F.silu)),
    "gru wide": Case(recbole_gru_state(12, 24, 1), GRU_FLAGS, recbole_gru_oracle),
    "gru square": Case(recbole_gru_state(12, 12, 2), GRU_FLAGS, recbole_gru_oracle),
    "gru narrow": Case(recbole_gru_state(12, 7, 2), GRU_FLAGS, recbole_gru_oracle),
    "port 2020": _pmixer("query", MAX_HISTORY),
    "port query": _pmixer("query", MAX_HISTORY + 1),
    "port post": _pmixer("post", MAX_HISTORY + 1),
    "port pre": _pmixer("pre", MAX_HISTORY + 1),
}


def import_case(work: Path, case: Case, *more) -> Path:
    """Saves the state dict, runs the command line, returns the model folder."""
    work.mkdir(parents=True, exist_ok=True)
    torch.save(case.state, work / "checkpoint.pth")
    main(["import", case.flags[0], str(work / "checkpoint.pth"), str(work / "model" / "1"), *case.flags[1:],
          *map(str, more)])
    return work / "model" / "1"


if __name__ == "__main__":
    for case_name, one_case in CASES.items():
        import_case(Path(sys.argv[1]) / case_name.replace(" ", "-"), one_case)
