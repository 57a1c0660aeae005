"""Minimax polynomials of model/kernels/vector/math.h: prints their coefficients and worst errors.

Iteratively reweighted least squares on Chebyshev nodes, in double; rounded to float at the end.
"""
from math import erf, exp, pi, sqrt

import numpy as np


def fit(function, low, high, degree, weight, n_nodes=4000, n_rounds=300):
    """Coefficients, lowest power first, that nearly minimise max |weight · (polynomial − function)| on [low, high]."""
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(n_nodes) + 0.5) / n_nodes)
    y = np.array([function(v) for v in x])
    w = np.array([weight(v) for v in x])
    powers = np.vander(x, degree + 1, increasing=True)
    emphasis = np.ones_like(x)
    for _ in range(n_rounds):
        scale = w * np.sqrt(emphasis)
        coefficients, *_ = np.linalg.lstsq(powers * scale[:, None], y * scale, rcond=None)
        error = np.abs(powers @ coefficients - y) * w
        emphasis *= (error / error.max() + 1e-3) ** 0.5
        emphasis /= emphasis.max()
    return coefficients, error.max()


def exp_rest(r):
    """P of e^r = 1 + r + r² P(r)."""
    return (exp(r) - 1 - r) / r**2 if abs(r) > 1e-4 else 0.5 + r / 6 + r * r / 24


GELU_LIMIT = 5.5  # beyond it Φ is 0 or 1 in float


def phi_rest(t):
    """P of Φ(x) = 1/2 + x P(t), t = 2 (x / GELU_LIMIT)² − 1."""
    x = GELU_LIMIT * sqrt(max((t + 1) / 2, 0.0))
    return erf(x / sqrt(2)) / (2 * x) if x > 1e-9 else 1 / sqrt(2 * pi)


def main():
    for name, coefficients, error in (
        ("exp", *fit(exp_rest, -0.3468, 0.3468, 4, lambda r: r * r + 1e-9)),
        ("gelu", *fit(phi_rest, -1, 1, 14, lambda t: sqrt((t + 1) / 2) * GELU_LIMIT + 0.02)),
    ):
        print(name, f"worst error {error:.3g}")
        for power, value in enumerate(coefficients):
            print(f"  {power:2d} {np.float32(value):.9e}F")


if __name__ == "__main__":
    main()
