"""Pictures of samples, maps, flows and fits; the only import of matplotlib, and only when one is drawn.

Every function draws into `ax`, or into a new figure if `ax` is None, and returns the axes; without matplotlib
it raises ImportError. Samples of more than two dimensions are shown by their first two coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.errors import checked_pairs, checked_samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

    from eulerot.transport import TransportReport

__all__ = ["arrows", "costs", "figure", "history", "path", "require", "samples", "vorticity"]


INK, GREY = "#2b2d33", "#8a8f98"
BLUE, ORANGE = "#3b6ea5", "#e08a3c"


def require() -> None:
    """Raise ImportError with the remedy where matplotlib is missing."""
    try:
        import matplotlib.pyplot  # noqa: F401
    except ImportError as error:
        raise ImportError("pictures need matplotlib: run `pip install eulerot[plot]`, or ask for none.") from error


@contextmanager
def figure(path: Path, *, columns: int = 1) -> Iterator[tuple[Axes, ...]]:
    """Give the axes of a figure in one row, and save it to `path` at the end; needs no display."""
    require()
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(5.2 * columns, 4.8), layout="constrained")
    yield tuple(sheet.subplots(1, columns, squeeze=False)[0])
    sheet.savefig(path, dpi=130)


def _axes(ax: Axes | None, size: tuple[float, float] = (4.8, 4.8)) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    if ax is None:
        require()
        import matplotlib.pyplot as plt

        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(colors=INK, labelsize=9)
    return ax


def _plane(ax: Axes, title: str | None = None) -> Axes:
    """Give both coordinates one scale, and few ticks: in the plane the shape is what is read."""
    ax.set_aspect("equal")
    ax.locator_params(nbins=5)
    if title is not None:
        ax.set_title(title, fontsize=11, color=INK)
    return ax


def _first_two(name: str, value: ArrayLike) -> FloatArray:
    """Return the first two coordinates of samples."""
    points = checked_samples(name, value)
    if points.shape[1] < 2:
        raise ValueError(f"{name}: expected at least two columns to draw in the plane; got 1.")
    return points[:, :2]


def _latent_colours(latents: FloatArray) -> FloatArray:
    """Return sRGB colours, hue from the angle and lightness from the radius, even to the eye in both.

    A circle of constant chroma in Oklab (Ottosson, 2020, https://bottosson.github.io/posts/oklab); the
    radius enters by its rank ``1 - exp(-r^2/2)`` under a standard normal, so that all shades are used alike.
    """
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    lightness = 0.84 - 0.36 * (1 - np.exp(-0.5 * np.sum(latents**2, axis=1)))
    a, b = 0.125 * np.cos(angle), 0.125 * np.sin(angle)
    to_lms = np.array(
        [
            [1, 0.3963377774, 0.2158037573],
            [1, -0.1055613458, -0.0638541728],
            [1, -0.0894841775, -1.291485548],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.707614701],
        ]
    )
    linear = np.clip((np.stack([lightness, a, b], axis=1) @ to_lms.T) ** 3 @ to_rgb.T, 0, 1)
    return np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


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
    shown = _first_two("points", points)
    colours: FloatArray | str = BLUE
    if latents is not None:
        sources = _first_two("latents", latents)
        if len(sources) != len(shown):
            raise ValueError(f"latents: expected {len(shown)} rows, one a point; got {len(sources)}.")
        colours = _latent_colours(sources)
    ax = _axes(ax)
    size = np.clip(20000 / len(shown), 2, 30)
    ax.scatter(shown[:, 0], shown[:, 1], c=colours, s=size, linewidths=0, alpha=0.85, rasterized=True)
    return _plane(ax, title)


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
    tails, heads = (_first_two(name, value)[:n] for name, value in zip(("start", "end"), pairs, strict=True))
    moves = heads - tails
    length = np.linalg.norm(moves, axis=1)
    ax = _axes(ax, (5.6, 4.8))
    # Long arrows last, so that the moves that cost most are not hidden.
    order = np.argsort(length)
    drawn = ax.quiver(
        *tails[order].T, *moves[order].T, length[order], cmap="viridis_r", clim=(0, max(length.max(), 1e-9)),
        angles="xy", scale_units="xy", scale=1, units="dots", width=1.4, headwidth=4.5, headlength=5,
    )  # fmt: skip
    ax.scatter(tails[:, 0], tails[:, 1], s=3, color=GREY, linewidths=0)
    ax.update_datalim(heads)
    ax.autoscale_view()
    _colourbar(ax, drawn, "displacement")
    return _plane(ax)


def _colourbar(ax: Axes, drawn: ScalarMappable, label: str) -> None:
    """Add a slim colour bar without a frame."""
    bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.7, aspect=25, pad=0.03)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.set_label(label, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)


def vorticity(values: ArrayLike, *, extent: Sequence[float], ax: Axes | None = None) -> Axes:
    """Draw a vorticity field, red counter-clockwise and blue clockwise, white at zero.

    Parameters
    ----------
    values : array_like, shape (nx, ny)
        Values with ``ij`` indexing: the first axis is `x`.
    extent : sequence of float
        ``(x_min, x_max, y_min, y_max)``, the outer edges of the field.
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
    bound = max(float(np.abs(field).max()), 1e-300)
    left, right, bottom, top = extent
    ax = _axes(ax, (5.6, 4.8))
    drawn = ax.imshow(
        field.T, origin="lower", extent=(left, right, bottom, top), cmap="RdBu_r", vmin=-bound, vmax=bound,
        interpolation="bilinear",
    )  # fmt: skip
    _colourbar(ax, drawn, "vorticity")
    return _plane(ax)


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
    ax = _axes(ax)
    from matplotlib.collections import LineCollection

    colours = _latent_colours(tracks[0, :, :2])
    pieces = np.stack([tracks[:-1, :, :2], tracks[1:, :, :2]], axis=2)
    # Squared, so that the early part recedes and crossings stay readable.
    strength = np.linspace(0.15, 1, len(pieces)) ** 2
    for piece, alpha in zip(pieces, strength, strict=True):
        ax.add_collection(LineCollection(list(piece), colors=colours, alpha=alpha, linewidths=1.1))
    ax.scatter(tracks[-1, :, 0], tracks[-1, :, 1], c=colours, s=14, linewidths=0, zorder=3)
    ax.autoscale_view()
    return _plane(ax)


def history(
    weights: ArrayLike,
    training: ArrayLike,
    held_out: ArrayLike,
    *,
    exact: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the cost on training and on held-out pairs against the regularisation; equation (12).

    The weight falls from left to right, the order of the continuation. A ring marks the weight that held-out
    pairs prefer.

    Parameters
    ----------
    weights : array_like, shape (stages,)
        Positive regularisation weights.
    training, held_out : array_like, shape (stages,)
        The two costs at each weight.
    exact : float, optional
        The least possible cost, drawn as a line.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Raises
    ------
    ValueError
        If the three are not sequences of one length, or a weight is not positive.

    Examples
    --------
    >>> ax = history([1e-3, 1e-4, 1e-5], [2.0, 1.5, 1.4], [2.1, 1.6, 1.7])  # doctest: +SKIP
    """
    lam, trained, held = (np.asarray(value, dtype=np.float64) for value in (weights, training, held_out))
    if lam.ndim != 1 or len(lam) == 0 or not lam.shape == trained.shape == held.shape:
        raise ValueError(
            "weights, training, held_out: expected three sequences of one length; "
            f"got shapes {lam.shape}, {trained.shape}, {held.shape}."
        )
    if not (lam > 0).all():
        raise ValueError(f"weights: expected positive weights for a logarithmic axis; got {lam.min()}.")
    ax = _axes(ax, (5.6, 3.8))
    for values, colour, label in ((trained, GREY, "training pairs"), (held, BLUE, "held-out pairs")):
        ax.plot(lam, values, "o-", color=colour, markersize=5, linewidth=1.6, label=label)
    best = int(np.argmin(held))
    ax.plot(lam[best], held[best], "o", markersize=12, markerfacecolor="none", markeredgecolor=BLUE)
    if exact is not None:
        ax.axhline(exact, color=INK, linewidth=1, linestyle="--", label="exact optimum")
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.set_xlabel("regularisation weight", fontsize=10, color=INK)
    ax.set_ylabel("transport cost", fontsize=10, color=INK)
    ax.legend(frameon=False, fontsize=9)
    return ax


def costs(
    before: TransportReport,
    after: TransportReport | None = None,
    *,
    labels: Sequence[str] = ("before", "after"),
    ax: Axes | None = None,
) -> Axes:
    """Draw transport costs as bars: what no coupling can avoid, and the excess; equations (14) and (15).

    Parameters
    ----------
    before : TransportReport
        The first bar.
    after : TransportReport, optional
        A second bar to compare it with.
    labels : sequence of str, default ("before", "after")
        What the bars are called; a single bar has no name.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Examples
    --------
    >>> from eulerot.transport import transport_report
    >>> report = transport_report([[0.0], [1.0]], [[2.0], [1.0]])
    >>> ax = costs(report)  # doctest: +SKIP
    """
    reports = [before] if after is None else [before, after]
    ax = _axes(ax, (1.9 + 1.5 * len(reports), 3.9))
    places = np.arange(len(reports))
    exact = np.array([report.exact for report in reports])
    excess = np.array([report.excess for report in reports])
    ax.bar(places, exact, 0.56, color=BLUE, label="exact optimum")
    ax.bar(places, excess, 0.56, bottom=exact, color=ORANGE, label="excess")
    ax.hlines(
        [report.lower_bound for report in reports], places - 0.34, places + 0.34, color=INK, linewidth=1.4,
        linestyle=(0, (3, 1.5)), label="lower bound",
    )  # fmt: skip
    for place, report in zip(places, reports, strict=True):
        ax.annotate(
            f"{report.cost:.3g}", (place, report.cost), (0, 3), textcoords="offset points", ha="center",
            fontsize=10, color=INK,
        )  # fmt: skip
    ax.set_xticks(places, labels[: len(reports)] if after is not None else [""])
    ax.tick_params(axis="x", length=0, labelsize=10)
    ax.set_xlim(-0.6, len(reports) - 0.4)
    ax.set_ylabel("transport cost", fontsize=10, color=INK)
    ax.margins(y=0.1)
    ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax
