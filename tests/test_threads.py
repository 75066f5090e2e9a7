"""One object in eight threads, first calls together, gives the bits of one thread; and no pool waits for ever."""

import functools
import multiprocessing
import os
import sys
import threading
import time

import numpy as np
import pytest
from processes import python

import eulerot
from eulerot._cached import kept
from eulerot._threads import run_tasks
from eulerot.euler.equations import equation_of
from eulerot.euler.integrators import DOP853
from eulerot.euler.trajectory import Trajectory
from eulerot.euler.transforms.pointwise import Transforms
from eulerot.rearrangement.sweep import Sweep

pytestmark = pytest.mark.slow

THREADS = 8


def together(*calls, threads=THREADS):
    """Return what each thread got of all calls; they begin at once, each with another call first."""
    barrier, results, errors = threading.Barrier(threads), [None] * threads, []

    def work(number):
        try:
            mine = {}
            barrier.wait()
            for i in range(len(calls)):
                at = (i + number) % len(calls)
                mine[at] = calls[at]()
            results[number] = [mine[at] for at in range(len(calls))]
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=300)
    assert not any(worker.is_alive() for worker in workers), "threads wait for each other"
    if errors:
        raise errors[0]
    return results


def bits(value):
    """Return what decides whether two results are equal to the last bit."""
    if isinstance(value, tuple | list):
        return tuple(map(bits, value))
    return (np.shape(value), np.asarray(value).tobytes())


def check(make, *methods):
    """Check that fresh objects give in eight threads, at once, what one gives alone."""
    alone = make()
    expected = [bits(method(alone)) for method in methods]
    for _ in range(3):
        shared = make()
        for found in together(*(functools.partial(method, shared) for method in methods)):
            assert [bits(each) for each in found] == expected
        assert [bits(method(shared)) for method in methods] == expected  # nothing is left wrong for good


@pytest.fixture(autouse=True)
def switching():
    """Let threads take turns after few instructions, so that they meet in the middle of everything."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def field_on(grid, seed=0):
    rng, axes = np.random.default_rng(seed), grid.mesh()
    phases = [scale * axis for scale, axis in zip(grid.scales, axes, strict=True)]
    if grid.dim == 2:
        return np.sin(phases[0]) * np.sin(2 * phases[1]) + rng.normal() * np.sin(2 * phases[0]) * np.sin(phases[1])
    a, b, c = phases
    if grid.walls:
        u = [np.sin(a) * np.cos(b) * np.cos(c), -np.cos(a) * np.sin(b) * np.cos(c), 0 * c]
    else:
        u = [np.sin(c) + np.cos(b), np.sin(a) + np.cos(c), np.sin(b) + np.cos(a)]
    return np.stack(u)


GRIDS = [((16, 20), "torus"), ((15, 12), "cube"), ((8, 9, 10), "torus"), ((9, 8, 7), "cube")]
every_grid = pytest.mark.parametrize(("points", "domain"), GRIDS, ids=str)
ATTRIBUTES = ("sides", "scales", "modes", "product_points", "axis_modes", "shape_hat", "wavenumbers", "laplacian",
              "inverse_laplacian", "weights", "axes")  # fmt: skip


@every_grid
def test_grids(points, domain):
    def attribute(name):
        return lambda grid: list(getattr(grid, name))

    check(
        lambda: eulerot.Grid(points, domain), *map(attribute, ATTRIBUTES), lambda grid: grid.mesh(),
        lambda grid: grid.zeros_hat(2), lambda grid: grid.checked_positions("p", np.ones((3, grid.dim))),
        lambda grid: hash(grid),
    )  # fmt: skip


@every_grid
@pytest.mark.parametrize(
    "settings", [{}, {"field_steps": 12}, {"field_steps": 12, "multistep": True, "few_steps": 3, "tolerance": 1e-7}]
)
def test_geodesics(points, domain, settings):
    def make():
        grid = eulerot.Grid(points, domain)
        return eulerot.Geodesic(field_on(grid), grid, time=0.6, steps=4, threads=2, **settings)

    rng = np.random.default_rng(1)
    start, bar = rng.uniform(0.1, 3.0, (150, len(points))), rng.standard_normal((150, len(points)))
    check(
        make,
        lambda geodesic: geodesic.forward(start),
        lambda geodesic: geodesic.inverse(start),
        lambda geodesic: geodesic.log_abs_det(start),
        lambda geodesic: geodesic.path(start, [0.3, 0.7, 1.0]),
        lambda geodesic: geodesic.gradient(start, bar, field1_bar=geodesic.field0),
        lambda geodesic: [part.forward(start) for part in geodesic.parts([0.5, 1.0])],
        lambda geodesic: geodesic.field1,
        lambda geodesic: geodesic.field0,
        lambda geodesic: geodesic.in_steps(7).forward(start),
        lambda geodesic: eulerot.Geodesic.from_coefficients(geodesic.field0_hat, geodesic.grid).field0,
    )


@every_grid
@pytest.mark.parametrize("backend", ["fftw", "scipy"])
@pytest.mark.parametrize("threads", [1, 2])
def test_equations_and_transforms(points, domain, backend, threads):
    if backend == "fftw":
        pytest.importorskip("pyfftw")
    reference = equation_of(eulerot.Grid(points, domain))
    values = field_on(reference.grid)
    field, other = reference.analysed(values), reference.analysed(field_on(reference.grid, 1))
    scalar = values if values.ndim == len(points) else values[0]
    hat = reference.transforms.forward(scalar)
    check(
        lambda: equation_of(eulerot.Grid(points, domain), backend=backend, threads=threads),
        lambda equation: equation.tendency(field),
        lambda equation: equation.adjoint(field, other),
        lambda equation: equation.velocity(field),
        lambda equation: equation.analysed(values),
        lambda equation: equation.synthesised(field),
        lambda equation: equation.projected(other),
        lambda equation: equation.section(field),
    )
    check(
        lambda: Transforms(eulerot.Grid(points, domain), backend=backend),
        lambda transforms: transforms.forward(scalar),
        lambda transforms: transforms.backward(hat),
    )


def test_a_trajectory_and_its_adjoint():
    grid = eulerot.Grid((15, 12), "cube")
    start = equation_of(grid).analysed(field_on(grid))
    phases, bar = np.random.default_rng(0).uniform(0.1, 1.5, (2, 200, 2))
    for memory in (2**29, 2**14):  # all is kept, or only checkpoints
        check(
            lambda memory=memory: Trajectory(equation_of(eulerot.Grid((15, 12), "cube")), DOP853, 0.5, 9, 2, memory),
            lambda trajectory: trajectory.gradient(start, phases, start, bar),
            lambda trajectory: trajectory.advection(start)[1].advance(phases),
            lambda trajectory: trajectory.stages(start)[1],
        )


@every_grid
@pytest.mark.parametrize("evaluation", ["splines", "nufft"])
def test_solutions(points, domain, evaluation):
    if evaluation == "nufft":
        pytest.importorskip("finufft")
    grid = eulerot.Grid(points, domain)
    values, particles = field_on(grid), np.random.default_rng(2).uniform(0.1, 3.0, (30, grid.dim))
    columns = ("field", "positions", "energy", "enstrophy", "tail")

    def solve(threads):
        solution = eulerot.solve_euler(
            values, grid, time=0.2, steps=5, particles=particles, threads=threads, evaluation=evaluation,
            tail_limit=None,
        )  # fmt: skip
        return [getattr(solution, name) for name in columns]

    expected = bits(solve(1))
    for found in together(*(functools.partial(solve, threads) for threads in (1, 2, 3))):
        assert [bits(each) for each in found] == [expected] * 3
    solution = eulerot.solve_euler(values, grid, time=0.2, steps=5, tail_limit=None)
    spectrum = bits(solution.spectrum())
    assert all(bits(found) == (spectrum,) for found in together(solution.spectrum))


def rearrangement():
    grid = eulerot.Grid((15, 12), "cube")
    first, second = (
        eulerot.Geodesic(size * field_on(grid, seed), grid, steps=6, threads=2) for seed, size in ((0, 0.6), (1, -0.4))
    )
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    return eulerot.Rearrangement(turn, (Sweep((first,), turn), Sweep((second,), np.eye(2))))


Z = np.concatenate([np.random.default_rng(3).standard_normal((300, 2)), 9.0 * np.ones((3, 2))])
MAP_METHODS = (
    lambda s: s.forward(Z), lambda s: s.inverse(Z), lambda s: s.log_abs_det(Z), lambda s: s.path(Z, [0.0, 0.4, 1.0])
)  # fmt: skip


def test_rearrangements():
    check(rearrangement, *MAP_METHODS)


def test_loaded_rearrangements(tmp_path):
    rearrangement().save(tmp_path / "map")
    check(lambda: eulerot.Rearrangement.load(tmp_path / "map", threads=2), *MAP_METHODS)


def test_tables():
    table = rearrangement().tabulated(error=1e-3)
    expected = [bits(method(table)) for method in MAP_METHODS]
    for found in together(*(functools.partial(method, table) for method in MAP_METHODS)):
        assert [bits(each) for each in found] == expected


def test_tables_whose_tasks_have_tasks_do_not_wait_for_ever():
    # latents beyond the table go to the exact map, whose particles are tasks of the same pool
    table = rearrangement().tabulated(error=1e-3)
    far = np.concatenate([np.full((20_000, 2), 8.0), Z])
    expected = bits(table.forward(far))
    for found in together(lambda: table.forward(far), threads=3):
        assert bits(found) == (expected,)


PLANS = """
import sys, threading
import numpy as np, eulerot
from eulerot.euler.transforms.pointwise import Transforms
grids = [eulerot.Grid((n, n + 8), domain) for n in (100, 108, 120) for domain in ("torus", "cube")]
fields = [np.random.default_rng(0).standard_normal(grid.points) for grid in grids]
def work(number):
    barrier.wait()
    for i in range(len(grids)):
        at = (i + number) % len(grids)
        results[number][at] = Transforms(grids[at]).forward(fields[at]).tobytes()
barrier, results = threading.Barrier(8), [{} for _ in range(8)]
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
print(all(result == results[0] for result in results) and len(results[0]) == 6)
print(all(Transforms(g).forward(f).tobytes() == results[0][i] for i, (g, f) in enumerate(zip(grids, fields))))
"""


def test_plans_that_are_measured_at_once_are_those_that_are_recalled(tmp_path):
    pytest.importorskip("pyfftw")
    for _ in range(2):  # measured, and then recalled from the file
        assert python("-c", PLANS, env={"XDG_CACHE_HOME": str(tmp_path)})[0].split() == ["True", "True"]


@pytest.fixture
def unlocked(monkeypatch):
    """Python 3.12 and later: `functools.cached_property` takes no lock, and a value may be computed twice."""

    def get(self, instance, owner=None):
        if instance is None:
            return self
        if self.attrname not in instance.__dict__:
            time.sleep(1e-4)  # the other threads come in between
            instance.__dict__[self.attrname] = self.func(instance)
        return instance.__dict__[self.attrname]

    monkeypatch.setattr(functools.cached_property, "__get__", get)


def test_rearrangements_without_the_lock_of_python_3_11(unlocked, tmp_path):
    rearrangement().save(tmp_path / "map")
    for _ in range(3):
        check(lambda: eulerot.Rearrangement.load(tmp_path / "map", threads=2), *MAP_METHODS)


def test_an_attribute_is_one_object_for_all_threads():
    class Slow:
        @kept
        def value(self):
            time.sleep(1e-3)
            return object()

    for _ in range(20):
        slow = Slow()
        assert {id(found[0]) for found in together(lambda slow=slow: slow.value)} == {id(slow.value)}


def test_tasks_of_tasks_and_many_pools_at_once():
    def nested(threads):
        def row(i):
            return sum(run_tasks([functools.partial(int.__mul__, i, j) for j in range(5)], threads))

        return run_tasks([functools.partial(row, i) for i in range(9)], threads)

    expected = [10 * i for i in range(9)]
    for found in together(*(functools.partial(nested, threads) for threads in range(1, 9))):
        assert found == [expected] * 8


def test_a_task_that_fails_leaves_none_behind():
    running, ended = threading.Event(), threading.Event()

    def slow():
        running.set()
        time.sleep(0.05)
        ended.set()

    def failing():
        running.wait()
        raise RuntimeError("as told")

    with pytest.raises(RuntimeError, match="as told"):
        run_tasks([failing, slow], threads=2)
    assert ended.is_set()
    assert run_tasks([lambda: 1, lambda: 2], threads=2) == [1, 2]


def in_a_child(queue):
    grid = eulerot.Grid((15, 12), "cube")
    geodesic = eulerot.Geodesic(field_on(grid), grid, steps=6, threads=2)
    queue.put(geodesic.forward(np.linspace(0.1, 3.0, 600).reshape(-1, 2)).tobytes())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_child_that_is_forked_in_the_middle_of_it_all():
    grid = eulerot.Grid((15, 12), "cube")
    context, stop = multiprocessing.get_context("fork"), threading.Event()
    points = np.linspace(0.1, 3.0, 600).reshape(-1, 2)
    expected = eulerot.Geodesic(field_on(grid), grid, steps=6, threads=2).forward(points).tobytes()

    def busy():
        while not stop.is_set():
            eulerot.Geodesic(field_on(grid), grid, steps=2, threads=2).forward(points)

    others = [threading.Thread(target=busy, daemon=True) for _ in range(3)]
    for other in others:
        other.start()
    try:
        for _ in range(8):
            queue = context.SimpleQueue()
            child = context.Process(target=in_a_child, args=(queue,))
            child.start()
            child.join(timeout=60)
            alive = child.is_alive()
            if alive:
                child.kill()
            assert not alive and child.exitcode == 0
            assert queue.get() == expected
    finally:
        stop.set()
        for other in others:
            other.join()


def test_threads_are_kept_for_the_next_tasks():
    workers = {worker for _ in range(20) for worker in run_tasks([threading.current_thread] * 4, threads=2)}
    assert 1 <= len(workers) <= 2 and threading.current_thread() not in workers
