"""Next-item losses over a catalogue; h [P, d] user vectors, table [V, d], target [P]."""

from __future__ import annotations

from typing import Tuple

import torch
from torch.nn import functional as F

CHUNK = 512
_buffers = {}


def _buffer(rows: int, columns: int, dtype: torch.dtype) -> torch.Tensor:
    """A reused block of memory: fresh ones of this size cost more in page faults than the arithmetic in them."""
    key = (columns, dtype)
    if key not in _buffers or len(_buffers[key]) < rows:
        _buffers[key] = torch.empty(max(rows, CHUNK), columns, dtype=dtype)
    return _buffers[key][:rows]


class _FullCrossEntropy(torch.autograd.Function):
    """Mean of -log softmax(h table^T)[target]; both gradients are made with the loss, a chunk of rows at a time."""

    @staticmethod
    def forward(context, h: torch.Tensor, table: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        total, count = h.new_zeros(()), len(h)
        h_slope, table_slope = torch.empty_like(h), torch.zeros_like(table)
        for begin in range(0, count, CHUNK):
            rows = slice(begin, min(begin + CHUNK, count))
            logits = _buffer(rows.stop - begin, len(table), h.dtype)
            torch.mm(h[rows], table.T, out=logits)
            logits.sub_(logits.amax(1, keepdim=True))
            own = logits.gather(1, target[rows, None])
            logits.exp_()
            norm = logits.sum(1, keepdim=True)
            total += (norm.log() - own).sum()
            logits.div_(norm)
            logits.scatter_add_(1, target[rows, None], torch.full_like(own, -1.0))
            torch.mm(logits, table, out=h_slope[rows])
            table_slope.addmm_(logits.T, h[rows])
        context.save_for_backward(h_slope.div_(count), table_slope.div_(count))
        return total / count

    @staticmethod
    def backward(context, slope: torch.Tensor):
        h_slope, table_slope = context.saved_tensors
        return slope * h_slope, slope * table_slope, None


def full_cross_entropy(h: torch.Tensor, table: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Softmax over the whole catalogue, a mean over positions."""
    return _FullCrossEntropy.apply(h, table, target)


def bce(h: torch.Tensor, table: torch.Tensor, target: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """SASRec's own loss (Kang & McAuley 2018): -log p(target) - log(1 - p(negative)), negative [P, n] item rows."""
    own = (h * F.embedding(target, table)).sum(1)
    other = (h[:, None, :] * F.embedding(negative, table)).sum(2)
    return F.softplus(-own).mean() + F.softplus(other).sum(1).mean()


def sampled_softmax(h: torch.Tensor, table: torch.Tensor, target: torch.Tensor, sampled: torch.Tensor,
                    log_q: Tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Softmax over the target and shared sampled items [n], corrected by -log Q (Bengio & Senecal 2008).

    log_q: of the targets [P] and of the sampled items [n], the log of how often each is expected in the sample.
    A sampled item that is a row's target is masked in that row.
    """
    own = (h * F.embedding(target, table)).sum(1) - log_q[0]
    others = h @ F.embedding(sampled, table).T - log_q[1][None, :]
    others = others.masked_fill(target[:, None] == sampled[None, :], -1e30)
    return (torch.logsumexp(torch.cat([own[:, None], others], 1), 1) - own).mean()
