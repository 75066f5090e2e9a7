"""Time what first calls compile on a fresh installation, here and at an earlier commit, in turns.

    python validation/bench/cold.py [--rounds 5] [--against 980ef3d]

Each call runs in a process of its own with an empty folder for machine code. Seconds are those of the processor that
go into compiling, as Numba's events tell them, so that other work on the machine and the fit itself do not count.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from timing import in_turns

ROOT = Path(__file__).parents[2]
CALLS = {
    "rearrange and report": "eulerot.rearrange(eulerot.zoo.load('two_moons'), n_pairs=2048).report(256)",
    "solve_euler": "eulerot.solve_euler(np.add.outer(x, x), eulerot.Grid((64, 64)), time=0.1, steps=4)",
}
WORK = """
import time
start = time.process_time()
import eulerot
loaded = time.process_time() - start
import numpy as np
from numba.core import event
class Compiling(event.Listener):
    depth, total = 0, 0.0
    def on_start(self, event):
        self.begin = self.begin if self.depth else time.process_time()
        self.depth += 1
    def on_end(self, event):
        self.depth -= 1
        self.total += 0.0 if self.depth else time.process_time() - self.begin
listener = Compiling()
event.register("numba:compile", listener)
x = np.cos(2 * np.pi * np.arange(64) / 64)
{call}
print(loaded, listener.total)
"""


def seconds(package: Path, call: str) -> tuple[float, float]:
    """Return the seconds of an import and of what a call compiles, with the package of a folder."""
    with tempfile.TemporaryDirectory() as machine_code:
        environment = {**os.environ, "PYTHONPATH": str(package), "NUMBA_CACHE_DIR": machine_code}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", WORK.format(call=call)],
            env=environment, capture_output=True, text=True, check=True, cwd=machine_code,
        )  # fmt: skip
    loaded, compiled = done.stdout.split()[-2:]
    return float(loaded), float(compiled)


def checked_out(commit: str, folder: str) -> Path:
    """Return a folder with the files of a commit."""
    files = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(files)) as archive:
        archive.extractall(folder, filter="data")
    return Path(folder)


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", default="980ef3d")
    arguments = parser.parse_args()
    print(f"| | {arguments.against}, s | here, s | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        places = {"before": checked_out(arguments.against, scratch), "here": ROOT}
        for name, call in CALLS.items():
            runs: dict[str, list[tuple[float, float]]] = {place: [] for place in places}
            for place in in_turns(places, arguments.rounds):
                runs[place].append(seconds(places[place], call))
            before, here = (np.median(runs[place], axis=0) for place in places)
            print(f"| compiling, {name} | {before[1]:.1f} | {here[1]:.1f} | {before[1] / here[1]:.1f} |", flush=True)
            print(f"| import | {before[0]:.2f} | {here[0]:.2f} | {before[0] / here[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
