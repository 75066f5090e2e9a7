"""Pictures in motion: the vorticity at one time after another, and the particles that it carries, as a GIF."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._progress import progress_of
from eulerot._types import FloatArray
from eulerot.checks import checked_array, checked_count
from eulerot.files import write_atomically
from eulerot.plotting import canvas
from eulerot.plotting.fields import vorticity

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["film", "gif_of", "picture_of"]

_DURATION = 60  # milliseconds a frame
_PAUSE = 900  # at either end


def film(
    path: str | os.PathLike[str],
    vorticities: Iterable[ArrayLike],
    times: ArrayLike,
    *,
    sides: Sequence[float],
    bound: float,
    positions: Iterable[ArrayLike] | None = None,
    dpi: int = 90,
    progress: bool = False,
) -> None:
    """Write a GIF of the vorticity of a domain that begins at the origin, with particles in the colours of their start.

    Parameters
    ----------
    path : path-like
        The file to write, all of it or nothing.
    vorticities : iterable of array_like, shape (nx, ny)
        A field for each time, with ``ij`` indexing.
    times : array_like, shape (m,)
        The times, two at least; each is shown equally long, the ends longer.
    sides : sequence of float
        The sides of the domain.
    bound : float
        The vorticity of the strongest colours, one for all times.
    positions : iterable of array_like, shape (n, 2), optional
        Particles for each time. Those outside are drawn where a period brings them.
    dpi : int
        Resolution; the picture is 5.6 by 4.8 inches.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    ValueError
        If there are fewer than two times, or a number is too small.
    ImportError
        If matplotlib is missing.

    See Also
    --------
    eulerot.plotting.field : Draw vorticity and velocity.
    eulerot.pages.animate : Write a map in motion.

    Examples
    --------
    >>> film("still.gif", np.zeros((2, 8, 8)), [0.0, 1.0], sides=(1.0, 1.0), bound=1.0)  # doctest: +SKIP
    """
    canvas.require()
    moments = checked_array("times", times)
    if moments.ndim != 1 or len(moments) < 2:
        raise ValueError(f"times: expected two at least, to show what moves; got shape {moments.shape}. Save more.")
    draw = _drawing(sides, bound, checked_count("dpi", dpi, least=20))
    tracks: Iterable[ArrayLike | None] = [None] * len(moments) if positions is None else positions
    shown = zip(moments.tolist(), vorticities, tracks, strict=True)
    bar = progress_of(shown, "drawing", "frames", total=len(moments), shown=progress)
    write_atomically(path, gif_of(draw(*each) for each in bar))


def gif_of(pictures: Iterable[Image]) -> bytes:
    """Return pictures of the colours below as a GIF that is repeated, the first and the last shown longer."""
    from PIL import Image

    palette = _palette()
    first, *rest = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    buffer, durations = io.BytesIO(), [_PAUSE, *[_DURATION] * (len(rest) - 1), _PAUSE]
    first.save(buffer, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0, optimize=False)
    return buffer.getvalue()


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


def picture_of(drawn: object) -> Image:
    """Return what a canvas of matplotlib shows now."""
    from PIL.Image import fromarray

    return fromarray(np.asarray(drawn.buffer_rgba())[..., :3].copy())  # type: ignore[attr-defined]


def _drawing(sides: Sequence[float], bound: float, dpi: int) -> Callable[..., Image]:
    """Return the function that draws a frame; the figure is laid out once."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(5.6, 4.8), dpi=dpi, layout="constrained")
    ax, lengths = sheet.subplots(), np.array(sides[:2])
    extent = (0.0, float(lengths[0]), 0.0, float(lengths[1]))
    image = vorticity(np.zeros((2, 2)), extent=extent, bound=bound, ax=canvas.axes_of(ax)).images[0]
    title = ax.set_title("t = 0", fontsize=11, color=canvas.INK)
    cloud = ax.scatter([], [], s=9, linewidths=0.4, edgecolors=canvas.INK)
    agg, colours = FigureCanvasAgg(sheet), list[FloatArray]()
    agg.draw()
    sheet.set_layout_engine("none")

    def draw(time: float, field: FloatArray, points: FloatArray | None) -> Image:
        image.set_data(np.asarray(field).T)
        title.set_text(f"t = {time:.4g}")
        if points is not None:
            places = np.asarray(points)[:, :2]
            inside = np.where((places < 0) | (places > lengths), places % lengths, places)
            if not colours:  # of where they start, from the middle outwards
                colours.append(canvas.latent_colours(4 * inside / lengths - 2))
                cloud.set_facecolor(list(colours[0]))
            cloud.set_offsets(inside)
        agg.draw()
        return picture_of(agg)

    return draw
