"""Geodesic shooting: find the initial velocities whose rearrangement makes given pairs cheap, equation (12)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from eulerot._types import FloatArray
from eulerot.checks import checked_pairs
from eulerot.latent.source import check_source
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.delivery import delivered
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.alignment import best_shift, procrustes_rotation
from eulerot.shooting.continuation import Continuation, FitStage
from eulerot.shooting.geodesic_fit import GeodesicFit
from eulerot.shooting.journal import Journal
from eulerot.shooting.options import FitOptions, shows_options
from eulerot.shooting.pairs import Pairs, split_pairs, warn_of_pairs
from eulerot.shooting.status import INCREASING, INTERRUPTED, RESUMABLE, SHIFTED, STALLED, Outcome
from eulerot.shooting.sweep_fit import SweepFit
from eulerot.transport.cost import transport_cost

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
        The rearrangement, its history and its status. In two and three dimensions it is one geodesic, or as many as
        `geodesics` says; in more dimensions, sweeps of planar geodesics. In one dimension a monotone flow is already
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
    settings = FitOptions.named(options)
    z, x = checked_pairs("z", z, "x", x)
    check_source(z, domain=settings.domain)
    kind = _kind(z, settings)
    train, held = split_pairs(z, x, held_out=settings.held_out, seed=settings.seed)
    alignment = _aligned(train, settings)
    if kind is None:
        outcome = INCREASING if settings.domain == "cube" else SHIFTED
        return _result(alignment, (), outcome, (train, held), begun)
    warn_of_pairs(z, x, n_held_out=len(held[0]))
    with (
        Journal.of(settings, train, held) as journal,
        tqdm(desc="fitting", unit=" iterations", disable=not settings.progress) as bar,
    ):
        aligned = [(alignment.forward(latents), data) for latents, data in (train, held)]
        search = kind(settings, aligned[0], aligned[1], Continuation(settings.max_iterations, bar, journal=journal))
        try:
            search.fit()
        except KeyboardInterrupt:  # before there was anything to keep
            search.continuation.interrupted = True
    return _concluded(search, alignment, (train, held), begun)


def _kind(z: FloatArray, options: FitOptions) -> type[GeodesicFit | SweepFit] | None:
    """Return the kind of fit for latents of this dimension; None for one, where there is nothing to fit.

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
    if options.domain == "torus" and (dim != 2 or options.axes is not None):
        raise ValueError(
            f"domain: expected one or two angles on the torus, and no axes; got {dim} angles, axes = {options.axes}. "
            "Leave axes out, or fit pairs of angles one by one."
        )
    modes, power = (options.modes_in(dim), dim) if dim <= 3 else (options.sweep_modes, 2)
    least = max(modes**power, 16)
    if n < least:
        raise ValueError(
            f"z: expected at least {least} pairs for modes = {modes}, modes^{power} unknowns a geodesic; got {n}. "
            "Pass more pairs, or fewer modes."
        )
    if options.axes is not None and dim != 2:
        raise ValueError(f"axes: expected None but for one box in the plane; got {options.axes}. Leave it out.")
    return GeodesicFit if dim <= 3 else SweepFit


def _aligned(train: Pairs, options: FitOptions) -> Rearrangement:
    """Return the rotation or the shift to start from."""
    dim = train[0].shape[1]
    if not options.align:
        return Rearrangement.identity(dim, domain=options.domain)
    if options.domain == "torus":
        return Rearrangement(np.eye(dim), shift=best_shift(*train))
    return Rearrangement(procrustes_rotation(*train) if dim > 1 else np.eye(1))


def _delivered(search: GeodesicFit | SweepFit, alignment: Rearrangement) -> Rearrangement:
    """Return the rearrangement with as many steps as its error estimate asks for."""

    def finished(sweep: Sweep) -> Sweep:
        tolerance = search.options.tolerance
        return replace(sweep, geodesics=tuple(delivered(each, tolerance=tolerance) for each in sweep.geodesics))

    return replace(alignment, sweeps=tuple(finished(sweep) for sweep in search.sweeps()))


def _concluded(
    search: GeodesicFit | SweepFit, alignment: Rearrangement, samples: tuple[Pairs, Pairs], begun: float
) -> FitResult:
    """Deliver the map, never one that is worse than the identity on held-out pairs, and say how the fit ended."""
    rearrangement = _delivered(search, alignment)
    before, after = _costs(rearrangement, samples[1])
    worse = not after < before
    if worse:
        rearrangement = Rearrangement.identity(alignment.dim, domain=alignment.domain)
    if search.continuation.interrupted:
        outcome = RESUMABLE if search.options.checkpoint else INTERRUPTED
    else:
        outcome = STALLED if worse else search.outcome
    return _result(rearrangement, tuple(search.continuation.history), outcome, samples, begun)


def _costs(rearrangement: Rearrangement, pairs: Pairs) -> tuple[float, float]:
    """Return the costs of pairs without and with a rearrangement."""
    (z, x), domain = pairs, rearrangement.domain
    return transport_cost(z, x, domain=domain), transport_cost(rearrangement.forward(z), x, domain=domain)


def _result(
    rearrangement: Rearrangement,
    history: tuple[FitStage, ...],
    outcome: Outcome,
    samples: tuple[Pairs, Pairs],
    begun: float,
) -> FitResult:
    train, held = samples
    before, after = _costs(rearrangement, held)
    return FitResult(
        rearrangement=rearrangement,
        history=history,
        status=outcome.status,
        message=outcome.message,
        cost_before=before,
        cost_after=after,
        n_train=len(train[0]),
        n_held_out=len(held[0]),
        seconds=time.perf_counter() - begun,
    )
