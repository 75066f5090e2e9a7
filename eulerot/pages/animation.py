"""The animation of a rearrangement: latents that move along its geodesics, as a GIF."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from eulerot._types import FloatArray
from eulerot.checks import checked_count
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.grid import Grid
from eulerot.files import write_atomically
from eulerot.latent.source import normal_points
from eulerot.plotting import canvas
from eulerot.plotting.fields import vorticity
from eulerot.rearrangement.composition import Rearrangement

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["animate"]

_DURATION = 60  # milliseconds a frame
_PAUSE = 900  # at either end
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

    Examples
    --------
    >>> animate(Rearrangement(np.array([[0.0, -1.0], [1.0, 0.0]])), "turn.gif")  # doctest: +SKIP
    """
    canvas.require()
    from PIL import Image

    if rearrangement.domain == "torus":
        raise ValueError("rearrangement: expected one of normal latents; got one of angles. Use its plot() instead.")
    if rearrangement.dim != 2:
        raise ValueError(f"rearrangement: expected one of the plane; got dimension {rearrangement.dim}.")
    for name, value, least in (("frames", frames, 2), ("n", n, 1), ("dpi", dpi, 20)):
        checked_count(name, value, least=least)
    times = np.linspace(0, 1, frames)
    latents = normal_points(n, 2)
    tracks, fields = rearrangement.path(latents, times), _vorticities(rearrangement, times)
    bound = max((float(np.abs(field).max()) for field in fields if field is not None), default=1.0)
    draw, palette = _drawing(latents, bound, dpi), _palette()
    pictures = [
        draw(time, points, field).quantize(palette=palette, dither=Image.Dither.NONE)
        for time, points, field in tqdm(
            zip(times, tracks, fields, strict=True), total=frames, desc="drawing", unit=" frames", disable=not progress
        )
    ]
    first, *rest = pictures
    buffer = io.BytesIO()
    durations = [_PAUSE, *[_DURATION] * (frames - 2), _PAUSE]
    first.save(buffer, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0, optimize=False)
    write_atomically(path, buffer.getvalue())


def _palette() -> Image:
    """Return one palette for all frames, or the colours would flicker: latents, vorticity, and greys."""
    from matplotlib import colormaps
    from PIL import Image

    angle, radius = np.meshgrid(
        np.linspace(0, 2 * np.pi, 20, endpoint=False), np.sqrt(-2 * np.log(1 - np.arange(6) / 6))
    )
    latents = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1, 2)
    greys = np.linspace(1.0, 0.15, 24)[:, None] * np.ones(3)
    colours = [canvas.latent_colours(latents), colormaps["RdBu_r"](np.linspace(0, 1, 111))[:, :3], greys]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(255 * np.concatenate(colours)).astype(np.uint8).ravel().tolist())
    return palette


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
    from PIL.Image import fromarray

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
        return fromarray(np.asarray(agg.buffer_rgba())[..., :3].copy())

    return draw
