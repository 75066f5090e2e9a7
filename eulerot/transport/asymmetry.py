"""How far a map is from the gradient of a function; equation (17)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.checks import checked_samples
from eulerot.latent.circle import shortest

__all__ = ["asymmetry"]


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
    offsets = step * np.concatenate([np.eye(d), -np.eye(d)])
    stencil = (centres + offsets[:, None, :]).reshape(2 * d * n, d)
    images = checked_samples("map_(points)", map_(stencil), dim=d)
    if len(images) != len(stencil):
        raise ValueError(f"map_(points): expected {len(stencil)} rows; got {len(images)}. Map row by row.")
    ahead, behind = images.reshape(2, d, n, d)
    jacobian = np.moveaxis(shortest(ahead - behind, domain), 1, 0) / (2 * step)
    difference = np.linalg.norm(jacobian - jacobian.transpose(0, 2, 1), axis=(1, 2))
    size = np.linalg.norm(jacobian, axis=(1, 2))
    # A vanishing Jacobian is symmetric.
    return float(np.mean(np.divide(difference, size, out=np.zeros(n), where=size > 0)))
