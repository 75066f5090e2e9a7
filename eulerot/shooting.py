"""Geodesic shooting: find the initial velocities whose rearrangement makes given pairs cheap, equation (12)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from eulerot._types import FloatArray
from eulerot.coordinates import to_box
from eulerot.errors import checked_pairs
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.geodesic import Geodesic
from eulerot.options import FitOptions
from eulerot.rearrangement import Rearrangement, Sweep, procrustes_rotation
from eulerot.search import FitStage, Pairs, Search
from eulerot.source import check_source, normal_points
from eulerot.transport import transport_cost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FitResult", "fit"]


@dataclass(frozen=True)
class FitResult:
    """A fitted rearrangement, with what was tried on the way.

    Attributes
    ----------
    rearrangement : Rearrangement
        The map, its steps chosen by an error estimate.
    history : tuple of FitStage
        Every weight that was tried, in order.
    status : {"converged", "max_iterations", "stalled", "interrupted"}
        How the fit ended. ``"stalled"``: nothing lowered the held-out cost, and the map is the identity.
    message : str
        The same in a sentence.
    cost_before, cost_after : float
        The cost of the held-out pairs without and with the delivered map.
    n_train, n_held_out : int
        Sizes of the two samples.
    seconds : float
        The time taken.
    """

    rearrangement: Rearrangement
    history: tuple[FitStage, ...]
    status: str
    message: str
    cost_before: float
    cost_after: float
    n_train: int
    n_held_out: int
    seconds: float

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw training and held-out cost against the weight of the regularisation."""
        from eulerot import plotting

        chosen = [stage for stage in self.history if stage.regularisation > 0]
        weights, train, held = (
            [getattr(s, name) for s in chosen] for name in ("regularisation", "train_cost", "held_out_cost")
        )
        return plotting.history(weights, train, held, ax=ax)


def fit(z: ArrayLike, x: ArrayLike, **options: object) -> FitResult:
    """Find a Gaussian-preserving rearrangement ``s`` that makes ``mean |x - s(z)|^2`` small, equation (12).

    Parameters
    ----------
    z : array_like, shape (n, d)
        Standard normal latents.
    x : array_like, shape (n, d)
        Their images under a flow, in the units of the latent space.
    **options
        The fields of `FitOptions`: ``modes=16, segments=1, align=True, seed=0, progress=False, ...``.

    Returns
    -------
    FitResult
        The rearrangement, its history and its status. In one dimension a monotone flow is already optimal and the
        rearrangement is the identity.

    Raises
    ------
    ValueError
        For arrays of wrong or different shapes, values that are not finite, too few pairs for the number of modes, or
        a bad option.
    SourceError
        If the latents are plainly not standard normal.

    Notes
    -----
    The optimiser sees the cost of equation (12'), which has the expectation of the cost and far less sampling noise, so
    that independent pairs serve as well as a Sobol sequence. The weight of the regularisation is chosen on held-out
    pairs, never on the training pairs.

    References
    ----------
    Morel, Drumetz, Benaichouche, Courty, Rousseau, arXiv:2209.10873.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((400, 2))
    >>> result = fit(z, z @ [[0.0, 2.0], [-1.0, 0.0]], modes=4)
    >>> result.cost_after < 0.6 * result.cost_before
    True
    """
    begun = time.perf_counter()
    settings = FitOptions(**options)  # type: ignore[arg-type]
    z, x = checked_pairs("z", z, "x", x)
    check_source(z)
    train, held = _split(z, x, settings)
    if z.shape[1] == 1:
        return _one_dimension(train, held, begun)
    _check_size(z, settings)
    rotation = procrustes_rotation(*train) if settings.align else np.eye(2)
    with tqdm(desc="fitting", unit=" iterations", disable=not settings.progress) as bar:
        turned = [(latents @ rotation.T, data) for latents, data in (train, held)]
        search = Search(settings, turned[0], turned[1], bar)
        search.run()
    return _concluded(search, rotation, held, begun)


def _split(z: FloatArray, x: FloatArray, options: FitOptions) -> tuple[Pairs, Pairs]:
    """Return the pairs to fit to and the held-out pairs, at random."""
    order = np.random.default_rng(options.seed).permutation(len(z))
    n_held = max(1, round(options.held_out * len(z)))
    train, held = np.sort(order[n_held:]), np.sort(order[:n_held])
    return (z[train], x[train]), (z[held], x[held])


def _check_size(z: FloatArray, options: FitOptions) -> None:
    n, dim = z.shape
    if dim != 2:
        raise ValueError(
            f"z: expected latents of dimension 1 or 2; got {dim}. Higher dimensions are not supported yet."
        )
    if n < max(options.modes**2, 16):
        raise ValueError(
            f"z: expected at least {max(options.modes**2, 16)} pairs for modes = {options.modes}, modes^2 unknowns a "
            f"geodesic; got {n}. Pass more pairs, or fewer modes."
        )


def _delivered(search: Search, rotation: FloatArray) -> Rearrangement:
    """Return the rearrangement with as many steps as its error estimate asks for, tails included."""
    tails = np.stack(np.meshgrid(*[[-7.0, -5.0, -4.0, 4.0, 5.0, 7.0]] * 2), axis=-1).reshape(-1, 2)
    probes = to_box(np.concatenate([normal_points(1024, 2), tails]))
    backward = VorticityEquation(search.grid).transforms.backward
    sweeps = []
    for vorticity in search.vorticities():
        geodesic = Geodesic(backward(vorticity), search.grid, threads=search.options.workers)
        sweeps.append(Sweep((geodesic.refined(probes, tolerance=search.options.tolerance),), search.axes))
    return Rearrangement(rotation, tuple(sweeps))


def _concluded(search: Search, rotation: FloatArray, held: Pairs, begun: float) -> FitResult:
    """Deliver the map, never one that is worse than the identity on held-out pairs, and say how the fit ended."""
    z, x = held
    rearrangement = _delivered(search, rotation)
    before, after = transport_cost(z, x), transport_cost(rearrangement.forward(z), x)
    if not after < before:
        rearrangement, after = Rearrangement.identity(2), before
        status, message = "stalled", "No rearrangement lowered the cost of held-out pairs; the map is the identity."
    elif not search.history[-1].converged:
        status, message = "max_iterations", "The last weight used all its iterations; more may lower the cost further."
    else:
        status, message = "converged", "The optimiser met its tolerance, and the held-out cost chose the weight."
    if search.interrupted:
        status, message = "interrupted", "The fit was interrupted; the map is the best that had been found."
    return _result(rearrangement, search.history, status, message, (before, after), (search.train, held), begun)


def _one_dimension(train: Pairs, held: Pairs, begun: float) -> FitResult:
    cost = transport_cost(*held)
    message = "In one dimension an increasing flow is already optimal; the map is the identity."
    return _result(Rearrangement.identity(1), [], "converged", message, (cost, cost), (train, held), begun)


def _result(
    rearrangement: Rearrangement,
    history: list[FitStage],
    status: str,
    message: str,
    costs: tuple[float, float],
    samples: tuple[Pairs, Pairs],
    begun: float,
) -> FitResult:
    n_train, n_held = (len(z) for z, _ in samples)
    seconds = time.perf_counter() - begun
    return FitResult(rearrangement, tuple(history), status, message, *costs, n_train, n_held, seconds)
