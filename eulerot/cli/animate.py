"""``eulerot animate``: a rearrangement in motion."""

from __future__ import annotations

import argparse
from pathlib import Path

from eulerot.cli.streams import as_path, show_json

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "draw latents that move along the geodesics as a GIF; needs matplotlib"
    parser = commands.add_parser("animate", help=words, description=words)
    parser.add_argument("map", type=as_path, metavar="MAP.npz", help="a file that eulerot fit wrote")
    parser.add_argument("-o", "--out", type=as_path, default=Path("path.gif"), help="the file to write (path.gif)")
    parser.add_argument("--frames", type=int, default=40, help="pictures from start to end (40)")
    parser.add_argument("--points", type=int, default=2500, help="latents (2500)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import eulerot
    from eulerot import pages

    rearrangement = eulerot.Rearrangement.load(arguments.map)
    pages.animate(
        rearrangement, arguments.out, frames=arguments.frames, n=arguments.points, progress=not arguments.quiet
    )
    if arguments.json:
        show_json({"out": arguments.out, "frames": arguments.frames})
    else:
        print(f"{arguments.frames} frames: {arguments.out}")
    return 0
