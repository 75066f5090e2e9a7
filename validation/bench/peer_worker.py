"""Serve `solvers.py` and `runs.py` from a process of its own on one core: one solver, timed on request."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any, NamedTuple, TextIO

import numpy as np
from timing import calls_for, seconds_per_call

__all__ = ["TWO_PI", "Case", "Run", "fluidsim_params", "serve", "serve_runs"]

TWO_PI = 6.283185307179586

MODES = 4  # products of the test field stay far below every solver's cut-off, so that all must give the same tendency


class Case(NamedTuple):
    """A call that evaluates the tendency to be timed, and one that returns the same tendency on the grid."""

    evaluate: Callable[[], object]
    on_grid: Callable[[], object]


class Run(NamedTuple):
    """A call that makes a whole run and returns the energies, and one that returns the field at its end."""

    run: Callable[[], np.ndarray]
    on_grid: Callable[[], np.ndarray]


def _derivatives(field: np.ndarray) -> list[np.ndarray]:
    field_hat, n = np.fft.fftn(field), len(field)
    k = 1j * np.fft.fftfreq(n, 1 / n)
    shapes = [[-1 if a == axis else 1 for a in range(field.ndim)] for axis in range(field.ndim)]
    return [np.fft.ifftn(k.reshape(shape) * field_hat).real for shape in shapes]


def smooth_field(n: int, dim: int, seed: int) -> np.ndarray:
    """Return a random field of unit size with wavenumbers up to `MODES`, without a mean.

    >>> field = smooth_field(16, 2, seed=0)
    >>> bool(abs(field.mean()) < 1e-15), round(float(field.std()), 12)
    (True, 1.0)
    """
    k = np.abs(np.fft.fftfreq(n, 1 / n)) <= MODES
    kept = k[:, None] & k if dim == 2 else k[:, None, None] & k[:, None] & k
    field = np.fft.ifftn(kept * np.fft.fftn(np.random.default_rng(seed).standard_normal((n,) * dim))).real
    field -= field.mean()
    return field / field.std()


def vorticity_problem(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a vorticity and its tendency ``-u . grad omega``, with full complex transforms.

    >>> vorticity, tendency = vorticity_problem(32)
    >>> bool(abs(np.mean(vorticity * tendency)) < 1e-12 * np.mean(vorticity**2))  # enstrophy stays
    True
    """
    psi = smooth_field(n, 2, seed=0)
    psi_x, psi_y = _derivatives(psi)
    vorticity = -_derivatives(psi_x)[0] - _derivatives(psi_y)[1]
    omega_x, omega_y = _derivatives(vorticity)
    return vorticity, -(psi_y * omega_x - psi_x * omega_y)


def velocity_problem(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a velocity ``(3, n, n, n)`` and its tendency: minus advection, projected."""
    potential = [_derivatives(smooth_field(n, 3, seed)) for seed in range(3)]
    velocity = np.stack([potential[(i + 2) % 3][(i + 1) % 3] - potential[(i + 1) % 3][(i + 2) % 3] for i in range(3)])
    advection = np.stack([-sum(u * d for u, d in zip(velocity, _derivatives(c), strict=True)) for c in velocity])
    k = np.stack(np.meshgrid(*[np.fft.fftfreq(n, 1 / n)] * 3, indexing="ij"))
    square = np.sum(k**2, axis=0)
    square[0, 0, 0] = 1.0
    hat = np.fft.fftn(advection, axes=(1, 2, 3))
    return velocity, np.fft.ifftn(hat - k * np.sum(k * hat, axis=0) / square, axes=(1, 2, 3)).real


def taylor_green(n: int) -> np.ndarray:
    """Return the velocity of the Taylor-Green vortex, ``(3, n, n, n)``."""
    x = TWO_PI * np.arange(n) / n
    sin, cos = np.sin(x), np.cos(x)
    return np.stack([np.einsum("i,j,k", sin, cos, cos), -np.einsum("i,j,k", cos, sin, cos), np.zeros((n, n, n))])


def fluidsim_params(field: np.ndarray) -> tuple[ModuleType, Any]:
    """Return the module of fluidsim's solver for a field, and its parameters for the grid and transforms."""
    dim = 2 if field.ndim == 2 else 3
    solver = import_module(f"fluidsim.solvers.ns{dim}d.solver")
    params = solver.Simul.create_default_params()
    for axis in "xyz"[:dim]:
        setattr(params.oper, f"n{axis}", len(field.T))
        setattr(params.oper, f"L{axis}", TWO_PI)
    params.oper.coef_dealiasing = 2 / 3
    params.oper.type_fft = f"fft{dim}d.with_pyfftw"
    return solver, params


def serve(cases: Mapping[str, Callable[[np.ndarray], Case]]) -> None:
    """Build the case that the command line names, check it, then time a batch for every line of standard input.

    Command line: name, distribution, dimension, points an axis, core, seconds a batch.
    """
    name, distribution, dim, points, core, seconds = sys.argv[1:]
    with _own_core(core) as answers:
        field, exact = {"2": vorticity_problem, "3": velocity_problem}[dim](int(points))
        case = cases[name](field)
        found = np.asarray(case.on_grid()).reshape(exact.shape)
        # the other sign of vorticity, or axes in the other order, gives the opposite tendency
        error = min(np.abs(found - sign * exact).max() for sign in (1, -1)) / np.abs(exact).max()
        count = calls_for(case.evaluate, float(seconds))
        _answer(answers, {"version": version(distribution), "error": float(error)}, case.evaluate, count)


def serve_runs(runs: Mapping[str, Callable[[np.ndarray, float, int], Run]]) -> None:
    """Make the run that the command line names, keep its end, then time it for every line of standard input.

    Command line: name, distribution, dimension, points an axis, core, step, number of steps, file for the end.
    """
    name, distribution, dim, points, core, dt, steps, file = sys.argv[1:]
    with _own_core(core) as answers:
        field = vorticity_problem(int(points))[0] if dim == "2" else taylor_green(int(points))
        made = runs[name](field, float(dt), int(steps))
        energies = made.run()
        np.save(file, np.asarray(made.on_grid()).reshape(field.shape))
        drift = float(energies[-1] / energies[0] - 1)
        _answer(answers, {"version": version(distribution), "drift": drift}, made.run, 1)


@contextmanager
def _own_core(core: str) -> Iterator[TextIO]:
    """Keep this process on a core, and its folders and words out of the way; yield where answers go."""
    os.sched_setaffinity(0, {int(core)})  # before the solver is imported: its threads inherit the core
    answers, sys.stdout = sys.stdout, sys.stderr  # solvers print
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FLUIDSIM_PATH"] = folder  # and make folders
        yield answers


def _answer(answers: TextIO, ready: dict, call: Callable[[], object], count: int) -> None:
    """Say that all is ready, and then for every line how long so many calls take, each."""
    print(json.dumps(ready), file=answers, flush=True)
    for _ in sys.stdin:
        print(seconds_per_call(call, count), file=answers, flush=True)
