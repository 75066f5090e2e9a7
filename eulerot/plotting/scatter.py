"""Pictures in the plane: samples, arrows, trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.checks import checked_array, checked_count, checked_number, checked_pairs
from eulerot.plotting.canvas import BLUE, GREY, axes_of, colourbar, first_two, latent_colours, plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["arrows", "couplings", "path", "samples"]


def samples(
    points: ArrayLike, latents: ArrayLike | None = None, *, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Scatter samples, each in the colour of the latent point that it comes from.

    The hue is the latent's angle and a darker shade is a larger radius: latent neighbours share a colour.

    Parameters
    ----------
    points : array_like, shape (n, d), d >= 2
        Samples.
    latents : array_like, shape (n, k), k >= 2, optional
        Where each sample comes from; one colour for all if not given.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    title : str, optional
        A title.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    Raises
    ------
    ValueError
        If the samples are not finite, have one column, or differ in number from the latents.

    See Also
    --------
    eulerot.plotting.arrows : Draw a coupling.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((500, 2))
    >>> ax = samples(2 * z, z, title="a flow")  # doctest: +SKIP
    """
    shown = first_two("points", points)
    colours: FloatArray | str = BLUE
    if latents is not None:
        sources = first_two("latents", latents)
        if len(sources) != len(shown):
            raise ValueError(f"latents: expected {len(shown)} rows, one a point; got {len(sources)}.")
        colours = latent_colours(sources)
    ax = axes_of(ax)
    size = np.clip(20000 / len(shown), 2, 30)
    ax.scatter(shown[:, 0], shown[:, 1], c=colours, s=size, linewidths=0, alpha=0.85, rasterized=True)
    return plane(ax, title, axes="x")


def arrows(
    start: ArrayLike, end: ArrayLike, *, n: int = 400, longest: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the displacement of the first `n` pairs as arrows, coloured by their length.

    Parameters
    ----------
    start, end : array_like, shape (m, d), d >= 2
        The two ends of every arrow.
    n : int, default 400
        The largest number of arrows.
    longest : float, optional
        The length of the darkest colour; by default the largest there is. One for several pictures makes them
        comparable.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape in two or more dimensions.

    See Also
    --------
    eulerot.plotting.couplings : Draw several couplings in one scale.
    eulerot.plotting.samples : Draw samples in the colours of their latents.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((500, 2))
    >>> ax = arrows(z, 2 * z + 1)  # doctest: +SKIP
    """
    pairs, n = checked_pairs("start", start, "end", end), checked_count("n", n)
    if longest is not None:
        longest = checked_number("longest", longest, "a length, 0 for the largest there is", lambda length: length >= 0)
    tails, heads = (first_two(name, value)[:n] for name, value in zip(("start", "end"), pairs, strict=True))
    moves = heads - tails
    length = np.linalg.norm(moves, axis=1)
    ax = axes_of(ax, (5.6, 4.8))
    # Long arrows last, so that the moves that cost most are not hidden.
    order = np.argsort(length)
    drawn = ax.quiver(
        *tails[order].T, *moves[order].T, length[order], cmap="viridis_r", clim=(0, longest or max(length.max(), 1e-9)),
        angles="xy", scale_units="xy", scale=1, units="dots", width=1.4, headwidth=4.5, headlength=5,
    )  # fmt: skip
    ax.scatter(tails[:, 0], tails[:, 1], s=3, color=GREY, linewidths=0)
    ax.update_datalim(heads)
    ax.autoscale_view()
    colourbar(ax, drawn, "displacement")
    return plane(ax, axes="z, x")


def couplings(latents: Mapping[str, ArrayLike], x: ArrayLike, *, axes: Sequence[Axes], n: int = 400) -> None:
    """Draw the arrows from several latents to the same data side by side, in one colour scale.

    Parameters
    ----------
    latents : mapping of str to array_like, shape (m, d), d >= 2
        Latents by the title of their picture.
    x : array_like, shape (m, d)
        Data.
    axes : sequence of matplotlib.axes.Axes
        One for each; those of ``figure(..., shared=True)`` show the same part of the plane.
    n : int, default 400
        The largest number of arrows.

    Raises
    ------
    ValueError
        If latents and data are not pairs in two or more dimensions.

    See Also
    --------
    eulerot.plotting.arrows : Draw a coupling.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((500, 2))
    >>> with figure("arrows.png", columns=2, shared=True) as axes:  # doctest: +SKIP
    ...     couplings({"before": z, "after": -z}, 2 * z, axes=axes)
    """
    n = checked_count("n", n)
    pairs = {name: checked_pairs("latents", points, "x", x) for name, points in latents.items()}
    longest = max(np.linalg.norm((data - points)[:n, :2], axis=1).max() for points, data in pairs.values())
    for ax, (name, (points, data)) in zip(axes, pairs.items(), strict=True):
        plane(arrows(points, data, n=n, longest=float(longest), ax=ax), name, axes="z, x")


def path(trajectories: ArrayLike, *, domain: str = "cube", ax: Axes | None = None) -> Axes:
    """Draw trajectories as lines that gain strength along the way, with a dot at the end.

    Parameters
    ----------
    trajectories : array_like, shape (times, n, d), times >= 2, d >= 2
        Positions at successive times.
    domain : {"cube", "torus"}
        ``"torus"`` for angles: a track that leaves on one side comes in on the other.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    Raises
    ------
    ValueError
        If the array is not a finite set of trajectories.

    See Also
    --------
    eulerot.plotting.samples : Draw samples in the colours of their latents.

    Examples
    --------
    >>> angle = np.linspace(0, 1, 20)[:, None] + np.arange(5)
    >>> ax = path(np.stack([np.cos(angle), np.sin(angle)], axis=2))  # doctest: +SKIP
    """
    tracks = checked_array("trajectories", trajectories)
    if tracks.ndim != 3 or len(tracks) < 2 or tracks.shape[2] < 2 or not np.isfinite(tracks).all():
        raise ValueError(
            "trajectories: expected finite positions of shape (times, n, d), with two or more times and "
            f"coordinates; got shape {tracks.shape}."
        )
    ax = axes_of(ax)
    from matplotlib.collections import LineCollection

    colours = latent_colours(tracks[0, :, :2])
    pieces = np.stack([tracks[:-1, :, :2], tracks[1:, :, :2]], axis=2)
    # Squared, so that the early part recedes and crossings stay readable.
    strength = np.linspace(0.15, 1, len(pieces)) ** 2
    jumps = (np.abs(pieces[:, :, 1] - pieces[:, :, 0]).max(axis=2) > np.pi) & (domain == "torus")
    for piece, jump, alpha in zip(pieces, jumps, strength, strict=True):
        ax.add_collection(LineCollection(list(piece[~jump]), colors=colours[~jump], alpha=alpha, linewidths=1.1))
    ax.scatter(tracks[-1, :, 0], tracks[-1, :, 1], c=colours, s=14, linewidths=0, zorder=3)
    ax.autoscale_view()
    return plane(ax, axes="z")
