"""A flow and its rearrangement: the same density at a lower transport cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_samples
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.flow import flow as adapted
from eulerot.flows.angles import check_angle_flow, on_angles
from eulerot.flows.protocol import Flow, check_flow, flow_dim
from eulerot.flows.report import FlowReport
from eulerot.latent.circle import shortest
from eulerot.latent.source import random_source, source_points
from eulerot.rearrangement.composition import Rearrangement
from eulerot.shooting.fit import FitResult, fit
from eulerot.shooting.options import shows_options
from eulerot.transport.asymmetry import asymmetry
from eulerot.transport.report import transport_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RearrangedFlow", "rearrange"]


@dataclass(frozen=True)
class RearrangedFlow:
    """``g = f o s^-1``: the density of the flow `f`, another coupling with the latent space. Equation (1).

    Parameters
    ----------
    flow : Flow
        The original flow ``f``.
    rearrangement : Rearrangement
        The Gaussian-preserving map ``s``.
    fit : FitResult or None
        How the rearrangement was found, if it was fitted.

    Examples
    --------
    >>> from eulerot.flows.linear import LinearFlow
    >>> twin = RearrangedFlow(LinearFlow([[2.0, 0.0], [0.0, 1.0]], [0.0, 0.0]), Rearrangement.identity(2))
    >>> twin.forward([[1.0, 1.0]])
    array([[2., 1.]])
    """

    flow: Flow
    rearrangement: Rearrangement
    fit: FitResult | None = None

    @property
    def dim(self) -> int:
        """The dimension of latents and data."""
        return self.rearrangement.dim

    @property
    def domain(self) -> str:
        """``"cube"`` for normal latents, ``"torus"`` for angles."""
        return self.rearrangement.domain

    @property
    def map(self) -> str:
        """Which maps of the flow are used, in words."""
        return getattr(self.flow, "map", "the maps of the flow")

    @property
    def precision(self) -> float:
        """The rounding unit of the flow."""
        return getattr(self.flow, "precision", float(np.finfo(np.float64).eps))

    @property
    def numerical(self) -> str | None:
        """Which map of the flow is found numerically, if one is."""
        return getattr(self.flow, "numerical", None)

    def forward(self, y: ArrayLike) -> FloatArray:
        """Return the data of latents, ``f(s^-1(y))``."""
        return np.asarray(self.flow.forward(self.rearrangement.inverse(y)), dtype=float)

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return the latents of data, ``s(f^-1(x))``."""
        data = checked_samples("x", x, dim=self.dim)
        return self.rearrangement.forward(np.asarray(self.flow.inverse(data), dtype=float))

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the original flow's log density: a rearrangement does not change it."""
        return np.asarray(self.flow.log_prob(checked_samples("x", x, dim=self.dim)), dtype=float)

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples, shape ``(n, d)``; `seed` is what `numpy.random.default_rng` takes."""
        return self.forward(self._latents(n, seed))

    def pairs(self, n: int, seed: Seed = 0) -> tuple[FloatArray, FloatArray]:
        """Return latents ``y`` and their data ``g(y)``, each of shape ``(n, d)``; no inverse is computed for it."""
        z = self._latents(n, seed)
        return self.rearrangement.forward(z), np.asarray(self.flow.forward(z), dtype=float)

    def path(self, y: ArrayLike, times: ArrayLike) -> FloatArray:
        """Return the straight way of latents to their data, ``(1 - t) y + t g(y)``, shape ``(times, n, d)``.

        For a Monge map it is the geodesic of optimal transport, displacement interpolation.
        """
        latents = checked_samples("y", y, dim=self.dim)
        share = np.atleast_1d(np.asarray(times, dtype=float))[:, None, None]
        return latents + share * shortest(self.forward(latents) - latents, self.domain)

    def report(self, n: int = 4096, seed: Seed = 0) -> FlowReport:
        """Measure `n` fresh pairs before and after. The exact costs take most of the time, cubic in `n` at worst."""
        z, domain = self._latents(n, seed), self.domain
        x = np.asarray(self.flow.forward(z), dtype=float)
        y = self.rearrangement.forward(z)
        few = z[: min(n, 512)]
        return FlowReport(
            before=transport_report(z, x, domain=domain),
            after=transport_report(y, x, domain=domain),
            density_error=float(np.max(np.abs(self.rearrangement.log_abs_det(z)))),
            asymmetry_before=asymmetry(self.flow.forward, few, domain=domain),
            asymmetry_after=asymmetry(self.forward, self.rearrangement.forward(few), domain=domain),
            map=self.map,
            reflected=self.rearrangement.reflection is not None,
        )

    def plot(self, *, n: int = 2000, ax: Axes | None = None) -> Axes:
        """Draw samples coloured by the latents they come from."""
        from eulerot import plotting

        y, x = self.pairs(n)
        return plotting.samples(x, y, ax=ax)

    def _latents(self, n: int, seed: Seed) -> FloatArray:
        return random_source(n, self.dim, seed, domain=self.domain)


@shows_options
def rearrange(
    flow: Any,
    *,
    n_pairs: int = 8192,
    seed: Seed = 0,
    domain: str = "cube",
    context: ArrayLike | None = None,
    check: bool = True,
    **fit_options: object,
) -> RearrangedFlow:
    """Return the rearranged twin of a flow: the same density, a transport cost close to the optimum.

    Parameters
    ----------
    flow : Flow or model
        A flow of the standard normal, or a trained model that `eulerot.flow` makes one of.
    n_pairs : int
        Pairs to fit to, from a Sobol sequence of latents.
    seed : int
        Seed of the latents and of the fit.
    domain : {"cube", "torus"}
        ``"torus"`` for flows on one or two angles: latents are uniform in ``[-pi, pi)``, and costs go the shortest way
        round.
    context : array_like, shape (c,), optional
        What a conditional model is conditioned on.
    check : bool
        Whether to check first that the flow's maps and its density belong together.
    **fit_options
        The other options of `eulerot.fit`.

    Raises
    ------
    FlowError
        If the object is not a flow, or contradicts itself.
    SourceError
        If its base is neither normal nor uniform on a box.
    ValueError
        For a bad option, or too few pairs for the number of modes.

    Examples
    --------
    >>> from eulerot.flows.linear import LinearFlow
    >>> twin = rearrange(LinearFlow([[0.0, -2.0], [1.0, 0.0]], [1.0, 0.0]), n_pairs=512, modes=4)
    >>> bool(twin.report(500).closed > 0.99)
    True
    """
    if not isinstance(n_pairs, int | np.integer) or n_pairs < 2:
        raise ValueError(f"n_pairs: expected a whole number of at least 2; got {n_pairs!r}.")
    source = adapted(flow, context=context, check=False)
    if domain == "torus":
        source = on_angles(source)
    if check:
        checked = check_angle_flow if domain == "torus" else check_flow
        checked(source.flow if isinstance(source, RearrangedFlow) else source)
    if isinstance(source, AdaptedFlow):
        z, x = source.pairs(n_pairs, seed)
    else:
        z = source_points(n_pairs, flow_dim(source), seed, domain=domain)
        x = np.asarray(source.forward(z), dtype=float)
    result = fit(z, x, domain=domain, seed=seed, **fit_options)
    return RearrangedFlow(source, result.rearrangement, result)
