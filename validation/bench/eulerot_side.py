"""Build the tendencies of the package that the benchmarks time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from eulerot.euler import equations
from eulerot.euler.grid import Grid
from eulerot.euler.transforms.pointwise import Transforms

__all__ = ["random_field_hat", "tendency", "tendency_on_grid"]


def random_field_hat(grid: Grid, components: int, *, seed: int = 0) -> np.ndarray:
    """Return coefficients with amplitudes that fall like ``|k|^-2``; a leading axis for more than one component."""
    rng = np.random.default_rng(seed)
    shape = grid.shape_hat if components == 1 else (components, *grid.shape_hat)
    field_hat = rng.standard_normal(shape).astype(grid.dtype_hat)
    if np.iscomplexobj(field_hat):
        field_hat += 1j * rng.standard_normal(shape)
    return field_hat * grid.inverse_laplacian


def tendency(points: Sequence[int], *, domain: str = "torus", threads: int = 1) -> Callable[[], np.ndarray]:
    """Return a call without arguments that evaluates one tendency: of vorticity in 2-D, of velocity in 3-D."""
    grid = Grid(tuple(points), domain)
    if len(points) == 2:
        equation, field_hat = equations.VorticityEquation(grid, threads=threads), random_field_hat(grid, 1)
    else:
        equation, field_hat = equations.VelocityEquation(grid, threads=threads), random_field_hat(grid, 3)
    return _without_arguments(equation, field_hat)


def tendency_on_grid(field: np.ndarray) -> tuple[Callable[[], np.ndarray], Callable[[], np.ndarray]]:
    """Return a call that evaluates the tendency of a field given on the grid, and one that returns it on the grid."""
    grid = Grid(field.shape if field.ndim == 2 else field.shape[1:])
    transforms = Transforms(grid)
    if field.ndim == 2:
        run = _without_arguments(equations.VorticityEquation(grid), np.array(transforms.forward(field)))
        return run, lambda: transforms.backward(run())
    field_hat = np.stack([np.array(transforms.forward(component)) for component in field])
    run = _without_arguments(equations.VelocityEquation(grid), field_hat)
    return run, lambda: np.stack([np.array(transforms.backward(component)) for component in run()])


def _without_arguments(equation: equations.Equation, field_hat: np.ndarray) -> Callable[[], np.ndarray]:
    out = np.empty_like(field_hat)
    return lambda: equation.tendency(field_hat, out=out)
