"""A rearranged flow: the same density at a lower transport cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot._extras import check_installed
from eulerot._summary import Shown, in_one_line, in_words
from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_samples
from eulerot.flows.protocol import Flow, finite_data, finite_latents
from eulerot.flows.report import FlowReport
from eulerot.latent.circle import shortest
from eulerot.latent.source import random_source, source_points
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.tabulated import TabulatedRearrangement
from eulerot.shooting.fit import FitResult
from eulerot.transport.asymmetry import asymmetry
from eulerot.transport.dual import FEWEST, dual_bound
from eulerot.transport.report import transport_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RearrangedFlow", "data_of", "images_of"]

PROBES = 16  # latents whose data tell whether a flow has changed


@dataclass(frozen=True)
class RearrangedFlow(Shown):
    """A flow with the density of another and a cheaper coupling, ``g = f o s^-1``; equation (1).

    Parameters
    ----------
    flow : Flow
        The original flow ``f``.
    rearrangement : Rearrangement
        The Gaussian-preserving map ``s``.
    fit : FitResult or None
        How the rearrangement was found, if it was fitted.
    images : ndarray or None
        The data that the flow made, when the rearrangement was fitted, of a few fixed latents.

    See Also
    --------
    eulerot.rearrange : Fit a map to a flow, and return its twin.
    eulerot.Rearrangement : A map that preserves the latent law.
    eulerot.FlowReport : What a twin gains, on fresh pairs.

    Notes
    -----
    The rearrangement belongs to the flow as it was when it was fitted. A model that is trained further makes other data
    of the same latents: the twin still has the model's density, for any rearrangement leaves it as it is, yet its
    transport cost is no longer close to the optimum. `flow_change` measures how far the data have moved, and `report`
    says so; rearrange the flow again after training.

    References
    ----------
    G. Morel, L. Drumetz, S. Benaichouche, N. Courty, F. Rousseau, arXiv:2209.10873 (2022).

    Examples
    --------
    >>> from eulerot.flows.linear import LinearFlow
    >>> flow = LinearFlow([[2.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
    >>> twin = RearrangedFlow(flow, Rearrangement.identity(2))
    >>> twin.forward([[1.0, 1.0]])
    array([[2., 1.]])
    """

    flow: Flow
    rearrangement: Rearrangement
    fit: FitResult | None = None
    images: FloatArray | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        """Return what the twin is made of, and how its map was found."""
        rows = [("flow", type(self.flow).__name__), ("its maps", getattr(self.flow, "map", ""))]
        if self.fit is not None:
            costs = f"{self.fit.cost_before:.5f} before, {self.fit.cost_after:.5f} after"
            rows.append(("cost", f"{costs}, of held-out pairs"))
            rows.append(("fit", f"{self.fit.status}, {self.fit.seconds:.1f} s: {self.fit.message}"))
        return in_words(f"a flow rearranged by {self.rearrangement}", rows)

    def __repr__(self) -> str:
        return in_one_line(self)

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
        """The maps of the flow that are used, in words."""
        return getattr(self.flow, "map", "the maps of the flow")

    @property
    def precision(self) -> float:
        """The rounding unit of the flow."""
        return getattr(self.flow, "precision", float(np.finfo(np.float64).eps))

    @property
    def numerical(self) -> str | None:
        """The map of the flow that is found numerically, if one is."""
        return getattr(self.flow, "numerical", None)

    @property
    def flow_change(self) -> float:
        """How far the flow has moved its data since the fit, root mean square; not a number if that is not known."""
        if self.images is None:
            return float("nan")
        moved = shortest(images_of(self.flow, self.dim, self.domain) - self.images, self.domain)
        return float(np.sqrt(np.mean(np.sum(moved**2, axis=1))))

    def forward(self, y: ArrayLike) -> FloatArray:
        """Return the data of latents, ``f(s^-1(y))``."""
        return data_of(self.flow, self.rearrangement.inverse(y))

    def inverse(self, x: ArrayLike) -> FloatArray:
        """Return the latents of data, ``s(f^-1(x))``."""
        data = checked_samples("x", x, dim=self.dim)
        return self.rearrangement.forward(finite_latents(np.asarray(self.flow.inverse(data), dtype=float), data))

    def log_prob(self, x: ArrayLike) -> FloatArray:
        """Return the original flow's log density: a rearrangement does not change it."""
        return np.asarray(self.flow.log_prob(checked_samples("x", x, dim=self.dim)), dtype=float)

    def sample(self, n: int, seed: Seed = None) -> FloatArray:
        """Return `n` samples, shape ``(n, d)``; `seed` is what `numpy.random.default_rng` takes."""
        return self.forward(self._latents(n, seed))

    def pairs(self, n: int, seed: Seed = 0) -> tuple[FloatArray, FloatArray]:
        """Return latents ``y`` and their data ``g(y)``, each of shape ``(n, d)``; no inverse is computed for it."""
        z = self._latents(n, seed)
        return self.rearrangement.forward(z), data_of(self.flow, z)

    def path(self, y: ArrayLike, times: ArrayLike) -> FloatArray:
        """Return the straight path of latents to their data, ``(1 - t) y + t g(y)``, shape ``(times, n, d)``.

        For a Monge map it is the geodesic of optimal transport, displacement interpolation.
        """
        latents = checked_samples("y", y, dim=self.dim)
        share = np.atleast_1d(np.asarray(times, dtype=float))[:, None, None]
        return latents + share * shortest(self.forward(latents) - latents, self.domain)

    def report(self, n: int = 4096, seed: Seed = 0) -> FlowReport:
        """Measure `n` fresh pairs before and after, and bound the least cost by duality (24).

        The exact costs take time that is cubic in `n` at worst, the bound some seconds, linear in `n`.
        """
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
            flow_change=self.flow_change,
            geodesic_error=self.rearrangement.geodesic_error,
            dual=dual_bound(y, x) if domain == "cube" and n >= FEWEST else None,
            conditional_planes=self.rearrangement.conditional_planes,
            dim=self.dim,
            domain=domain,
        )

    def to_torch(self, *, error: float | None = None) -> Any:
        """Return the twin as a flow of the library that its flow comes from, for flows of torch.

        It has the parameters of the model itself, and gradients to them, to latents and to data. Its base is that of
        the model: where that is not standard normal, `forward` and `inverse` are those of this twin in its units. The
        model is used in whatever mode it is in: put it into evaluation mode by ``model.eval()``.

        Parameters
        ----------
        error : float, optional
            Read the map from tables within this error, `Rearrangement.tabulated`: tensor operations alone, for GPUs and
            compilers. By default it is the exact one, computed on the processor.

        Returns
        -------
        object
            A zuko ``NormalizingFlow``, an nflows ``Flow``, a normflows ``NormalizingFlow``, or a
            ``TransformedDistribution`` of torch or pyro; for a module of your own, or a velocity, one of torch. Each
            has `sample`, `rsample`, `log_prob`, `forward` and `inverse`. Those of normflows return samples with their
            log density.

        Raises
        ------
        FlowError
            If the flow is not of a torch model, or of one that has no density or lacks a map.
        ImportError
            If torch is missing.
        """
        check_installed("torch", extra="torch", user="to_torch")
        from eulerot.flows.exports.torch_twins import torch_twin

        return torch_twin(self.flow, self._within(error).to_torch())

    def to_jax(self, *, error: float | None = None) -> Any:
        """Return the twin as a flow of the library that its flow comes from, for flows of flowjax, distrax and tfp.

        It has the parameters of the model itself, and gradients to them, to latents and to data. Its base is that of
        the model: where that is not standard normal, `forward` and `inverse` are those of this twin in its units.

        Parameters
        ----------
        error : float, optional
            Read the map from tables within this error, `Rearrangement.tabulated`: array operations alone, for GPUs and
            derivatives of every kind. By default it is the exact one, by a callback, with reverse-mode derivatives.

        Returns
        -------
        object
            A ``Transformed`` of flowjax or distrax, the latter for tfp too, with the maps `forward` and `inverse` of
            rows besides what all such objects have.

        Raises
        ------
        FlowError
            If the flow is not of one of these libraries.
        ImportError
            If jax is missing.
        """
        check_installed("jax", extra="jax", user="to_jax")
        from eulerot.flows.exports.jax_twins import jax_twin

        return jax_twin(self.flow, self._within(error))

    def plot(self, *, n: int = 2000, ax: Axes | None = None) -> Axes:
        """Draw samples coloured by the latents they come from."""
        from eulerot import plotting

        y, x = self.pairs(n)
        return plotting.samples(x, y, ax=ax)

    def _within(self, error: float | None) -> Rearrangement | TabulatedRearrangement:
        """Return the exact map, or its tables within an error."""
        return self.rearrangement if error is None else self.rearrangement.tabulated(error=error)

    def _latents(self, n: int, seed: Seed) -> FloatArray:
        return random_source(n, self.dim, seed, domain=self.domain)


def data_of(flow: Flow, z: FloatArray) -> FloatArray:
    """Return the data that a flow makes of latents, or say for which latents they are not finite."""
    return finite_data(np.asarray(flow.forward(z), dtype=float), z)


def images_of(flow: Flow, dim: int, domain: str) -> FloatArray:
    """Return the data of a few latents that are always the same, by which a flow is known again."""
    return np.asarray(flow.forward(source_points(PROBES, dim, domain=domain)), dtype=float)
