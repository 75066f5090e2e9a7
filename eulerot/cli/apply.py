"""``eulerot apply``: points through a rearrangement, or back."""

from __future__ import annotations

import argparse
from pathlib import Path

from eulerot.cli.streams import read_points, show_json, write_points

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "send latents through a rearrangement, or back"
    parser = commands.add_parser("apply", help=words, description=words)
    parser.add_argument("map", type=Path, metavar="MAP.npz", help="a file that eulerot fit wrote")
    parser.add_argument("points", type=Path, metavar="POINTS", help="an .npy file, or an .npz file with an array z")
    parser.add_argument("--inverse", action="store_true", help="from rearranged latents (y) to those of the flow (z)")
    parser.add_argument("--array", help="the array of POINTS.npz to take")
    parser.add_argument("-o", "--out", type=Path, required=True, help="an .npy file, or an .npz file with an array y")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import eulerot

    rearrangement = eulerot.Rearrangement.load(arguments.map)
    source, target = ("y", "z") if arguments.inverse else ("z", "y")
    points = read_points(arguments.points, arguments.array, usual=source)
    moved = (rearrangement.inverse if arguments.inverse else rearrangement.forward)(points)
    write_points(arguments.out, moved, target)
    if arguments.json:
        show_json({"out": arguments.out, "n": len(moved), "dim": rearrangement.dim, "inverse": arguments.inverse})
    else:
        print(f"{len(moved)} points: {arguments.out}")
    return 0
