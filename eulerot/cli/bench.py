"""``eulerot bench``: how fast this machine is, as ratios that other machines should give too."""

from __future__ import annotations

import argparse

from eulerot.cli.streams import show_json

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "measure the solver and the map in a few seconds; every number is a median"
    parser = commands.add_parser("bench", help=words, description=words, epilog="eulerot bench --threads 1")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of the map (all)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="measurements of each (7)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from eulerot.benchmark import benchmark

    values = benchmark(rounds=arguments.rounds, threads=arguments.threads, progress=not arguments.quiet)
    if arguments.json:
        show_json(values)
    else:
        for name, value in values.items():
            print(f"{name:<50}{value:>12.2f}" if value < 1000 else f"{name:<50}{value:>12.0f}")
    return 0
