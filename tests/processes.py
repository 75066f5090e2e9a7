"""Python in other processes, on the source tree."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def started(*arguments, **options):
    """Return a running process of Python, its output as text in pipes."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *arguments], env=environment, **pipes, **options)


def python(*arguments, **options):
    """Return what a process of Python wrote to its two outputs; it has to end well."""
    process = started(*arguments, **options)
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return out, errors
