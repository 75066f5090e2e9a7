"""``eulerot apply``: points through a rearrangement, or back."""

from __future__ import annotations

import argparse
import sys

from eulerot.cli.streams import as_path, checked_output, read_points, show_json, write_points
from eulerot.files import is_stream

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "send latents through a rearrangement, or back"
    parser = commands.add_parser("apply", help=words, description=words)
    parser.add_argument("map", type=as_path, metavar="MAP.npz", help="a file that eulerot fit wrote")
    parser.add_argument("points", type=as_path, metavar="POINTS", help="a file .npy, .csv, or .npz with an array z")
    parser.add_argument("--inverse", action="store_true", help="from rearranged latents (y) to those of the flow (z)")
    parser.add_argument("--array", help="the array of POINTS.npz to take")
    words = "the file to write: .npy, .csv, or .npz with an array y; a device or a pipe is written to as it is"
    parser.add_argument("-o", "--out", type=as_path, required=True, help=words)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import eulerot

    checked_output(arguments.out)
    rearrangement = eulerot.Rearrangement.load(arguments.map)
    source, target = ("y", "z") if arguments.inverse else ("z", "y")
    points = read_points(arguments.points, arguments.array, usual=source)
    moved = (rearrangement.inverse if arguments.inverse else rearrangement.forward)(points)
    write_points(arguments.out, moved, target)
    if arguments.json:
        show_json({"out": arguments.out, "n": len(moved), "dim": rearrangement.dim, "inverse": arguments.inverse})
    else:
        # points that go to a stream may be on their way to another program: the sentence is not for it
        print(f"{len(moved)} points: {arguments.out}", file=sys.stderr if is_stream(arguments.out) else sys.stdout)
    return 0
