"""``eulerot report``: what pairs cost, and what they cost after a rearrangement."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import numpy as np

from eulerot.cli.streams import as_path, read_pairs, show_json
from eulerot.flows.report import MANY, unseen
from eulerot.transport.dual import FEWEST
from eulerot.transport.report import closed_in_words, closed_share

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "measure the transport of pairs: cost, exact optimum, excess and lower bound"
    note = "With a map: before and after; take pairs that its fit has not seen."
    parser = commands.add_parser("report", help=words, description=f"{words}. {note}")
    parser.add_argument("pairs", type=as_path, metavar="PAIRS.npz", help="arrays z and x")
    parser.add_argument("--map", type=as_path, metavar="MAP.npz", help="a rearrangement, to measure what it changes")
    parser.add_argument("--html", type=as_path, metavar="OUT.html", help="also write a page with pictures")
    parser.add_argument("--max-pairs", type=int, default=5000, help="measure the first so many; memory grows as n^2")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import eulerot

    if arguments.max_pairs < 1:
        raise ValueError(f"--max-pairs: expected at least 1; got {arguments.max_pairs}. 5000 take half a minute.")
    rearrangement = None if arguments.map is None else eulerot.Rearrangement.load(arguments.map)
    z, x = (array[: arguments.max_pairs] for array in read_pairs(arguments.pairs))
    if arguments.html is not None:
        from eulerot import pages, plotting

        plotting.require()
    domain = "cube" if rearrangement is None else rearrangement.domain
    before = eulerot.transport_report(z, x, domain=domain)
    values: dict[str, object] = {"before": asdict(before)}
    text = str(before)
    if rearrangement is not None:
        y = rearrangement.forward(z)
        after = eulerot.transport_report(y, x, domain=domain)
        closed, words = closed_share(before, after), closed_in_words(before, after)
        error = float(np.max(np.abs(rearrangement.log_abs_det(z))))
        values |= {"after": asdict(after), "closed": closed, "density_error": error}
        values["geodesic_error"] = rearrangement.geodesic_error
        errors = f"density error {error:.1e}, geodesic error {rearrangement.geodesic_error:.1e}"
        text = f"before: {before}\nafter: {after}\nclosed: {words}; {errors}"
        if domain == "cube" and len(x) >= FEWEST:
            bound = eulerot.dual_bound(y, x)
            values |= {"dual": bound.numbers, "certified": bound.closed(before.cost)}
            certified = f"certified: {bound.closed_in_words(before.cost)}; dual bound {bound.in_words}"
            text = f"{certified}\n{text}\n{unseen(before, after)}" if x.shape[1] >= MANY else f"{text}\n{certified}"
    show_json(values) if arguments.json else print(text)
    if arguments.html is not None:
        pages.pairs_page(z, x, rearrangement).write(arguments.html)
    return 0
