"""Define planted problems: flows whose Monge map, and so whose least transport cost, is known exactly.

A planted flow is ``f = M o rho`` in the plane. `M` is increasing in each coordinate on its own, hence the gradient of a
convex function and the Monge map from the standard normal to the data. `rho` rotates each circle ``|z| = r`` by its own
angle; it keeps ``|z|`` and areas, hence it preserves the standard normal exactly. Equations (1), (2); section 6.

    M(y) = 1.3 y + (1.2 tanh 2 y_1, 0.5 tanh y_2) + (1.5, -0.5),    W2^2 = E |M(y) - y|^2,  y standard normal.

>>> flow = PLANTED["swirl"]
>>> round(flow.optimal_cost, 10)
4.4002852755
>>> z = flow.latents(1000, seed=0)
>>> bool(np.allclose(flow.inverse(flow.forward(z)), z))
True
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["PLANTED", "MonotoneMap", "PlantedFlow", "RotatedSwirls", "Swirl", "planted_in"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class MonotoneMap:
    """The map ``M_i(y) = slope y_i + height_i tanh(rate_i y_i) + shift_i``, increasing in each coordinate."""

    slope: float = 1.3
    height: tuple[float, ...] = (1.2, 0.5)
    rate: tuple[float, ...] = (2.0, 1.0)
    shift: tuple[float, ...] = (1.5, -0.5)

    def forward(self, y: ArrayLike) -> FloatArray:
        """Return ``M(y)``."""
        points = np.asarray(y, dtype=np.float64)
        return self.slope * points + np.multiply(self.height, np.tanh(points * self.rate)) + self.shift

    def derivative(self, y: ArrayLike) -> FloatArray:
        """Return the diagonal of the Jacobian."""
        return self.slope + np.multiply(self.height, self.rate) / np.cosh(np.multiply(y, self.rate)) ** 2

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return `y` with ``M(y) = x``, by Newton's method from zero.

        ``M - shift`` is odd, and concave to the right of zero: there a tangent stays above the graph, no step passes
        the root, and the iteration climbs to it from any distance. The left side is the mirror image.
        """
        target = np.asarray(x, dtype=np.float64)
        y = np.zeros_like(target)
        for _ in range(100):
            step = (target - self.forward(y)) / self.derivative(y)
            y = y + step
            if np.all(np.abs(step) <= 1e-15 * (1 + np.abs(y))):
                break
        return y


@dataclass(frozen=True)
class Swirl:
    """A rotation by the angle ``turn + peak exp(-|z|^2 / width)``, which depends on ``|z|`` only."""

    peak: float
    width: float
    turn: float = 0.0

    def angle(self, z: ArrayLike) -> FloatArray:
        """Return the angle in radians, counter-clockwise, for each row."""
        return self.turn + self.peak * np.exp(-np.sum(np.square(z), axis=-1) / self.width)

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``rho(z)``."""
        return _rotated(z, self.angle(z))

    def inverse(self, y: ArrayLike) -> FloatArray:
        """Return ``rho^-1(y)``: the same circles are rotated back."""
        return _rotated(y, -self.angle(y))


def _rotated(z: ArrayLike, angle: FloatArray) -> FloatArray:
    points = np.asarray(z, dtype=np.float64)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * points[..., 0] - sin * points[..., 1], sin * points[..., 0] + cos * points[..., 1]], axis=-1)


@dataclass(frozen=True)
class RotatedSwirls:
    """A rotation `R`, then swirls in disjoint planes of axes `Q`: it preserves the standard normal in any dimension."""

    rotation: FloatArray
    axes: FloatArray
    swirls: tuple[Swirl, ...]

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``rho(z)``."""
        rotated = np.asarray(z, dtype=np.float64) @ (self.axes @ self.rotation).T
        for plane, swirl in enumerate(self.swirls):
            rotated[:, 2 * plane : 2 * plane + 2] = swirl.forward(rotated[:, 2 * plane : 2 * plane + 2])
        return rotated @ self.axes

    def inverse(self, y: ArrayLike) -> FloatArray:
        """Return ``rho^-1(y)``."""
        rotated = np.asarray(y, dtype=np.float64) @ self.axes.T
        for plane, swirl in enumerate(self.swirls):
            rotated[:, 2 * plane : 2 * plane + 2] = swirl.inverse(rotated[:, 2 * plane : 2 * plane + 2])
        return rotated @ self.axes @ self.rotation


@dataclass(frozen=True)
class PlantedFlow:
    """The flow ``f = M o rho``; ``f o rho^-1 = M`` is its Monge map.

    Attributes
    ----------
    rho : Swirl or RotatedSwirls
        The planted rearrangement, which a fit has to find.
    monge : MonotoneMap
        The Monge map `M`.
    dim : int
        The dimension.
    """

    rho: Swirl | RotatedSwirls
    monge: MonotoneMap = MonotoneMap()
    dim: int = 2

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return ``x = M(rho(z))``."""
        return self.monge.forward(self.rho.forward(z))

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return ``z = rho^-1(M^-1(x))``."""
        return self.rho.inverse(self.monge.inverse(x))

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the log density of the data; ``|det D rho| = 1`` and ``|rho(z)| = |z|``, so `rho` drops out."""
        y = self.monge.inverse(x)
        log_normal = -0.5 * np.sum(y**2, axis=-1) - 0.5 * self.dim * np.log(2 * np.pi)
        return log_normal - np.sum(np.log(self.monge.derivative(y)), axis=-1)

    def latents(self, n: int, seed: int = 0) -> FloatArray:
        """Return `n` standard normal points."""
        return np.random.default_rng(seed).standard_normal((n, self.dim))

    def sample(self, n: int, seed: int = 0) -> FloatArray:
        """Return `n` data points."""
        return self.forward(self.latents(n, seed))

    @cached_property
    def optimal_cost(self) -> float:
        """The least cost, ``W2^2 = sum_i E (M_i(y) - y)^2``, by Gauss-Hermite quadrature to 12 digits.

        ``tanh 2y`` has its poles ``pi / 4`` away from the real axis, which makes the convergence root-exponential:
        100 nodes give 7 digits, 400 give 12 (against adaptive quadrature).
        """
        nodes, weights = _normal_quadrature(400)
        moved = self.monge.forward(np.stack([nodes] * self.dim, axis=1)) - nodes[:, None]
        return float(weights @ np.sum(moved**2, axis=1))

    @cached_property
    def cost(self) -> float:
        """The cost ``E |f(z) - z|^2`` in the plane, by quadrature; less `optimal_cost` it is the planted excess."""
        nodes, weights = _normal_quadrature(200)
        z = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1)
        moved = np.sum((self.forward(z) - z) ** 2, axis=-1)
        return float(weights @ moved @ weights)


def planted_in(dim: int, seed: int = 0) -> PlantedFlow:
    """Return a planted flow in `dim` dimensions: swirls of 1.5 radians in random planes, after a random rotation.

    >>> flow = planted_in(5)
    >>> z = flow.latents(100)
    >>> bool(np.allclose(flow.inverse(flow.forward(z)), z))
    True
    """
    rng = np.random.default_rng(seed)
    rotation, axes = (np.linalg.qr(rng.standard_normal((dim, dim)))[0] for _ in range(2))
    rotation[0] *= np.sign(np.linalg.det(rotation))
    rho = RotatedSwirls(rotation, axes, (Swirl(peak=1.5, width=4.0),) * (dim // 2))
    height, rate, shift = (tuple(np.resize(pair, dim).tolist()) for pair in ((1.2, 0.5), (2.0, 1.0), (1.5, -0.5)))
    return PlantedFlow(rho, MonotoneMap(1.3, height, rate, shift), dim)


def _normal_quadrature(n: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of the standard normal law."""
    from scipy.special import roots_hermitenorm

    nodes, weights = roots_hermitenorm(n)
    return nodes, weights / np.sum(weights)


PLANTED = {
    "gentle": PlantedFlow(Swirl(peak=0.8, width=4.0)),
    "swirl": PlantedFlow(Swirl(peak=1.8, width=4.0)),
    "turned": PlantedFlow(Swirl(peak=1.5, width=3.0, turn=0.9)),
}
