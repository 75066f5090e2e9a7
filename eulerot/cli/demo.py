"""``eulerot demo``: the main job on a flow that ships with the package."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eulerot.cli.options import add_options, given_options
from eulerot.cli.streams import as_path, show_json
from eulerot.files import write_atomically
from eulerot.shooting.options import FitOptions
from eulerot.transport.report import DUAL_EXPLANATION, EXPLANATION

if TYPE_CHECKING:
    from eulerot.flows.rearranged import RearrangedFlow
    from eulerot.flows.report import FlowReport

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "rearrange a flow that ships with the package; leave a report and pictures in a folder"
    example = "eulerot demo --flow pinwheel --out demo"
    demo = commands.add_parser("demo", help=words, description=words, epilog=example)
    words = "the flow: one of eulerot.zoo.names() (two_moons)"
    demo.add_argument("--flow", default="two_moons", metavar="FLOW", help=words)
    words = "the folder for report and pictures (demo)"
    demo.add_argument("-o", "--out", type=as_path, default=Path("demo"), help=words)
    demo.add_argument("--pairs", type=int, default=8192, metavar="N", help="pairs to fit to (8192)")
    words = "fresh pairs to measure on (5000)"
    demo.add_argument("--test-pairs", type=int, default=5000, metavar="N", help=words)
    demo.add_argument("--no-pictures", action="store_true", help="report only; needs no matplotlib")
    add_options(demo, FitOptions, name="eulerot.rearrange", leave_out=("domain",), modes=16, align=False, seed=0)
    demo.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    """Run the main job on a flow of the zoo."""
    import eulerot

    if not arguments.no_pictures:
        from eulerot import plotting

        plotting.require()
    say = (lambda *words: None) if arguments.json else print
    flow = eulerot.zoo.load(arguments.flow)
    arguments.out.mkdir(parents=True, exist_ok=True)
    say(f"flow: {arguments.flow}, {arguments.pairs} pairs to fit to, {arguments.modes} modes an axis")
    begun = time.perf_counter()
    twin = eulerot.rearrange(
        flow, n_pairs=arguments.pairs, progress=not arguments.quiet, **given_options(arguments, FitOptions)
    )
    seconds = time.perf_counter() - begun
    say(f"fitted in {seconds:.1f} s; now the exact costs of {arguments.test_pairs} fresh pairs")
    report = twin.report(arguments.test_pairs, seed=arguments.seed + 1)
    text = _summary(twin, report, seconds)
    say(text)
    twin.rearrangement.save(arguments.out / "map.npz")
    write_atomically(arguments.out / "report.md", _markdown(arguments, text).encode())
    if not arguments.no_pictures:
        _pictures(arguments, twin, report)
    say(f"report, map{'' if arguments.no_pictures else ', page, pictures and animation'}: {arguments.out}")
    if arguments.json:
        dual = None if report.dual is None else report.dual.numbers
        values = {**asdict(replace(report, dual=None)), "dual": dual}
        shares = {"closed": report.closed, "certified": report.certified}
        show_json({"out": arguments.out, "seconds": seconds, **values, **shares})
    return 0


def _summary(twin: RearrangedFlow, report: FlowReport, seconds: float) -> str:
    assert twin.fit is not None
    return "\n".join(
        [
            str(report),
            f"{'fit time':<14}{seconds:>18.1f} s",
            f"{'fit status':<14}{twin.fit.status:>20}",
            f"{'steps':<14}{sum(g.steps for g in twin.rearrangement.geodesics):>20d}",
        ]
    )


_CAPTIONS = {
    "samples.png": "Samples before and after; colour and brightness show the latent that each comes from.",
    "arrows.png": "From latents to samples, before and after, in one colour scale.",
    "vorticity.png": "The initial vorticity and velocity of the geodesic, in the box.",
    "path.png": "The paths of latents along the geodesic.",
    "path.gif": "The same in motion: the cloud stays Gaussian, and only who is where changes.",
    "costs.png": "Cost before and after, with the exact optimum.",
    "history.png": "Cost of training and held-out pairs against the weight of the regularisation.",
}


def _markdown(arguments: argparse.Namespace, text: str) -> str:
    pictures = (
        "" if arguments.no_pictures else "\n".join(f"\n{words}\n\n![]({name})" for name, words in _CAPTIONS.items())
    )
    options = given_options(arguments, FitOptions)
    settings = ", ".join([f"{arguments.pairs} pairs", *(f"{name}={value}" for name, value in options.items())])
    title = f"# The {arguments.flow} flow, rearranged\n\n{settings}.\n"
    return (
        f"{title}\n```\n{text}\n```\n\n{EXPLANATION} {DUAL_EXPLANATION} All are measured on fresh pairs.\n{pictures}\n"
    )


def _pictures(arguments: argparse.Namespace, twin: RearrangedFlow, report: FlowReport) -> None:
    from eulerot import pages, plotting
    from eulerot.latent.source import normal_points

    folder, title, shown = arguments.out, f"The {arguments.flow} flow, rearranged", not arguments.quiet
    pages.flow_page(twin, report, title=title, progress=shown).write(folder / "report.html")
    pages.animate(twin.rearrangement, folder / "path.gif", progress=shown)
    z = normal_points(4096, twin.dim)
    x, y = np.asarray(twin.flow.forward(z)), twin.rearrangement.forward(z)
    with plotting.figure(folder / "samples.png", columns=2) as (left, right):
        plotting.samples(x, z, ax=left, title="before")
        plotting.samples(x, y, ax=right, title="after")
    with plotting.figure(folder / "arrows.png", columns=2, shared=True) as columns:
        plotting.couplings({"before": z, "after": y}, x, axes=columns)
    with plotting.figure(folder / "path.png") as (axes,):
        twin.rearrangement.plot(ax=axes)
    with plotting.figure(folder / "costs.png") as (axes,):
        report.plot(ax=axes)
    assert twin.fit is not None
    with plotting.figure(folder / "history.png") as (axes,):
        twin.fit.plot(ax=axes)
    geodesics = twin.rearrangement.geodesics
    if geodesics:
        with plotting.figure(folder / "vorticity.png", columns=len(geodesics)) as columns:
            for geodesic, axes in zip(geodesics, columns, strict=True):
                geodesic.plot(ax=axes)
