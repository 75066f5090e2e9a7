"""Transforms against sums of the series, slabs however cut, and what becomes of FFTW's plans."""

import itertools
import sys

import numpy as np
import pytest

from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.transforms import backends, pointwise
from eulerot.euler.transforms.pointwise import Pointwise, Transforms


def parities(grid):
    return list(itertools.product(("sin", "cos"), repeat=grid.dim)) if grid.walls else [None]


def random_coefficients(grid, parity, seed=0):
    """Coefficients of a real field; sines have none for their constant."""
    rng = np.random.default_rng(seed)
    field_hat = rng.standard_normal(grid.shape_hat)
    if not grid.walls:  # those of k and -k in the plane 0 of the last axis are conjugate to each other
        field_hat = field_hat + 1j * rng.standard_normal(grid.shape_hat)
        plane = field_hat[..., 0]
        mirrored = np.roll(np.flip(plane), 1, axis=tuple(range(grid.dim - 1)))
        field_hat[..., 0] = (plane + np.conj(mirrored)) / 2
        return field_hat
    for axis, name in enumerate(parity):
        if name == "sin":
            np.moveaxis(field_hat, axis, 0)[grid.axis_modes[axis] == 0] = 0.0
    return field_hat


def series(grid, field_hat, parity):
    """The values by the definition."""
    values = field_hat
    for axis, (x, k) in enumerate(zip(grid.axes, grid.axis_modes, strict=True)):
        angles = grid.scales[axis] * np.outer(x, k)
        if grid.walls:
            basis = np.sin(angles) if parity[axis] == "sin" else np.cos(angles)
        else:
            basis = np.exp(1j * angles) * (np.where(k > 0, 2, 1) if axis == grid.dim - 1 else 1)
        values = np.moveaxis(np.tensordot(basis, values, axes=(1, axis)), 0, axis)
    return values.real


@pytest.mark.parametrize("backend", ["fftw", "scipy"])
@pytest.mark.parametrize("dealiasing", ["2/3", "3/2"])
@pytest.mark.parametrize("points", [(8, 9), (11, 6), (8, 9, 10), (7, 12, 5)])
@pytest.mark.parametrize("domain", ["torus", "cube"])
def test_transforms_are_the_series_and_its_inverse(domain, points, dealiasing, backend):
    grid = Grid(points, domain, dealiasing=dealiasing)
    both = Transforms(grid, backend=backend)
    for parity in parities(grid):
        both.backward(random_coefficients(grid, parity, seed=1), parity)  # leaves nothing behind in the work arrays
        field_hat = random_coefficients(grid, parity)
        values = both.backward(field_hat, parity)
        assert np.abs(values - series(grid, field_hat, parity)).max() < 1e-13 * np.abs(values).max()
        assert np.abs(both.forward(values, parity) - field_hat).max() < 1e-14 * np.abs(field_hat).max()


@pytest.mark.parametrize("rows", [1, 2, 5, 7, 11])
@pytest.mark.parametrize("grid", [Grid((16, 15)), Grid((12, 10, 9)), Grid((11, 8, 9), "cube", dealiasing="3/2")])
def test_results_do_not_depend_on_how_slabs_are_cut(grid, rows, monkeypatch):
    whole = equation_of(grid)
    field = whole.analysed(np.random.default_rng(0).standard_normal((*(3,) * (grid.dim == 3), *grid.points)))
    expected = whole.tendency(field)
    monkeypatch.setattr(pointwise, "_slab_rows", lambda points, fields: min(rows, points[0]))
    assert np.abs(equation_of(grid).tendency(field) - expected).max() < 1e-14 * np.abs(expected).max()


def test_rows_that_two_slabs_share_have_the_same_bits():
    # slabs of 4 rows on 10: rows 6 and 7 belong to two, which two threads may write
    grid = Grid((10, 12))
    parity = [()]

    def square(values, out):
        np.square(values, out=out)

    def result(starts):
        operation = Pointwise(grid, parity, parity, square, rows=4)
        operation._starts = starts
        return operation(random_coefficients(grid, None)[None])

    assert np.array_equal(result([0, 4, 6]), result([6, 4, 0]))


def test_unknown_backend():
    with pytest.raises(ValueError, match=r"backend: expected one of \('fftw', 'scipy'\); got 'cufft'"):
        equation_of(Grid((8, 8)), backend="cufft").tendency(np.zeros((5, 3), complex))


def test_scipy_stands_in_where_fftw_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyfftw", None)
    assert backends.available() == "scipy"
    grid = Grid((12, 12))
    x, y = grid.mesh()
    equation = equation_of(grid)
    assert np.abs(equation.tendency(equation.analysed(np.cos(x) * np.cos(y)))).max() < 1e-15


@pytest.fixture
def planned(monkeypatch, tmp_path):
    """A run that plans as a new process would, with a cache folder of its own."""
    pyfftw = pytest.importorskip("pyfftw")
    monkeypatch.setattr(backends, "MEASURED_FROM", 1)

    def start_anew():
        pyfftw.forget_wisdom()
        backends._wisdom_file.cache_clear()
        backends._recall_wisdom.cache_clear()

    def run(n, *, cache=tmp_path):
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        start_anew()
        grid = Grid((n, n))
        equation = equation_of(grid)
        return equation.tendency(equation.analysed(np.random.default_rng(0).standard_normal(grid.points)))

    yield run
    monkeypatch.undo()
    start_anew()


def wisdom_of(folder):
    (file,) = (folder / "eulerot").iterdir()  # and no half-written file beside it
    assert file.name.startswith("fftw-wisdom-")
    return file


def loadable(wisdom):
    """Whether FFTW takes it; what it has learnt is forgotten."""
    pyfftw = pytest.importorskip("pyfftw")
    pyfftw.forget_wisdom()
    return pyfftw.import_wisdom((wisdom, b"", b""))[0]


def test_plans_are_kept_and_used_again(planned, tmp_path):
    first = planned(12)
    kept = wisdom_of(tmp_path).read_bytes()
    assert kept.count(b"\n") > 2 and loadable(kept)  # a head, an end, and a plan at least
    assert np.array_equal(planned(12), first)  # the same plans, so the same bits
    assert wisdom_of(tmp_path).read_bytes() == kept  # and nothing was measured again
    planned(14)
    assert wisdom_of(tmp_path).read_bytes() != kept


def test_plans_of_another_process_are_not_lost(planned, tmp_path):
    planned(12)
    file = wisdom_of(tmp_path)
    theirs = file.read_bytes()
    file.unlink()
    planned(14)
    file.write_bytes(theirs)  # by a process that knew nothing of ours
    backends._keep_wisdom()
    both = file.read_bytes()
    for n in (12, 14):
        planned(n)
        assert file.read_bytes() == both  # nothing had to be measured again


@pytest.mark.parametrize("content", [b"", b"nonsense", b"(fftw-3.3.10 fftw_wisdom #x0 #x1", bytes(range(256)) * 50])
def test_a_damaged_file_is_replaced(planned, tmp_path, content):
    planned(12)
    file = wisdom_of(tmp_path)
    whole = file.read_bytes()
    # not compared with the file before: FFTW measures anew, and may choose other algorithms
    for damaged in (content, whole[: len(whole) // 2]):
        assert not loadable(damaged)
        file.write_bytes(damaged)
        planned(12)
        replaced = file.read_bytes()
        assert loadable(replaced)
        planned(12)
        assert file.read_bytes() == replaced  # all plans are in it: nothing was measured again


def test_a_folder_in_the_place_of_the_file_does_no_harm(planned, tmp_path):
    planned(12)
    file = wisdom_of(tmp_path)
    file.unlink()
    file.mkdir()
    assert np.isfinite(planned(12)).all()
    assert wisdom_of(tmp_path).is_dir()


def test_without_a_folder_plans_are_estimates(planned, tmp_path, monkeypatch):
    occupied = tmp_path / "occupied"
    occupied.write_text("a file, in which nothing can be kept")
    expected = planned(12, cache=occupied)
    assert np.array_equal(planned(12, cache=occupied / "deeper"), expected)
    monkeypatch.setattr(backends.os, "access", lambda *_: False)  # root may write everywhere
    assert np.array_equal(planned(12), expected)
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["occupied"]


def test_a_user_without_a_home_has_estimates(planned, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(backends.Path, "home", homeless)
    assert np.isfinite(planned(12, cache="")).all()
    assert backends._wisdom_file() is None
