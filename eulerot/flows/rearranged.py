"""A flow and its rearrangement: the same density at a lower transport cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot._extras import check_installed
from eulerot._ranks import Ranks
from eulerot._summary import Shown, in_one_line, in_words
from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_count, checked_generator, checked_samples
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.flow import flow as adapted
from eulerot.flows.angles import check_angle_flow, on_angles
from eulerot.flows.protocol import Flow, check_flow, finite_data, finite_latents, flow_dim
from eulerot.flows.report import FlowReport
from eulerot.latent.circle import shortest
from eulerot.latent.source import check_source, random_source, source_points
from eulerot.rearrangement.composition import Rearrangement
from eulerot.rearrangement.tabulated import TabulatedRearrangement
from eulerot.shooting.fit import FitResult, check_options, fit_to
from eulerot.shooting.options import FitOptions, shows_options
from eulerot.transport.asymmetry import asymmetry
from eulerot.transport.dual import FEWEST, dual_bound
from eulerot.transport.report import transport_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RearrangedFlow", "rearrange"]

PROBES = 16  # latents whose data tell whether a flow has changed
# The pairs that a fit begins with and is judged by, where it may ask for more; how often it may
_FIRST_PAIRS, _STREAMS = (7168, 8192), 8


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
        moved = shortest(_images(self.flow, self.dim, self.domain) - self.images, self.domain)
        return float(np.sqrt(np.mean(np.sum(moved**2, axis=1))))

    def forward(self, y: ArrayLike) -> FloatArray:
        """Return the data of latents, ``f(s^-1(y))``."""
        return _data(self.flow, self.rearrangement.inverse(y))

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
        return self.rearrangement.forward(z), _data(self.flow, z)

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


@shows_options
def rearrange(
    flow: Any,
    *,
    n_pairs: int | None = None,
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
        A flow of the standard normal, or a trained model that `eulerot.flow` makes one of. For a model that needs more
        than a context, such as its dimension or direction, pass what `eulerot.flow` returns.
    n_pairs : int or None
        Pairs to fit to and, the share `held_out` of them, to judge by; both from Sobol sequences of latents of their
        own. By default the fit begins with 7168, is judged by 8192 others, and asks the flow for 50,176 more (in many
        dimensions for fewer, 524,288 coordinates in all) if held-out pairs gain from them: half a minute in the plane
        on two cores, two minutes in ten dimensions. One geodesic alone, and angles, have the first 7168.
    seed : int
        Seed of the latents and of the fit.
    domain : {"cube", "torus"}
        ``"torus"`` for flows on one or two angles: latents are uniform in ``[-pi, pi)``, and costs go the shortest way
        round.
    context : array_like, shape (c,), optional
        The context of a conditional model.
    check : bool
        Whether to check first that the flow's maps and its density belong together.
    **fit_options
        The other options of `eulerot.fit`.

    Returns
    -------
    RearrangedFlow
        The twin, with the fit that made it.

    Raises
    ------
    FlowError
        If the object is not a flow, contradicts itself, or fails: the error of its own code is the cause.
    SourceError
        If its base is neither normal nor uniform on a box.
    ValueError
        For a bad option, or too few pairs for the number of modes.

    See Also
    --------
    eulerot.RearrangedFlow : The twin of a flow.
    eulerot.fit : Fit a map to pairs.
    eulerot.flow : Make a flow of a model.
    eulerot.transport_report : Measure the cost of pairs.

    References
    ----------
    G. Morel, L. Drumetz, S. Benaichouche, N. Courty, F. Rousseau, arXiv:2209.10873 (2022).
    Y. Brenier, Comm. Pure Appl. Math. 44:375 (1991), https://doi.org/10.1002/cpa.3160440402.

    Examples
    --------
    >>> from eulerot.flows.linear import LinearFlow
    >>> flow = LinearFlow([[0.0, -2.0], [1.0, 0.0]], [1.0, 0.0])
    >>> twin = rearrange(flow, n_pairs=512, modes=4)
    >>> bool(twin.report(500).closed > 0.99)
    True
    """
    with Ranks(fit_options.get("comm")) as ranks:  # type: ignore[arg-type]
        settings = FitOptions.named({"domain": domain, "seed": seed} | fit_options)
        if n_pairs is not None:
            checked_count("n_pairs", n_pairs, least=2)
        source = _source(flow, context, check=check, domain=domain)
        dim = flow_dim(source)
        streams = iter(checked_generator("seed", seed).spawn(_STREAMS))
        n_train, n_held = _counts(n_pairs, settings.held_out)
        check_options(n_train + n_held, dim, settings)

        def more(n: int) -> tuple[FloatArray, FloatArray]:
            return ranks.by_first(partial(_pairs, source, (n,), (next(streams),), domain))

        # of one low-discrepancy sequence, those held out would have too much of what the others have too little of
        draw = partial(_pairs, source, (n_train, n_held), (seed, next(streams)), domain)
        ranks.check_same(n_pairs=n_pairs, **settings.shared)
        z, x = ranks.by_first(draw)
        train, held = (z[:n_train], x[:n_train]), (z[n_train:], x[n_train:])
        check_source(train[0], domain=domain)
        result = fit_to(train, held, settings, more=more if n_pairs is None else None, ranks=ranks)
        return RearrangedFlow(source, result.rearrangement, result, _images(source, dim, domain))


def _source(flow: Any, context: ArrayLike | None, *, check: bool, domain: str) -> Flow:
    """Return what was given as a flow, whose maps and density belong together."""
    source = adapted(flow, context=context, check=check and domain == "cube")
    if domain == "torus":
        source = on_angles(source)
    if check and (domain == "torus" or not isinstance(source, AdaptedFlow)):
        checked = check_angle_flow if domain == "torus" else check_flow
        checked(source.flow if isinstance(source, RearrangedFlow) else source)
    return source


def _counts(n_pairs: int | None, held_out: float) -> tuple[int, int]:
    """Return how many pairs to fit to, at first, and how many to hold out."""
    if n_pairs is None:
        return _FIRST_PAIRS
    n_held = min(max(1, round(held_out * n_pairs)), n_pairs - 1)
    return n_pairs - n_held, n_held


def _pairs(
    source: Flow, counts: tuple[int, ...], seeds: tuple[Seed, ...], domain: str
) -> tuple[FloatArray, FloatArray]:
    """Return latents and their data, all finite; from Sobol sequences of latents, if the flow maps them."""
    if isinstance(source, AdaptedFlow) and source.draws_data:
        z, x = source.pairs(sum(counts), seeds[0])
        return finite_latents(z, x), finite_data(x, z)
    dim = flow_dim(source)
    z = np.concatenate([source_points(n, dim, seed, domain=domain) for n, seed in zip(counts, seeds, strict=True)])
    return z, _data(source, z)


def _data(flow: Flow, z: FloatArray) -> FloatArray:
    """Return the data that a flow makes of latents, or say for which latents they are not finite."""
    return finite_data(np.asarray(flow.forward(z), dtype=float), z)


def _images(flow: Flow, dim: int, domain: str) -> FloatArray:
    """Return the data of a few latents that are always the same, by which a flow is known again."""
    return np.asarray(flow.forward(source_points(PROBES, dim, domain=domain)), dtype=float)
