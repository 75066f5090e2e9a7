"""Train conditional sweeps together: their parameters as one vector, and Adam's steps along the gradient of (12')."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from eulerot._linear_algebra import inverse, product
from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.shooting.pairs import Pairs
from eulerot.shooting.polynomial_potential import PolynomialPotential

__all__ = ["Layout", "adam_step", "first_sweeps", "mean_gradient"]

# Rows of a batch that a thread takes through all sweeps and back
_ROWS = 128
# Of Adam (Kingma, Ba, arXiv:1412.6980): how much of the last moments is kept
_FIRST, _SECOND, _EPSILON = 0.9, 0.99, 1e-12
# How fast axes turn: much is won by it, 2.80 to 2.15 on the digits with twelve sweeps
_TURN = 2.0


@dataclass(frozen=True)
class Layout:
    """Where the parameters of equal conditional sweeps are in a vector: axes, directions, offsets, weights of each.

    Parameters
    ----------
    dim, planes, hidden, modes : int
        The dimension of the latents, the planes of a sweep, the hidden values, and the modes an axis.
    steps : int
        Midpoint steps of a sweep.

    Examples
    --------
    >>> layout = Layout(dim=4, planes=1, hidden=2, modes=3, steps=1)
    >>> sweeps = first_sweeps(layout, 2, np.random.default_rng(0))
    >>> layout.sweeps(layout.vector(sweeps))[1].axes.tobytes() == sweeps[1].axes.tobytes()
    True
    """

    dim: int
    planes: int
    hidden: int
    modes: int
    steps: int

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of axes, directions, offsets and weights."""
        hidden, modes = self.hidden, self.modes
        others = self.dim - 2 * self.planes
        return (self.dim, self.dim), (others, hidden), (hidden,), (self.planes, hidden + 1, modes, modes)

    @property
    def size(self) -> int:
        """The number of parameters of one sweep."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    def vector(self, sweeps: Sequence[ConditionalSweep]) -> FloatArray:
        """Return the parameters of sweeps as one vector."""
        arrays = [(each.axes, each.directions, each.offsets, each.weights) for each in sweeps]
        return np.concatenate([array.ravel() for each in arrays for array in each])

    def arrays(self, vector: FloatArray) -> list[list[FloatArray]]:
        """Return the parameters of each sweep as views of a vector."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        return [
            [part.reshape(shape) for part, shape in zip(np.split(each, ends), self.shapes, strict=True)]
            for each in vector.reshape(-1, self.size)
        ]

    def sweeps(self, vector: FloatArray, *, threads: int = 1) -> list[ConditionalSweep]:
        """Return the sweeps of a vector."""
        return [
            ConditionalSweep(axes, directions, offsets, weights, self.steps, threads)
            for axes, directions, offsets, weights in self.arrays(vector)
        ]


def first_sweeps(layout: Layout, count: int, rng: np.random.Generator) -> list[ConditionalSweep]:
    """Return sweeps in random axes that do not move anything yet."""
    sweeps = []
    for _ in range(count):
        axes, directions, offsets, weights = (rng.standard_normal(shape) for shape in layout.shapes)
        sweeps.append(
            ConditionalSweep(
                np.linalg.qr(axes)[0], directions / np.sqrt(len(directions)), 0.5 * offsets, 0.0 * weights, layout.steps
            )
        )
    return sweeps


def mean_gradient(
    layout: Layout,
    vector: FloatArray,
    pairs: Pairs,
    potential: PolynomialPotential,
    penalty: float,
    *,
    threads: int = 1,
) -> FloatArray:
    """Return the gradient of the mean cost (12') of pairs, and of half the penalty times their mean enstrophy.

    For the axes it is the antisymmetric matrix of `SweepGradient`. Rows are summed in an order of their own, whatever
    the threads.
    """
    sweeps = layout.sweeps(vector)
    tasks = [
        partial(_gradient, layout, sweeps, potential, penalty, *(rows[i : i + _ROWS] for rows in pairs))
        for i in range(0, len(pairs[0]), _ROWS)
    ]
    total = np.zeros_like(vector)
    for each in run_tasks(tasks, threads):
        total += each
    return total / len(pairs[0])


def _gradient(
    layout: Layout,
    sweeps: list[ConditionalSweep],
    potential: PolynomialPotential,
    penalty: float,
    latents: FloatArray,
    data: FloatArray,
) -> FloatArray:
    """Return the sum over rows, by the adjoints of all sweeps."""
    passages = []
    for sweep in sweeps:
        latents, passage = sweep.recorded(latents)
        passages.append(passage)
    bars, gradients = 2.0 * potential.pair_costs(latents, data)[1], []
    for sweep in reversed(sweeps):
        bars, gradient = sweep.pulled_back(bars, passages.pop(), penalty)
        gradients.append((gradient.turn, gradient.directions, gradient.offsets, gradient.weights))
    parts = itertools.chain.from_iterable(reversed(gradients))
    return np.concatenate([array.ravel() for array in parts])


def adam_step(layout: Layout, state: FloatArray, gradient: FloatArray, number: int, rate: float) -> None:
    """Take a step of Adam in place; axes stay orthogonal, by Cayley's transform of their step.

    Parameters
    ----------
    layout : Layout
        What the parameters are.
    state : ndarray, shape (3, size)
        The parameters, and the means of gradients and of their squares.
    gradient : ndarray
        By the parameters.
    number : int
        The number of the step, from 1 on.
    rate : float
        Its length.
    """
    vector, first, second = state
    squares = gradient**2
    for turn, *_ in layout.arrays(squares):
        turn[:] = turn.mean()  # all angles of a sweep share one scale
    first += (1.0 - _FIRST) * (gradient - first)
    second += (1.0 - _SECOND) * (squares - second)
    step = first / (1.0 - _FIRST**number) / (np.sqrt(second / (1.0 - _SECOND**number)) + _EPSILON)
    identity = np.eye(layout.dim)
    for (axes, *others), (turn, *moves) in zip(layout.arrays(vector), layout.arrays(rate * step), strict=True):
        half = 0.5 * _TURN * turn
        axes[:] = product(inverse(identity + half), product(identity - half, axes))
        for parameter, move in zip(others, moves, strict=True):
            parameter -= move
