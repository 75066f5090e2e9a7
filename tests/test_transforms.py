"""Transforms against sums of the series, slabs however cut, and what becomes of FFTW's plans."""

import importlib.util
import itertools
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from processes import python, started

from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.transforms import backends
from eulerot.euler.transforms.dense import DensePointwise, dense_pays
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


def products(grid):
    """Return the parities of two fields and of their product, which squares and mixes all of their modes."""
    if not grid.walls:
        return [(), ()], [()]
    first, second, both = ("sin", "cos", "cos"), ("cos", "sin", "cos"), ("sin", "sin", "cos")
    return [first[: grid.dim], second[: grid.dim]], [both[: grid.dim]]


def multiplied(values, out):
    np.multiply(*values, out=out[0])


@pytest.mark.parametrize("rows", [1, 2, 5, 7, 11])
@pytest.mark.parametrize("grid", [Grid((16, 15)), Grid((12, 10, 9)), Grid((11, 8, 9), "cube", dealiasing="3/2")])
def test_results_do_not_depend_on_how_slabs_are_cut(grid, rows):
    inputs, outputs = products(grid)
    fields_hat = np.stack([random_coefficients(grid, parity, seed) for seed, parity in enumerate(inputs)])
    transforms = Transforms(grid)
    if grid.dealiasing == "2/3":  # the values of products are on the grid's own points
        first, second = (transforms.backward(*pair) for pair in zip(fields_hat, inputs, strict=True))
        expected = transforms.forward(first * second, outputs[0])
    else:
        expected = Pointwise(grid, inputs, outputs, multiplied, rows=grid.product_points[0])(fields_hat)[0]
    found = Pointwise(grid, inputs, outputs, multiplied, rows=rows)(fields_hat)[0]
    assert np.abs(found - expected).max() < 1e-14 * np.abs(expected).max()


@pytest.mark.parametrize("backend", ["fftw", "scipy"])
def test_the_order_in_which_threads_take_slabs_changes_no_bit(backend):
    # slabs of 150 rows on 370, of which the last one has 70: it is written before the second
    grid, third = Grid((370, 372)), threading.Event()
    field_hat = random_coefficients(grid, None)
    firsts = Transforms(grid, backend=backend).backward(field_hat)[:, 0]

    def square(values, out):
        np.square(values, out=out)

    def square_the_third_before_the_second(values, out):
        start = int(np.argmin(np.abs(firsts - values[0, 0])))
        if start == 150:
            assert third.wait(10)
            time.sleep(0.05)  # until the third slab is written
        square(values, out)
        if start == 300:
            third.set()

    one, two = (
        Pointwise(grid, [()], [()], kernel, rows=150, backend=backend, threads=threads)(field_hat[None])
        for kernel, threads in ((square, 1), (square_the_third_before_the_second, 2))
    )
    assert third.is_set() and np.array_equal(one, two)


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
def transformed(monkeypatch, tmp_path):
    """Return a transform of n^2 numbers, planned as a new process would, with a cache folder of its own."""
    pyfftw = pytest.importorskip("pyfftw")
    wisdom = pyfftw.export_wisdom()

    def transformed(n, *, cache=tmp_path, process=None):
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        source, target = (backends.empty((n, n), complex, "fftw") for _ in range(2))
        assert source.size >= backends.MEASURED_FROM
        plan = (process or new_process()).planner("fftw")("forward", source, target, 0)
        source[...] = values = np.random.default_rng(0).standard_normal((n, n))
        plan()
        assert np.abs(target - np.fft.fft(values, axis=0)).max() < 1e-12
        return target

    yield transformed
    pyfftw.forget_wisdom()
    pyfftw.import_wisdom(wisdom)


def new_process():
    """Return the module of plans as a new process has it: nothing is planned, and no file has been read."""
    pyfftw = pytest.importorskip("pyfftw")
    pyfftw.forget_wisdom()
    spec = importlib.util.find_spec(backends.__name__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wisdom_of(folder):
    (file,) = (folder / "eulerot").iterdir()  # and no half-written file beside it
    assert file.name.startswith("fftw-wisdom-")
    return file


def loadable(wisdom):
    """Whether FFTW takes it; what it has learnt is forgotten."""
    pyfftw = pytest.importorskip("pyfftw")
    pyfftw.forget_wisdom()
    return pyfftw.import_wisdom((wisdom, b"", b""))[0]


def test_plans_are_kept_and_used_again(transformed, tmp_path):
    first = transformed(100)
    kept = wisdom_of(tmp_path).read_bytes()
    assert kept.count(b"\n") > 2 and loadable(kept)  # a head, an end, and a plan at least
    assert np.array_equal(transformed(100), first)  # the same plans, so the same bits
    assert wisdom_of(tmp_path).read_bytes() == kept  # and nothing was measured again
    transformed(110)
    assert wisdom_of(tmp_path).read_bytes() != kept


def test_plans_of_another_process_are_not_lost(transformed, tmp_path):
    transformed(100)
    file = wisdom_of(tmp_path)
    theirs = file.read_bytes()
    file.unlink()
    ours = new_process()
    transformed(110, process=ours)
    file.write_bytes(theirs)  # by a process that knew nothing of ours
    transformed(120, process=ours)
    together = file.read_bytes()
    for n in (100, 110, 120):
        transformed(n)
        assert file.read_bytes() == together  # nothing had to be measured again


MEASURE = """
import sys, time
import numpy as np
from eulerot.euler.transforms.pointwise import Transforms
from eulerot.euler.grid import Grid
grid = Grid((300, 310))
time.sleep(max(0.0, float(sys.argv[1]) - time.time()))
print(Transforms(grid).forward(np.random.default_rng(0).standard_normal(grid.points)).tobytes().hex())
"""


@pytest.mark.slow
def test_processes_that_measure_at_once_have_the_same_plans(tmp_path):
    pytest.importorskip("pyfftw")
    at = str(time.time() + 4.0)
    processes = [started("-c", MEASURE, at, env={"XDG_CACHE_HOME": str(tmp_path)}) for _ in range(3)]
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1
    assert wisdom_of(tmp_path).stat().st_size > 0


@pytest.mark.parametrize("content", [b"", b"nonsense", b"(fftw-3.3.10 fftw_wisdom #x0 #x1", bytes(range(256)) * 50])
def test_a_damaged_file_is_replaced(transformed, tmp_path, content):
    transformed(100)
    file = wisdom_of(tmp_path)
    whole = file.read_bytes()
    # not compared with the file before: FFTW measures anew, and may choose other algorithms
    for damaged in (content, whole[: len(whole) // 2]):
        assert not loadable(damaged)
        file.write_bytes(damaged)
        transformed(100)
        replaced = file.read_bytes()
        assert loadable(replaced)
        transformed(100)
        assert file.read_bytes() == replaced  # all plans are in it: nothing was measured again


def test_a_folder_in_the_place_of_the_file_does_no_harm(transformed, tmp_path):
    transformed(100)
    file = wisdom_of(tmp_path)
    file.unlink()
    file.mkdir()
    transformed(100)
    assert wisdom_of(tmp_path).is_dir() and not any(file.iterdir())


def test_without_a_folder_plans_are_estimates(transformed, tmp_path, monkeypatch):
    occupied = tmp_path / "occupied"
    occupied.write_text("a file, in which nothing can be kept")
    expected = transformed(100, cache=occupied)
    assert np.array_equal(transformed(100, cache=occupied / "deeper"), expected)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert np.array_equal(transformed(100), expected)
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["occupied"]


def test_a_user_without_a_home_has_estimates(transformed, tmp_path, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    occupied = tmp_path / "occupied"
    occupied.write_text("a file, in which nothing can be kept")
    expected = transformed(100, cache=occupied)
    monkeypatch.setattr(Path, "home", homeless)
    assert np.array_equal(transformed(100, cache=""), expected)


@pytest.mark.parametrize("dealiasing", ["2/3", "3/2"])
@pytest.mark.parametrize("points", [(8, 9), (25, 12), (54, 60), (84, 32), (8, 9, 10), (28, 7, 12)])
def test_matrices_give_what_fast_transforms_do(points, dealiasing):
    grid = Grid(points, "cube", dealiasing=dealiasing)
    inputs, outputs = parities(grid)[:3], parities(grid)[-2:]

    def products(values, out):
        out[0], out[1] = values[0] * values[1], values[1] - values[2] ** 2

    fields_hat = np.stack([random_coefficients(grid, parity, seed) for seed, parity in enumerate(inputs)])
    expected = Pointwise(grid, inputs, outputs, products)(fields_hat)
    assert dense_pays(grid)
    dense = DensePointwise(grid, inputs, outputs, products)
    out = grid.zeros_hat(2)
    assert dense(fields_hat, out) is out
    assert np.allclose(out, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert np.array_equal(dense(fields_hat), out)


@pytest.mark.parametrize(
    ("grid", "pays"), [(Grid((16, 16)), False), (Grid((220, 220), "cube"), False), (Grid((200, 200), "cube"), True)]
)
def test_matrices_are_for_few_points_of_the_box(grid, pays):
    assert dense_pays(grid) is pays


SCRIPT = """
import numpy as np
from eulerot.euler.equations import equation_of
from eulerot.euler.grid import Grid
from eulerot.euler.particles.interpolant import interpolant, interpolant_transposed
for grid in (Grid((96, 96), "cube"), Grid((30, 30, 30), "cube")):
    equation = equation_of(grid)
    field = np.random.default_rng(0).standard_normal(equation.shape)
    coefficients, drift = interpolant(equation.carrier(field[None]), grid)
    back = interpolant_transposed(coefficients, drift, grid)
    results = equation.tendency(field), equation.adjoint(field, field), coefficients, back
    print(*(hash(each.tobytes()) for each in results))
"""


@pytest.mark.slow
def test_threads_of_the_linear_algebra_do_not_change_a_bit():
    outputs = {
        python("-c", SCRIPT, env={"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n})[0]
        for n in ("1", "2", "5")
    }
    assert len(outputs) == 1 and len(outputs.pop().split()) == 8
