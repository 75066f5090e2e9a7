"""Pictures of fields in the plane: vorticity as colours, velocity as arrows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.checks import checked_array, checked_number, checked_samples
from eulerot.plotting.canvas import INK, axes_of, colourbar, plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["field", "velocity", "vorticity"]

_ARROWS = 16  # along an axis: more do not stay apart


def field(vorticities: FloatArray, velocities: FloatArray, *, sides: Sequence[float], ax: Axes | None = None) -> Axes:
    """Draw the vorticity of a domain that begins at the origin, and the velocity over it.

    Parameters
    ----------
    vorticities : ndarray, shape (nx, ny)
        The vorticity, with ``ij`` indexing.
    velocities : ndarray, shape (2, nx, ny)
        The velocity.
    sides : sequence of float
        The sides of the domain.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    See Also
    --------
    eulerot.plotting.vorticity : Draw a vorticity.
    eulerot.plotting.velocity : Draw a velocity.

    Examples
    --------
    >>> field(np.zeros((8, 8)), np.zeros((2, 8, 8)), sides=(1.0, 1.0))  # doctest: +SKIP
    """
    extent = (0.0, sides[0], 0.0, sides[1])
    return velocity(velocities, extent=extent, ax=vorticity(vorticities, extent=extent, ax=ax))


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

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    Raises
    ------
    ValueError
        If the values are not a finite field in the plane.

    See Also
    --------
    eulerot.plotting.velocity : Draw a velocity.
    eulerot.plotting.field : Draw vorticity and velocity.

    Examples
    --------
    >>> ax = vorticity(np.zeros((8, 8)), extent=(0, np.pi, 0, np.pi))  # doctest: +SKIP
    """
    shown = checked_samples("values", values)
    bound = max(float(np.abs(shown).max()), 1e-300) if bound is None else checked_number("bound", bound)
    left, right, bottom, top = extent
    ax = axes_of(ax, (5.6, 4.8))
    drawn = ax.imshow(
        shown.T, origin="lower", extent=(left, right, bottom, top), cmap="RdBu_r", vmin=-bound, vmax=bound,
        interpolation="bicubic",
    )  # fmt: skip
    colourbar(ax, drawn, "vorticity")
    return plane(ax, axes="xy")


def velocity(values: ArrayLike, *, extent: Sequence[float], ax: Axes | None = None) -> Axes:
    """Draw a velocity field as arrows, sixteen along an axis at most; the longest is as long as they are apart.

    Parameters
    ----------
    values : array_like, shape (2, nx, ny)
        The two components, with ``ij`` indexing: the first axis of each is `x`.
    extent : sequence of float
        ``(x_min, x_max, y_min, y_max)``, the outer edges of the field.
    ax : matplotlib.axes.Axes, optional
        Where to draw, over what is there.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn into.

    Raises
    ------
    ValueError
        If the values are not two finite fields in the plane.

    See Also
    --------
    eulerot.plotting.vorticity : Draw a vorticity.
    eulerot.plotting.field : Draw vorticity and velocity.

    Examples
    --------
    >>> ax = velocity(np.ones((2, 8, 8)), extent=(0, 1, 0, 1))  # doctest: +SKIP
    """
    components = checked_array("values", values)
    if components.ndim != 3 or len(components) != 2 or not np.isfinite(components).all():
        raise ValueError(f"values: expected finite velocities of shape (2, nx, ny); got shape {components.shape}.")
    centres = [
        low + (high - low) * (np.arange(n) + 0.5) / n
        for low, high, n in zip(extent[::2], extent[1::2], components.shape[1:], strict=True)
    ]
    strides = [-(-n // _ARROWS) for n in components.shape[1:]]
    chosen = tuple(slice((stride - 1) // 2, None, stride) for stride in strides)
    apart = min(
        stride * (high - low) / n
        for stride, low, high, n in zip(strides, extent[::2], extent[1::2], components.shape[1:], strict=True)
    )
    ax = axes_of(ax, (5.6, 4.8))
    longest = max(float(np.sqrt(np.sum(components**2, axis=0)).max()), 1e-300)
    ax.quiver(
        *(centre[part] for centre, part in zip(centres, chosen, strict=True)),
        *(component[chosen].T for component in components),
        angles="xy", scale_units="xy", scale=longest / apart, pivot="mid", color=INK, alpha=0.75, width=0.0035,
    )  # fmt: skip
    return plane(ax, axes="xy")
