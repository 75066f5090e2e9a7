"""A solution at the times that are asked for: hit exactly, in the bits of runs that end there, and as a data set."""

import builtins
import copy
import pickle

import numpy as np
import pytest
from fields import random_values, random_velocity

from eulerot.euler.grid import Grid
from eulerot.euler.solution import Snapshot, saved_of
from eulerot.euler.solver import solve_euler

CASES = [((24, 20), "torus"), ((24, 20), "cube"), ((12, 10, 14), "torus"), ((12, 10, 14), "cube")]
TIMES = [0.0, 0.1, 0.35, 0.7]
COLUMNS = ("times", "energy", "enstrophy", "helicity", "casimirs", "tail")


def start_of(points, domain):
    """Return a grid, a field and particles on it."""
    grid = Grid(points, domain)
    field = random_values(grid) if grid.dim == 2 else random_velocity(grid)
    particles = np.random.default_rng(1).uniform(0.1, 0.9, (5, grid.dim)) * grid.sides
    return grid, field, particles


def same(one, other):
    return (one is None and other is None) or np.array_equal(one, other, equal_nan=True)


@pytest.mark.parametrize("steps", [None, 16])
@pytest.mark.parametrize(("points", "domain"), CASES)
def test_times_are_hit_exactly_in_the_bits_of_runs_that_end_there(points, domain, steps):
    grid, field, particles = start_of(points, domain)
    options = {"particles": particles, "tail_limit": None}
    solution = solve_euler(field, grid, time=0.8, steps=steps, save_at=TIMES, **options)
    saved = solution.saved
    assert saved.times.tolist() == TIMES and solution.times[saved.indices].tolist() == TIMES
    assert saved.fields.shape == (4, *solution.field.shape) and saved.positions.shape == (4, 5, grid.dim)
    for name in ("energy", "enstrophy"):
        assert np.array_equal(getattr(saved, name), getattr(solution, name)[saved.indices])
    for number, (end, share) in enumerate(zip(TIMES[1:], (2, 7, 14), strict=True), 1):
        count = None if steps is None else share  # of 16
        shorter = solve_euler(field, grid, time=end, steps=count, save_at=TIMES[: number + 1], **options)
        assert np.array_equal(shorter.field, saved.fields[number])
        assert np.array_equal(shorter.positions, saved.positions[number])
        assert shorter.energy[-1] == saved.energy[number] and shorter.enstrophy[-1] == saved.enstrophy[number]
        assert np.array_equal(shorter.times, solution.times[: len(shorter.times)])
    alone = solve_euler(field, grid, time=0.1, steps=None if steps is None else 2, **options)
    assert np.array_equal(alone.field, saved.fields[1]) and np.array_equal(alone.positions, saved.positions[1])


@pytest.mark.slow
@pytest.mark.parametrize(("points", "domain"), CASES)
def test_values_are_those_of_separate_solves_within_the_error_of_the_scheme(points, domain):
    grid, field, particles = start_of(points, domain)
    times, errors = [0.1, 0.3], []
    for steps in (5, 10):
        options = {"particles": particles, "tail_limit": None}
        saved = solve_euler(field, grid, time=0.3, steps=steps, save_at=times, **options).saved
        exact = [solve_euler(field, grid, time=end, steps=30, **options) for end in times]
        errors.append(
            (
                max(np.abs(each.field - one).max() for each, one in zip(exact, saved.fields, strict=True)),
                max(np.abs(each.positions - one).max() for each, one in zip(exact, saved.positions, strict=True)),
            )
        )
    coarse, fine = np.array(errors)
    assert np.all(fine < 1e-3) and np.all(fine < coarse / 10)  # of fourth order: a sixteenth


@pytest.mark.parametrize("steps", [None, 10])
def test_without_a_time_between_nothing_changes(steps):
    grid, field, particles = start_of((24, 20), "cube")
    plain = solve_euler(field, grid, time=0.5, steps=steps, particles=particles)
    assert plain.saved is None and plain.quantity == "vorticity"
    for save_at in ([], [0.0], [0.5], 0.5, [0.0, 0.5]):
        solution = solve_euler(field, grid, time=0.5, steps=steps, particles=particles, save_at=save_at)
        for name in ("field", "field_hat", "positions", *COLUMNS):
            assert same(getattr(plain, name), getattr(solution, name))
        assert solution.saved.times.tolist() == np.atleast_1d(save_at).tolist()
        assert solution.saved.fields.shape[1:] == (24, 20) and solution.saved.positions.shape[1:] == (5, 2)


def test_no_step_is_longer_than_those_of_the_run():
    grid, field, _ = start_of((24, 20), "torus")
    solution = solve_euler(field, grid, time=1.0, steps=10, save_at=[0.3, 0.55, 0.56])
    # 3 of 0.1, 3 that share 0.25, one of 0.01, 5 that share 0.44
    assert np.allclose(np.diff(solution.times), [0.1] * 3 + [0.25 / 3] * 3 + [0.01] + [0.088] * 5, rtol=1e-12)


def test_sums_of_legs_do_not_round_the_times():
    grid, field, _ = start_of((24, 20), "torus")
    assert 0.03 + (0.3 - 0.03) != 0.3
    for steps in (None, 40):
        solution = solve_euler(field, grid, time=1.0, steps=steps, save_at=[0.03, 0.3])
        assert solution.saved.times.tolist() == [0.03, 0.3] and solution.times[-1] == 1.0


def test_time_may_run_backwards_and_velocities_are_saved_as_they_are_given():
    grid, field, _ = start_of((24, 20), "torus")
    velocity = solve_euler(field, grid, time=0.0, steps=1)
    assert velocity.quantity == "vorticity"
    back = solve_euler(field, grid, time=-0.4, steps=8, save_at=[0.0, -0.1, -0.4])
    assert back.saved.times.tolist() == [0.0, -0.1, -0.4] and np.array_equal(back.saved.fields[-1], back.field)
    there = solve_euler(back.field, grid, time=0.4, steps=8, save_at=[0.3])
    assert np.abs(there.saved.fields[0] - back.saved.fields[1]).max() < 1e-6
    space, flow, _ = start_of((12, 10, 14), "torus")
    turning = solve_euler(flow, space, time=0.0, steps=1, tail_limit=None)
    assert turning.quantity == "velocity"
    vorticity = solve_euler(
        np.zeros((3, 12, 10, 14)), space, time=1.0, steps=2, quantity="vorticity", save_at=[0.5], tail_limit=None
    )
    assert vorticity.quantity == "vorticity" and vorticity.saved.fields.shape == (1, 3, 12, 10, 14)


@pytest.mark.parametrize(
    ("save_at", "time"),
    [
        ([0.5, 0.2], 1.0),
        ([0.2, 0.2], 1.0),
        ([-0.1], 1.0),
        ([0.5, 1.1], 1.0),
        ([0.1], -1.0),
        ([-0.5, -0.2], -1.0),
        ([np.nan], 1.0),
        ([[0.1, 0.2]], 1.0),
        ([0.1], 0.0),
    ],
)
def test_other_times_are_refused(save_at, time):
    grid, field, _ = start_of((24, 20), "torus")
    with pytest.raises(ValueError, match=r"^save_at: expected times from 0 to time=.*; got .*Sort them"):
        solve_euler(field, grid, time=time, save_at=save_at)


def test_words_are_no_times():
    grid, field, _ = start_of((24, 20), "torus")
    with pytest.raises(ValueError, match=r"^save_at: expected real numbers"):
        solve_euler(field, grid, time=1.0, save_at=["now"])


def test_errors_name_the_steps_that_were_given():
    grid, field, _ = start_of((24, 20), "torus")
    with pytest.raises(ValueError, match=r"steps: expected at least \d+ for RK4 .* got 3\. Raise"):
        solve_euler(100 * field, grid, time=1.0, steps=3, save_at=[0.1, 0.2])


def test_a_duration_of_zero_is_saved_once():
    grid, field, particles = start_of((24, 20), "torus")
    solution = solve_euler(field, grid, time=0.0, particles=particles, save_at=0.0)
    assert solution.saved.times.tolist() == [0.0] and solution.saved.indices.tolist() == [0]


def test_the_progress_counts_the_steps_of_all_legs(capsys):
    grid, field, _ = start_of((24, 20), "torus")
    first = solve_euler(field, grid, time=0.55, steps=10, save_at=[0.3], progress=True)
    assert f"{len(first.times) - 1}/{len(first.times) - 1}" in capsys.readouterr().err
    solve_euler(first, grid, time=1.1, steps=20, save_at=[0.7], progress=True)
    assert "11/11" in capsys.readouterr().err  # 0.15 and 0.4 in steps of 0.055 at most: 3 and 8


@pytest.mark.parametrize("steps", [None, 16])
@pytest.mark.parametrize(("points", "domain"), CASES)
def test_a_solution_gone_on_with_has_the_bits_of_a_run_in_one_go(points, domain, steps):
    grid, field, particles = start_of(points, domain)
    whole = solve_euler(field, grid, time=0.8, steps=steps, particles=particles, save_at=TIMES, tail_limit=None)
    options = {"steps": None if steps is None else 7, "particles": particles, "tail_limit": None}
    first = solve_euler(field, grid, time=0.35, save_at=[0.0, 0.1, 0.35], **options)
    kept = pickle.loads(pickle.dumps(first))
    solution = solve_euler(kept, grid, time=0.8, steps=steps, save_at=[0.7], tail_limit=None, threads=2)
    for name in ("field", "field_hat", "positions", "phases", *COLUMNS):
        assert same(getattr(solution, name), getattr(whole, name))
        assert same(getattr(kept, name), getattr(first, name))
    for name in ("times", "fields", "positions", "energy", "enstrophy", "indices"):
        assert np.array_equal(getattr(solution.saved, name), getattr(whole.saved, name))
    assert solution.quantity == whole.quantity and solution.status == "completed"


def test_a_solution_gone_on_with_keeps_what_it_has():
    grid, field, _ = start_of((24, 20), "torus")
    first = solve_euler(field, grid, time=-0.2, save_at=[-0.1])
    assert solve_euler(first, grid, time=-0.4).saved.times.tolist() == [-0.1]
    plain = solve_euler(field, grid, time=-0.2, steps=4)
    assert solve_euler(plain, grid, time=-0.4, steps=8).saved is None
    assert solve_euler(plain, grid, time=-0.4, steps=8, save_at=[-0.3]).saved.indices.tolist() == [6]
    x, y = grid.mesh()
    moving = solve_euler([np.sin(y), 0 * x], grid, time=0.2, steps=4, quantity="velocity")
    assert solve_euler(moving, grid, time=0.4).quantity == "velocity"


def test_a_solution_is_gone_on_with_as_it_began():
    grid, field, particles = start_of((24, 20), "torus")
    first = solve_euler(field, grid, time=0.2, steps=4)
    for options, expected in [
        ({"grid": Grid((24, 24))}, "grid: expected that of the solution"),
        ({"particles": particles}, "particles: expected none"),
        ({"quantity": "velocity"}, "quantity: expected 'vorticity'"),
        ({"time": 0.2}, r"time: expected one beyond 0\.2"),
        ({"time": -0.4}, r"time: expected one beyond 0\.2"),
        ({"save_at": [0.2, 0.3]}, r"save_at: expected times beyond 0\.2 to time=0\.4"),
    ]:
        with pytest.raises(ValueError, match=expected):
            solve_euler(first, **({"grid": grid, "time": 0.4} | options))


@pytest.mark.parametrize(("points", "domain"), CASES)
def test_a_callback_sees_each_step_and_may_stop_the_run(points, domain):
    grid, field, particles = start_of(points, domain)
    options = {"time": 0.4, "steps": 8, "particles": particles, "tail_limit": None, "save_at": [0.1, 0.3]}
    seen = []
    whole = solve_euler(field, grid, callback=lambda step: seen.append((step, step.field, step.positions)), **options)
    assert whole.status == "completed" and [step.number for step, _, _ in seen] == list(range(1, 9))
    for name, column in [("time", "times"), ("energy", "energy"), ("enstrophy", "enstrophy"), ("tail", "tail")]:
        assert [getattr(step, name) for step, _, _ in seen] == getattr(whole, column)[1:].tolist()
    assert np.allclose([step.dt for step, _, _ in seen], np.diff(whole.times), rtol=1e-12)
    for number, at in enumerate((1, 5)):
        assert np.array_equal(seen[at][1], whole.saved.fields[number])
        assert np.array_equal(seen[at][2], whole.saved.positions[number])
    assert np.array_equal(seen[-1][1], whole.field)

    stopped = solve_euler(field, grid, callback=lambda step: step.number == 4, **options)
    assert stopped.status == "stopped" and stopped.saved.times.tolist() == [0.1]
    assert np.array_equal(stopped.times, whole.times[:5])
    assert np.array_equal(stopped.field, seen[3][1]) and np.array_equal(stopped.positions, seen[3][2])
    # from within a leg the bits are others, the solution is the same
    further = solve_euler(stopped, grid, time=0.4, steps=8, save_at=[0.3], tail_limit=None)
    assert further.status == "completed" and further.saved.times.tolist() == [0.1, 0.3]
    assert np.allclose(further.field, whole.field, rtol=0, atol=1e-5)


def test_without_particles_a_callback_sees_none_and_words_are_no_callback():
    grid, field, _ = start_of((24, 20), "torus")
    seen = []
    solve_euler(field, grid, time=0.2, steps=2, callback=lambda step: seen.append(step.positions))
    assert seen == [None, None]
    with pytest.raises(ValueError, match="callback: expected a function of a step, or None; got 'stop'"):
        solve_euler(field, grid, time=0.2, callback="stop")


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_an_interrupted_solution_has_what_was_saved_before(share, monkeypatch):
    from eulerot.euler.equations import BoxVorticityEquation

    grid, field, particles = start_of((24, 20), "cube")
    function, calls = BoxVorticityEquation.step, 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls > share * 12:
            raise KeyboardInterrupt
        return function(*arguments)

    save_at = [0.1, 0.2, 0.5]
    with monkeypatch.context() as patch:
        patch.setattr(BoxVorticityEquation, "step", interrupted)
        solution = solve_euler(field, grid, time=0.6, steps=12, particles=particles, save_at=save_at)
    assert solution.status == "interrupted"
    assert solution.saved.times.tolist() == ([] if share == 0 else [0.1, 0.2])
    assert solution.saved.fields.shape == (len(solution.saved.times), 24, 20)
    assert solution.saved.positions.shape == (len(solution.saved.times), 5, 2)


def test_what_was_saved_of_a_step_that_was_not_completed_is_left_out():
    # Ctrl-C may come after the field is saved and before the step counts
    field = np.zeros((4, 4))
    columns = {name: np.arange(3.0) for name in ("times", "energy", "enstrophy")}
    saved = saved_of([Snapshot(1, field, None), Snapshot(3, field, None)], Snapshot(2, field, None), columns)
    assert saved.times.tolist() == [1.0] and saved.fields.shape == (1, 4, 4)


def test_solutions_pickle_and_copy():
    grid, field, particles = start_of((24, 20), "cube")
    solution = solve_euler(field, grid, time=0.4, steps=4, particles=particles, save_at=[0.1, 0.4])
    for other in (pickle.loads(pickle.dumps(solution)), copy.deepcopy(solution)):
        for name in ("times", "fields", "positions", "energy", "enstrophy", "indices"):
            assert np.array_equal(getattr(other.saved, name), getattr(solution.saved, name))
        assert other.to_xarray().identical(solution.to_xarray())


@pytest.mark.parametrize(("points", "domain"), CASES)
def test_a_data_set_has_values_coordinates_units_and_attributes(points, domain):
    grid, field, particles = start_of(points, domain)
    options = {"particles": particles, "tail_limit": None}
    solution = solve_euler(field, grid, time=0.4, steps=8, save_at=[0.0, 0.1, 0.4], **options)
    data, saved = solution.to_xarray(), solution.saved
    vector, letters = grid.dim == 3, ["x", "y", "z"][: grid.dim]
    name = "velocity" if vector else "vorticity"
    assert data[name].dims == ("time", *(["component"] if vector else []), *letters)
    assert np.array_equal(data[name], saved.fields) and np.array_equal(data.position, saved.positions)
    assert data.position.dims == ("time", "particle", "component") and data.component.values.tolist() == letters
    assert data.time.values.tolist() == [0.0, 0.1, 0.4]
    for letter, axis in zip(letters, grid.axes, strict=True):
        assert np.array_equal(data[letter], axis) and data[letter].attrs["units"] == "length"
    measures = {"energy", "enstrophy", "tail"}
    measures |= {"casimirs"} if not vector else {"helicity"} if domain == "torus" else set()
    assert set(data.data_vars) == {name, "position"} | measures
    for measure in measures:
        assert np.array_equal(data[measure], getattr(solution, measure)[saved.indices])
    assert all(variable.attrs["units"] and variable.attrs["long_name"] for variable in data.data_vars.values())
    assert data[name].attrs["units"] == ("length / time" if vector else "1 / time")
    assert data.attrs["domain"] == domain and data.attrs["points"] == list(points)
    assert data.attrs["lengths"] == list(grid.sides) and data.attrs["source"].startswith("eulerot ")


def test_a_data_set_of_a_solution_that_saved_nothing_holds_its_end():
    grid, field, _ = start_of((24, 20), "torus")
    solution = solve_euler(field, grid, time=0.4, steps=8)
    data = solution.to_xarray()
    assert data.time.values.tolist() == [0.4] and np.array_equal(data.vorticity[0], solution.field)
    assert data.energy.item() == solution.energy[-1] and "position" not in data and "component" not in data.coords
    x, y = grid.mesh()
    velocity = np.array([np.sin(y), 0 * x])
    moving = solve_euler(velocity, grid, time=0.4, steps=8, quantity="velocity").to_xarray()
    assert moving.velocity.dims == ("time", "component", "x", "y")
    assert np.allclose(moving.velocity.sel(component="x")[0], np.sin(y), atol=1e-12)


def test_without_xarray_the_extra_is_named(monkeypatch):
    grid, field, _ = start_of((24, 20), "torus")
    solution, real = solve_euler(field, grid, time=0.1, steps=1), builtins.__import__

    def missing(name, *arguments, **options):
        if name.split(".")[0] == "xarray":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ImportError, match=r"to_xarray needs xarray: run `pip install eulerot\[xarray\]`"):
        solution.to_xarray()
