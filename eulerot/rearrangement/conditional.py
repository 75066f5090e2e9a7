"""Conditional sweeps: planes whose stream functions depend on the coordinates outside of them; equation (28)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

import numpy as np

from eulerot._linear_algebra import product
from eulerot._threads import by_chunks, run_tasks
from eulerot._types import FloatArray
from eulerot.checks import checked_array, checked_count, checked_rotation
from eulerot.errors import ResolutionError
from eulerot.latent.chart import log_density, to_box, to_latent
from eulerot.rearrangement._kernels_conditional import advance, pull_back

__all__ = ["NO_GEODESIC", "ConditionalSweep", "Passage", "SweepGradient"]

NO_GEODESIC = (
    "planes whose stream functions depend on the other coordinates preserve the source, but are no geodesics of the "
    "Euler equations"
)
# Rows that are moved together, by one thread
_ROWS = 1024
# The share of the largest vorticity that (28) allows which the saturation keeps
_WITHIN = 0.9


@dataclass(frozen=True)
class Passage:
    """What a conditional sweep keeps of latents that it has moved, for its adjoint.

    Attributes
    ----------
    start, end : ndarray, shape (n, d)
        The latents in its axes, before and after.
    features : ndarray, shape (n, h + 1)
        One, and the hidden values of the conditioning coordinates.
    vorticity : ndarray, shape (n, p, K, K)
        The vorticity coefficients of each plane, before their saturation.
    distances : ndarray, shape (n, 2 p)
        The signed wall distances before.
    middles : ndarray, shape (n, p, steps, 2)
        The midpoints of the steps.
    share : float
        The share of the flow that was taken; negative for the inverse.
    """

    start: FloatArray
    end: FloatArray
    features: FloatArray
    vorticity: FloatArray
    distances: FloatArray
    middles: FloatArray
    share: float


@dataclass(frozen=True)
class SweepGradient:
    """The derivatives of an objective by the parameters of a conditional sweep.

    Attributes
    ----------
    turn : ndarray, shape (d, d)
        By the entries of an antisymmetric ``Omega``, each with its opposite, where the axes become ``exp(Omega) Q``.
    directions, offsets, weights : ndarray
        By the parameters of these names.
    """

    turn: FloatArray
    directions: FloatArray
    offsets: FloatArray
    weights: FloatArray


@dataclass(frozen=True)
class ConditionalSweep:
    """Area-preserving maps of disjoint planes of one rotated box, which depend on the other coordinates; (28).

    The vorticity coefficients of a plane are ``E(c) = (1, tanh(c V + b)) W``, with ``c`` the coordinates of no plane.
    They do not move, so that the Jacobian is block-triangular and the Gaussian is preserved exactly. It is no geodesic
    of the box: the pressure of an Euler flow would push the other coordinates.

    Parameters
    ----------
    axes : ndarray, shape (d, d)
        The rotation ``Q`` into the axes: the first two are the first plane, and so on; the last ones condition.
    directions : ndarray, shape (d - 2 p, h)
        ``V``, for `p` planes and `h` hidden values.
    offsets : ndarray, shape (h,)
        ``b``.
    weights : ndarray, shape (p, h + 1, K, K)
        ``W`` of each plane, for `K` modes an axis.
    steps : int
        Implicit midpoint steps. Each preserves areas, whatever their number.
    threads : int
        Threads over particles. Results do not depend on it.

    See Also
    --------
    eulerot.Rearrangement : A map that preserves the latent law.
    eulerot.Sweep : Geodesics in disjoint planes.

    Examples
    --------
    >>> weights = np.zeros((1, 2, 3, 3))
    >>> weights[0, :, 0, 0] = 0.5
    >>> sweep = ConditionalSweep(np.eye(4), np.array([[1.0], [0.0]]), np.zeros(1), weights)
    >>> z = np.array([[0.5, -1.0, 2.0, 0.0], [0.5, -1.0, -9.0, 0.0]])
    >>> (sweep.forward(z) - z).round(2)
    array([[0.23, 0.16, 0.  , 0.  ],
           [0.  , 0.  , 0.  , 0.  ]])
    """

    axes: FloatArray
    directions: FloatArray
    offsets: FloatArray
    weights: FloatArray
    steps: int = 1
    threads: int = field(default=1, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", checked_rotation("axes", self.axes))
        for name in ("directions", "offsets", "weights"):
            array = checked_array(name, getattr(self, name)).copy()
            if not np.isfinite(array).all():
                raise ValueError(f"{name}: expected finite values; got NaN or infinity.")
            object.__setattr__(self, name, array)
        object.__setattr__(self, "steps", checked_count("steps", self.steps))
        shapes = self.weights.shape, self.directions.shape, self.offsets.shape
        planes, hidden, modes = (*shapes[0], 0, 0, 0)[:3]
        others = self.dim - 2 * planes
        if others < 1 or shapes != ((planes, hidden, modes, modes), (others, hidden - 1), (hidden - 1,)):
            raise ValueError(
                "weights: expected shape (p, h + 1, K, K), with directions of shape (d - 2 p, h) and h offsets, for "
                f"axes of dimension d > 2 p; got {shapes[0]}, {shapes[1]}, {shapes[2]}, d = {self.dim}."
            )

    @property
    def dim(self) -> int:
        """The dimension of the latent space."""
        return len(self.axes)

    @property
    def planes(self) -> tuple[tuple[int, int], ...]:
        """The axes of each plane."""
        return tuple((2 * j, 2 * j + 1) for j in range(len(self.weights)))

    @property
    def geodesics(self) -> tuple[()]:
        """The geodesics: there are none."""
        return ()

    @property
    def bound(self) -> float:
        """What the norm of vorticity coefficients is kept below, so that each step has one solution; equation (28)."""
        return _WITHIN * 4 * self.steps / self.weights.shape[2]

    def forward(self, latents: FloatArray) -> FloatArray:
        """Return the moved latents."""
        return self._moved(latents, 1.0)

    def inverse(self, latents: FloatArray) -> FloatArray:
        """Return the latents that `forward` moves to these: the same steps backwards."""
        return self._moved(latents, -1.0)

    def path(self, latents: FloatArray, times: Sequence[float] | FloatArray) -> FloatArray:
        """Return the path of latents at `times` in [0, 1], shape ``(times, n, d)``: with this share of the flow each.

        It is the map of ``t psi``, which preserves the Gaussian at every time.
        """
        return np.stack([self._moved(latents, float(share)) for share in times])

    def certificate(self) -> NoReturn:
        """Refuse: equation (21) is about geodesics.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            f"certificate: expected geodesics; got conditional planes. {NO_GEODESIC[0].upper()}{NO_GEODESIC[1:]}: "
            "equation (21) says nothing of them. Fit without conditional=True for a map of geodesics alone."
        )

    def log_abs_det(self, latents: FloatArray) -> FloatArray:
        """Return zeros: midpoint steps are symplectic, and the Jacobian is block-triangular. Shape ``(n,)``."""
        return np.zeros(len(latents))

    def linearised(self, latents: FloatArray, *, backward: bool = False) -> tuple[FloatArray, list[Passage]]:
        """Return moved latents, and what `pulled` needs of their way; of the inverse map if `backward`."""
        share = -1.0 if backward else 1.0
        found = run_tasks([partial(self.recorded, rows, share) for rows in _blocks(latents)], self.threads)
        return np.concatenate([end for end, _ in found]), [passage for _, passage in found]

    def pulled(self, covectors: FloatArray, passages: Sequence[Passage]) -> FloatArray:
        """Return the transposed Jacobians of the sweep times covectors at the moved latents, shape ``(n, d)``."""
        tasks = [partial(self.pulled_back, *both) for both in zip(_blocks(covectors), passages, strict=True)]
        return np.concatenate([bars for bars, _ in run_tasks(tasks, self.threads)])

    def recorded(self, latents: FloatArray, share: float = 1.0) -> tuple[FloatArray, Passage]:
        """Return latents moved by a share of the flow, and what the adjoint needs of their way; on one thread.

        Raises
        ------
        ResolutionError
            If Newton's method did not solve a step.
        """
        planes, _, modes, _ = self.weights.shape
        start, moved = product(latents, self.axes.T), 2 * planes
        features = np.ones((len(start), 1 + len(self.offsets)))
        features[:, 1:] = np.tanh(product(start[:, moved:], self.directions) + self.offsets)
        vorticity = product(features, self._columns).reshape(-1, planes, modes, modes)
        distances, middles = to_box(start[:, :moved]), np.empty((len(start), planes, self.steps, 2))
        end, ended = start.copy(), distances.copy()
        failed = advance(vorticity, self.bound, share, self.steps, ended, middles)
        if failed:
            raise ResolutionError(
                f"conditional: expected midpoint steps that Newton's method solves; got {failed} that it does not. "
                "Fit with another seed."
            )
        end[:, :moved] = to_latent(ended)
        return product(end, self.axes), Passage(start, end, features, vorticity, distances, middles, share)

    def pulled_back(
        self, covectors: FloatArray, passage: Passage, penalty: float = 0.0
    ) -> tuple[FloatArray, SweepGradient]:
        """Return the derivatives by where latents came from and by all parameters, by the discrete adjoint.

        Exact for the steps that the code takes.

        Parameters
        ----------
        covectors : ndarray, shape (n, d)
            Those by where the latents came to.
        passage : Passage
            Their way.
        penalty : float
            The weight of ``1/2 sum |E|^2``, the enstrophy of all rows and planes, in what is differentiated.
        """
        moved, bars = 2 * len(self.weights), product(covectors, self.axes.T)
        turn = product(bars.T, passage.end)
        by_rows = self._through_planes(bars, passage).reshape(len(bars), -1)
        by_rows += penalty * passage.vorticity.reshape(len(bars), -1)
        by_hidden = product(by_rows, self._columns[1:].T) * (1.0 - passage.features[:, 1:] ** 2)
        bars[:, moved:] += product(by_hidden, self.directions.T)
        turn = product(bars.T, passage.start) - turn
        by_columns = product(passage.features.T, by_rows)
        gradient = SweepGradient(
            turn=turn - turn.T,
            directions=product(passage.start[:, moved:].T, by_hidden),
            offsets=by_hidden.sum(axis=0),
            weights=np.moveaxis(by_columns.reshape(-1, *self.weights.shape[::2], self.weights.shape[3]), 0, 1),
        )
        return product(bars, self.axes), gradient

    def _through_planes(self, bars: FloatArray, passage: Passage) -> FloatArray:
        """Take the covectors of the planes back to the start, in place; return those of the vorticity coefficients."""
        moved, by_vorticity = 2 * len(self.weights), np.empty_like(passage.vorticity)
        by_box = bars[:, :moved] * np.exp(-log_density(passage.end[:, :moved]))
        pull_back(
            passage.vorticity, self.bound, passage.share, self.steps, passage.distances, passage.middles, by_box,
            by_vorticity,
        )  # fmt: skip
        bars[:, :moved] = by_box * np.exp(log_density(passage.start[:, :moved]))
        return by_vorticity

    def _moved(self, latents: FloatArray, share: float) -> FloatArray:
        return by_chunks(partial(self._end, share=share), latents, _ROWS, self.threads)

    def _end(self, rows: FloatArray, share: float) -> FloatArray:
        return self.recorded(rows, share)[0]

    @property
    def _columns(self) -> FloatArray:
        """The weights as a matrix: from features to the vorticity coefficients of all planes."""
        return np.moveaxis(self.weights, 0, 1).reshape(self.weights.shape[1], -1)


def _blocks(rows: FloatArray) -> list[FloatArray]:
    return [rows[i : i + _ROWS] for i in range(0, max(len(rows), 1), _ROWS)]
