"""Geodesic shooting: find the initial velocities whose rearrangement makes given pairs cheap, equation (12)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from eulerot._types import FloatArray
from eulerot.alignment import best_shift, procrustes_rotation
from eulerot.box import Sweep
from eulerot.caution import warn_of_pairs
from eulerot.checkpoint import Journal
from eulerot.delivery import delivered
from eulerot.descent import Descent, FitStage, Pairs
from eulerot.errors import checked_pairs
from eulerot.options import FitOptions, shows_options
from eulerot.rearrangement import Rearrangement
from eulerot.search import Search
from eulerot.source import check_source
from eulerot.sweeps import SweepSearch
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


@shows_options
def fit(z: ArrayLike, x: ArrayLike, **options: object) -> FitResult:
    """Find a Gaussian-preserving rearrangement ``s`` that makes ``mean |x - s(z)|^2`` small, equation (12).

    Parameters
    ----------
    z : array_like, shape (n, d)
        Standard normal latents.
    x : array_like, shape (n, d)
        Their images under a flow, in the units of the latent space.
    {options}

    Returns
    -------
    FitResult
        The rearrangement, its history and its status. In two and three dimensions it is one geodesic, or `segments` of
        them; in more, or if `sweeps` is given, sweeps of planar geodesics. In one dimension a monotone flow is already
        optimal and the rearrangement is the identity.

    Raises
    ------
    ValueError
        For arrays of wrong or different shapes, values that are not finite, too few pairs for the number of modes, a
        bad option, or the checkpoint of another fit.
    SourceError
        If the latents are plainly not standard normal.
    FormatError
        If `checkpoint` names a file that is no whole checkpoint, or holds what this fit would not compute.

    Warns
    -----
    SampleWarning
        Of few, repeated, clipped or heavy-tailed pairs.

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
    check_source(z, domain=settings.domain)
    kind = _kind(z, settings)
    train, held = _split(z, x, settings)
    alignment = _aligned(train, settings)
    if kind is None:
        return _one_dimension(alignment, train, held, begun)
    warn_of_pairs(z, x, n_held_out=len(held[0]))
    with (
        Journal.of(settings, train, held) as journal,
        tqdm(desc="fitting", unit=" iterations", disable=not settings.progress) as bar,
    ):
        turned = [(alignment.forward(latents), data) for latents, data in (train, held)]
        search = kind(settings, turned[0], turned[1], Descent(settings.max_iterations, bar, journal=journal))
        try:
            search.run()
        except KeyboardInterrupt:  # before there was anything to keep
            search.descent.interrupted = True
    return _concluded(search, alignment, held, begun)


def _aligned(train: Pairs, options: FitOptions) -> Rearrangement:
    """Return the rotation or the shift to start from."""
    dim = train[0].shape[1]
    if not options.align:
        return Rearrangement.identity(dim, domain=options.domain)
    if options.domain == "torus":
        return Rearrangement(np.eye(dim), shift=best_shift(*train))
    return Rearrangement(procrustes_rotation(*train) if dim > 1 else np.eye(1))


def _split(z: FloatArray, x: FloatArray, options: FitOptions) -> tuple[Pairs, Pairs]:
    """Return the pairs to fit to and the held-out pairs, at random."""
    order = np.random.default_rng(options.seed).permutation(len(z))
    n_held = min(max(1, round(options.held_out * len(z))), len(z) - 1)
    train, held = np.sort(order[n_held:]), np.sort(order[:n_held])
    return (z[train], x[train]), (z[held], x[held])


def _kind(z: FloatArray, options: FitOptions) -> type[Search | SweepSearch] | None:
    """Return the search for latents of this dimension; None for one, where there is nothing to search.

    Raises
    ------
    ValueError
        If there are too few pairs, or an option does not go with the dimension.
    """
    n, dim = z.shape
    if n < 2:
        raise ValueError(f"z: expected at least 2 pairs, to fit to and to hold out; got {n}. Pass more pairs.")
    if dim == 1:
        return None
    if options.domain == "torus" and (dim != 2 or options.sweeps is not None or options.axes is not None):
        raise ValueError(
            f"domain: expected one or two angles on the torus, and neither sweeps nor axes; got {dim} angles, sweeps = "
            f"{options.sweeps}, axes = {options.axes}. Leave them out."
        )
    whole = dim <= 3 and options.sweeps is None
    modes, power = (options.modes_in(dim), dim) if whole else (options.sweep_modes, 2)
    least = max(modes**power, 16)
    if n < least:
        raise ValueError(
            f"z: expected at least {least} pairs for modes = {modes}, modes^{power} unknowns a geodesic; got {n}. "
            "Pass more pairs, or fewer modes."
        )
    if whole and (dim == 2 or options.axes is None):
        return Search
    if options.axes is not None:
        raise ValueError(f"axes: expected None but for one box in the plane; got {options.axes}. Leave it out.")
    if options.segments > 1:
        raise ValueError(f"segments: expected 1 with sweeps of planes; got {options.segments}. Use sweeps.")
    return SweepSearch


def _delivered(search: Search | SweepSearch, alignment: Rearrangement) -> Rearrangement:
    """Return the rearrangement with as many steps as its error estimate asks for."""

    def finished(sweep: Sweep) -> Sweep:
        tolerance = search.options.tolerance
        return replace(sweep, geodesics=tuple(delivered(each, tolerance=tolerance) for each in sweep.geodesics))

    return replace(alignment, sweeps=tuple(finished(sweep) for sweep in search.sweeps()))


def _concluded(search: Search | SweepSearch, alignment: Rearrangement, held: Pairs, begun: float) -> FitResult:
    """Deliver the map, never one that is worse than the identity on held-out pairs, and say how the fit ended."""
    z, x = held
    rearrangement, domain = _delivered(search, alignment), alignment.domain
    before, after = (transport_cost(y, x, domain=domain) for y in (z, rearrangement.forward(z)))
    if not after < before:
        rearrangement, after = Rearrangement.identity(z.shape[1], domain=domain), before
        status, message = "stalled", "No rearrangement lowered the cost of held-out pairs; the map is the identity."
    elif not search.descent.interrupted and not search.converged:
        status, message = "max_iterations", f"{search.exhausted} may lower the cost further."
    else:
        status, message = "converged", "The optimiser met its tolerance, and the held-out cost chose the weight."
    if search.descent.interrupted:
        status, message = "interrupted", "The fit was interrupted; the map is the best that had been found."
        message += " The same call goes on from the checkpoint." if search.options.checkpoint else ""
    return _result(rearrangement, search.descent.history, status, message, (before, after), (search.train, held), begun)


def _one_dimension(alignment: Rearrangement, train: Pairs, held: Pairs, begun: float) -> FitResult:
    z, x = held
    costs = [transport_cost(y, x, domain=alignment.domain) for y in (z, alignment.forward(z))]
    message = "In one dimension an increasing flow is already optimal; the map is the identity."
    if alignment.domain == "torus":
        message = "For one angle an increasing flow is optimal but for a shift; the map is the best shift."
    return _result(alignment, [], "converged", message, (costs[0], costs[1]), (train, held), begun)


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
