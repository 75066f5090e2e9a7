"""A map of latents as functions of jax: the exact one by a callback with its adjoint, tables by array operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from eulerot._types import FloatArray
from eulerot.rearrangement._kernels import EDGE, ORDER, REACH, SCALE
from eulerot.rearrangement.exports.exact_map import ExactMap
from eulerot.rearrangement.exports.splines import spline_polynomials
from eulerot.rearrangement.tables import Stage

__all__ = ["HostMap", "Tables", "table_arrays", "through_tables"]

# Arrays of the tables of a stage, one a plane, behind its axes; and those of both directions behind the rotation
Tables = Any


class HostMap:
    """The exact map, called on the host in double precision; under ``jit``, ``vmap`` and ``grad``, not ``jvp``.

    Compared by identity, so that it may be a static field of what jax compiles. Rows that are not finite become not a
    number, since a callback must not raise errors.

    Parameters
    ----------
    exact : Rearrangement
        The map.
    """

    def __init__(self, exact: ExactMap) -> None:
        self.exact = exact
        still = np.zeros((1, exact.dim))
        exact.pullback(exact.inverse(still), still)  # what a map raises at its first use, it raises here
        self.forward = _differentiable(exact.forward, exact.pullback)
        self.inverse = _differentiable(exact.inverse, exact.inverse_pullback)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return HostMap, (self.exact,)

    def log_det(self, z: jax.Array, y: jax.Array) -> jax.Array:
        """Return ``log N(z) - log N(y)``, the log-determinant at ``y = s(z)``; zero for angles."""
        size = 0.5 * jnp.sum(y * y - z * z, axis=-1)
        return size if self.exact.domain == "cube" else jnp.zeros_like(size)


def _differentiable(
    move: Callable[[FloatArray], FloatArray], pull: Callable[[FloatArray, FloatArray], FloatArray]
) -> Callable[[jax.Array], jax.Array]:
    """Return a map of rows as a function of arrays of vectors, with its derivative."""

    @jax.custom_vjp
    def moved(z: jax.Array) -> jax.Array:
        return _on_host(move, z)

    def kept(z: jax.Array) -> tuple[jax.Array, jax.Array]:
        return moved(z), z

    def pulled(z: jax.Array, bar: jax.Array) -> tuple[jax.Array]:
        return (_on_host(pull, z, bar),)

    moved.defvjp(kept, pulled)
    return moved


def _on_host(function: Callable[..., FloatArray], z: jax.Array, *others: jax.Array) -> jax.Array:
    shape = jax.ShapeDtypeStruct(z.shape, z.dtype)
    return jax.pure_callback(partial(_by_rows, function), shape, z, *others, vmap_method="broadcast_all")


def _by_rows(function: Callable[..., FloatArray], *arrays: Any) -> np.ndarray:
    like = np.asarray(arrays[0])
    rows = [np.asarray(array, dtype=np.float64).reshape(-1, like.shape[-1]) for array in arrays]
    good = np.all([np.isfinite(each).all(axis=1) for each in rows], axis=0)
    result = np.full_like(rows[0], np.nan)
    if good.any():
        result[good] = function(*(each[good] for each in rows))
    return result.reshape(like.shape).astype(like.dtype)


def table_arrays(forward: Sequence[Stage], backward: Sequence[Stage], rotation: FloatArray) -> tuple[Tables, Any]:
    """Return tables of both directions as arrays of jax, in its precision, and the planes that they belong to."""
    arrays = {
        name: [(jnp.asarray(stage.axes), [jnp.asarray(tables) for tables in stage.tables]) for stage in stages]
        for name, stages in (("forward", forward), ("backward", backward))
    }
    planes = {"forward": [stage.planes for stage in forward], "backward": [stage.planes for stage in backward]}
    fixed = tuple((name, tuple(each)) for name, each in planes.items())
    return {**arrays, "rotation": jnp.asarray(rotation)}, fixed


def through_tables(arrays: Tables, planes: Any, z: jax.Array, *, inverted: bool) -> tuple[jax.Array, jax.Array]:
    """Return latents moved by tables, and the logarithm of the factor by which Gaussian volume changes there."""
    rotation, direction = arrays["rotation"], "backward" if inverted else "forward"
    rows = z.reshape(-1, len(rotation)).astype(rotation.dtype)
    rows, total = rows if inverted else rows @ rotation.T, jnp.zeros(len(rows), rotation.dtype)
    for (axes, tables), each in zip(arrays[direction], dict(planes)[direction], strict=True):
        columns = list((rows @ axes.T).T)
        for (i, j), pieces in zip(each, tables, strict=True):
            total = total + 0.5 * (columns[i] ** 2 + columns[j] ** 2)
            for table in pieces:
                columns[i], columns[j], log_det = _through(table, columns[i], columns[j])
                total = total + log_det
            total = total - 0.5 * (columns[i] ** 2 + columns[j] ** 2)
        rows = jnp.stack(columns, axis=1) @ axes
    moved = rows @ rotation if inverted else rows
    return moved.reshape(z.shape).astype(z.dtype), total.reshape(z.shape[:-1]).astype(z.dtype)


def _through(table: jax.Array, u: jax.Array, v: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return both coordinates of latents moved by a table, and ``log |det D|`` of that."""
    (first, here_u), (second, here_v) = _found(u, len(table)), _found(v, len(table))
    polynomials = jnp.asarray(spline_polynomials(), table.dtype)
    slopes = polynomials[1:] * jnp.arange(1, ORDER)[:, None]
    x, y, dx, dy = (_splines(here, each) for each in (polynomials, slopes) for here in (here_u, here_v))
    weights = (x, y), (dx, y), (x, dy)
    (left, right), (a, c), (b, d) = _sums(table, first, second, weights)
    by_u, by_v = _rate(u, len(table)), _rate(v, len(table))
    determinant = (1 + a * by_u) * (1 + d * by_v) - b * by_v * c * by_u
    return u + left, v + right, jnp.log(jnp.abs(determinant))


def _found(z: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """Return the cells in which latents are, ``(n,)``, and their places there."""
    cells, within = size - ORDER + 1, jnp.clip(z, -REACH, REACH)
    here = (within / jnp.sqrt(within * within + SCALE * SCALE) + EDGE) * (cells / (2 * EDGE))
    cell = jnp.clip(jnp.floor(jax.lax.stop_gradient(here)), 0, cells - 1)
    return cell.astype(jnp.int32), here - cell


def _rate(z: jax.Array, size: int) -> jax.Array:
    """Return how fast places change with latents, ``SCALE^2 / (z^2 + SCALE^2)^(3/2)`` a cell; not at all far out."""
    square = z * z + SCALE * SCALE
    return (size - ORDER + 1) / (2 * EDGE) * SCALE * SCALE / (square * jnp.sqrt(square)) * (jnp.abs(z) <= REACH)


def _splines(place: jax.Array, polynomials: jax.Array) -> jax.Array:
    """Return polynomials at places, shape ``(8, n)``, by Horner's rule."""
    values = polynomials[-1][:, None]
    for coefficients in polynomials[-2::-1]:
        values = values * place + coefficients[:, None]
    return values


def _sums(table: jax.Array, first: jax.Array, second: jax.Array, weights: Any) -> list[tuple[jax.Array, jax.Array]]:
    """Return for each pair of weights ``sum_rk x_r y_k c_rk`` of both components, ``(n,)`` each.

    Coefficients are read in blocks, three times as fast as one by one; products are not rounded to what a GPU has by
    default.
    """
    blocks = jax.vmap(lambda i, j: jax.lax.dynamic_slice(table, (i, j, jnp.zeros_like(i)), (ORDER, ORDER, 2)))(
        first, second
    )
    return [tuple(jnp.einsum("nrkc,rn,kn->cn", blocks, x, y, precision="highest")) for x, y in weights]
