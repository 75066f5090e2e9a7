"""The animation of a rearrangement: latents that move along its geodesics, as a GIF."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from eulerot._progress import progress_of
from eulerot._types import FloatArray
from eulerot.checks import checked_count
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.grid import Grid
from eulerot.files import write_atomically
from eulerot.latent.source import normal_points
from eulerot.plotting import canvas
from eulerot.plotting.fields import vorticity
from eulerot.plotting.film import gif_of, picture_of
from eulerot.rearrangement.composition import Rearrangement

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["animate", "animation_of"]

_FINE = 160  # points an axis of a vorticity that is drawn


def animate(
    rearrangement: Rearrangement,
    path: str | os.PathLike[str],
    *,
    frames: int = 40,
    n: int = 2500,
    dpi: int = 90,
    progress: bool = False,
) -> None:
    """Write a GIF of latents that move along the geodesics, beside the vorticity that moves them.

    Each latent keeps the colour of its start: the cloud stays the same Gaussian, and only who is where changes.

    Parameters
    ----------
    rearrangement : Rearrangement
        The map, of normal latents in the plane.
    path : path-like
        The file to write, all of it or nothing.
    frames : int
        Pictures from start to end.
    n : int
        Latents.
    dpi : int
        Resolution; the picture is 8 by 4 inches.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    ValueError
        If the map is not one of normal latents in the plane, or a number is too small.
    ImportError
        If matplotlib is missing.

    See Also
    --------
    eulerot.pages.flow_page : The page of a twin.
    eulerot.plotting.film : Write fields in motion, as a GIF.

    Examples
    --------
    >>> animate(Rearrangement(np.array([[0.0, -1.0], [1.0, 0.0]])), "turn.gif")  # doctest: +SKIP
    """
    write_atomically(path, animation_of(rearrangement, frames=frames, n=n, dpi=dpi, progress=progress))


def animation_of(
    rearrangement: Rearrangement, *, frames: int = 40, n: int = 2500, dpi: int = 90, progress: bool = False
) -> bytes:
    """Return the GIF that `animate` writes; raises the same errors."""
    canvas.require()
    if rearrangement.domain == "torus":
        raise ValueError("rearrangement: expected one of normal latents; got one of angles. Use its plot() instead.")
    if rearrangement.dim != 2:
        raise ValueError(f"rearrangement: expected one of the plane; got dimension {rearrangement.dim}.")
    frames, n = checked_count("frames", frames, least=2), checked_count("n", n)
    dpi = checked_count("dpi", dpi, least=20)
    times = np.linspace(0, 1, frames)
    latents = normal_points(n, 2)
    tracks, fields = rearrangement.path(latents, times), _vorticities(rearrangement, times)
    bound = max((float(np.abs(field).max()) for field in fields if field is not None), default=1.0)
    draw, shown = _drawing(latents, bound, dpi), zip(times, tracks, fields, strict=True)
    bar = progress_of(shown, "drawing", "frames", total=frames, shown=progress)
    return gif_of(draw(*each) for each in bar)


def _vorticities(rearrangement: Rearrangement, times: FloatArray) -> list[FloatArray | None]:
    """Return the vorticity at the times of `Rearrangement.path`, on a fine grid; None while there is no geodesic."""
    fields: list[FloatArray | None] = [None] * len(times)
    for sweep, indices, shares in rearrangement.schedule(times):
        if sweep is not None:
            (geodesic,) = sweep.geodesics
            for i, part in zip(indices, geodesic.parts(shares), strict=True):
                fields[i] = _on_fine_grid(part.field1_hat, geodesic.grid)
    return fields


def _on_fine_grid(field_hat: FloatArray, grid: Grid) -> FloatArray:
    """Return the values of a sine series on a grid that is fine enough to look at."""
    fine = VorticityEquation(Grid((_FINE, _FINE), grid.domain, lengths=grid.sides))
    padded = fine.zeros()
    k, l = (min(a, b) for a, b in zip(field_hat.shape, padded.shape, strict=True))
    padded[:k, :l] = field_hat[:k, :l]
    return fine.synthesised(padded)


def _drawing(latents: FloatArray, bound: float, dpi: int) -> Callable[..., Image]:
    """Return the function that draws a frame; the figure is laid out once."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(8, 4), dpi=dpi, layout="constrained")
    left, right = sheet.subplots(1, 2)
    cloud = canvas.axes_of(left).scatter(
        latents[:, 0], latents[:, 1], c=canvas.latent_colours(latents), s=7, linewidths=0
    )
    canvas.plane(left, "latents", axes="z").set(xlim=(-4, 4), ylim=(-4, 4))
    label = left.text(0.02, 0.97, "", transform=left.transAxes, va="top", fontsize=10, color=canvas.INK)
    still = np.zeros((_FINE, _FINE))
    image = vorticity(still, extent=(0, np.pi, 0, np.pi), bound=bound, ax=right).images[0]
    title = right.set_title("vorticity in the box", fontsize=11, color=canvas.INK)
    agg = FigureCanvasAgg(sheet)
    agg.draw()
    sheet.set_layout_engine("none")

    def draw(time: float, points: FloatArray, field: FloatArray | None) -> Image:
        cloud.set_offsets(points)
        label.set_text(f"t = {time:.2f}")
        image.set_data((still if field is None else field).T)
        title.set_text("vorticity in the box" if field is not None else "rotation")
        agg.draw()
        return picture_of(agg)

    return draw
