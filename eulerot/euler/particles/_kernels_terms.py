"""The potential of a velocity: its components, their axes in memory, and the derivatives whose sum a velocity is.

In the plane the velocity is ``(d_y psi, -d_x psi)``. In space it is ``curl A``, with ``A_z(x, y)``: this gauge leaves
two components to be evaluated in space, not three. ``A_i`` has the factor of each axis but `i`, and psi that of both.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

# Axes of each component, as they are in memory: along the second of three no velocity has a derivative
AXES: dict[int, tuple[tuple[int, ...], ...]] = {2: ((0, 1),), 3: ((1, 0, 2), (0, 1, 2), (0, 1))}
# Rows of weights: splines, first and second derivatives of their products with the factor, and derivatives of their own
VALUE, FIRST, SECOND, SLOPE = range(4)
# Of each component of the velocity: the sign, the component of the potential, and the axis of its derivative
_CURL = {
    2: (((1, 0, 1),), ((-1, 0, 0),)),
    3: (((1, 2, 1), (-1, 1, 2)), ((1, 0, 2), (-1, 2, 0)), ((1, 1, 0), (-1, 0, 1))),
}


class Term(NamedTuple):
    """A derivative of a component of the potential: its sign, the component, and for each axis in memory a row."""

    sign: int
    component: int
    rows: tuple[int, ...]


def has_factor(dim: int, component: int, axis: int) -> bool:
    """Return whether a component of the potential has the factor of an axis."""
    return dim == 2 or axis != component


def velocity_terms(dim: int) -> list[list[Term]]:
    """Return the terms of each component of the velocity over its factor, which all of them have."""
    return [[_term(dim, sign, i, axis) for sign, i, axis in _CURL[dim][a]] for a in range(dim)]


def gradient_terms(dim: int) -> list[list[Term]]:
    """Return those of the velocity, and of its derivatives row by row, all but the last, which makes the trace zero.

    Derivatives of component `a` along other axes are over its factor, too.
    """
    slopes = [
        [_term(dim, sign, i, axis, d) for sign, i, axis in _CURL[dim][a] if d in AXES[dim][i]]
        for a, d in itertools.product(range(dim), repeat=2)
    ]
    return velocity_terms(dim) + slopes[:-1]


def _term(dim: int, sign: int, component: int, *derivatives: int) -> Term:
    def row(axis: int) -> int:
        order = derivatives.count(axis)
        return SLOPE if order and not has_factor(dim, component, axis) else (VALUE, FIRST, SECOND)[order]

    return Term(sign, component, tuple(map(row, AXES[dim][component])))
