"""Geodesic shooting: find the initial velocities whose rearrangement makes given pairs cheap, equation (12)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._linear_algebra import ONE_THREAD
from eulerot._progress import progress_of
from eulerot._ranks import ALONE, Ranks
from eulerot._summary import Shown, in_one_line, in_words
from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.checks import checked_pairs
from eulerot.latent.source import check_source
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.conditional import ConditionalSweep
from eulerot.rearrangement.delivery import GEODESIC_ERROR, delivered
from eulerot.shooting.alignment import aligned
from eulerot.shooting.conditional_fit import (
    FEWEST_DIMENSIONS,
    ConditionalFit,
    enough_pairs,
    with_conditional,
    without_conditional,
)
from eulerot.shooting.continuation import Continuation, FitStage
from eulerot.shooting.geodesic_fit import GeodesicFit
from eulerot.shooting.journal import Journal
from eulerot.shooting.options import FitOptions, shows_options
from eulerot.shooting.pairs import DataUnit, Pairs, split_pairs, warn_of_pairs
from eulerot.shooting.potential import quadratic_potential
from eulerot.shooting.status import (
    ALIGNED,
    DECREASING,
    INCREASING,
    INTERRUPTED,
    RESUMABLE,
    SHIFTED,
    STALLED,
    Outcome,
    sufficed,
    unresolved,
)
from eulerot.shooting.sweep_fit import SweepFit
from eulerot.transport.cost import transport_cost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FitResult", "check_options", "fit", "fit_to"]

# Pairs of the training sample from which the potential of the last comparison is regressed
_REGRESSED = 2048


@dataclass(frozen=True)
class FitResult(Shown):
    """A fitted rearrangement, with what was tried on the way.

    Attributes
    ----------
    rearrangement : Rearrangement
        The map, its steps chosen by an error estimate.
    history : tuple of FitStage
        Every weight that was tried, in order.
    status : {"converged", "max_iterations", "stalled", "interrupted"}
        How the fit ended. ``"stalled"``: no geodesic lowered the held-out cost, and the map is the alignment alone, or
        the identity.
    message : str
        The same in a sentence.
    cost_before, cost_after : float
        The cost of the held-out pairs without and with the delivered map, in the units of the data: with it the mean
        of ``|x - s(z)|^2``, and without it more by the gain of equation (12'), which has less sampling noise than the
        difference of two means.
    n_train, n_held_out : int
        Sizes of the two samples; of very many pairs, those that were fitted to: more would have gained next to nothing.
    seconds : float
        The time taken.

    See Also
    --------
    eulerot.fit : Fit a map to pairs.
    eulerot.FitStage : One weight of a fit.
    eulerot.Rearrangement : A map that preserves the latent law.

    Examples
    --------
    >>> from eulerot import fit
    >>> z = np.random.default_rng(0).standard_normal((400, 1))
    >>> print(fit(z, 2 * z).status)
    converged
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

    @property
    def geodesic_error(self) -> float:
        """The largest distance of a geodesic's map from that of the Euler equations, of its displacement; (20)."""
        return self.rearrangement.geodesic_error

    def __str__(self) -> str:
        """Return how the fit ended, and what it gained."""
        error = f"{self.geodesic_error:.1e}" if self.rearrangement.geodesics else ""
        rows = [
            ("map", str(self.rearrangement)),
            ("cost", f"{self.cost_before:.5f} before, {self.cost_after:.5f} after, of held-out pairs"),
            ("pairs", f"{self.n_train} to fit to, {self.n_held_out} held out"),
            ("geodesic error", error),
            ("time", f"{self.seconds:.1f} s"),
        ]
        return in_words(f"{self.status}: {self.message}", rows)

    def __repr__(self) -> str:
        return in_one_line(self)

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
        The rearrangement, its history and its status. In the plane it is geodesics in turned boxes, one after the
        other; in more dimensions, sweeps of planar geodesics; with ``geodesics=1`` a single one; with
        ``conditional=True`` followed by planes that are no geodesics. In one dimension a monotone flow is already
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

    See Also
    --------
    eulerot.rearrange : Fit a map to a flow, and return its twin.
    eulerot.FitResult : A fitted map, with what was tried.
    eulerot.shooting.options.FitOptions : The options of a fit.

    Notes
    -----
    The optimiser sees the cost of equation (12'), which has the expectation of the cost and far less sampling noise, so
    that independent pairs serve well. Weights and the number of geodesics are chosen on held-out pairs, never on the
    training pairs. Pass independent pairs: points of one low-discrepancy sequence, some of them held out, are not, and
    what the ones have too much of the others have too little of. `eulerot.rearrange` draws both on their own.

    References
    ----------
    Morel, Drumetz, Benaichouche, Courty, Rousseau, arXiv:2209.10873.

    Examples
    --------
    >>> import numpy as np
    >>> z = np.random.default_rng(0).standard_normal((400, 2))
    >>> result = fit(z, z @ [[0.0, 2.0], [-1.0, 0.0]], modes=4)
    >>> result.cost_after < 0.6 * result.cost_before
    True
    """
    with Ranks(options.get("comm")) as ranks:  # type: ignore[arg-type]
        settings = FitOptions.named(options)
        z, x = checked_pairs("z", z, "x", x)
        check_source(z, domain=settings.domain)
        check_options(len(z), z.shape[1], settings)
        ranks.check_same(z=z, x=x, **settings.shared)
        split = partial(split_pairs, z, x, held_out=settings.held_out, seed=settings.seed)
        return fit_to(*ranks.by_first(split), settings, ranks=ranks)


def fit_to(
    train: Pairs,
    held: Pairs,
    settings: FitOptions,
    *,
    more: Callable[[int], Pairs] | None = None,
    ranks: Ranks = ALONE,
) -> FitResult:
    """Fit to pairs that are split already.

    Parameters
    ----------
    train, held : tuple of ndarray, shape (n, d)
        Latents and data to fit to, and those that choose. They should be independent: points of one low-discrepancy
        sequence are not, since what some of them have too little of the others have too much of.
    settings : FitOptions
        The options.
    more : callable, optional
        Draws so many further pairs to fit to, if held-out pairs gain from them.
    ranks : Ranks
        The processes that fit together, in whose context this is called.
    """
    begun, given = time.perf_counter(), (train, held)
    kind = _kind(train[0].shape[1], settings)
    unit = DataUnit.of(train[1], domain=settings.domain)
    train, held = ((latents, unit.standardised(data)) for latents, data in given)
    with ONE_THREAD:  # a decomposition of a large matrix would hang on its threads
        alignment = aligned(*train, settings.align, domain=settings.domain)
    conclude = partial(_result, unit=unit, samples=(train, held), begun=begun)
    if kind is None:
        decreasing = DECREASING if alignment.reflection is not None else INCREASING
        return conclude(alignment, (), decreasing if settings.domain == "cube" else SHIFTED)
    warn_of_pairs(*(np.concatenate(both) for both in zip(*given, strict=True)), n_held_out=len(held[0]))
    with (
        ONE_THREAD,  # and so would the inner products of an optimiser with more than 10,000 unknowns
        Journal.of(settings, *given, ranks=ranks) as journal,
        progress_of(None, "fitting", "iterations", shown=settings.progress and ranks.number == 0) as bar,
    ):
        continuation = Continuation(settings.max_iterations, bar, data=unit, journal=journal, ranks=ranks)
        rotated = [(alignment.forward(latents), data) for latents, data in (train, held)]
        search = kind(settings, rotated[0], rotated[1], continuation)
        if isinstance(search, SweepFit) and more is not None:
            search.more = partial(_further, more, unit, alignment)
        try:
            search.fit()
        except KeyboardInterrupt as interrupt:  # before there was anything to keep
            ranks.tell(interrupt)
            continuation.interrupted = True
        if settings.conditional and isinstance(search, SweepFit) and not continuation.interrupted:
            rearrangement, outcome = _with_conditional(search, alignment)
        else:
            rearrangement = _delivered(search, alignment)
            outcome = _outcome(search, rearrangement)
    return conclude(rearrangement, tuple(continuation.history), outcome, n_train=len(search.train[0]))


def _with_conditional(search: SweepFit, alignment: Rearrangement) -> tuple[Rearrangement, Outcome]:
    """Return the best map, and how the fit ended: geodesics, or conditional sweeps after them or in their place.

    In place of geodesics they follow the alignment, and are often better than after many geodesics, which leave them a
    rougher task: where they are better than the geodesics by themselves, and pairs are many, nothing else is tried.
    """
    search.ask_for(enough_pairs(search.train[0].shape[1]))
    best: tuple[ConditionalSweep, ...] = ()
    follow, end = True, search.moved(search.held)
    for after in (False, True) if search.found else (False,):
        train, held = ((search.moved(pairs) if after else pairs[0], pairs[1]) for pairs in (search.train, search.held))
        fitted = ConditionalFit(search.options, train, held, search.continuation)
        sweeps = fitted.fit()
        if sweeps and fitted.is_better(end):
            best, follow, end = sweeps, after, fitted.end
        if search.continuation.interrupted or (best and fitted.has_many_pairs):
            break
    chosen = _delivered(search, alignment) if follow else alignment
    outcome = _outcome(search, chosen)
    if not best:
        return chosen, without_conditional(outcome)
    return replace(chosen, sweeps=chosen.sweeps + best), with_conditional(outcome, best, after_geodesics=follow)


def _further(more: Callable[[int], Pairs], unit: DataUnit, alignment: Rearrangement, n: int) -> Pairs:
    """Return further pairs, rotated and in the unit of the fit."""
    z, x = more(n)
    return alignment.forward(z), unit.standardised(x)


def _kind(dim: int, options: FitOptions) -> type[GeodesicFit | SweepFit] | None:
    """Return the kind of fit for latents of this dimension; None for one, where there is nothing to fit."""
    if dim == 1:
        return None
    return GeodesicFit if _is_alone(dim, options) else SweepFit


def _is_alone(dim: int, options: FitOptions) -> bool:
    """Whether one box has all coordinates."""
    return dim <= 3 and (options.geodesics == 1 or options.domain == "torus")


def check_options(n: int, dim: int, options: FitOptions) -> None:
    """Check that there are enough pairs for the options, and that these go with the dimension.

    Raises
    ------
    ValueError
        If there are too few pairs, or an option does not go with the dimension.
    """
    if options.conditional and dim < FEWEST_DIMENSIONS:
        raise ValueError(
            f"conditional: expected latents of {FEWEST_DIMENSIONS} dimensions or more, two to move and two to look at; "
            f"got {dim}. Leave it out: in fewer, geodesics see all coordinates."
        )
    if n < 2:
        raise ValueError(f"z: expected at least 2 pairs, to fit to and to hold out; got {n}. Pass more pairs.")
    if dim == 1:
        return
    if options.domain == "torus" and (options.axes is not None or options.conditional):
        raise ValueError(
            f"domain: expected no axes and no conditional planes on the torus; got axes = {options.axes}, conditional "
            f"= {options.conditional}. Leave them out: only permutations of its axes map the torus to itself."
        )
    alone = _is_alone(dim, options)
    modes, power = (options.modes_in(dim), dim) if alone else (options.sweep_modes_in(dim), 2)
    # pairs that were enough for the defaults of before are enough for those of now, which are more
    least = max((modes if options.modes is not None else min(modes, 16 if dim <= 3 else 10)) ** power, 16)
    if n < least:
        raise ValueError(
            f"z: expected at least {least} pairs for modes = {modes}, modes^{power} unknowns a geodesic; got {n}. "
            "Pass more pairs, or fewer modes."
        )
    expected = {2: ()} | ({3: (3, 3)} if alone else {})
    if options.axes is not None and np.shape(options.axes) != expected.get(dim):
        raise ValueError(
            "axes: expected an angle for pairs in the plane, a (3, 3) rotation for one geodesic in space, or None; "
            f"got {options.axes} for {dim} dimensions. Leave it out."
        )


def _delivered(search: GeodesicFit | SweepFit, alignment: Rearrangement) -> Rearrangement:
    """Return the rearrangement with as many modes and steps as its error estimates ask for."""
    sweeps, deliver = search.sweeps(), partial(delivered, tolerance=search.options.tolerance)
    tasks = [partial(deliver, geodesic) for sweep in sweeps for geodesic in sweep.geodesics]
    finished = iter(run_tasks(tasks, search.options.workers))
    return replace(
        alignment,
        sweeps=tuple(replace(each, geodesics=tuple(next(finished) for _ in each.geodesics)) for each in sweeps),
    )


def _outcome(search: GeodesicFit | SweepFit, rearrangement: Rearrangement) -> Outcome:
    """Say how the fit ended."""
    if search.continuation.interrupted:
        return RESUMABLE if search.options.checkpoint else INTERRUPTED
    if rearrangement.sweeps:
        error, outcome = rearrangement.geodesic_error, search.outcome
        if isinstance(search, SweepFit) and (left := search.in_reserve):
            outcome = sufficed(outcome, len(search.train[0]), left)
        return outcome if error <= GEODESIC_ERROR else unresolved(outcome, error)
    return STALLED if rearrangement.is_identity else ALIGNED


def _result(
    rearrangement: Rearrangement,
    history: tuple[FitStage, ...],
    outcome: Outcome,
    *,
    unit: DataUnit,
    samples: tuple[Pairs, Pairs],
    begun: float,
    n_train: int | None = None,
) -> FitResult:
    """Return the result: never a map that is worse than the identity on held-out pairs."""
    (latents, data), held = ((rows[:_REGRESSED] for rows in samples[0]), samples[1])
    # all at once: the map has its fields to prepare for every call
    start = np.concatenate([latents, held[0]])
    moved = rearrangement.forward(start)
    gain = _gain((moved[: len(latents)], data), held, moved[len(latents) :], domain=rearrangement.domain)
    if not (gain > 0 or rearrangement.is_identity):
        rearrangement, gain = Rearrangement.identity(rearrangement.dim, domain=rearrangement.domain), 0.0
        outcome, moved = outcome if outcome.status == "interrupted" else STALLED, start
    after = unit.mean_square(moved[len(latents) :], held[1])
    return FitResult(
        rearrangement=rearrangement,
        history=history,
        status=outcome.status,
        message=outcome.message,
        cost_before=after + unit.spread * gain,
        cost_after=after,
        n_train=n_train or len(samples[0][0]),
        n_held_out=len(held[0]),
        seconds=time.perf_counter() - begun,
    )


def _gain(train: Pairs, held: Pairs, y: FloatArray, *, domain: str) -> float:
    """Return by how much the cost of held-out pairs falls with their latents at `y`, by (12') with a potential.

    The quadratic potential, of training pairs with their latents moved, takes out most of the sampling noise, which is
    not to decide whether a map is delivered.
    """
    z, x = held
    if domain == "torus":
        return transport_cost(z, x, domain="torus") - transport_cost(y, x, domain="torus")
    potential = quadratic_potential(*train)
    return potential.cost(z, x)[0] - potential.cost(y, x)[0]
