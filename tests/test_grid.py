"""The grid: what it keeps, what it weighs, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from eulerot.euler.grid import Grid


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("dealiasing", ["2/3", "3/2"])
@pytest.mark.parametrize("domain", ["torus", "cube"])
@pytest.mark.parametrize("n", [6, 7, 8, 9, 16, 27])
def test_kept_modes_are_all_that_stay_free_of_aliasing(n, domain, dealiasing, dim):
    # on n points of a period, wavenumbers k and n - k look alike; a box of n cells is half a period of 2 n points
    grid = Grid((n,) * dim, domain, dealiasing=dealiasing)
    period, (products,) = (2 * n if grid.walls else n), set(grid.product_points)
    modes = grid.modes[0]
    assert grid.modes == (modes,) * dim
    product_period = 2 * products if grid.walls else products
    assert product_period - 2 * modes > modes  # what products alias to is not kept
    if dealiasing == "2/3":
        assert products == n and period - 2 * (modes + 1) <= modes + 1  # and one mode more would be one too many
    else:
        assert period - modes > modes and period - (modes + 1) <= modes + 1


@pytest.mark.parametrize("modes", range(1, 40))
@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_grids_from_modes_keep_just_these(domain, modes):
    assert Grid.from_modes(modes, domain=domain).modes == (modes, modes)


@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_lengths_stretch_axes_and_wavenumbers(domain):
    grid = Grid((8, 12), domain, lengths=(1.0, 3.0))
    (x, y), scale = grid.axes, (np.pi if grid.walls else 2 * np.pi)
    assert grid.sides == (1.0, 3.0) and np.allclose(grid.scales, [scale, scale / 3])
    assert np.allclose(np.diff(x), 1 / 8) and np.allclose(np.diff(y), 3 / 12)
    assert np.isclose(x[0], 1 / 16 if grid.walls else 0.0)
    assert np.isclose(np.abs(grid.wavenumbers[1]).max(), grid.modes[1] * scale / 3)
    assert np.allclose(grid.laplacian * grid.inverse_laplacian, grid.laplacian > 0)


def test_default_lengths_and_equality():
    assert Grid((8, 8)).sides == (2 * np.pi,) * 2 and Grid((8, 8, 8), "cube").sides == (np.pi,) * 3
    same = Grid(np.array([8, 8]), lengths=np.full(2, 2 * np.pi))
    assert same == Grid([8, 8]) and hash(same) == hash(Grid((8, 8)))  # grids are keys of caches
    assert same != Grid((8, 8), dealiasing="3/2") and Grid((8, 8), lengths=(1, 2)).sides == (1.0, 2.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        same.points = (4, 4)


@pytest.mark.parametrize("domain", ["torus", "cube"])
@pytest.mark.parametrize("dim", [2, 3])
def test_weights_are_parseval(domain, dim):
    from eulerot.euler.equations import equation_of

    grid = Grid((9, 10, 8)[:dim], domain, lengths=(1.0, 2.0, 3.0)[:dim])
    equation = equation_of(grid)
    components = () if dim == 2 else (3,)
    field = equation.analysed(np.random.default_rng(0).standard_normal((*components, *grid.points)))
    assert np.isclose(
        np.sum(grid.weights * np.abs(field) ** 2), np.sum(equation.synthesised(field) ** 2) / np.prod(grid.points)
    )


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (((16,),), {}, r"points: expected two or three whole numbers of points; got \(16,\)"),
        ((16,), {}, "points: expected two or three whole numbers"),
        (((8, 8, 8, 8),), {}, "points: expected two or three whole numbers"),
        (((16.0, 16.0),), {}, "points: expected two or three whole numbers"),
        (((True, True),), {}, "points: expected two or three whole numbers"),
        ((((8, 8), (8, 8)),), {}, "points: expected two or three whole numbers"),
        (("ab",), {}, "points: expected two or three whole numbers"),
        (((16, 3),), {}, r"points: expected at least 4 points an axis; got \(16, 3\)"),
        (((16, 0),), {}, "points: expected at least 4 points"),
        (((-16, 16),), {}, "points: expected at least 4 points"),
        (((1, 8), "cube"), {"dealiasing": "3/2"}, "points: expected at least 2 points"),
        (((16, 16), "sphere"), {}, r"domain: expected one of \('torus', 'cube'\); got 'sphere'"),
        (((16, 16),), {"dealiasing": 2 / 3}, r"dealiasing: expected one of \('2/3', '3/2'\); got 0.66"),
        (((16, 16),), {"lengths": (1.0,)}, r"lengths: expected 2 positive lengths; got \(1.0,\)"),
        (((16, 16),), {"lengths": 1.0}, "lengths: expected 2 positive lengths; got 1.0"),
        (((16, 16),), {"lengths": ()}, r"lengths: expected 2 positive lengths; got \(\)"),
        (((16, 16),), {"lengths": (1.0, 0.0)}, "lengths: expected 2 positive lengths"),
        (((16, 16),), {"lengths": (1.0, -2.0)}, "lengths: expected 2 positive lengths"),
        (((16, 16),), {"lengths": (1.0, np.nan)}, "lengths: expected 2 positive lengths"),
        (((16, 16),), {"lengths": (np.inf, 1.0)}, "lengths: expected 2 positive lengths"),
        (((16, 16),), {"lengths": "ab"}, "lengths: expected 2 positive lengths; got 'ab'"),
    ],
)
def test_what_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        Grid(*arguments, **options)


@pytest.mark.parametrize("modes", [0, -3, 2.5])
def test_numbers_of_modes_that_are_refused(modes):
    with pytest.raises(ValueError, match="modes: expected a positive whole number"):
        Grid.from_modes(modes)


def test_options_are_keywords():
    with pytest.raises(TypeError):
        Grid((8, 8), "torus", (1.0, 1.0))


@pytest.mark.parametrize(
    ("values", "components", "message"),
    [
        (np.zeros((8, 8), complex), 0, "f: expected real numbers; got dtype complex128"),
        (np.zeros((8, 6)), 0, r"f: expected one value a grid point, shape \(8, 8\); got \(8, 6\)"),
        (np.zeros((8, 8)), 2, r"f: expected 2 components a grid point, shape \(2, 8, 8\); got \(8, 8\)"),
        (np.full((8, 8), np.inf), 0, r"f: expected finite values; got 64 that are not, the first at \[0 0\]"),
    ],
)
def test_fields_that_are_refused(values, components, message):
    with pytest.raises(ValueError, match=message):
        Grid((8, 8)).checked_field("f", values, components=components)


def test_checked_fields_are_copies():
    values = np.ones((8, 8), dtype=np.int32)
    field = Grid((8, 8)).checked_field("f", values)
    assert field.dtype == np.float64
    same = np.ones((8, 8))
    assert not np.shares_memory(Grid((8, 8)).checked_field("f", same), same)
