"""``eulerot fit``: pairs in, a rearrangement's file out."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from eulerot.cli.options import add_options, given_options
from eulerot.cli.streams import as_path, checked_folder, show_json
from eulerot.cli.tables import read_pairs
from eulerot.files import is_stream
from eulerot.shooting.options import FitOptions

if TYPE_CHECKING:
    from eulerot.shooting.fit import FitResult

__all__ = ["add"]

_PAIRS = (
    "latents z (standard normal) and data x: arrays of an .npz file, or columns z0, ..., x0, ... of .csv or .parquet"
)


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "fit a rearrangement to pairs, and write it to a file"
    example = "eulerot fit pairs.npz -o map.npz --modes 12 --seed 1"
    parser = commands.add_parser("fit", help=words, description=words, epilog=example)
    parser.add_argument("pairs", type=as_path, metavar="PAIRS", help=_PAIRS)
    parser.add_argument("-o", "--out", type=as_path, default=Path("map.npz"), help="the file to write (map.npz)")
    add_options(parser, FitOptions, name="eulerot.fit")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import eulerot

    z, x = read_pairs(arguments.pairs)
    checked_folder(arguments.out)
    result = eulerot.fit(z, x, progress=not arguments.quiet, **given_options(arguments, FitOptions))
    result.rearrangement.save(arguments.out)
    if arguments.json:
        values = {name: value for name, value in vars(result).items() if name not in ("rearrangement", "history")}
        show_json({"map": arguments.out, **values, "history": [asdict(stage) for stage in result.history]})
    else:
        print(_table(result, arguments.out), file=sys.stderr if is_stream(arguments.out) else sys.stdout)
    return 130 if result.status == "interrupted" else 0


def _table(result: FitResult, out: Path) -> str:
    lines = [f"{'weight':>10}{'iterations':>12}{'training':>12}{'held out':>12}"]
    for stage in result.history:
        costs = f"{stage.train_cost:>12.5f}{stage.held_out_cost:>12.5f}"
        lines.append(f"{stage.regularisation:>10.0e}{stage.iterations:>12d}{costs}")
    lines += [
        f"held-out cost {result.cost_before:.5f} before, {result.cost_after:.5f} after "
        f"({result.n_train} pairs to fit to, {result.n_held_out} held out)",
        f"{result.status}: {result.message}",
        f"fitted in {result.seconds:.1f} s; map: {out}",
    ]
    return "\n".join(lines)
