"""Retrieval over the whole catalogue: every item is ranked but those that the user has seen; nothing is sampled."""

from __future__ import annotations

from typing import Any, Dict, Tuple

import numpy as np
import torch
from torch.nn import functional as F

from ..metrics import table
from .sequences import Held, Sequences
from .stage import RetrievalTrainer

CUTS = (10, 20, 50)
TAIL_SHARE = 0.8  # the long tail: this share of the catalogue, the items with the fewest training events
SHOWN = 20        # what is recommended is judged on so many items a user


def ranks(trainer: RetrievalTrainer, held: Held, shown: int = 0) -> Tuple[np.ndarray, np.ndarray]:
    """Rank of every held item from 1 (an equal score counts against it), and the `shown` best items of every row.

    The user's history before the held event is removed from the ranking, the held item itself never is.
    """
    sequences, table = trainer.sequences, trainer.trainee.model.items.embedding.detach()
    vectors = trainer.user_vectors(held.user, held.end)
    first = sequences.offsets[held.user]
    rank, shown = np.empty(len(held.user), np.int64), min(shown, len(table))
    best = np.empty((len(held.user), shown), np.int64)
    scores = torch.empty(512, len(table))
    for begin in range(0, len(held.user), 512):
        rows = np.arange(begin, min(begin + 512, len(held.user)))
        block = scores[:len(rows)]
        torch.mm(vectors[begin:begin + len(rows)], table.T, out=block)
        counts = held.end[rows] - first[rows]
        row = np.repeat(np.arange(len(rows)), counts)
        place = np.repeat(first[rows] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        item = torch.from_numpy(held.item[rows])
        own = block.gather(1, item[:, None])
        block[torch.from_numpy(row), torch.from_numpy(sequences.item[place])] = -np.inf
        block.scatter_(1, item[:, None], own)
        rank[rows] = (block >= own).sum(1).numpy()
        if shown:
            best[rows] = block.topk(shown, 1).indices.numpy()
    return rank, best


def hits(rank: np.ndarray) -> Dict[str, float]:
    """HR@k and NDCG@k (one relevant item a row, so NDCG is 1/log2(1 + rank))."""
    result = {}
    for cut in CUTS:
        inside = rank <= cut
        result[f"hr@{cut}"] = float(inside.mean()) if len(rank) else float("nan")
        result[f"ndcg@{cut}"] = float((inside / np.log2(1.0 + rank)).mean()) if len(rank) else float("nan")
    return result


def alignment(user: torch.Tensor, item: torch.Tensor) -> float:
    """Mean squared distance of normalised users and their next items (Wang & Isola 2020); smaller is closer."""
    return float((F.normalize(user, dim=1) - F.normalize(item, dim=1)).square().sum(1).mean())


def uniformity(vectors: torch.Tensor) -> float:
    """log mean exp(-2 |x - y|^2) over pairs of normalised vectors; smaller is more evenly spread."""
    distance = torch.pdist(F.normalize(vectors, dim=1))
    return float(torch.exp(-2.0 * distance.square()).mean().log())


def recommended(best: np.ndarray, popularity: np.ndarray) -> Dict[str, float]:
    """Of the items that are shown: mean training events, the share of the catalogue they cover, Gini of exposure."""
    shown = np.sort(np.bincount(best.ravel(), minlength=len(popularity)))
    n = len(shown)
    gini = float((2 * np.arange(1, n + 1) - n - 1) @ shown / (n * shown.sum()))
    return {"mean_popularity": float(popularity[best].mean()), "coverage": float((shown > 0).mean()), "gini": gini}


def tail_items(sequences: Sequences) -> np.ndarray:
    """[V] bool: the long tail of the catalogue."""
    counts = sequences.popularity()
    tail = np.zeros(len(counts), bool)
    tail[np.argsort(counts, kind="stable")[:int(TAIL_SHARE * len(counts))]] = True
    return tail


def evaluate(trainer: RetrievalTrainer, part: str) -> Dict[str, Any]:
    """Everything that a report shows of one part (validation or test)."""
    sequences, held = trainer.sequences, trainer.sequences.held[part]
    trainer.trainee.eval()
    good = held.feedback > 0
    rank, best = ranks(trainer, held, SHOWN)
    tail = tail_items(sequences)[held.item]
    result: Dict[str, Any] = {"part": part, "rows": int(good.sum()), **hits(rank[good]),
                              "tail": {"rows": int((tail & good).sum()), **hits(rank[tail & good])}}
    if (held.feedback < 0).any():
        worse = hits(rank[held.feedback < 0])
        result["negative"] = {"rows": int((held.feedback < 0).sum()), **worse}
        result["delta"] = {name: result[name] - worse[name] for name in worse}
    chosen = Held(held.user[good], held.item[good], held.feedback[good], held.end[good]).sample(2000)
    vectors = trainer.user_vectors(chosen.user, chosen.end)
    table = trainer.trainee.model.items.embedding.detach()
    some = torch.from_numpy(np.random.default_rng(3).permutation(len(table))[:2000])
    result["alignment"] = alignment(vectors, table[torch.from_numpy(chosen.item)])
    result["uniformity_users"], result["uniformity_items"] = uniformity(vectors), uniformity(table[some])
    result["shown"] = recommended(best, sequences.popularity())
    return result


def brief(trainer: RetrievalTrainer, part: str = "validation", most: int = 1 << 30) -> Dict[str, float]:
    """HR and NDCG of the positives alone: what epochs and settings are chosen by."""
    held = trainer.sequences.held[part]
    good = held.feedback > 0
    held = Held(held.user[good], held.item[good], held.feedback[good], held.end[good]).sample(most)
    trainer.trainee.eval()
    return hits(ranks(trainer, held)[0])


def render(result: Dict[str, Any]) -> str:
    """The Markdown report of one retrieval run."""
    test, names = result["test"], [f"{kind}@{cut}" for kind in ("hr", "ndcg") for cut in CUTS]
    groups = {"all items": test, "long tail": test["tail"]}
    for key, title in (("negative", "negative next items"), ("delta", "positive - negative")):
        if key in test:
            groups[title] = test[key]
    rows = [{"items": title, **{name: f"{group[name]:.4f}" for name in names}} for title, group in groups.items()]
    columns = {name: (lambda row, name=name: row[name]) for name in ["items", *names]}
    shown = test["shown"]
    return "\n".join([
        f"# {result['settings']['name']}: evaluation\n",
        f"Made by `{result['command']}` (seed {result['settings']['seed']}); {len(result['training'])} epochs, "
        f"{sum(line['cpu_seconds'] for line in result['training']):.0f} s of processor time. {test['rows']} held-out "
        "events, each ranked among the whole catalogue without what the user had seen.\n",
        table(rows, columns) + "\n",
        f"Alignment {test['alignment']:.3f}; uniformity of users {test['uniformity_users']:.3f}, of items "
        f"{test['uniformity_items']:.3f}. First {SHOWN} items: mean training events {shown['mean_popularity']:.1f}, "
        f"coverage of the catalogue {shown['coverage']:.3f}, Gini {shown['gini']:.3f}."]) + "\n"
