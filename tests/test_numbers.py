"""Numbers, words where numbers are due, and masked arrays, wherever the package takes them."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import eulerot
from eulerot import checks
from eulerot.benchmark import benchmark
from eulerot.euler.integrators import RK4
from eulerot.latent.source import normal_points, random_source
from eulerot.rearrangement.sweep import Sweep

GRID = eulerot.Grid((12, 12), "cube")
X, Y = GRID.mesh()
FIELD = np.sin(X) * np.sin(2 * Y) + np.sin(2 * X) * np.sin(Y)
GEODESIC = eulerot.Geodesic(FIELD, GRID, steps=4)
MAP = eulerot.Rearrangement(np.eye(2), (Sweep((GEODESIC,), np.eye(2)),))
Z = np.random.default_rng(0).standard_normal((300, 2))

NO_NUMBERS = ["1", "a", b"1", (100,), [1], None, True, np.True_, np.array([1, 2]), 1j, np.nan, np.inf, Decimal("NaN"),
              {}, object(), np.timedelta64(1, "s"), np.array("1"), np.ma.masked, len, Decimal("1e999")]  # fmt: skip
COUNTS = {
    "steps": lambda n: eulerot.solve_euler(FIELD, GRID, time=0.1, steps=n),
    "threads": lambda n: eulerot.solve_euler(FIELD, GRID, time=0.1, steps=8, threads=n),
    "steps of a geodesic": lambda n: eulerot.Geodesic(FIELD, GRID, steps=n),
    "threads of a geodesic": lambda n: eulerot.Geodesic(FIELD, GRID, threads=n),
    "modes": lambda n: eulerot.Grid.from_modes(n),
    "dim": lambda n: eulerot.Grid.from_modes(3, dim=n),
    "n": lambda n: random_source(n, 2, 0),
    "n of points": lambda n: normal_points(n, 2),
    "rounds": lambda n: benchmark(rounds=n, threads=1),
    "max_iterations": lambda n: eulerot.fit(Z, Z, max_iterations=n, modes=1),
}
NUMBERS = {
    "time": lambda v: eulerot.solve_euler(FIELD, GRID, time=v, steps=8),
    "time of a geodesic": lambda v: eulerot.Geodesic(FIELD, GRID, time=v),
    "lengths": lambda v: eulerot.Grid((8, 8), lengths=(1.0, v)),
    "held_out": lambda v: eulerot.fit(Z, Z, held_out=v, modes=1),
    "error": lambda v: MAP.tabulated(error=v),
}
# None, where it is an argument's default, and what it stands for
OPTIONAL_COUNTS = {
    "steps of the solver": lambda n: eulerot.solve_euler(FIELD, GRID, time=0.1, steps=n),
    "field_steps": lambda n: eulerot.Geodesic(FIELD, GRID, field_steps=n),
    "threads of a benchmark": lambda n: benchmark(rounds=1, threads=n),
    "threads of a fit": lambda n: eulerot.fit(Z, Z, threads=n, modes=1),
    "modes of a fit": lambda n: eulerot.fit(Z, Z, modes=n),
}
OPTIONAL_NUMBERS = {
    "courant": lambda v: eulerot.solve_euler(FIELD, GRID, time=0.1, courant=v),
    "tolerance": lambda v: eulerot.solve_euler(FIELD, GRID, time=0.1, tolerance=v),
    "tail_limit": lambda v: eulerot.solve_euler(FIELD, GRID, time=0.1, steps=8, tail_limit=v),
    "axes": lambda v: eulerot.fit(Z, Z, axes=v, modes=1),
}
CALLS = COUNTS | NUMBERS | OPTIONAL_COUNTS | OPTIONAL_NUMBERS


def argument(name):
    """The argument of a call, which its name begins with."""
    return name.split()[0]


def shown(value):
    return repr(value)[:20]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=shown)
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_number_is_refused_by_name(name, value):
    if value is None and name in OPTIONAL_COUNTS | OPTIONAL_NUMBERS | {"steps": None}:
        pytest.skip("None is what it is by default")
    with pytest.raises(ValueError, match=rf"^{argument(name)}: expected .*; got "):
        CALLS[name](value)


@pytest.mark.parametrize("value", [0, -1, 2.5, Fraction(1, 2), Decimal("2.5"), 10**400, np.float32(0.5)], ids=shown)
@pytest.mark.parametrize("name", COUNTS | OPTIONAL_COUNTS)
def test_counts_are_positive_and_whole(name, value):
    with pytest.raises(ValueError, match=rf"^{argument(name)}: expected .*; got "):
        CALLS[name](value)


@pytest.mark.slow
@pytest.mark.parametrize("value", [2, 2.0, np.int8(2), np.float32(2), np.array(2), Fraction(2), Decimal(2)], ids=shown)
def test_numbers_of_every_kind_are_one(value):
    plain = eulerot.solve_euler(FIELD, GRID, time=2, steps=64, threads=2)
    assert np.array_equal(eulerot.solve_euler(FIELD, GRID, time=value, steps=64, threads=value).field, plain.field)
    geodesic = eulerot.Geodesic(FIELD, GRID, time=value, steps=32, threads=value)
    assert (geodesic.time, geodesic.threads) == (2.0, 2) and type(geodesic.threads) is int
    assert eulerot.Grid((8, 8), lengths=(1.0, value)) == eulerot.Grid((8, 8), lengths=(1.0, 2.0))
    assert eulerot.Grid.from_modes(value) == eulerot.Grid.from_modes(2)
    assert random_source(value, 3, 0).shape == (2, 3)
    options = {"modes": value, "geodesics": 1, "align": False, "max_iterations": value, "regularisation": 1e-3}
    fitted = eulerot.fit(Z, Z @ [[0.0, 1.0], [-1.0, 0.5]], threads=value, **options)
    whole = eulerot.fit(Z, Z @ [[0.0, 1.0], [-1.0, 0.5]], threads=1, **options | {"modes": 2, "max_iterations": 2})
    assert fitted.cost_after == whole.cost_after


def test_no_threads_are_all_processors_where_that_is_offered(tmp_path):
    MAP.save(tmp_path / "map")
    loaded = eulerot.Rearrangement.load(tmp_path / "map", threads=None)
    assert np.array_equal(loaded.forward(Z), MAP.forward(Z))
    for threads in (0, "2", True, 1.5):
        with pytest.raises(ValueError, match=r"^threads: expected a positive whole number; got .* None takes all"):
            eulerot.Rearrangement.load(tmp_path / "map", threads=threads)


@pytest.mark.parametrize("seed", ["one", 1.5, -3, object()], ids=shown)
def test_seeds_that_are_none_are_refused(seed):
    for draw in (random_source, normal_points):
        with pytest.raises(ValueError, match=r"^seed: expected what numpy\.random\.default_rng takes"):
            draw(4, 2, seed)


@pytest.mark.parametrize(
    "times", ["now", [0.5, 0.2], [-0.1], [1.1], [np.nan], [[0.1]], [None], np.ma.array([0.1], mask=[True])], ids=shown
)
def test_times_that_are_none_are_refused(times):
    for path in (lambda: GEODESIC.path([[1.0, 1.0]], times), lambda: MAP.path(Z, times)):
        with pytest.raises(ValueError, match=r"^times: expected"):
            path()
    assert GEODESIC.path([[1.0, 1.0]], []).shape == (0, 1, 2)


@pytest.mark.parametrize("arguments", [{"grid": (12, 12)}, {"grid": None}, {"tableau": "RK4"}, {"tableau": None}])
def test_grids_and_schemes_are_objects(arguments):
    with pytest.raises(ValueError, match=f"^{next(iter(arguments))}: expected"):
        eulerot.Geodesic(**{"field0": FIELD, "grid": GRID, "tableau": RK4, **arguments})
    if "grid" in arguments:
        with pytest.raises(ValueError, match=r"^grid: expected a Grid"):
            eulerot.solve_euler(FIELD, arguments["grid"], time=1.0)


@pytest.mark.parametrize("regularisation", ["1e-3", True, [], [1.0, "a"], [[1.0]], [-1.0], np.nan], ids=shown)
def test_weights_that_are_none_are_refused(regularisation):
    with pytest.raises(ValueError, match=r"^regularisation: expected finite weights of zero or more"):
        eulerot.fit(Z, Z, regularisation=regularisation)


def masked(values, *where):
    array = np.ma.array(values, mask=np.zeros(np.shape(values), bool))
    for place in where:
        array[place] = np.ma.masked
    return array


ROWS = np.random.default_rng(1).uniform(0.5, 2.5, (50, 2))
HOLES = masked(Z, (7, 1), (7, 0), (90, 0))
FEW = masked(ROWS, (7, 1), (7, 0), (40, 0))
HAT = GEODESIC.field0_hat
ARRAYS = {
    "y": lambda hide: eulerot.transport_report(hide(Z), Z),
    "x": lambda hide: eulerot.fit(Z, hide(Z), modes=1),
    "z of a map": lambda hide: MAP.forward(hide(Z)),
    "y of a map": lambda hide: MAP.inverse(hide(Z)),
    "field0": lambda hide: eulerot.solve_euler(hide(FIELD), GRID, time=0.1),
    "field0 of a geodesic": lambda hide: eulerot.Geodesic(hide(FIELD), GRID),
    "field0_hat": lambda hide: eulerot.Geodesic.from_coefficients(hide(HAT), GRID),
    "particles": lambda hide: eulerot.solve_euler(FIELD, GRID, time=0.1, particles=hide(ROWS)),
    "positions": lambda hide: GEODESIC.forward(hide(ROWS)),
    "positions of a path": lambda hide: GEODESIC.path(hide(ROWS), [0.5]),
    "positions_bar": lambda hide: GEODESIC.gradient(ROWS, hide(ROWS)),
    "field1_bar": lambda hide: GEODESIC.gradient(ROWS, ROWS, field1_bar=hide(FIELD)),
    "rotation": lambda hide: eulerot.Rearrangement(hide(np.eye(2))),
    "shift": lambda hide: eulerot.Rearrangement(np.eye(2), shift=hide(np.zeros(2))),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_masked_entries_are_refused_with_their_number_and_the_first_row(name):
    def hide(values):
        last = (1, *(0,) * (np.ndim(values) - 1))
        return masked(values, last, -1)

    message = rf"^{argument(name)}: expected no masked entries; got \d+, the first in row 1\. "
    with pytest.raises(ValueError, match=message):
        ARRAYS[name](hide)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_mask_that_hides_nothing_is_no_mask(name):
    ARRAYS[name](masked)


def test_masks_are_counted_by_entries_and_rows():
    with pytest.raises(ValueError, match=r"z: expected no masked entries; got 3, the first in row 7\."):
        checks.checked_samples("z", HOLES)
    with pytest.raises(ValueError, match=r"z: expected no masked entries; got 3, the first in row 7\."):
        checks.checked_samples("z", list(FEW))
    with pytest.raises(ValueError, match=r"z: expected no masked entries; got 1, the first in row 1\."):
        checks.checked_array("z", [1.0, np.ma.masked])
    assert np.array_equal(checks.checked_array("z", list(masked(Z))), Z)
