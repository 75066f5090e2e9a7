"""The command line: parse, call, print; no numerics."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from eulerot.flows.rearranged import FlowReport, RearrangedFlow

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    from eulerot.flows import zoo

    parser = argparse.ArgumentParser(prog="eulerot", description="Make normalizing flows transport-efficient.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="rearrange a flow that ships with the package; leave a report and pictures in a folder",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    demo.add_argument("--flow", choices=zoo.names(), default="two_moons", help="the flow")
    demo.add_argument("--out", type=Path, default=Path("demo"), help="the folder for report and pictures")
    demo.add_argument("--pairs", type=int, default=8192, help="pairs to fit to")
    demo.add_argument("--test-pairs", type=int, default=5000, help="fresh pairs to measure on")
    demo.add_argument("--modes", type=int, default=16, help="modes an axis")
    demo.add_argument("--segments", type=int, default=1, help="geodesics that are composed")
    demo.add_argument("--align", action=argparse.BooleanOptionalAction, default=False, help="rotate first")
    demo.add_argument("--seed", type=int, default=0, help="seed of the pairs and of the fit")
    demo.add_argument("--no-pictures", action="store_true", help="report only; needs no matplotlib")
    demo.set_defaults(run=_demo)
    return parser


def _demo(arguments: argparse.Namespace) -> int:
    """Run the main job on a flow of the zoo."""
    import eulerot

    if not arguments.no_pictures:
        from eulerot import plotting

        plotting.require()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(f"flow: {arguments.flow}, {arguments.pairs} pairs to fit to, {arguments.modes} modes an axis")
    begun = time.perf_counter()
    twin = eulerot.rearrange(
        eulerot.zoo.load(arguments.flow), n_pairs=arguments.pairs, seed=arguments.seed, modes=arguments.modes,
        segments=arguments.segments, align=arguments.align, progress=True,
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    print(f"fitted in {seconds:.1f} s; now the exact costs of {arguments.test_pairs} fresh pairs", flush=True)
    report = twin.report(arguments.test_pairs, seed=arguments.seed + 1)
    text = _summary(arguments, twin, report, seconds)
    print(text)
    (arguments.out / "report.md").write_text(_markdown(arguments, text), encoding="utf-8")
    if not arguments.no_pictures:
        _pictures(arguments.out, twin, report)
    print(f"report and pictures: {arguments.out}")
    return 0


def _summary(arguments: argparse.Namespace, twin: RearrangedFlow, report: FlowReport, seconds: float) -> str:
    assert twin.fit is not None
    return "\n".join(
        [
            str(report),
            f"{'fit time':<14}{seconds:>18.1f} s",
            f"{'fit status':<14}{twin.fit.status:>20}",
            f"{'steps':<14}{sum(g.steps for g in twin.rearrangement.geodesics):>20d}",
        ]
    )


_EXPLANATION = """
*cost* is the mean squared distance from a latent to its sample, *exact* the optimum for the same two samples
(linear programming), *excess* their difference, *lower bound* what moments alone prove. *closed* is the share of
the excess that is gone. *density error* is the largest change of log density by the rearrangement. All are measured
on fresh pairs.
"""

_CAPTIONS = {
    "samples.png": "Samples before and after; colour and brightness show the latent that each comes from.",
    "arrows.png": "From latents to samples, before and after.",
    "vorticity.png": "The initial vorticity of the geodesic, in the box.",
    "path.png": "The way of latents along the geodesic.",
    "costs.png": "Cost before and after, with the exact optimum.",
    "history.png": "Cost of training and held-out pairs against the weight of the regularisation.",
}


def _markdown(arguments: argparse.Namespace, text: str) -> str:
    pictures = (
        "" if arguments.no_pictures else "\n".join(f"\n{words}\n\n![]({name})" for name, words in _CAPTIONS.items())
    )
    settings = (
        f"{arguments.pairs} pairs, {arguments.modes} modes, {arguments.segments} segments, align={arguments.align}"
    )
    title = f"# The {arguments.flow} flow, rearranged\n\n{settings}, seed {arguments.seed}.\n"
    return f"{title}\n```\n{text}\n```\n{_EXPLANATION}{pictures}\n"


def _pictures(folder: Path, twin: RearrangedFlow, report: FlowReport) -> None:
    from eulerot import plotting
    from eulerot.source import normal_points

    z = normal_points(4096, twin.dim)
    x, y = np.asarray(twin.flow.forward(z)), twin.rearrangement.forward(z)
    with plotting.figure(folder / "samples.png", columns=2) as (left, right):
        plotting.samples(x, z, ax=left, title="before")
        plotting.samples(x, y, ax=right, title="after")
    with plotting.figure(folder / "arrows.png", columns=2) as (left, right):
        plotting.arrows(z, x, ax=left)
        plotting.arrows(y, x, ax=right)
        left.set_title("before")
        right.set_title("after")
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 done, 2 bad input, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except (ValueError, ImportError, OSError) as error:
        print(f"eulerot: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eulerot: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
