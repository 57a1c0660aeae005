"""Small pieces that several modules share."""

from __future__ import annotations

from typing import Callable, Dict

import torch
from torch import nn
from torch.nn import functional as F


def _gelu_tanh(x: torch.Tensor) -> torch.Tensor:
    """0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), Hendrycks & Gimpel 2016."""
    return 0.5 * x * (1.0 + torch.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


ACTIVATION: Dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": F.relu, "gelu": F.gelu, "gelu_tanh": _gelu_tanh, "silu": F.silu}


class Named(nn.Module):
    """Children under any name, also one that nn.ModuleDict refuses ("forward" is a signal)."""

    def __init__(self, children: Dict[str, nn.Module]) -> None:
        super().__init__()
        for name, child in children.items():
            if not name or "." in name:
                raise ValueError(f"{name!r}: a module's name is not empty and has no dot")
            self._modules[name] = child

    def __getitem__(self, name: str) -> nn.Module:
        return self._modules[name]


def new_parameter(*shape: int, std: float = 0.02) -> nn.Parameter:
    """A normally distributed parameter."""
    return nn.Parameter(torch.randn(*shape) * std)


def hidden_layers(inputs: int, sizes) -> nn.ModuleList:
    """Linear layers inputs -> sizes[0] -> sizes[1] ..."""
    widths = [inputs, *sizes]
    return nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))


def run_hidden(layers, x: torch.Tensor, activation: str, dropout: float, training: bool) -> torch.Tensor:
    """Applies linear layers, the activation after each."""
    for layer in layers:
        x = F.dropout(ACTIVATION[activation](layer(x)), dropout, training)
    return x
