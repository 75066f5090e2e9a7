"""``eulerot fit``: pairs in, a rearrangement's file out."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from eulerot.cli.streams import as_path, read_pairs, show_json
from eulerot.files import is_stream
from eulerot.shooting.options import FitOptions

if TYPE_CHECKING:
    from eulerot.shooting.fit import FitResult

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "fit a rearrangement to pairs, and write it to a file"
    parser = commands.add_parser("fit", help=words, description=words)
    parser.add_argument("pairs", type=as_path, metavar="PAIRS.npz", help="arrays z (standard normal) and x (data)")
    parser.add_argument("-o", "--out", type=as_path, default=Path("map.npz"), help="the file to write (map.npz)")
    _add_options(parser)
    parser.set_defaults(run=_run)


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a fit; what is not given is left to `eulerot.fit`."""
    group = parser.add_argument_group("options of the fit, by default those of eulerot.fit")
    keep: dict = {"default": argparse.SUPPRESS}
    group.add_argument("--modes", type=int, **keep, help="modes an axis")
    group.add_argument("--geodesics", type=int, **keep, help="geodesics that are composed")
    words = "planes that depend on the other coordinates after the geodesics, in four dimensions and more"
    group.add_argument("--conditional", action="store_true", **keep, help=words)
    group.add_argument("--align", action=argparse.BooleanOptionalAction, **keep, help="rotate first")
    group.add_argument("--regularisation", type=float, nargs="+", metavar="WEIGHT", **keep, help="weights to try")
    group.add_argument("--max-iterations", type=int, **keep, help="iterations for each weight")
    group.add_argument("--held-out", type=float, **keep, help="share of the pairs that chooses the weight")
    group.add_argument("--seed", type=int, **keep, help="seed of all that is random")
    words = "a file from which the same command goes on after a kill or Ctrl-C"
    group.add_argument("--checkpoint", type=as_path, metavar="PATH", **keep, help=words)
    group.add_argument("--threads", type=int, **keep, help="threads; the result does not depend on them")


def _run(arguments: argparse.Namespace) -> int:
    import eulerot

    z, x = read_pairs(arguments.pairs)
    if not arguments.out.absolute().parent.is_dir():
        raise FileNotFoundError(f"--out: no folder {arguments.out.absolute().parent}. Make it first.")
    names = {option.name for option in fields(FitOptions)}
    given = {name: value for name, value in vars(arguments).items() if name in names}
    result = eulerot.fit(z, x, progress=not arguments.quiet, **given)
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
