"""Measure paths between data along straight lines of latents, with flows and with their twins.

python docs/examples/interpolation.py --picture docs/images/interpolation.png
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import numpy as np

import eulerot
from eulerot import plotting

FLOWS = ("two_moons", "eight_gaussians", "checkerboard", "pinwheel")
SHOWN = 12  # paths in the picture, the first ones


class Paths(NamedTuple):
    """What is measured of each path, shape ``(n,)``.

    Attributes
    ----------
    length : ndarray
        The length in data space.
    log_density : ndarray
        The mean of the log density over the time of the latents.
    least : ndarray
        The lowest log density on the way.
    back : ndarray
        The share of the time in which the data move against the direction in which the latents move.
    """

    length: np.ndarray
    log_density: np.ndarray
    least: np.ndarray
    back: np.ndarray


def path(flow: Any, a: np.ndarray, b: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the data of straight lines of latents between data, shape ``(times, n, 2)``."""
    start, end, t = flow.inverse(a), flow.inverse(b), times[:, None, None]
    latents = (1 - t) * start + t * end
    return flow.forward(latents.reshape(-1, 2)).reshape(latents.shape)


def measured(flow: Any, a: np.ndarray, b: np.ndarray, steps: int = 256) -> Paths:
    """Return the measures of the paths between data."""
    x = path(flow, a, b, np.linspace(0, 1, steps + 1))
    moves = np.diff(x, axis=0)
    log_density = flow.log_prob(x.reshape(-1, 2)).reshape(x.shape[:2])
    forwards = np.sum(moves * (flow.inverse(b) - flow.inverse(a)), axis=2)
    return Paths(
        np.linalg.norm(moves, axis=2).sum(axis=0),
        log_density.mean(axis=0),
        log_density.min(axis=0),
        np.mean(forwards < 0, axis=0),
    )


def with_error(values: np.ndarray, form: str) -> str:
    """Return a mean with its standard error."""
    return f"{values.mean():{form}} ± {values.std(ddof=1) / np.sqrt(len(values)):{form}}"


def row(name: str, twin: eulerot.RearrangedFlow, n: int) -> str:
    """Return the line of the table of one flow, over `n` pairs of data."""
    a, b = twin.flow.sample(n, seed=1), twin.flow.sample(n, seed=2)
    before, after = measured(twin.flow, a, b), measured(twin, a, b)
    apart = np.linalg.norm(b - a, axis=1).mean()
    cells = [
        name,
        f"{before.length.mean() / apart:.2f}",
        f"{after.length.mean() / apart:.2f}",
        with_error((after.length - before.length) / apart, ".2f"),
        with_error(1.0 * (after.length < before.length), ".2f"),
        with_error(after.log_density - before.log_density, ".2f"),
        with_error(after.least - before.least, ".2f"),
        f"{100 * before.back.mean():.1f} %",
        f"{100 * after.back.mean():.1f} %",
    ]
    return f"| {' | '.join(cells)} |"


def draw(twins: dict[str, eulerot.RearrangedFlow], picture: str) -> None:
    """Draw the first paths of two flows before and after, over samples in the colours of their latents."""
    times = np.linspace(0, 1, 1025)
    with plotting.figure(picture, columns=2 * len(twins)) as axes:
        panels = iter(axes)
        for name, twin in twins.items():
            a, b = twin.flow.sample(SHOWN, seed=1), twin.flow.sample(SHOWN, seed=2)
            for title, flow, latents in zip(
                ("flow", "twin"), (twin.flow, twin), (twin.flow.inverse, twin.inverse), strict=True
            ):
                ax, x = next(panels), twin.flow.sample(4000, seed=0)
                plotting.samples(x, latents(x), ax=ax, title=f"{name.replace('_', ' ')}, {title}")
                ax.plot(*np.moveaxis(path(flow, a, b, times), 2, 0), color="black", linewidth=1.0)
                ax.plot(*a.T, "o", *b.T, "o", color="black", markersize=4)


def main(arguments: list[str] | None = None, n_pairs: int = 4096, modes: int = 8) -> None:
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", nargs="+", default=FLOWS)
    parser.add_argument("--paths", type=int, default=1000)
    parser.add_argument("--picture")
    options = parser.parse_args(arguments)
    columns = "length, flow", "twin", "difference", "shorter with the twin", "log density, difference"
    columns += "lowest, difference", "backwards, flow", "twin"
    print(f"| flow | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    twins = {}
    for name in options.flows:
        twins[name] = eulerot.rearrange(eulerot.zoo.load(name), n_pairs=n_pairs, modes=modes)
        print(row(name, twins[name], options.paths), flush=True)
    if options.picture:
        shown = [name for name in options.flows if name in ("two_moons", "pinwheel")]
        draw({name: twins[name] for name in shown}, options.picture)


if __name__ == "__main__":
    main()
