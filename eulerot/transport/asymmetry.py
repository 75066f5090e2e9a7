"""Measure how far a map is from the gradient of a function; equation (17)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from eulerot._jacobian import points_a_block
from eulerot._types import FloatArray
from eulerot.checks import checked_samples
from eulerot.latent.circle import shortest

__all__ = ["asymmetry"]

# In more dimensions than these, directions are drawn
_PROBES = 64


def asymmetry(
    map_: Callable[[FloatArray], ArrayLike], points: ArrayLike, step: float = 1e-4, *, domain: str = "cube"
) -> float:
    """Return the mean over `points` of ``|Dg - Dg^T|_F / |Dg|_F``, zero for a Monge map `g`; equation (17).

    Parameters
    ----------
    map_ : callable
        The map `g`: an ``(m, d)`` array of points to the ``(m, d)`` array of their images.
    points : array_like, shape (n, d)
        Where the Jacobian is taken, by central differences.
    step : float, default 1e-4
        Half the distance of the two points of a difference, in units of the points.
    domain : {"cube", "torus"}
        ``"torus"`` for images that are angles.

    Returns
    -------
    float
        Between 0 (a symmetric Jacobian everywhere) and 2 (an antisymmetric one).

    Raises
    ------
    ValueError
        If `points` or the images are not finite samples of one common shape, or `step` is not positive.

    See Also
    --------
    eulerot.transport_report : Measure the cost of pairs.
    eulerot.FlowReport : What a twin gains, on fresh pairs.

    Notes
    -----
    Up to 64 dimensions the Jacobian is that of all coordinates, and the result exact but for the differences. In more
    dimensions ``V``, the 64 rows of an orthonormal frame drawn for each point, stands for all directions. For any
    matrix `D`, and ``m`` rows of a frame of uniform law in ``d`` dimensions::

        E |V (D - D^T) V^T|^2 = m (m - 1) / (d (d - 1)) |D - D^T|^2,    E |D V^T|^2 = m / d |D|^2,          (17')

    and the ratio is formed of these estimates of its squares. All frames are made of one, whose coordinates change
    places and signs, with a fixed seed. The map is called on blocks of points of 64 MB.

    Examples
    --------
    >>> points = [[0.0, 0.0], [1.0, 2.0]]
    >>> asymmetry(lambda z: z @ [[2.0, 1.0], [1.0, 3.0]], points) < 1e-10
    True
    >>> round(asymmetry(lambda z: z @ [[0.0, 1.0], [-1.0, 0.0]], points), 8)
    2.0
    """
    centres = checked_samples("points", points)
    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"step: expected a positive number; got {step}. The default is 1e-4.")
    n, d = centres.shape
    rng, probes = np.random.default_rng(0), min(d, _PROBES)
    frame = np.eye(d) if probes == d else np.linalg.qr(rng.standard_normal((d, probes)))[0].T
    block = points_a_block(d, 2 * probes)
    ratios = np.empty(n)
    for first in range(0, n, block):
        some = centres[first : first + block]
        directions = np.broadcast_to(frame, (len(some), d, d)) if probes == d else _frames(rng, frame, len(some))
        slopes = _slopes(map_, some, directions, step, domain)
        along = slopes if probes == d else directions @ np.swapaxes(slopes, 1, 2)
        difference = np.linalg.norm(along - np.swapaxes(along, 1, 2), axis=(1, 2))
        size = np.linalg.norm(slopes, axis=(1, 2)) * (np.sqrt((probes - 1) / (d - 1)) if probes < d else 1.0)
        # A vanishing Jacobian is symmetric.
        ratios[first : first + block] = np.divide(difference, size, out=np.zeros(len(some)), where=size > 0)
    return float(np.mean(ratios))


def _slopes(
    map_: Callable[[FloatArray], ArrayLike], points: FloatArray, directions: FloatArray, step: float, domain: str
) -> FloatArray:
    """Return the derivatives of a map along directions, shape ``(points, directions, d)``, by central differences."""
    n, d = points.shape
    offsets = step * np.moveaxis(directions, 1, 0)
    stencil = np.concatenate([points + offsets, points - offsets]).reshape(-1, d)
    images = checked_samples("map_(points)", map_(stencil), dim=d)
    if len(images) != len(stencil):
        raise ValueError(f"map_(points): expected {len(stencil)} rows; got {len(images)}. Map row by row.")
    ahead, behind = images.reshape(2, -1, n, d)
    return np.moveaxis(shortest(ahead - behind, domain), 1, 0) / (2 * step)


def _frames(rng: np.random.Generator, frame: FloatArray, n: int) -> FloatArray:
    """Return a random orthonormal frame for each point: of one, coordinates change places and signs."""
    order = rng.permuted(np.tile(np.arange(len(frame.T)), (n, 1)), axis=1)
    signs = rng.choice([-1.0, 1.0], order.shape)
    return np.swapaxes(frame.T[order] * signs[:, :, None], 1, 2)
