"""A velocity as a flow: integrated both ways to a tolerance, its density by the exact trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_choice, checked_count, checked_number, checked_samples
from eulerot.errors import FlowError
from eulerot.flows.velocity.fields import ORDERS, Field, read_field
from eulerot.latent.source import log_normal, normal_points, random_source

__all__ = ["TRACE_DIM", "VelocityFlow", "velocity_flow"]

# Each evaluation of the density takes as many derivatives as there are dimensions: beyond these it is refused
TRACE_DIM = 64
# The default tolerances for models in double and in single precision
_TOLERANCE = {False: 1e-7, True: 1e-5}
# Rows that are integrated together, in the same steps
_ROWS = 2048


@dataclass(frozen=True)
class VelocityFlow:
    """The flow of a velocity, ``dx/dt = v(t, x)``, from standard normal latents to data; made by `velocity_flow`.

    Attributes
    ----------
    dim : int
        The dimension.
    times : tuple of float
        The time of latents and that of data.
    tolerance : float
        The relative and absolute tolerance of each step, in the root mean square over the rows of a call.
    error : float
        The largest difference of data at 256 latents from those of an integration to a hundredth of the tolerance.
    field : Field
        The velocity.

    See Also
    --------
    eulerot.velocity_flow : Make a flow of a velocity.

    Examples
    --------
    >>> from eulerot import velocity_flow
    >>> flow = velocity_flow(lambda t, x: x, dim=1)
    >>> bool(np.abs(flow.forward(np.array([[1.0]])) - np.e).max() < 1e-4)
    True
    """

    dim: int
    times: tuple[float, float]
    tolerance: float
    error: float
    field: Field = field(repr=False)

    @property
    def map(self) -> str:
        """The maps that are used, in words."""
        return f"a velocity integrated by DOP853 to {self.tolerance:.0e}, the data within {self.error:.0e}"

    @property
    def precision(self) -> float:
        """The rounding unit of the maps: what the model computes with, or what their steps leave."""
        return max(self.field.arrays.rounding_unit, self.tolerance)

    def forward(self, z: ArrayLike) -> FloatArray:
        """Return the data of latents, shape ``(n, dim)``."""
        return self._through(self.field.velocity, checked_samples("z", z, dim=self.dim), *self.times)

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return the latents of data, shape ``(n, dim)``."""
        return self._through(self.field.velocity, checked_samples("x", x, dim=self.dim), *self.times[::-1])

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return ``log N(z) - int div v dt`` along the path of data to their latents, shape ``(n,)``.

        Raises
        ------
        FlowError
            In more than 64 dimensions: the exact trace takes as many derivatives as there are dimensions.
        """
        if self.dim > TRACE_DIM:
            raise FlowError(
                f"velocity_flow: expected at most {TRACE_DIM} dimensions for a density by the exact trace; got "
                f"{self.dim}. Maps and pairs work without it: rearrange(flow, check=False)."
            )
        data = checked_samples("x", x, dim=self.dim)
        start = np.column_stack([data, np.zeros(len(data))])
        end = self._through(self._augmented, start, *self.times[::-1])
        return log_normal(end[:, :-1]) + end[:, -1]

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples, shape ``(n, dim)``."""
        return self.forward(random_source(n, self.dim, seed))

    def _augmented(self, t: float, state: FloatArray) -> FloatArray:
        return self.field.with_divergence(t, state[:, :-1])

    def _through(
        self, velocity: Callable[[float, FloatArray], FloatArray], start: FloatArray, first: float, last: float
    ) -> FloatArray:
        """Return rows at the last time that are at `start` at the first."""
        blocks = [start[i : i + _ROWS] for i in range(0, len(start), _ROWS)]
        return np.concatenate([_integrated(velocity, block, (first, last), self.tolerance) for block in blocks])


def _integrated(
    velocity: Callable[[float, FloatArray], FloatArray], start: FloatArray, times: tuple[float, float], tolerance: float
) -> FloatArray:
    from scipy.integrate import solve_ivp  # half a second to import

    shape = start.shape
    found = solve_ivp(
        lambda t, y: velocity(t, y.reshape(shape)).ravel(), times, start.ravel(), method="DOP853", t_eval=times[1:],
        rtol=tolerance, atol=tolerance,
    )  # fmt: skip
    if not found.success:
        raise FlowError(
            f"velocity_flow: expected a velocity that can be integrated to {tolerance:.0e}; the integrator stopped: "
            f"{found.message} Raise tolerance, or use a smoother model, in double precision."
        )
    return found.y[:, -1].reshape(shape)


def velocity_flow(
    v: Any,
    dim: int,
    *,
    times: tuple[float, float] = (0.0, 1.0),
    tolerance: float | None = None,
    order: str | None = None,
) -> VelocityFlow:
    """Return the flow of a velocity, such as flow matching and rectified flows train.

    The velocity is integrated by SciPy's DOP853, both ways, wherever its model lives; the density is that of the exact
    trace of its derivative, up to 64 dimensions.

    Parameters
    ----------
    v : callable
        The velocity ``v(t, x)`` or ``v(x, t)`` of rows, shape ``(n, dim)``: a module of torch, a function or a module
        of jax, of rows or of a single vector, or a function of NumPy arrays. The time is given as a number where that
        works, else as one number a row. Modules that a function refers to are put in evaluation mode for each call.
    dim : int
        The dimension.
    times : tuple of float
        The time of the standard normal latents and that of the data; ``(1.0, 0.0)`` for models that begin with data.
    tolerance : float, optional
        Relative and absolute tolerance of a step, over the rows of a call; 1e-7 by default, 1e-5 in single precision.
    order : {"tx", "xt"}, optional
        The order of the arguments; by default that of their names, and time first where they say nothing.

    Returns
    -------
    VelocityFlow
        A flow for `rearrange`, which states its `error`. Nothing says that latents are at the first time: that they are
        standard normal there is what the model was trained for.

    Raises
    ------
    FlowError
        If the velocity cannot be called, is not finite, or cannot be integrated to the tolerance.

    See Also
    --------
    eulerot.VelocityFlow : A flow by integrating a velocity.
    eulerot.flow : Make a flow of a model.

    References
    ----------
    Y. Lipman, R. T. Q. Chen, H. Ben-Hamu, M. Nickel, M. Le, Flow matching for generative modeling, arXiv:2210.02747.

    Examples
    --------
    >>> flow = velocity_flow(lambda t, x: np.log(2.0) * x, dim=2)
    >>> flow.forward([[1.0, -1.0]]).round(6)
    array([[ 2., -2.]])
    >>> float(np.exp(flow.log_prob([[0.0, 0.0]])[0]).round(6)) == round(1 / (8 * np.pi), 6)
    True
    """
    if not callable(v):
        raise ValueError(f"v: expected a velocity v(t, x); got {type(v).__name__}. Pass a function or a module.")
    first, last = (checked_number("times", each) for each in times)
    if first == last:
        raise ValueError(f"times: expected two times that differ; got {first} twice.")
    if order is not None:
        checked_choice("order", order, ORDERS)
    dim = checked_count("dim", dim)
    velocity = read_field(v, dim, order)
    single = velocity.arrays.rounding_unit > 1e-10
    steps = _TOLERANCE[single] if tolerance is None else tolerance
    steps = checked_number("tolerance", steps, "a number between 1e-12 and 1", lambda value: 1e-12 <= value < 1)
    flow = VelocityFlow(dim, (first, last), steps, 0.0, velocity)
    # roundings of single precision cannot be told from errors of steps that are much smaller
    finer = replace(flow, tolerance=max(steps / 100, 1e-7 if single else 1e-13))
    probes = normal_points(256, dim)
    return replace(flow, error=float(np.max(np.abs(flow.forward(probes) - finer.forward(probes)))))
