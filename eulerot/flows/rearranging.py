"""How a flow is rearranged: its pairs are drawn and fitted, and its twin is made of what was found."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot._ranks import Ranks
from eulerot._types import FloatArray, Seed
from eulerot.checks import checked_count, checked_generator
from eulerot.flows.adapters.adapted import AdaptedFlow
from eulerot.flows.adapters.flow import flow as adapted
from eulerot.flows.angles import check_angle_flow, on_angles
from eulerot.flows.protocol import Flow, check_flow, finite_data, finite_latents, flow_dim
from eulerot.flows.rearranged import RearrangedFlow, data_of, images_of
from eulerot.latent.source import check_source, source_points
from eulerot.shooting.fit import check_options, fit_to
from eulerot.shooting.options import FitOptions, shows_options

__all__ = ["rearrange"]

# The pairs that a fit begins with and is judged by, where it may ask for more; how often it may
_FIRST_PAIRS, _STREAMS = (7168, 8192), 8


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
        on two cores, two minutes in ten dimensions; with ``conditional=True`` for 131,072 in all. One geodesic alone,
        and angles, have the first 7168.
    seed : int
        Seed of the latents and of the fit.
    domain : {"cube", "torus"}
        ``"torus"`` for flows on angles: latents are uniform in ``[-pi, pi)``, and costs go the shortest way round.
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
        return RearrangedFlow(source, result.rearrangement, result, images_of(source, dim, domain))


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
    return z, data_of(source, z)
