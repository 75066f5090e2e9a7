"""The command line: parse, call, print; no numerics."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence

from eulerot._version import __version__
from eulerot.cli import animate, apply, bench, completion, demo, fit, pairs, report, solve, validate

__all__ = ["main"]

_EPILOG = "exit codes: 0 done, 1 a check of validate failed, 2 bad input, 130 interrupted"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eulerot", description="Make normalizing flows transport-efficient.", epilog=_EPILOG
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (demo, pairs, fit, apply, report, animate, solve, bench, validate, completion):
        command.add(commands)
    for subparser in commands.choices.values():
        subparser.epilog = f"example:\n  {subparser.epilog}\n\n{_EPILOG}"
        subparser.formatter_class = argparse.RawDescriptionHelpFormatter
        subparser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        subparser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0: done; 1: a check of ``validate`` failed; 2: bad input, with a sentence on the standard error; 130: interrupted.
    """
    try:
        arguments = _parser().parse_args(argv)
        with warnings.catch_warnings():
            # a sentence, without the line of our source that it comes from
            warnings.showwarning = _show  # type: ignore[assignment]
            return arguments.run(arguments)
    except (ValueError, ImportError, OSError) as error:
        print(f"eulerot: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eulerot: interrupted", file=sys.stderr)
        return 130


def _show(message: Warning | str, *where: object) -> None:
    print(f"eulerot: warning: {message}", file=sys.stderr)
