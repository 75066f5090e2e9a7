"""``eulerot validate``: the quick half of the validation, on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from eulerot.cli.streams import show_json

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    words = "check the claims that have a known answer, and print the table; a minute at most"
    parser = commands.add_parser(
        "validate",
        help=words,
        description=f"{words}. The longer half is validation/ of the source tree.",
        epilog="eulerot validate --only steady",
    )
    parser.add_argument("--only", metavar="TEXT", help="the claims that contain this text")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from eulerot.validation import CHECKS, validate

    wanted = arguments.only or ""
    checks = [check for check in CHECKS if wanted in check.claim]
    if not checks:
        raise ValueError(f"--only: expected a part of a claim; no claim contains {wanted!r}.")
    results = validate(checks, progress=not arguments.quiet)
    if arguments.json:
        show_json({"results": [asdict(result) for result in results]})
    else:
        print("| claim | reference | bound | result | passed |\n|---|---|---|---|---|")
        for result in results:
            print(result)
    return 0 if all(result.passed for result in results) else 1
