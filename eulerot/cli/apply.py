"""``eulerot apply``: points through a rearrangement, or back."""

from __future__ import annotations

import argparse
import sys

from eulerot.cli.streams import as_path, show_json
from eulerot.cli.tables import checked_output, read_points, write_points
from eulerot.files import is_stream

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "send latents through a rearrangement, or back"
    example = "eulerot apply map.npz pairs.npz -o y.csv"
    parser = commands.add_parser("apply", help=words, description=words, epilog=example)
    parser.add_argument("map", type=as_path, metavar="MAP.npz", help="a file that eulerot fit wrote")
    words = "a file .npy, .csv, .parquet, or .npz with an array z"
    parser.add_argument("points", type=as_path, metavar="POINTS", help=words)
    parser.add_argument("--inverse", action="store_true", help="from rearranged latents (y) to those of the flow (z)")
    parser.add_argument("--array", metavar="WORD", help="the array of POINTS to take, of several")
    words = "read the map from tables within this error, some twenty times as fast"
    parser.add_argument("--tabulated", type=float, metavar="ERROR", help=words)
    parser.add_argument("--threads", type=int, metavar="N", help="threads (all); the result does not depend on them")
    words = (
        "the file to write: .npy, .csv, .parquet, or .npz with an array y; devices and pipes are written to as they are"
    )
    parser.add_argument("-o", "--out", type=as_path, required=True, help=words)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import eulerot

    checked_output(arguments.out)
    rearrangement = eulerot.Rearrangement.load(arguments.map, threads=arguments.threads)
    moves = rearrangement if arguments.tabulated is None else rearrangement.tabulated(error=arguments.tabulated)
    source, target = ("y", "z") if arguments.inverse else ("z", "y")
    points = read_points(arguments.points, arguments.array, usual=source)
    moved = (moves.inverse if arguments.inverse else moves.forward)(points)
    write_points(arguments.out, moved, target)
    if arguments.json:
        show_json({"out": arguments.out, "n": len(moved), "dim": rearrangement.dim, "inverse": arguments.inverse})
    else:
        # points that go to a stream may be on their way to another program: the sentence is not for it
        print(f"{len(moved)} points: {arguments.out}", file=sys.stderr if is_stream(arguments.out) else sys.stdout)
    return 0
