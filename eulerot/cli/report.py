"""``eulerot report``: what pairs cost, and what they cost after a rearrangement."""

from __future__ import annotations

import argparse

from eulerot.checks import DOMAINS
from eulerot.cli.streams import as_path, checked_folder, show_json
from eulerot.cli.tables import read_pairs

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "measure the transport of pairs: cost, exact optimum, excess and lower bound"
    note = "With a map: before and after; take pairs that its fit has not seen."
    example = "eulerot report pairs.npz --map map.npz --html report.html"
    parser = commands.add_parser("report", help=words, description=f"{words}. {note}", epilog=example)
    words = "latents z and data x: arrays of an .npz file, or columns z0, ..., x0, ... of a table"
    parser.add_argument("pairs", type=as_path, metavar="PAIRS", help=words)
    parser.add_argument("--map", type=as_path, metavar="MAP.npz", help="a rearrangement, to measure what it changes")
    words = "also write a page with pictures, the animation and the certificates"
    parser.add_argument("--html", type=as_path, metavar="OUT.html", help=words)
    words = "also say which geodesics of the map are certified to be shortest paths"
    parser.add_argument("--certificate", action="store_true", help=words)
    words = "torus for angles; by default that of the map, or cube"
    parser.add_argument("--domain", choices=DOMAINS, help=words)
    words = "measure the first so many (5000); memory grows as their square"
    parser.add_argument("--max-pairs", type=int, default=5000, metavar="N", help=words)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the dual bound (0)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import eulerot
    from eulerot.flows.pairs_report import PairsReport

    if arguments.max_pairs < 1:
        raise ValueError(f"--max-pairs: expected at least 1; got {arguments.max_pairs}. 5000 take half a minute.")
    rearrangement = None if arguments.map is None else eulerot.Rearrangement.load(arguments.map)
    z, x = (array[: arguments.max_pairs] for array in read_pairs(arguments.pairs))
    if arguments.html is not None:
        from eulerot import pages, plotting

        plotting.require()
        checked_folder(arguments.html)
    report = PairsReport(z, x, rearrangement, arguments.domain, arguments.seed)
    certificate = report.certificate if arguments.certificate else None
    if arguments.json:
        show_json(report.numbers if certificate is None else {**report.numbers, "certificate": certificate.numbers})
    else:
        print(report if certificate is None else f"{report}\n{certificate}")
    if arguments.html is not None:
        pages.pairs_page(z, x, rearrangement, report=report, progress=not arguments.quiet).write(arguments.html)
    return 0
