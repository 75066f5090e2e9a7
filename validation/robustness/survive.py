"""Kill a fit at random times until it is done, and compare its map with that of a fit that was left alone.

    python validation/robustness/survive.py

8192 pairs of the pinwheel, 16 modes, two geodesics. The process that is left alone starts with an empty folder for
compiled loops, so that it compiles what the others load. These take one and two threads in turns, and are killed by
SIGKILL at a random moment after one to sixteen evaluations that they computed and did not read, seeded; after 25 kills,
or when the fit was done before, the last one runs to its end. The journal is written as often as its cost allows, not
every second, so that the kills are spread over the whole fit.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from eulerot import files

KILLS = 25
LONGEST = 16
FIT = """
import sys
import eulerot
from eulerot.shooting import journal
from eulerot.shooting.objective import Objective

def reported(self, *arguments, evaluate=Objective.__call__):
    print("computed", flush=True)
    return evaluate(self, *arguments)

Objective.__call__ = reported
journal._INTERVAL = 0.0
flow = eulerot.zoo.load("pinwheel")
options = {"modes": 16, "geodesics": 2, "align": False}
twin = eulerot.rearrange(flow, n_pairs=8192, threads=int(sys.argv[2]), checkpoint=sys.argv[1], **options)
twin.rearrangement.save(sys.argv[1] + ".map")
print(twin.fit.status, twin.fit.cost_after.hex(), sum(stage.iterations for stage in twin.fit.history))
"""


def started(name: str, threads: int, folder: Path) -> subprocess.Popen:
    """Start a fit, which writes a line for each evaluation that it computes."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-c", FIT, name, str(threads)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


def evaluations(path: Path) -> int:
    """Return how many evaluations a checkpoint holds; raises if it is not whole."""
    return len(files.read_arrays(path, kind="eulerot checkpoint", version=1)["sizes"]) if path.exists() else 0


def finished(name: str, folder: Path) -> None:
    """Start a fit, let it end, and print how many evaluations it computed."""
    lines = started(name, 2, folder).communicate()[0].splitlines()
    words = f"{len(lines) - 1} computed, {evaluations(folder / name)} kept; {lines[-1]}"
    print(f"{name}: {words}", flush=True)


def main() -> int:
    """Print what each kill left, and whether the maps are equal; return 0 if they are."""
    rng, folder, killed = np.random.default_rng(0), Path(tempfile.mkdtemp()), 0
    finished("alone", folder)
    for number in range(1, KILLS + 1):
        process = started("killed", 1 + number % 2, folder)
        assert process.stdout is not None
        count = rng.integers(1, LONGEST + 1)
        if not all(process.stdout.readline() == "computed\n" for _ in range(count)):
            process.communicate()
            print("the fit was done")
            break
        time.sleep(rng.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        print(f"kill {number:2} after {count:2} more: {evaluations(folder / 'killed'):4} kept", flush=True)
    finished("killed", folder)
    equal = (folder / "killed.map").read_bytes() == (folder / "alone.map").read_bytes()
    left = sorted(path.name for path in folder.iterdir() if path.name != "cache")
    print(f"{killed} kills; maps equal, byte for byte: {equal}; files: {', '.join(left)}")
    return 0 if equal and left == ["alone", "alone.map", "killed", "killed.map"] else 1


if __name__ == "__main__":
    sys.exit(main())
