"""The loop of a solve allocates nothing, but for a few numbers a step."""

import tracemalloc

import pytest
from fields import random_values, random_velocity

from eulerot.euler.equations import spectral
from eulerot.euler.grid import Grid
from eulerot.euler.solver import solve_euler

# Fast transforms of each kind, and products with matrices, in the plane and in space
CASES = [
    ((128, 128), "torus"),
    ((160, 150), "cube"),
    ((100, 90), "cube"),
    ((32, 30, 36), "torus"),
    ((50, 20, 20), "cube"),
    ((32, 32, 32), "cube"),
]
OPTIONS = [{"steps": 40}, {"steps": 40, "threads": 2}, {"courant": 0.01}, {"tolerance": 1e-9}]
# The first steps may set up what all others use: a stability check comes every 16 steps
WARM, LAST = 17, 34


def growth(points, domain, **options):
    """Return by how many bytes the memory of Python and NumPy grows at most within steps, and those of a field."""
    grid, seen = Grid(points, domain), {}
    field = random_values(grid) if grid.dim == 2 else random_velocity(grid, decay=6.0)

    def watch(step):
        if step.number == WARM:
            seen["field"] = step.field_hat.nbytes
            tracemalloc.reset_peak()
            seen["before"] = tracemalloc.get_traced_memory()[0]
        seen["peak"] = tracemalloc.get_traced_memory()[1]
        return step.number == LAST

    tracemalloc.start()
    try:
        time = {"time": 0.1} if "tolerance" not in options else {"time": 100.0}
        solution = solve_euler(field, grid, tail_limit=None, callback=watch, **time, **options)
    finally:
        tracemalloc.stop()
    assert len(solution.times) == LAST + 1
    return seen["peak"] - seen["before"], seen["field"]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("points", "domain"), CASES, ids=str)
def test_steps_allocate_no_array(points, domain, options):
    grown, field = growth(points, domain, **options)
    assert grown < field / 4


@pytest.mark.parametrize("every", [1, 3])
def test_measuring_the_casimirs_allocates_no_array(every):
    grown, field = growth((128, 128), "torus", steps=40, casimirs_every=every)
    assert grown < field / 4


def test_an_array_of_one_step_is_seen(monkeypatch):
    # an array of the size of a field that a stability check, one step of sixteen, gives back at once
    checked = spectral.SpectralEquation.fastest

    def wasteful(equation, field, weights):
        return checked(equation, field.copy(), weights)

    monkeypatch.setattr(spectral.SpectralEquation, "fastest", wasteful)
    grown, field = growth((128, 128), "torus", steps=40)
    assert grown >= field
