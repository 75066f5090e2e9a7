"""Explicit Runge-Kutta schemes as data, one step of the field, and the adjoint of that step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from eulerot._threads import run_tasks
from eulerot._types import FloatArray
from eulerot.euler.dormand_prince import DOP853_A, DOP853_B, DOPRI5_A, DOPRI5_B, DOPRI5_ERROR
from eulerot.euler.equations import BoxVorticityEquation, Equation
from eulerot.euler.equations._kernels import combine

__all__ = ["DOP853", "DOPRI5", "RK4", "EmbeddedPair", "EmbeddedRungeKutta", "RungeKutta", "Tableau"]

# Arrays of fewer numbers are not worth sharing among threads
_SHARED_FROM, _SHARES = 100_000, 4


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta scheme: stage weights `a` (strictly lower triangular), step weights `b`, its order.

    `stability` is the length of the imaginary axis in its region of stability, the limit of ``dt |u| k`` for advection.
    """

    name: str
    a: FloatArray
    b: FloatArray
    order: int
    stability: float

    def __repr__(self) -> str:  # as signatures show it that have one for a default
        return self.name

    @property
    def stages(self) -> int:
        """Return the number of stages."""
        return len(self.b)


RK4 = Tableau(
    "RK4",
    a=np.array([[0, 0, 0, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 1, 0]], dtype=float),
    b=np.array([1, 2, 2, 1]) / 6,
    order=4,
    stability=2.82,
)
DOP853 = Tableau("DOP853", a=DOP853_A, b=DOP853_B, order=8, stability=5.9)


@dataclass(frozen=True)
class EmbeddedPair:
    """Two schemes of the same stages and the slope at the end, which is the first of the next step.

    `tableau` is the one that steps are taken with. `error` are the weights of all these slopes in the difference from
    the other, which is of an order less.
    """

    tableau: Tableau
    error: FloatArray

    @property
    def lower(self) -> Tableau:
        """Return the other scheme, with the end as its last stage."""
        stages = self.tableau.stages
        a = np.zeros((stages + 1, stages + 1))
        a[:-1, :-1], a[-1, :-1] = self.tableau.a, self.tableau.b
        b = np.append(self.tableau.b, 0.0) - self.error
        return Tableau(f"{self.tableau.name}, lower", a, b, self.tableau.order - 1, self.tableau.stability)


DOPRI5 = EmbeddedPair(Tableau("DOPRI5", a=DOPRI5_A, b=DOPRI5_B, order=5, stability=0.99), error=DOPRI5_ERROR)


class RungeKutta:
    """Steps of one scheme for one equation, with the arrays of its stages, allocated once.

    Parameters
    ----------
    equation : Equation
        The equation.
    tableau : Tableau
        The scheme.

    Examples
    --------
    >>> from eulerot.euler.equations import VorticityEquation
    >>> from eulerot.euler.grid import Grid
    >>> equation = VorticityEquation(Grid((16, 16), "cube"))
    >>> field = np.zeros(equation.shape)
    >>> field[0, 0] = 1.0  # one mode alone is steady
    >>> RungeKutta(equation, RK4).step(field, 0.1, out=field)
    >>> float(field[0, 0])
    1.0
    """

    def __init__(self, equation: Equation, tableau: Tableau) -> None:
        self.equation, self.tableau = equation, tableau
        self._slopes = equation.zeros(tableau.stages)
        self._stage, self._nothing = equation.zeros(), equation.zeros()
        # an equation that takes whole steps at once, its weights, and room for stages that nobody keeps
        self._whole = equation if isinstance(equation, BoxVorticityEquation) else None
        self._weights = np.vstack([tableau.a, tableau.b])
        self._stages = equation.zeros(tableau.stages if self._whole else 0)

    def step(
        self,
        field: np.ndarray,
        dt: float,
        out: np.ndarray,
        stages: np.ndarray | None = None,
        *,
        first: np.ndarray | None = None,
    ) -> None:
        """Set `out` to `field` after one step; keep the stage fields in `stages`, shape ``(stages, ...)``.

        The particles need the stage fields: their stages must see the field at their own stage times, or the flow map
        is of first order only. `first` is the tendency of `field` where it is known.
        """
        if self._whole is not None:
            if first is not None:
                self._slopes[0] = first
            stages = self._stages if stages is None else stages
            self._whole.step(field, dt * self._weights, first is not None, self._slopes, stages, out)
            return
        a, b = self.tableau.a, self.tableau.b
        for i in range(self.tableau.stages):
            stage = self._stage if stages is None else stages[i]
            if i == 0 and stages is None:
                stage = field
            else:
                self._combined(stage, field, [(dt * w, s) for w, s in zip(a[i, :i], self._slopes, strict=False)])
            if i == 0 and first is not None:
                self._slopes[0] = first
            else:
                self.equation.tendency(stage, self._slopes[i])
        self._combined(out, field, [(dt * w, s) for w, s in zip(b, self._slopes, strict=True)])

    @property
    def tendency(self) -> np.ndarray:
        """Return the tendency of the field that the last step began with, until the next step."""
        return self._slopes[0]

    def adjoint_step(self, stages: np.ndarray, multiplier: np.ndarray, dt: float, sources: np.ndarray | None) -> None:
        """Take `multiplier` back over one step, in place; equation (11).

        Parameters
        ----------
        stages : ndarray, shape (stages, ...)
            The stage fields of that step.
        multiplier : ndarray
            Derivative by the field after the step; then by the field before it.
        dt : float
            The step.
        sources : ndarray, shape (stages, ...), or None
            Derivatives by the stage fields themselves, as the particles leave them.
        """
        a, b, back = self.tableau.a, self.tableau.b, self._slopes  # derivative by each stage field
        if self._whole is not None:
            self._whole.adjoint_step(stages, dt * self._weights, sources, back, multiplier)
            return
        for i in reversed(range(self.tableau.stages)):
            later = [(dt * a[j, i], back[j]) for j in range(i + 1, self.tableau.stages)]
            self._combined(self._stage, self._nothing, [(dt * b[i], multiplier), *later])
            self.equation.adjoint(stages[i], self._stage, back[i])
            if sources is not None:
                back[i] += sources[i]
        self._combined(multiplier, multiplier, [(1.0, each) for each in back])

    def _combined(self, out: np.ndarray, base: np.ndarray, terms: Iterable[tuple[float, np.ndarray]]) -> None:
        """Set `out` to `base` plus a weighted sum, in one pass over memory for each four terms."""
        pending = [(weight, _flat(array)) for weight, array in terms if weight != 0.0]
        flat, start = _flat(out), _flat(base)
        threads = self.equation.threads if flat.size >= _SHARED_FROM else 1
        edges = [flat.size * i // _SHARES for i in range(_SHARES + 1)] if threads > 1 else [0, flat.size]
        while True:
            some, pending = pending[:4], pending[4:]
            weights = [weight for weight, _ in some] + [0.0] * (4 - len(some))
            arrays = [array for _, array in some] + [start] * (4 - len(some))
            kernel: Callable[..., None] = combine
            arguments = (flat, start, *weights, *arrays, len(some))
            run_tasks([partial(kernel, *arguments, low, high) for low, high in itertools.pairwise(edges)], threads)
            if not pending:
                return
            start = flat


class EmbeddedRungeKutta(RungeKutta):
    """Steps of a pair of schemes, and the difference that tells their error.

    Parameters
    ----------
    equation : Equation
        The equation.
    pair : EmbeddedPair
        The two schemes.
    field : ndarray
        Where the first step starts.
    """

    def __init__(self, equation: Equation, pair: EmbeddedPair, field: np.ndarray) -> None:
        super().__init__(equation, pair.tableau)
        self._error, self._difference = pair.error, equation.zeros()
        self._first, self._last = equation.tendency(field), equation.zeros()

    def attempt(self, field: np.ndarray, dt: float, out: np.ndarray, stages: np.ndarray | None = None) -> np.ndarray:
        """Set `out` to `field` after one step of the higher order; return its difference from the lower one.

        `stages` has room for the field at the end too.
        """
        self.step(field, dt, out, None if stages is None else stages[:-1], first=self._first)
        self.equation.tendency(out, self._last)
        if stages is not None:
            stages[-1] = out
        slopes = [*self._slopes, self._last]
        self._combined(self._difference, self._nothing, [(dt * w, s) for w, s in zip(self._error, slopes, strict=True)])
        return self._difference

    def accept(self) -> None:
        """Let the next step start where the last attempt ended."""
        self._first, self._last = self._last, self._first


def _flat(array: np.ndarray) -> FloatArray:
    return array.view(np.float64).reshape(-1)
