"""``eulerot pairs``: latents and data of a flow that ships with the package, to try the other commands on."""

from __future__ import annotations

import argparse
from pathlib import Path

from eulerot.cli.streams import as_path, show_json
from eulerot.cli.tables import checked_output, write_pairs

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "draw pairs of a flow that ships with the package, for eulerot fit and eulerot report"
    example = "eulerot pairs pinwheel -n 8192 -o pairs.npz"
    parser = commands.add_parser("pairs", help=words, description=words, epilog=example)
    parser.add_argument("flow", metavar="FLOW", help="the flow: one of eulerot.zoo.names(), such as two_moons")
    parser.add_argument("-n", type=int, default=8192, metavar="N", help="how many (8192)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the latents (0)")
    words = "the file to write: .npz, .npy, .csv or .parquet (pairs.npz)"
    parser.add_argument("-o", "--out", type=as_path, default=Path("pairs.npz"), help=words)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import eulerot
    from eulerot.checks import checked_count
    from eulerot.latent.source import random_source

    checked_output(arguments.out)
    flow = eulerot.zoo.load(arguments.flow)
    z = random_source(checked_count("n", arguments.n), flow.dim, arguments.seed)
    write_pairs(arguments.out, z, flow.forward(z))
    if arguments.json:
        show_json({"out": arguments.out, "flow": arguments.flow, "n": len(z), "dim": flow.dim})
    else:
        print(f"{len(z)} pairs of {arguments.flow}: {arguments.out}")
    return 0
