"""Time one tendency of every peer, in double precision, on one core and the same grid, without viscosity.

    python validation/bench/solvers.py --points 256x256,1024x1024,64x64x64 [--python PEER=INTERPRETER]

Each runs in a process of its own, and they are timed in turns. Each is checked first: all must give the tendency of one
smooth field. A peer that is not installed is reported and left out. One that needs an environment of its own is given
its interpreter: ``--python pyqg=other/bin/python``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from timing import in_turns, median, ratio

SOLVERS = Path(__file__).with_name("peer_solvers.py")


class Peer(NamedTuple):
    """The distribution that a peer comes from, and what its sources say of its tendency."""

    distribution: str
    transforms: str
    scheme: str
    dealiasing: str


_ADVECTION = "u . grad omega"
PEERS_2D = {
    "eulerot": Peer("eulerot", "4", "Basdevant, FFTW", "2/3, exact"),
    "exponax": Peer("exponax", "5", f"{_ADVECTION}, XLA", "2/3 brick, before and after the product"),
    "jax_cfd": Peer("jax-cfd", "5", f"{_ADVECTION}, XLA", "2/3 brick, after the product only"),
    "fluidsim": Peer("fluidsim", "5", f"{_ADVECTION}, Pythran, FFTW", "2/3 brick, after the product only"),
    "pyqg": Peer("pyqg", "5", "div (u q), Cython, FFTW", "smooth filter of the state, once a step: none here"),
    "torch_cfd": Peer("torch-cfd", "5", f"{_ADVECTION}, eager", "2/3 brick, after the product only"),
}
PEERS_3D = {
    "eulerot": Peer("eulerot", "8", "Basdevant, FFTW", "2/3, exact"),
    "exponax": Peer("exponax", "9", "u x omega, projected, XLA", "2/3 brick, before and after the product"),
    "fluidsim": Peer("fluidsim", "9", "u x omega, projected, Pythran, FFTW", "2/3 brick, after the product only"),
}


_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# glibc gives large arrays back to the system when they are freed; new ones then cost a page fault every 4 kB
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296"}


class Worker:
    """Runs a peer in a process of its own, on one core.

    Parameters
    ----------
    script : Path
        What the process runs.
    name : str
        The peer.
    peer : Peer
        Its facts.
    points : tuple of int
        The grid.
    python : str
        The interpreter.
    core : int
        The core.
    words : sequence
        What else the script takes.
    keep_memory : bool
        Whether malloc keeps what is freed.
    """

    def __init__(
        self,
        script: Path,
        name: str,
        peer: Peer,
        points: tuple[int, ...],
        python: str,
        *,
        core: int,
        words: Sequence[object],
        keep_memory: bool,
    ) -> None:
        given = [name, peer.distribution, len(points), points[0], core, *words]
        command = [python, str(script), *map(str, given)]
        environment = {**os.environ, **_ONE_THREAD, **(_KEEP_MEMORY if keep_memory else {})}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(self._process.communicate()[1].strip().splitlines()[-1])
        self.facts = json.loads(answer)

    def seconds(self) -> float:
        """Return the mean time of a call over one batch."""
        print(file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def compare(points: tuple[int, ...], pythons: dict[str, str], *, rounds: int, **options: object) -> None:
    """Print the table of one grid in Markdown."""
    peers = PEERS_2D if len(points) == 2 else PEERS_3D
    workers: dict[str, Worker] = {}
    for name, peer in peers.items():
        try:
            workers[name] = Worker(SOLVERS, name, peer, points, pythons.get(name, sys.executable), **options)
        except RuntimeError as error:
            print(f"{name} left out: {error}", file=sys.stderr)
    times: dict[str, list[float]] = {name: [] for name in workers}
    for name in in_turns(workers, rounds):
        times[name].append(workers[name].seconds())
    first = next(iter(workers))
    print(f"\n| {'x'.join(map(str, points))} | tendency, ms | over {first} | transforms | scheme ", end="")
    print("| dealiasing | error |\n|---|---|---|---|---|---|---|")
    for name, worker in workers.items():
        peer = peers[name]
        print(
            f"| {peer.distribution} {worker.facts['version']} "
            f"| {median(times, name):.3f} | {ratio(times, name, first):.2f} "
            f"| {peer.transforms} | {peer.scheme} | {peer.dealiasing} | {worker.facts['error']:.0e} |",
            flush=True,
        )
        worker.close()


def parser_of(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Return a parser of the options that comparisons of peers share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", default="256x256", help="256x256, 1024x1024, 64x64x64, ...; commas between several")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=INTERPRETER")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--keep-memory", action="store_true", help="forbid malloc to return freed arrays to the system")
    return parser


def compare_on_grids(compare: Callable[..., None], arguments: argparse.Namespace, **others: object) -> None:
    """Compare on the grids that the command line names."""
    pythons = dict(entry.split("=", 1) for entry in arguments.python)
    options = {"rounds": arguments.rounds, "core": arguments.core, "keep_memory": arguments.keep_memory}
    for points in arguments.points.split(","):
        compare(tuple(map(int, points.split("x"))), pythons, **options, **others)


def main() -> None:
    """Compare tendencies."""
    parser = parser_of(__doc__, rounds=15)
    parser.add_argument("--seconds", type=float, default=0.05, help="a batch")
    arguments = parser.parse_args()
    compare_on_grids(compare, arguments, words=[arguments.seconds])


if __name__ == "__main__":
    main()
