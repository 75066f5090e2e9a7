"""Pictures in the plane: samples, arrows, trajectories, fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.errors import checked_pairs, checked_samples
from eulerot.plotting.canvas import BLUE, GREY, axes_of, colourbar, first_two, latent_colours, plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["arrows", "path", "samples", "vorticity"]


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

    Raises
    ------
    ValueError
        If the samples are not finite, have one column, or differ in number from the latents.

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
    return plane(ax, title)


def arrows(start: ArrayLike, end: ArrayLike, *, n: int = 400, ax: Axes | None = None) -> Axes:
    """Draw the displacement of the first `n` pairs as arrows, coloured by their length.

    Parameters
    ----------
    start, end : array_like, shape (m, d), d >= 2
        The two ends of every arrow.
    n : int, default 400
        The largest number of arrows.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape in two or more dimensions.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((500, 2))
    >>> ax = arrows(z, 2 * z + 1)  # doctest: +SKIP
    """
    pairs = checked_pairs("start", start, "end", end)
    tails, heads = (first_two(name, value)[:n] for name, value in zip(("start", "end"), pairs, strict=True))
    moves = heads - tails
    length = np.linalg.norm(moves, axis=1)
    ax = axes_of(ax, (5.6, 4.8))
    # Long arrows last, so that the moves that cost most are not hidden.
    order = np.argsort(length)
    drawn = ax.quiver(
        *tails[order].T, *moves[order].T, length[order], cmap="viridis_r", clim=(0, max(length.max(), 1e-9)),
        angles="xy", scale_units="xy", scale=1, units="dots", width=1.4, headwidth=4.5, headlength=5,
    )  # fmt: skip
    ax.scatter(tails[:, 0], tails[:, 1], s=3, color=GREY, linewidths=0)
    ax.update_datalim(heads)
    ax.autoscale_view()
    colourbar(ax, drawn, "displacement")
    return plane(ax)


def path(trajectories: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw trajectories as lines that gain strength along the way, with a dot at the end.

    Parameters
    ----------
    trajectories : array_like, shape (times, n, d), times >= 2, d >= 2
        Positions at successive times.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Raises
    ------
    ValueError
        If the array is not a finite set of trajectories.

    Examples
    --------
    >>> angle = np.linspace(0, 1, 20)[:, None] + np.arange(5)
    >>> ax = path(np.stack([np.cos(angle), np.sin(angle)], axis=2))  # doctest: +SKIP
    """
    tracks = np.asarray(trajectories, dtype=np.float64)
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
    for piece, alpha in zip(pieces, strength, strict=True):
        ax.add_collection(LineCollection(list(piece), colors=colours, alpha=alpha, linewidths=1.1))
    ax.scatter(tracks[-1, :, 0], tracks[-1, :, 1], c=colours, s=14, linewidths=0, zorder=3)
    ax.autoscale_view()
    return plane(ax)


def vorticity(
    values: ArrayLike, *, extent: Sequence[float], bound: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a vorticity field, red counter-clockwise and blue clockwise, white at zero.

    Parameters
    ----------
    values : array_like, shape (nx, ny)
        Values with ``ij`` indexing: the first axis is `x`.
    extent : sequence of float
        ``(x_min, x_max, y_min, y_max)``, the outer edges of the field.
    bound : float, optional
        The vorticity of the strongest colours; by default the largest there is.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Raises
    ------
    ValueError
        If the values are not a finite field in the plane.

    Examples
    --------
    >>> ax = vorticity(np.zeros((8, 8)), extent=(0, np.pi, 0, np.pi))  # doctest: +SKIP
    """
    field = checked_samples("values", values)
    bound = max(float(np.abs(field).max()), 1e-300) if bound is None else bound
    left, right, bottom, top = extent
    ax = axes_of(ax, (5.6, 4.8))
    drawn = ax.imshow(
        field.T, origin="lower", extent=(left, right, bottom, top), cmap="RdBu_r", vmin=-bound, vmax=bound,
        interpolation="bicubic",
    )  # fmt: skip
    colourbar(ax, drawn, "vorticity")
    return plane(ax)
