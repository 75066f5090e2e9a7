"""Solutions of several processes: the bits of one, whatever their number, and one end for all, good or bad."""

import os
import signal

import numpy as np
import pytest
from fields import random_values, random_velocity

from eulerot.errors import ResolutionError
from eulerot.euler import grid as grids
from eulerot.euler.equations import VorticityEquation
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.particles import steps as particle_steps
from eulerot.euler.solver import solve_euler
from eulerot.euler.transforms import pointwise

pytestmark = pytest.mark.mpi

COLUMNS = ("field", "field_hat", "positions", "phases", "times", "energy", "enstrophy", "helicity", "casimirs", "tail")
SAVED = ("times", "fields", "positions", "energy", "enstrophy", "indices")


def start_of(points, domain="torus", **options):
    """Return a grid, a field on it, and particles, more than one block of them."""
    grid = Grid(points, domain, **options)
    field = random_values(grid) if grid.dim == 2 else random_velocity(grid)
    particles = np.random.default_rng(1).uniform(0.1, 0.9, (301, grid.dim)) * grid.sides
    return grid, field, particles


def check_same(one, other):
    """Check that two solutions are equal to the last bit."""
    columns = [(name, getattr(one, name), getattr(other, name)) for name in COLUMNS]
    different = [name for name, a, b in columns if not (a is b is None or np.array_equal(a, b, equal_nan=True))]
    if one.saved is not None:
        different += [
            name for name in SAVED if not np.array_equal(getattr(one.saved, name), getattr(other.saved, name))
        ]
    assert not different and one.status == other.status and one.grid == other.grid


@pytest.fixture
def cut(monkeypatch):
    """Cut small grids into many blocks of columns and slabs of rows, and let their interpolants be as small."""
    monkeypatch.setattr(particle_steps, "_MARGIN", {2: 32, 3: 8})
    monkeypatch.setattr(grids, "_BLOCK_BYTES", 2**9)
    monkeypatch.setattr(pointwise, "SLAB_BYTES", 2**12)


CASES = [
    ((24, 20), "torus", {}),
    ((25, 18), "torus", {"dealiasing": "3/2", "lengths": (1.0, 2.0)}),
    ((150, 40), "cube", {}),
    ((16, 18, 20), "torus", {}),
    ((11, 10, 9), "torus", {"dealiasing": "3/2", "lengths": (1.0, 2.0, 3.0)}),
    ((50, 8, 10), "cube", {}),
]


@pytest.mark.parametrize(("points", "domain", "options"), CASES, ids=str)
def test_fields_particles_and_invariants_have_the_bits_of_one_process(comm, alone, cut, points, domain, options):
    grid, field, particles = start_of(points, domain, **options)
    assert len(grid.blocks) > 2
    settings = {"time": 0.1 / np.max(grid.scales), "steps": 4, "save_at": [0.0, 0.05 / np.max(grid.scales)]}
    settings |= {"particles": particles, "tail_limit": None, "casimirs_every": 3 if grid.dim == 2 else None}
    check_same(alone(lambda: solve_euler(field, grid, **settings)), solve_euler(field, grid, comm=comm, **settings))


@pytest.mark.parametrize(("points", "domain"), [((512, 400), "torus"), ((512, 400), "cube"), ((56, 54, 54), "torus")])
def test_grids_that_are_cut_for_their_size(comm, alone, points, domain):
    grid, field, _ = start_of(points, domain)
    assert len(grid.blocks) > 1
    settings = {"time": 0.005, "steps": 2, "threads": 2, "tail_limit": None}
    check_same(alone(lambda: solve_euler(field, grid, **settings)), solve_euler(field, grid, comm=comm, **settings))


@pytest.mark.parametrize(("points", "domain"), [((24, 20), "torus"), ((24, 20), "cube"), ((12, 10, 8), "cube")])
def test_small_grids_each_process_has_whole_and_shares_the_particles(comm, alone, points, domain):
    grid, field, particles = start_of(points, domain)
    settings = {"time": 0.1, "particles": particles, "tail_limit": None}
    check_same(alone(lambda: solve_euler(field, grid, **settings)), solve_euler(field, grid, comm=comm, **settings))


@pytest.mark.parametrize("few", [1, 3])
def test_processes_may_have_no_particles(comm, alone, few):
    grid, field, particles = start_of((24, 20))
    settings = {"time": 0.1, "steps": 2, "particles": particles[:few]}
    check_same(alone(lambda: solve_euler(field, grid, **settings)), solve_euler(field, grid, comm=comm, **settings))


def test_processes_may_have_no_columns(comm, alone, monkeypatch):
    monkeypatch.setattr(grids, "_BLOCK_BYTES", 2**10)
    grid, field, _ = start_of((24, 20))
    assert len(grid.blocks) == 2
    settings = {"time": 0.1, "steps": 2}
    check_same(alone(lambda: solve_euler(field, grid, **settings)), solve_euler(field, grid, comm=comm, **settings))


@pytest.mark.parametrize(("points", "quantity"), [((24, 20), "velocity"), ((16, 14, 12), "vorticity")])
def test_other_quantities(comm, alone, cut, points, quantity):
    grid, field, _ = start_of(points)
    other = np.stack([np.sin(grid.mesh()[1]), *[np.cos(grid.mesh()[0])] * (grid.dim - 1)])
    settings = {"time": 0.05, "steps": 2, "quantity": quantity, "tail_limit": None}
    one = alone(lambda: solve_euler(other, grid, **settings))
    check_same(one, solve_euler(other, grid, comm=comm, **settings))
    assert one.field.shape == (grid.dim, *grid.points) and field.shape != ()


def test_a_nonuniform_fft_of_particles(comm, alone, cut):
    pytest.importorskip("finufft")
    grid, field, particles = start_of((24, 20))
    settings = {"time": 0.1, "steps": 2, "particles": particles, "evaluation": "nufft"}
    check_same(alone(lambda: solve_euler(field, grid, **settings)), solve_euler(field, grid, comm=comm, **settings))


def test_a_solution_is_gone_on_with_by_any_number_of_processes(comm, cut):
    grid, field, particles = start_of((24, 20))
    whole = solve_euler(field, grid, time=0.2, particles=particles, save_at=[0.1, 0.2])
    for before, after in ((comm, None), (None, comm), (comm, comm)):
        first = solve_euler(field, grid, time=0.1, particles=particles, save_at=[0.1], comm=before)
        check_same(whole, solve_euler(first, grid, time=0.2, save_at=[0.2], comm=after))


@pytest.mark.parametrize("pieces", ["cut", "whole"])
def test_a_callback_on_one_rank_stops_all(comm, request, pieces):
    if pieces == "cut":
        request.getfixturevalue("cut")
    grid, field, particles = start_of((24, 20))
    last = comm.size - 1
    seen = []

    def stop(step):
        seen.append((step.energy, step.field.copy(), step.positions.copy()))
        return step.number == 3 and comm.rank == last

    settings = {"time": 0.2, "steps": 8, "particles": particles}
    solution = solve_euler(field, grid, callback=stop, comm=comm, **settings)
    check_same(solve_euler(field, grid, callback=lambda step: step.number == 3, **settings), solution)
    assert solution.status == "stopped" and len(seen) == 3
    assert np.array_equal(seen[2][1], solution.field) and np.array_equal(seen[2][2], solution.positions)


class Unpicklable(Exception):
    """An error that cannot travel."""

    def __reduce__(self):
        raise TypeError("no")


@pytest.mark.parametrize(("points", "domain", "options"), CASES)
@pytest.mark.parametrize("settings", [{}, {"field_steps": 12}, {"field_steps": 12, "multistep": True}])
def test_the_adjoint_of_a_geodesic_has_the_bits_of_one_process(comm, alone, cut, points, domain, options, settings):
    grid, field, particles = start_of(points, domain, **options)
    geodesic = Geodesic(field, grid, time=0.02, steps=3, **settings)
    bars = np.random.default_rng(2).standard_normal(particles.shape), 0.3 * field
    one = alone(lambda: geodesic.gradient(particles, bars[0], field1_bar=bars[1]))
    several = geodesic.gradient(particles, bars[0], field1_bar=bars[1], comm=comm)
    assert all(np.array_equal(*each) for each in zip(one, several, strict=True))


def failing(monkeypatch, comm, error, *, rank, calls=5):
    """Let tendencies raise an error on one rank, in the middle of a step."""
    function, done = VorticityEquation.tendency, 0

    def tendency(*arguments):
        nonlocal done
        done += 1
        if comm.rank == rank % comm.size and done > calls:
            raise error
        return function(*arguments)

    monkeypatch.setattr(VorticityEquation, "tendency", tendency)


@pytest.mark.parametrize("rank", [0, -1])
@pytest.mark.parametrize("pieces", ["cut", "whole"])
def test_an_error_on_one_rank_is_that_of_all(comm, monkeypatch, request, pieces, rank):
    if pieces == "cut":
        request.getfixturevalue("cut")
    grid, field, particles = start_of((24, 20))
    with monkeypatch.context() as patch:
        failing(patch, comm, ZeroDivisionError("this one"), rank=rank)
        with pytest.raises(ZeroDivisionError, match="this one"):
            solve_euler(field, grid, time=0.2, steps=8, particles=particles, comm=comm)
    after = solve_euler(field, grid, time=0.1, steps=2, comm=comm)  # nothing is left behind
    check_same(after, solve_euler(field, grid, time=0.1, steps=2))


def test_an_error_that_cannot_travel_is_told_in_words(comm, cut, monkeypatch):
    grid, field, _ = start_of((24, 20))
    failing(monkeypatch, comm, Unpicklable("this one"), rank=0)
    expected = (Unpicklable, "^this one") if comm.rank == 0 else (RuntimeError, "^Unpicklable: this one")
    with pytest.raises(expected[0], match=expected[1]):
        solve_euler(field, grid, time=0.2, steps=8, comm=comm)


@pytest.mark.parametrize("calls", [0, 9, 12])
def test_an_interrupt_on_one_rank_ends_all_after_the_same_step(comm, alone, cut, monkeypatch, calls):
    grid, field, particles = start_of((24, 20))
    settings = {"time": 0.2, "steps": 8, "particles": particles}
    whole = alone(lambda: solve_euler(field, grid, **settings))
    failing(monkeypatch, comm, KeyboardInterrupt(), rank=-1, calls=calls)
    solution = solve_euler(field, grid, comm=comm, **settings)
    assert solution.status == "interrupted" and np.array_equal(solution.times, whole.times[: 1 + calls // 4])
    assert len({each.tobytes() for each in comm.allgather(solution.field)}) == 1
    assert np.array_equal(solution.energy, whole.energy[: 1 + calls // 4])


@pytest.mark.parametrize("pieces", ["cut", "whole"])
def test_ctrl_c_on_one_rank_ends_all(comm, request, pieces):
    if pieces == "cut":
        request.getfixturevalue("cut")
    grid, field, particles = start_of((24, 20))
    handler = signal.getsignal(signal.SIGINT)

    def interrupt(step):
        if step.number == 3 and comm.rank == comm.size - 1:
            os.kill(os.getpid(), signal.SIGINT)

    solution = solve_euler(field, grid, time=0.5, steps=20, particles=particles, callback=interrupt, comm=comm)
    assert solution.status == "interrupted" and len(solution.times) == 4
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_under_resolved_field_ends_all(comm, cut):
    grid, field, _ = start_of((24, 20))
    with pytest.raises(ResolutionError, match=r"after 1 steps: the field is under-resolved"):
        solve_euler(field, grid, time=0.2, tail_limit=1e-9, comm=comm)
    with pytest.raises(ResolutionError, match="steps: expected at least"):
        solve_euler(1000 * field, grid, time=0.2, steps=1, comm=comm)


def test_other_arguments_on_one_rank_are_named(comm):
    grid, field, particles = start_of((24, 20))
    if comm.size == 1:
        pytest.skip("one process has no other")
    odd = comm.rank == 1
    for name, changes in {
        "field0": {"field0": field + odd},
        "particles": {"particles": particles + 0.1 * odd},
        "steps": {"steps": 5 + odd},
        "grid": {"grid": Grid((24, 20), lengths=(1.0, 1.0 + odd))},
        "save_at": {"save_at": [0.1] if odd else None},
    }.items():
        arguments = {"field0": field, "grid": grid, "particles": particles, "time": 0.1, "tail_limit": None}
        with pytest.raises(ValueError, match=f"^{name}: expected the same on all ranks; got another one on rank 1"):
            solve_euler(**(arguments | changes), comm=comm)
    with pytest.raises(ValueError, match=r"^steps: expected a positive whole number"):
        solve_euler(field, grid, time=0.1, steps=0 if odd else 5, comm=comm)


def test_a_field_that_only_one_rank_asks_for_is_an_error_on_all(comm, cut):
    if comm.size == 1:
        pytest.skip("one process has no other")
    grid, field, _ = start_of((24, 20))
    with pytest.raises(ValueError, match="comm: expected the same calls on all ranks"):
        solve_euler(field, grid, time=0.1, comm=comm, callback=lambda step: comm.rank == 0 and step.field is None)
