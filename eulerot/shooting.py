"""Geodesic shooting: find the initial velocities whose rearrangement makes given pairs cheap, DESIGN section 3."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.stats import kstest
from tqdm import tqdm

from eulerot._types import FloatArray, Seed
from eulerot.coordinates import to_box
from eulerot.errors import SourceError, checked_pairs
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.objective import Objective
from eulerot.rearrangement import Rearrangement, normal_points
from eulerot.transport import transport_cost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FitOptions", "FitResult", "FitStage", "fit", "procrustes_rotation"]


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """The options of `fit`, validated on construction.

    Parameters
    ----------
    modes : int
        Modes kept an axis, ``K`` of equation (7).
    segments : int
        Geodesics that are composed.
    align : bool
        Whether to start from the best rotation, equation (13).
    regularisation : tuple of float
        The weights ``lam`` of equation (12) to go through, warm-started, in descending order.
    steps : int
        Runge-Kutta steps of a geodesic while fitting. The delivered map chooses its own.
    max_iterations : int
        Iterations of the optimiser for each weight.
    held_out : float
        The share of the pairs that is kept for choosing the weight.
    tolerance : float
        The largest error of the delivered map, by its own estimate.
    seed : int
        Seed of the split; what `numpy.random.default_rng` takes.
    threads : int or None
        Threads; all processors by default. The result does not depend on it.
    progress : bool
        Whether to show a progress bar.
    """

    modes: int = 16
    segments: int = 1
    align: bool = True
    regularisation: tuple[float, ...] = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
    steps: int = 16
    max_iterations: int = 60
    held_out: float = 0.125
    tolerance: float = 1e-10
    seed: Seed = 0
    threads: int | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        for name in ("modes", "segments", "steps", "max_iterations"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}: expected a positive whole number; got {value!r}.")
        weights = tuple(np.atleast_1d(np.asarray(self.regularisation, dtype=float)).tolist())
        if not weights or not all(math.isfinite(w) and w >= 0 for w in weights):
            raise ValueError(f"regularisation: expected finite weights of zero or more; got {self.regularisation!r}.")
        object.__setattr__(self, "regularisation", tuple(sorted(weights, reverse=True)))
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out: expected a share between 0 and 1; got {self.held_out!r}.")
        if not self.tolerance > 0:
            raise ValueError(f"tolerance: expected a positive number; got {self.tolerance!r}.")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads: expected a positive whole number or None; got {self.threads!r}.")

    @property
    def workers(self) -> int:
        """The number of threads to use."""
        return self.threads or os.cpu_count() or 1


@dataclass(frozen=True)
class FitStage:
    """One run of the optimiser: its segment (0 for all together), weight, effort, costs, and how it ended."""

    segment: int
    regularisation: float
    iterations: int
    train_cost: float
    held_out_cost: float
    converged: bool
    seconds: float


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


def procrustes_rotation(z: FloatArray, x: FloatArray) -> FloatArray:
    """Return the rotation ``R`` in SO(d) that minimises ``mean |x - R z|^2``, equation (13).

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((100, 2))
    >>> quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> np.allclose(procrustes_rotation(z, z @ quarter.T), quarter)
    True
    """
    left, _, right = np.linalg.svd(x.T @ z / len(z))
    signs = np.ones(z.shape[1])
    signs[-1] = np.sign(np.linalg.det(left @ right))
    return (left * signs) @ right


def check_source(z: FloatArray) -> None:
    """Raise `SourceError` where latents are plainly not standard normal.

    Latents found by inverting a trained flow are only nearly normal, so that the bounds are wide.
    """
    n = len(z)
    for axis, column in enumerate(z.T):
        distance = kstest(column, "norm").statistic
        allowed = 0.08 + 2.0 / math.sqrt(n)
        if distance > allowed:
            raise SourceError(
                f"z: expected standard normal latents; got a Kolmogorov-Smirnov distance of {distance:.3f} from "
                f"N(0, 1) in column {axis} (mean {column.mean():.3g}, standard deviation {column.std():.3g}), above "
                f"{allowed:.3f}. Standardise the base of the flow, or check the direction of its map."
            )
    correlation = np.abs(np.corrcoef(z.T) - np.eye(z.shape[1])).max() if n > 1 and z.shape[1] > 1 else 0.0
    if correlation > 0.15 + 4.0 / math.sqrt(n):
        raise SourceError(
            f"z: expected independent columns; got a correlation of {correlation:.3f}. Whiten the latents."
        )


@dataclass
class _Search:
    """The state of a fit: what has been tried, and the best of it by held-out cost."""

    options: FitOptions
    grid: Grid
    train: tuple[FloatArray, FloatArray]
    held: tuple[FloatArray, FloatArray]
    bar: tqdm
    history: list[FitStage] = field(default_factory=list)
    best: list[FloatArray] = field(default_factory=list)  # one array of unknowns for each segment
    interrupted: bool = False

    def objective(self, pairs: tuple[FloatArray, FloatArray], segments: int) -> Objective:
        return Objective(*pairs, self.grid, steps=self.options.steps, segments=segments, threads=self.options.workers)

    def run(self) -> None:
        """Fit the geodesics one after the other, then all together."""
        train, held = self.train, self.held
        try:
            for segment in range(1, self.options.segments + 1):
                theta, weight = self.descend(train, held, segment, self.options.regularisation)
                if theta is None:
                    break
                self.best.append(theta)
                train, held = self.moved(train, theta), self.moved(held, theta)
            if len(self.best) > 1:
                lighter = tuple(w for w in self.options.regularisation if w <= weight) or (weight,)
                start = np.concatenate(self.best)
                theta, _ = self.descend(self.train, self.held, 0, (weight, *lighter[1:]), start)
                if theta is not None:
                    self.best = list(theta.reshape(len(self.best), -1))
        except KeyboardInterrupt:
            self.interrupted = True

    def moved(self, pairs: tuple[FloatArray, FloatArray], theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        objective = self.objective(pairs, 1)
        return objective.moved(theta), pairs[1]

    def descend(
        self,
        train: tuple[FloatArray, FloatArray],
        held: tuple[FloatArray, FloatArray],
        segment: int,
        weights: tuple[float, ...],
        start: FloatArray | None = None,
    ) -> tuple[FloatArray | None, float]:
        """Go through the weights; return the unknowns of the lowest held-out cost, None if none beats the start."""
        segments = 1 if start is None else len(self.best)
        objective, check = self.objective(train, segments), self.objective(held, segments)
        theta = np.zeros(objective.size) if start is None else start
        best, chosen, lowest, worse = None, weights[0], check.cost(theta), 0
        for weight in weights:
            begun = time.perf_counter()
            found = minimize(
                objective, theta, args=(weight,), jac=True, method="L-BFGS-B", callback=self._tick,
                options={"maxiter": self.options.max_iterations, "maxcor": 30, "ftol": 1e-6, "gtol": 1e-7},
            )  # fmt: skip
            theta, cost = found.x, check.cost(found.x)
            penalty = 0.5 * weight * float(np.tile((self.grid.laplacian**2).ravel(), segments) @ theta**2)
            self.history.append(
                FitStage(
                    segment,
                    weight,
                    found.nit,
                    found.fun - penalty,
                    cost,
                    found.status == 0,
                    time.perf_counter() - begun,
                )
            )
            worse = 0 if cost < lowest else worse + 1
            if cost < lowest:
                best, chosen, lowest = theta, weight, cost
            if worse == 2:
                break
        return best, chosen

    def _tick(self, intermediate_result: OptimizeResult) -> None:
        self.bar.set_postfix_str(f"objective {intermediate_result.fun:.5f}", refresh=False)
        self.bar.update()


def _split(n: int, options: FitOptions) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = np.random.default_rng(options.seed).permutation(n)
    n_held = max(1, round(options.held_out * n))
    return np.sort(order[n_held:]), np.sort(order[:n_held])


def _delivered(search: _Search, rotation: FloatArray) -> Rearrangement:
    """Return the rearrangement with as many steps as its error estimate asks for, tails included."""
    tails = np.stack(np.meshgrid(*[[-7.0, -5.0, -4.0, 4.0, 5.0, 7.0]] * 2), axis=-1).reshape(-1, 2)
    probes = to_box(np.concatenate([normal_points(1024, 2), tails]))
    objective = search.objective(search.train, 1)
    backward = VorticityEquation(search.grid).transforms.backward
    geodesics = []
    for theta in search.best:
        values = backward(objective.vorticity(theta)[0])
        geodesic = Geodesic(values, search.grid, threads=search.options.workers)
        geodesics.append(geodesic.refined(probes, tolerance=search.options.tolerance))
    return Rearrangement(rotation, tuple(geodesics))


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
    The weight of the regularisation is chosen on held-out pairs, never on the training pairs.

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
    train_rows, held_rows = _split(len(z), settings)
    if z.shape[1] == 1:
        return _one_dimension(z, x, len(train_rows), begun)
    if z.shape[1] != 2:
        raise ValueError(
            f"z: expected latents of dimension 1 or 2; got {z.shape[1]}. Higher dimensions are not supported yet."
        )
    if len(z) < settings.modes**2:
        raise ValueError(
            f"z: expected at least modes^2 = {settings.modes**2} pairs for modes = {settings.modes}; got {len(z)}. "
            f"Pass more pairs, or modes={math.isqrt(len(z))} or fewer."
        )
    rotation = procrustes_rotation(z[train_rows], x[train_rows]) if settings.align else np.eye(2)
    turned = z @ rotation.T
    with tqdm(desc="fitting", unit=" iterations", disable=not settings.progress) as bar:
        search = _Search(
            settings,
            Grid.from_modes(settings.modes),
            (turned[train_rows], x[train_rows]),
            (turned[held_rows], x[held_rows]),
            bar,
        )
        search.run()
    return _concluded(search, rotation, (z[held_rows], x[held_rows]), begun)


def _concluded(search: _Search, rotation: FloatArray, held: tuple[FloatArray, FloatArray], begun: float) -> FitResult:
    """Deliver the map, never one that is worse than the identity on held-out pairs, and say how the fit ended."""
    z, x = held
    rearrangement = _delivered(search, rotation)
    before, after = transport_cost(z, x), transport_cost(rearrangement.forward(z), x)
    capped = search.history and not search.history[-1].converged
    if not after < before:
        rearrangement, after = Rearrangement.identity(2), before
        status, message = "stalled", "No rearrangement lowered the cost of held-out pairs; the map is the identity."
    elif capped:
        status, message = "max_iterations", "The last weight used all its iterations; more may lower the cost further."
    else:
        status, message = "converged", "The optimiser met its tolerance, and the held-out cost chose the weight."
    if search.interrupted:
        status, message = "interrupted", "The fit was interrupted; the map is the best of what had been finished."
    return FitResult(
        rearrangement, tuple(search.history), status, message, before, after,
        len(search.train[0]), len(z), time.perf_counter() - begun,
    )  # fmt: skip


def _one_dimension(z: FloatArray, x: FloatArray, n_train: int, begun: float) -> FitResult:
    cost = transport_cost(z, x)
    message = "In one dimension an increasing flow is already optimal; the map is the identity."
    return FitResult(
        Rearrangement.identity(1),
        (),
        "converged",
        message,
        cost,
        cost,
        n_train,
        len(z) - n_train,
        time.perf_counter() - begun,
    )
