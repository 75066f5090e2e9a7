"""``eulerot animate``: a rearrangement in motion."""

from __future__ import annotations

import argparse
from pathlib import Path

from eulerot.cli.streams import as_path, show_json

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "draw latents that move along the geodesics as a GIF; needs matplotlib"
    example = "eulerot animate map.npz -o path.gif --frames 60"
    parser = commands.add_parser("animate", help=words, description=words, epilog=example)
    parser.add_argument("map", type=as_path, metavar="MAP.npz", help="a file that eulerot fit wrote")
    parser.add_argument("-o", "--out", type=as_path, default=Path("path.gif"), help="the file to write (path.gif)")
    parser.add_argument("--frames", type=int, default=40, metavar="N", help="pictures from start to end (40)")
    parser.add_argument("--points", type=int, default=2500, metavar="N", help="latents (2500)")
    words = "resolution (90); the picture is 8 by 4 inches"
    parser.add_argument("--dpi", type=int, default=90, metavar="N", help=words)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import eulerot
    from eulerot import pages

    rearrangement = eulerot.Rearrangement.load(arguments.map)
    pages.animate(
        rearrangement, arguments.out, frames=arguments.frames, n=arguments.points, dpi=arguments.dpi,
        progress=not arguments.quiet,
    )  # fmt: skip
    if arguments.json:
        show_json({"out": arguments.out, "frames": arguments.frames})
    else:
        print(f"{arguments.frames} frames: {arguments.out}")
    return 0
