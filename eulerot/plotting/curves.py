"""Curves and bars: costs, the history of a fit, spectra, orders of convergence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot.checks import checked_array, checked_number
from eulerot.plotting.canvas import BLUE, GREY, INK, ORANGE, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["certificate", "convergence", "costs", "gaps", "history", "spectrum"]


def costs(
    exact: ArrayLike, excess: ArrayLike, lower_bound: ArrayLike, *, labels: Sequence[str] = (), ax: Axes | None = None
) -> Axes:
    """Draw transport costs as bars: what no coupling can avoid, and the excess; equations (14) and (15).

    Parameters
    ----------
    exact, excess, lower_bound : array_like, shape (bars,)
        The exact cost, the excess over it and the lower bound of each coupling.
    labels : sequence of str
        What the bars are called, if they have names.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    See Also
    --------
    eulerot.plotting.gaps : Draw duality gaps.
    eulerot.transport_report : Measure the cost of pairs.

    Examples
    --------
    >>> ax = costs([1.2, 1.2], [0.9, 0.1], [1.0, 1.0], labels=("before", "after"))  # doctest: +SKIP
    """
    optimum, over = _curve("exact", exact, "excess", excess)
    _, bounds = _curve("exact", exact, "lower_bound", lower_bound)
    ax = axes_of(ax, (1.9 + 1.5 * len(optimum), 3.9))
    places = np.arange(len(optimum))
    ax.bar(places, optimum, 0.56, color=BLUE, label="exact optimum")
    ax.bar(places, over, 0.56, bottom=optimum, color=ORANGE, label="excess")
    ax.hlines(
        bounds, places - 0.34, places + 0.34, color=INK, linewidth=1.4, linestyle=(0, (3, 1.5)), label="lower bound"
    )
    for place, cost in zip(places, optimum + over, strict=True):
        ax.annotate(
            f"{cost:.3g}", (place, cost), (0, 3), textcoords="offset points", ha="center", fontsize=10, color=INK
        )
    ax.set_xticks(places, labels or [""] * len(places))
    ax.tick_params(axis="x", length=0, labelsize=10)
    ax.set_xlim(-0.6, len(places) - 0.4)
    ax.set_ylabel("transport cost (mean squared distance)", fontsize=10, color=INK)
    ax.margins(y=0.1)
    ax.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def certificate(times: ArrayLike, curve: ArrayLike, bound: float, *, ax: Axes | None = None) -> Axes:
    """Draw the largest eigenvalue of the pressure's Hessian against time, and the bound of the theorem (21).

    Parameters
    ----------
    times, curve : array_like, shape (m,)
        Shares of the duration, and the largest ``T^2 lambda_max(D^2 p)`` over the domain.
    bound : float
        Below it a geodesic is certified to be shortest.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Examples
    --------
    >>> ax = certificate([0.0, 0.5, 1.0], [4.0, 5.0, 4.5], np.pi**2)  # doctest: +SKIP
    """
    shares, values = _curve("times", times, "curve", curve)
    limit = checked_number("bound", bound)
    ax = axes_of(ax, (4.8, 3.4))
    ax.plot(shares, values, color=BLUE, linewidth=1.8)
    ax.axhline(limit, color=INK, linewidth=1.2, linestyle=(0, (3, 1.5)))
    ax.annotate("shortest below", (0.0, limit), (4, 3), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="left", fontsize=9, color=INK)  # fmt: skip
    ax.set_xlabel("share of the time", fontsize=10, color=INK)
    ax.set_ylabel("largest $T^2 \\lambda_{max}(D^2 p)$", fontsize=10, color=INK)
    ax.set_ylim(0.0, 1.15 * max(limit, float(np.max(values))))
    return ax


def gaps(values: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw how the duality gaps of pairs are distributed, on a logarithmic axis, and their mean; equation (24).

    Parameters
    ----------
    values : array_like, shape (n,)
        The gap of each pair, not negative. What is below a billionth of the largest is drawn there.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    See Also
    --------
    eulerot.plotting.costs : Draw costs.
    eulerot.dual_bound : Bound the least cost from below.

    Examples
    --------
    >>> ax = gaps([0.1, 0.02, 0.3])  # doctest: +SKIP
    """
    each = np.sort(checked_array("values", values).ravel())
    if len(each) == 0 or not (np.isfinite(each).all() and each[0] >= 0):
        raise ValueError("values: expected finite gaps, none of them negative; got others, or none.")
    ax = axes_of(ax, (4.8, 3.4))
    shown = np.maximum(each, max(1e-9 * each[-1], 1e-300))
    ax.step(shown, np.arange(1, len(each) + 1) / len(each), where="post", color=BLUE, linewidth=1.8)
    mean = max(float(np.mean(each)), float(shown[0]))
    ax.axvline(mean, color=INK, linewidth=1.2, linestyle=(0, (3, 1.5)))
    ax.annotate("mean", (mean, 0.0), (4, 3), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="left", fontsize=9, color=INK)  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylim(0.0, 1.02)
    ax.set_xlabel("duality gap of a pair", fontsize=10, color=INK)
    ax.set_ylabel("share of the pairs below it", fontsize=10, color=INK)
    return ax


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

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    Raises
    ------
    ValueError
        If the three are not sequences of one length, or a weight is not positive.

    See Also
    --------
    eulerot.FitResult : A fitted map, with what was tried.

    Examples
    --------
    >>> ax = history([1e-3, 1e-4, 1e-5], [2.0, 1.5, 1.4], [2.1, 1.6, 1.7])  # doctest: +SKIP
    """
    named = {"weights": weights, "training": training, "held_out": held_out}
    lam, trained, held = (checked_array(name, values) for name, values in named.items())
    if lam.ndim != 1 or len(lam) == 0 or not lam.shape == trained.shape == held.shape:
        raise ValueError(
            "weights, training, held_out: expected three sequences of one length; "
            f"got shapes {lam.shape}, {trained.shape}, {held.shape}."
        )
    if not (lam > 0).all():
        raise ValueError(f"weights: expected positive weights for a logarithmic axis; got {lam.min()}.")
    ax = axes_of(ax, (5.6, 3.8))
    for values, colour, label in ((trained, GREY, "training pairs"), (held, BLUE, "held-out pairs")):
        ax.plot(lam, values, "o-", color=colour, markersize=5, linewidth=1.6, label=label)
    best = int(np.argmin(held))
    ax.plot(lam[best], held[best], "o", markersize=12, markerfacecolor="none", markeredgecolor=BLUE)
    if exact is not None:
        ax.axhline(checked_number("exact", exact), color=INK, linewidth=1, linestyle="--", label="exact optimum")
    ax.set_xscale("log")
    ax.invert_xaxis()
    ax.set_xlabel("regularisation weight", fontsize=10, color=INK)
    ax.set_ylabel("transport cost (mean squared distance)", fontsize=10, color=INK)
    ax.legend(frameon=False, fontsize=9)
    return ax


def spectrum(wavenumbers: ArrayLike, energies: ArrayLike, *, ax: Axes | None = None, label: str | None = None) -> Axes:
    """Draw the energy in shells of wavenumbers, both axes logarithmic; empty shells are left out.

    Parameters
    ----------
    wavenumbers, energies : array_like, shape (shells,)
        What `EulerSolution.spectrum` returns.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    label : str, optional
        The name of the curve; without one there is no legend.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    Raises
    ------
    ValueError
        If the two are not finite sequences of one length, or no shell has energy.

    See Also
    --------
    eulerot.EulerSolution : What a solve returns.

    Examples
    --------
    >>> ax = spectrum([0.0, 1.0, 2.0], [0.0, 1.0, 0.1])  # doctest: +SKIP
    """
    k, shells = _curve("wavenumbers", wavenumbers, "energies", energies)
    # what round-off leaves in empty shells would otherwise stretch the axis over twenty decades
    shown = (k > 0) & (shells > 1e-20 * max(shells.max(), 1e-300))
    if not shown.any():
        raise ValueError("energies: expected a shell with energy; got none. A field at rest has no spectrum.")
    ax = axes_of(ax, (5.6, 3.8))
    ax.loglog(k[shown], shells[shown], "-", color=BLUE, linewidth=1.6, label=label)
    ax.set_xlabel("wavenumber", fontsize=10, color=INK)
    ax.set_ylabel("energy in the shell", fontsize=10, color=INK)
    if label is not None:
        ax.legend(frameon=False, fontsize=9)
    return ax


def convergence(
    steps: ArrayLike, errors: ArrayLike, *, order: float | None = None, ax: Axes | None = None, label: str = "error"
) -> Axes:
    """Draw errors against numbers of steps, both axes logarithmic, with the slope of an order beside them.

    Parameters
    ----------
    steps, errors : array_like, shape (runs,)
        Positive numbers of steps, and the positive errors that they leave.
    order : float, optional
        The order whose slope is drawn as a reference.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    label : str
        The name of the errors.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    Raises
    ------
    ValueError
        If the two are not positive sequences of one length.

    See Also
    --------
    eulerot.plotting.spectrum : Draw a spectrum.

    Examples
    --------
    >>> ax = convergence([8, 16, 32], [1e-4, 6e-6, 4e-7], order=4)  # doctest: +SKIP
    """
    n, error = _curve("steps", steps, "errors", errors)
    if not ((n > 0).all() and (error > 0).all()):
        raise ValueError("steps, errors: expected positive values for logarithmic axes; got others. Leave them out.")
    ax = axes_of(ax, (5.6, 3.8))
    ax.loglog(n, error, "o-", color=BLUE, markersize=5, linewidth=1.6, label=label)
    if order is not None:
        first = np.argmin(n)
        slope = 0.4 * error[first] * (n / n[first]) ** -checked_number("order", order)  # beside the errors, not on them
        ax.loglog(n, slope, "--", color=GREY, linewidth=1, label=f"order {order:g}")
    ax.set_xticks(n, [f"{each:g}" for each in n])
    ax.minorticks_off()
    ax.set_xlabel("steps", fontsize=10, color=INK)
    ax.set_ylabel(label, fontsize=10, color=INK)
    ax.legend(frameon=False, fontsize=9)
    return ax


def _curve(first: str, x: ArrayLike, second: str, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return two finite sequences of one length."""
    left, right = checked_array(first, x), checked_array(second, y)
    if left.ndim != 1 or len(left) == 0 or left.shape != right.shape or not np.isfinite([left, right]).all():
        raise ValueError(
            f"{first}, {second}: expected two finite sequences of one length; got shapes {left.shape}, {right.shape}."
        )
    return left, right
