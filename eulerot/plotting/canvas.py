"""Axes, colours and files: what all pictures share. The only import of matplotlib, and only when one is drawn."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.checks import checked_samples
from eulerot.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

__all__ = [
    "BLUE", "GREY", "INK", "ORANGE", "axes_of", "colourbar", "figure", "first_two", "latent_colours", "plane", "require"
]  # fmt: skip

INK, GREY = "#2b2d33", "#8a8f98"
BLUE, ORANGE = "#3b6ea5", "#e08a3c"


def require() -> None:
    """Raise ImportError with the remedy where matplotlib is missing."""
    try:
        import matplotlib.pyplot  # noqa: F401
    except ImportError as error:
        raise ImportError("pictures need matplotlib: run `pip install eulerot[plot]`, or ask for none.") from error


@contextmanager
def figure(path: str | Path | IO[bytes], *, columns: int = 1, shared: bool = False) -> Iterator[tuple[Axes, ...]]:
    """Give the axes of a figure in one row, and save it to `path` at the end; needs no display.

    With `shared` all show the same part of the plane.
    """
    require()
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(5.2 * columns, 4.8), layout="constrained")
    yield tuple(sheet.subplots(1, columns, squeeze=False, sharex=shared, sharey=shared)[0])
    options: dict[str, Any] = {"dpi": 130, "bbox_inches": "tight", "pad_inches": 0.1}
    if not isinstance(path, str | Path):
        sheet.savefig(path, **options)
        return
    picture = io.BytesIO()
    sheet.savefig(picture, format=Path(path).suffix[1:] or "png", **options)
    write_atomically(path, picture.getvalue())


def axes_of(ax: Axes | None, size: tuple[float, float] = (4.8, 4.8)) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    if ax is None:
        require()
        import matplotlib.pyplot as plt

        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(colors=INK, labelsize=9)
    return ax


def plane(ax: Axes, title: str | None = None, *, axes: str = "") -> Axes:
    """Give both coordinates one scale, few ticks and names: ``"xy"`` is x and y, ``"z"`` the first two of z."""
    ax.set_aspect("equal")
    ax.locator_params(nbins=5)
    letters = axes.split(", ") if axes else []
    first, second = list(axes) if axes == "xy" else [", ".join(f"${a}_{i}$" for a in letters) for i in (1, 2)]
    ax.set_xlabel(first, fontsize=10, color=INK)
    ax.set_ylabel(second, fontsize=10, color=INK)
    if title is not None:
        ax.set_title(title, fontsize=11, color=INK)
    return ax


def colourbar(ax: Axes, drawn: ScalarMappable, label: str) -> None:
    """Add a slim colour bar without a frame."""
    bar = ax.figure.colorbar(drawn, cax=ax.inset_axes((1.04, 0.15, 0.032, 0.7)))  # as high as what is drawn
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.set_label(label, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)


def first_two(name: str, value: ArrayLike) -> FloatArray:
    """Return the first two coordinates of samples."""
    points = checked_samples(name, value)
    if points.shape[1] < 2:
        raise ValueError(f"{name}: expected at least two columns to draw in the plane; got 1.")
    return points[:, :2]


def latent_colours(latents: FloatArray) -> FloatArray:
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
