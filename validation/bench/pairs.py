"""Time fits of more and more pairs in the plane, with the memory that they take and the error of the map.

    python validation/bench/pairs.py [--pairs 8192,65536,262144,1000000] [--problem swirl]

Each in a process of its own, after a small fit that compiles. Of very many pairs a fit takes a part, and says how many
were enough. Then, of one evaluation of the cost of all geodesics and its gradient on one thread, the slope of its time
by pairs, modes and geodesics, and the share of the sums of products a second that a product of matrices does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from time import perf_counter

import numpy as np
from earlier import FITS_FOLDER
from timing import seconds_per_call

from eulerot._linear_algebra import ONE_THREAD
from eulerot.euler.grid import Grid
from eulerot.rearrangement.rotations import plane_rotation
from eulerot.shooting.joint_objective import JointObjective, Planes
from eulerot.shooting.objective import field_modes

FIT = """
import resource, sys, time
sys.path.append({folder!r})
import numpy as np, eulerot
from problems import PLANTED
flow = PLANTED[{problem!r}]
z = flow.latents({pairs})
x = flow.forward(z)
eulerot.fit(z[:2000], x[:2000], modes=4)
start = time.perf_counter()
result = eulerot.fit(z, x)
seconds = time.perf_counter() - start
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
z = flow.latents(50_000, seed=9)
y, x = result.rearrangement.forward(z), flow.forward(z)
truth = flow.monge.forward(y)
error = 100 * np.mean(np.sum((x - truth) ** 2, axis=1)) / np.sum(truth.var(axis=0))
print(seconds, memory, error, result.n_train, len(result.rearrangement.geodesics))
"""
# Pairs, modes and geodesics of the evaluation from which the slopes start, and by which factors each is raised
BASE, FACTORS, LOW = (65_536, 16, 2), (1, 2, 3), 8
# Of a velocity by splines of order eight in the plane: sums over eight rows of eight for the value and one derivative,
# over the eight sums for three numbers, and the weights; RK4 evaluates it forward, and with its gradient, seven sums of
# rows, backward, where the transpose adds as many
VELOCITY = 2 * 64 + 3 * 8 + 2 * 2 * 56
GRADIENT = 3 * 64 + 6 * 8 + 3 * 2 * 49 + 2 * 64


def objective(pairs: int, modes: int, geodesics: int) -> tuple[JointObjective, np.ndarray]:
    """Return the cost of geodesics in turned boxes, and unknowns that move latents by about a half."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((pairs, 2))
    unknowns = Grid.from_modes(modes)
    sweeps = tuple(Planes(plane_rotation(0.5 * n), ((0, 1),)) for n in range(geodesics))
    joint = JointObjective(z, z + 0.5, sweeps, unknowns.with_modes(field_modes(modes)), unknowns, 4)
    theta = np.zeros((geodesics, *unknowns.shape_hat))
    low = slice(LOW)  # the same field, whatever the modes: a rougher one would take more steps
    theta[:, low, low] = rng.standard_normal((geodesics, LOW, LOW)) / unknowns.laplacian[low, low] ** 1.5
    return joint, 0.5 * theta.ravel() / np.linalg.norm(theta)


def evaluation(pairs: int, modes: int, geodesics: int) -> float:
    """Return the seconds of one evaluation with its gradient, on one thread."""
    joint, theta = objective(pairs, modes, geodesics)
    joint(theta, 0.0)
    return min(seconds_per_call(lambda: joint(theta, 0.0), 1) for _ in range(3))


def peak() -> float:
    """Return the sums of products a second of a product of matrices on one thread."""
    a = np.random.default_rng(0).standard_normal((1024, 1024))
    with ONE_THREAD:
        a @ a
        start = perf_counter()
        for _ in range(5):
            a @ a
        return 5 * 1024**3 / (perf_counter() - start)


def print_fits(pairs: list[int], problem: str) -> None:
    """Print the table of whole fits."""
    print("| pairs | seconds | GiB at most | L2-UVP, % | fitted to | geodesics |\n|---|---|---|---|---|---|")
    for n in pairs:
        program = FIT.format(folder=str(FITS_FOLDER), problem=problem, pairs=n)
        command = [sys.executable, "-W", "ignore", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, memory, error, used, geodesics = map(float, done.stdout.split())
        print(f"| {n} | {seconds:.1f} | {memory:.2f} | {error:.4f} | {used:.0f} | {geodesics:.0f} |", flush=True)


def print_slopes() -> None:
    """Print the times of evaluations, the slopes and the arithmetic."""
    highest = peak()
    print("\n| by | seconds of one, two and three times as many | slope | of the peak |\n|---|---|---|---|")
    for number, name in enumerate(("pairs", "modes", "geodesics")):
        sizes = [tuple(n * (factor if i == number else 1) for i, n in enumerate(BASE)) for factor in FACTORS]
        times = [evaluation(*size) for size in sizes]
        slope = np.polyfit(np.log(FACTORS), np.log(times), 1)[0]
        work = [16 * size[0] * size[2] * (VELOCITY + GRADIENT) for size in sizes]
        share = work[-1] / times[-1] / highest
        print(f"| {name} | {', '.join(f'{each:.3f}' for each in times)} | {slope:.2f} | {share:.2f} |", flush=True)
    print(f"\nPeak: {highest / 1e9:.1f}e9 sums of products a second.")


def main() -> None:
    """Print both tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default="8192,65536,262144,1000000")
    parser.add_argument("--problem", default="swirl")
    arguments = parser.parse_args()
    print_fits([int(each) for each in arguments.pairs.split(",") if each], arguments.problem)
    print_slopes()


if __name__ == "__main__":
    main()
