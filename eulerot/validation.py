"""Claims with a known answer, quick enough to check on any machine: `eulerot validate`.

Each check measures one number, which has to stay on its side of a bound. What takes longer is a script of
``validation/`` in the source tree.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from eulerot._progress import progress_of
from eulerot._types import FloatArray
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.solver import solve_euler
from eulerot.flows import zoo
from eulerot.flows.linear import LinearFlow
from eulerot.flows.rearranged import RearrangedFlow
from eulerot.flows.rearranging import rearrange
from eulerot.latent.source import normal_points
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.fit import fit
from eulerot.transport.cost import transport_cost

__all__ = ["CHECKS", "Check", "CheckResult", "validate"]


@dataclass(frozen=True)
class Check:
    """A claim: what is measured must be at most `bound`, or at least, if `at_least`.

    Attributes
    ----------
    claim : str
        What is claimed.
    reference : str
        What it is compared with.
    bound : float
        The bound of what is measured.
    measure : callable
        Measures it.
    at_least : bool
        Whether the bound is one from below.

    See Also
    --------
    eulerot.validation.validate : Check claims with a known answer.

    Examples
    --------
    >>> Check("two is small", "arithmetic", 3.0, lambda: 2.0).run().passed
    True
    """

    claim: str
    reference: str
    bound: float
    measure: Callable[[], float]
    at_least: bool = False

    def run(self) -> CheckResult:
        """Measure."""
        value = float(self.measure())
        passed = value >= self.bound if self.at_least else value <= self.bound
        return CheckResult(self.claim, self.reference, self.bound, self.at_least, value, bool(passed))


@dataclass(frozen=True)
class CheckResult:
    """What a check found; as text, a row of a table in Markdown."""

    claim: str
    reference: str
    bound: float
    at_least: bool
    value: float
    passed: bool

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return (
            f"| {self.claim} | {self.reference} | {sign} {self.bound:.4g} | {self.value:.4g} "
            f"| {'yes' if self.passed else 'NO'} |"
        )


def validate(checks: Iterable[Check] | None = None, *, progress: bool = False) -> list[CheckResult]:
    """Run checks, all of `CHECKS` by default, and return what they found.

    Parameters
    ----------
    checks : iterable of Check, optional
        The checks.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    list of CheckResult
        What each check found.

    See Also
    --------
    eulerot.validation.Check : A claim with a known answer.
    eulerot.benchmark.benchmark : Measure this machine.

    Examples
    --------
    >>> validate([Check("one is below two", "arithmetic", 2.0, lambda: 1.0)])[0].passed
    True
    """
    chosen = list(CHECKS if checks is None else checks)
    return [check.run() for check in progress_of(chosen, "validating", "claims", shown=progress)]


def _field(grid: Grid, seed: int = 0, modes: int = 6) -> FloatArray:
    """Return a random vorticity of a few modes, of the size that a fit finds."""
    rng, (x, y) = np.random.default_rng(seed), grid.mesh()
    field = np.zeros(grid.points)
    for k in range(1, modes + 1):
        for l in range(1, modes + 1):
            field += rng.standard_normal() / np.hypot(k, l) * np.sin(k * x) * np.sin(l * y)
    return field


@lru_cache(maxsize=1)
def _solved() -> tuple[FloatArray, FloatArray]:
    grid = Grid((64, 64), "cube")
    solution = solve_euler(_field(grid), grid, time=1.0, steps=400)
    return solution.energy, solution.enstrophy


def _drift(values: FloatArray) -> float:
    return float(np.max(np.abs(values / values[0] - 1)))


def _steady() -> float:
    grid = Grid((32, 32))
    x, y = grid.mesh()
    field = np.cos(3 * x) * np.sin(4 * y)
    return float(np.abs(solve_euler(field, grid, time=2.0, steps=100).field - field).max())


def _order() -> float:
    """Return the observed order of RK4 in time, on an unsteady field."""
    grid = Grid((32, 32), "cube")
    field, ends = _field(grid, modes=4), []
    for steps in (20, 40, 80):
        ends.append(solve_euler(field, grid, time=1.0, steps=steps, tail_limit=None).field)
    coarse, fine = (np.abs(a - b).max() for a, b in ((ends[0], ends[1]), (ends[1], ends[2])))
    return float(np.log2(coarse / fine))


@lru_cache(maxsize=1)
def _geodesic() -> Geodesic:
    grid = Grid.from_modes(8)
    return Geodesic(3 * _field(grid, modes=8), grid, steps=64)


def _one(geodesic: Geodesic) -> Rearrangement:
    return Rearrangement(np.eye(2), (Sweep((geodesic,), np.eye(2)),))


def _rearranged() -> tuple[Rearrangement, FloatArray]:
    return _one(_geodesic()), normal_points(2048, 2)


def _density_error() -> float:
    rearrangement, z = _rearranged()
    return float(np.max(np.abs(rearrangement.log_abs_det(z))))


def _round_trip() -> float:
    rearrangement, z = _rearranged()
    return float(np.abs(rearrangement.inverse(rearrangement.forward(z)) - z).max())


def _gradient() -> float:
    """Return the relative difference of the adjoint gradient and a central difference of fourth order."""
    geodesic = _geodesic()
    grid, rng = geodesic.grid, np.random.default_rng(3)
    start, weights = rng.uniform(0.1, 3.0, (100, 2)), rng.standard_normal((100, 2))
    direction = _field(grid, seed=5)

    def objective(step: float) -> float:
        moved = Geodesic(geodesic.field0 + step * direction, grid, steps=64).forward(start)
        return float(np.sum(weights * moved))

    exact = np.mean(geodesic.gradient(start, weights)[0] * direction)
    first, second = ((objective(h) - objective(-h)) / (2 * h) for h in (1e-3, 2e-3))
    return float(abs((4 * first - second) / 3 / exact - 1))


def _file() -> float:
    """Return how many values differ after a map has been in a file."""
    rearrangement, z = _rearranged()
    with tempfile.TemporaryDirectory() as folder:
        rearrangement.save(Path(folder) / "map")
        loaded = Rearrangement.load(Path(folder) / "map")
    return float(np.sum(loaded.forward(z) != rearrangement.forward(z)))


def _linear() -> float:
    """Return the cost that a linear flow keeps above its optimum, on common samples."""
    flow = LinearFlow([[0.6, -1.4], [1.2, 0.8]], [1.0, -0.5])
    twin, z = rearrange(flow, n_pairs=4096, modes=4), np.random.default_rng(1).standard_normal((5000, 2))
    x, y = flow.forward(z), twin.rearrangement.forward(z)
    return abs(transport_cost(y, x) - transport_cost(z @ flow.optimal_rotation.T, x))


def _threads() -> float:
    rearrangement, z = _rearranged()
    many = Geodesic(_geodesic().field0, _geodesic().grid, steps=64, threads=3)
    return float(np.sum(_one(many).forward(z) != rearrangement.forward(z)))


def _planted() -> float:
    """Return L2-UVP (Korotin et al., arXiv:2106.01954): the squared error of a map over the variance of the known one.

    The data are ``M(rho(z))``, `rho` a swirl, which preserves the Gaussian, and `M` increasing in each coordinate.
    """

    def monge(y: FloatArray) -> FloatArray:
        return 1.3 * y + [1.2, 0.5] * np.tanh(y * [2.0, 1.0])

    def data(z: FloatArray) -> FloatArray:
        angle = 1.5 * np.exp(-np.sum(z**2, axis=1) / 4)
        turned = (z[:, 0] + 1j * z[:, 1]) * np.exp(1j * angle)
        return monge(np.stack([turned.real, turned.imag], axis=1))

    z, fresh = normal_points(8192, 2), np.random.default_rng(1).standard_normal((5000, 2))
    latents = fit(z, data(z)).rearrangement.forward(fresh)
    error = np.sum((data(fresh) - monge(latents)) ** 2, axis=1)
    return float(np.mean(error) / np.sum(np.var(monge(latents), axis=0)))


@lru_cache(maxsize=1)
def _two_moons() -> RearrangedFlow:
    return rearrange(zoo.load("two_moons"), n_pairs=8192, align=False)


def _zoo_closed() -> float:
    return float(_two_moons().report(3000, seed=1).closed)


def _pressure() -> float:
    """Return how far the certificate of the steady flow ``psi = 3 sin x sin y`` is from its closed form."""
    grid = Grid((12, 12), "cube")
    x, y = grid.mesh()
    return abs(Geodesic(6 * np.sin(x) * np.sin(y), grid).certificate().pressure - 9.0)


def _zoo_density() -> float:
    z = np.random.default_rng(2).standard_normal((5000, 2))
    return float(np.max(np.abs(_two_moons().rearrangement.log_abs_det(z))))


CHECKS = (
    Check("energy is conserved, 64^2, 400 steps", "exact: relative drift 0", 1e-9, lambda: _drift(_solved()[0])),
    Check("enstrophy is conserved, 64^2, 400 steps", "exact: relative drift 0", 1e-9, lambda: _drift(_solved()[1])),
    Check("cos 3x sin 4y is steady", "exact solution", 1e-12, _steady),
    Check("RK4 has order four", "4, from three step lengths", 3.8, _order, at_least=True),
    Check("a geodesic preserves the Gaussian", "log det = 0", 1e-6, _density_error),
    Check("a map is inverted", "identity", 1e-8, _round_trip),
    Check("the gradient is exact", "central differences", 1e-8, _gradient),
    Check("a map comes back from a file", "0 values differ", 0.0, _file),
    Check("threads do not change a map", "0 values differ", 0.0, _threads),
    Check("a linear flow becomes its Monge map", "closed form: excess 0", 1e-3, _linear),
    Check("a planted swirl: L2-UVP of the map", "known Monge map: 0", 1.2e-3, _planted),
    Check("two moons: share of the excess closed", "exact optimum, 3000 fresh pairs", 0.95, _zoo_closed, at_least=True),
    Check("two moons: density error", "log det = 0", 1e-6, _zoo_density),
    Check("two moons: geodesic error", "1.5 times the modes", 1e-3, lambda: _two_moons().rearrangement.geodesic_error),
    Check("the pressure of a swirl", "T^2 lambda_max = 9", 1e-4, _pressure),
)
