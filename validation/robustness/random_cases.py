"""Define the random cases: what is drawn by hypothesis, and the property to which an accepted answer is held.

Each target draws a case and tries it. It raises a `ValueError` where the package refuses the case, and an
`AssertionError` where an answer lacks its property. `fuzz.py` runs them.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import hypothesis
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import eulerot
from eulerot import files
from eulerot.checks import checked_samples
from eulerot.cli import main as command_line
from eulerot.euler.integrators import DOP853, RK4
from eulerot.latent.chart import FARTHEST, to_box
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.options import FitOptions
from eulerot.shooting.pairs import warn_of_pairs
from eulerot.transport.cost import exact_cost, lower_bound, transport_cost

__all__ = ["TARGETS"]

DTYPES = st.one_of(
    hnp.floating_dtypes(sizes=(16, 32, 64)), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.boolean_dtypes(),
    hnp.complex_number_dtypes(sizes=(64, 128)), hnp.unicode_string_dtypes(max_len=3),
    hnp.datetime64_dtypes(), st.just(np.dtype(object)),
)  # fmt: skip
ROWS = st.tuples(st.integers(0, 9), st.just(2))
SHAPES = st.one_of(ROWS, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
ANY_ARRAY = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, SHAPES, elements=_elements(dtype)))
COORDINATES = st.floats(-1e6, 1e6, width=64)
SAMPLES = hnp.arrays(np.float64, st.tuples(st.integers(1, 12), st.just(2)), elements=COORDINATES)
LATENTS = hnp.arrays(np.float64, st.tuples(st.integers(1, 12), st.just(2)), elements=st.floats(-1e300, 1e300))
THINGS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 70), st.floats(), st.text(max_size=4), st.just(()),
    st.lists(st.floats(), max_size=3),
    st.sampled_from([np.int64(3), np.float32(0.5), np.array(2), np.array([1.0]), 1j]),
)  # fmt: skip


def _elements(dtype: np.dtype) -> st.SearchStrategy:
    return THINGS if dtype.kind == "O" else hnp.from_dtype(dtype)


def _rearrangement(seed: int, geodesics: int, modes: int = 3) -> eulerot.Rearrangement:
    """Return a random map of so many geodesics."""
    rng, grid = np.random.default_rng(seed), eulerot.Grid.from_modes(modes)
    x, y = grid.mesh()
    parts = []
    for number in range(geodesics):
        waves = [rng.standard_normal() * np.sin(k * x) * np.sin(l * y) for k in (1, 2, 3) for l in (1, 2, 3)]
        geodesic = eulerot.Geodesic(sum(waves), grid, steps=12, tableau=(DOP853, RK4)[number % 2])
        parts.append(Sweep((geodesic,), np.eye(2)))
    angle = rng.uniform(0, 2 * np.pi) if seed % 3 else 0.0
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return eulerot.Rearrangement(rotation, tuple(parts))


MAPS = [_rearrangement(seed, seed % 3) for seed in range(4)]


def samples_of_any_array(data: st.DataObject) -> None:
    """Check that any array where samples are expected is read as it is, or refused."""
    value = data.draw(ANY_ARRAY)
    samples = checked_samples("z", value)
    assert samples.dtype == np.float64 and samples.ndim == 2 and np.isfinite(samples).all()
    assert np.array_equal(samples, np.asarray(value, dtype=float))


def map_of_any_array(data: st.DataObject) -> None:
    """Check that a map moves any array to finite samples, or refuses it."""
    value, method = (
        data.draw(st.one_of(SAMPLES, ANY_ARRAY)),
        data.draw(st.sampled_from(["forward", "inverse", "log_abs_det"])),
    )
    result = getattr(MAPS[1], method)(value)
    assert np.isfinite(result).all() and len(result) == len(value)


def map_of_any_latents(data: st.DataObject) -> None:
    """Check that latents of any size have finite images, and that the inverse leads back."""
    z, s = data.draw(LATENTS), data.draw(st.sampled_from(MAPS))
    assert np.isfinite(s.forward(z)).all() and np.isfinite(s.inverse(z)).all()
    near = np.clip(z, -5, 5)
    assert np.abs(s.inverse(s.forward(near)) - near).max() < 1e-4  # 12 steps: a bound that no wrong map meets


def path_at_any_times(data: st.DataObject) -> None:
    """Check that a path is finite at any times that it accepts."""
    times = data.draw(st.one_of(ANY_ARRAY, st.lists(st.floats(0, 1), max_size=5).map(sorted)))
    z = np.array([[0.3, -0.7], [1.0, 2.0]])
    path = data.draw(st.sampled_from(MAPS)).path(z, times)
    assert path.shape == (np.size(times), 2, 2) and np.isfinite(path).all()


def measures(data: st.DataObject) -> None:
    """Check that the costs of any pairs keep their order: bound, exact cost, cost."""
    y, x = data.draw(SAMPLES), data.draw(SAMPLES)
    cost, exact, bound = transport_cost(y, x), exact_cost(y, x), lower_bound(y, x)
    # the network simplex is as exact as the largest squared distance between any two samples is
    widths = np.ptp(np.concatenate([y, x]), axis=0)
    slack = 1e-9 * (1 + cost) + 1e-14 * float(widths @ widths)
    assert 0 <= bound <= exact + slack <= cost + 2 * slack
    report = eulerot.transport_report(y, x)
    assert report.lower_bound <= report.exact <= report.cost and report.excess >= 0 and str(report)


def options(data: st.DataObject) -> None:
    """Check that anything as an option of a fit is accepted or refused."""
    counts = ["modes", "geodesics", "steps", "max_iterations", "threads"]
    names = st.sampled_from([*counts, "regularisation", "held_out", "tolerance", "checkpoint"])
    FitOptions(**data.draw(st.dictionaries(names, THINGS, max_size=3)))


def grids(data: st.DataObject) -> None:
    """Check that anything as a grid makes a usable one, or is refused."""
    sizes = st.integers(-2, 12)
    points = data.draw(st.one_of(THINGS, st.tuples(sizes, sizes), st.tuples(sizes, sizes, sizes)))
    words = st.sampled_from(["torus", "cube", "box", ""])
    some = st.lists(st.floats(0.1, 10), min_size=2, max_size=3)
    lengths = data.draw(st.one_of(st.none(), st.none(), some, st.lists(st.floats(), min_size=2, max_size=3), THINGS))
    dealiasing = data.draw(st.sampled_from(["2/3", "3/2", "1"]))
    grid = eulerot.Grid(points, data.draw(words), lengths=lengths, dealiasing=dealiasing)
    assert len(grid.mesh()) == grid.dim and min(grid.modes) >= 1 and np.isfinite(grid.laplacian).all()


def solver(data: st.DataObject) -> None:
    """Check that the solver ends with a finite field that gained no energy, whatever it accepts."""
    grid = eulerot.Grid((8, 6), data.draw(st.sampled_from(["torus", "cube"])))
    plain = hnp.arrays(np.float64, st.just((8, 6)), elements=st.floats(-50, 50))
    field = data.draw(st.one_of(plain, plain, ANY_ARRAY))
    steps = data.draw(st.one_of(st.none(), st.integers(-2, 30)))
    time_ = data.draw(st.one_of(st.floats(-0.3, 0.3), st.floats()).filter(lambda t: not 1e2 < abs(t) < np.inf))
    hypothesis.assume(steps is not None or abs(time_) < 1 or not np.isfinite(time_))
    solution = eulerot.solve_euler(field, grid, time=time_, steps=steps, tail_limit=None)
    assert np.isfinite(solution.field).all() and solution.energy[-1] <= 1.5 * solution.energy[0] + 1e-12


def file_round_trip(data: st.DataObject) -> None:
    """Check that arrays of any kind come back from a file with the same bits."""
    names = st.text(st.characters(exclude_characters="/\\", exclude_categories=("C",)), min_size=1, max_size=8)
    arrays = data.draw(st.dictionaries(names, ANY_ARRAY, max_size=4))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        files.write_arrays(path, arrays, kind="fuzz", version=1)
        back = files.read_arrays(path, kind="fuzz", version=1)
    assert back.keys() == arrays.keys()
    for name, value in arrays.items():
        assert back[name].dtype == value.dtype and back[name].shape == value.shape
        assert back[name].tobytes() == value.tobytes()


def map_round_trip(data: st.DataObject) -> None:
    """Check that a map comes back from a file, equal to the last bit."""
    grid = eulerot.Grid(
        data.draw(st.tuples(st.integers(4, 9), st.integers(4, 9))), "cube",
        lengths=data.draw(st.tuples(st.floats(0.1, 9), st.floats(0.1, 9))),
        dealiasing=data.draw(st.sampled_from(["2/3", "3/2"])),
    )  # fmt: skip
    field = data.draw(hnp.arrays(np.float64, st.just(grid.points), elements=st.floats(-1, 1)))
    geodesic = eulerot.Geodesic(field, grid, time=data.draw(st.floats(-0.2, 0.2)), steps=data.draw(st.integers(8, 20)))
    original = replace(MAPS[data.draw(st.integers(0, 3))], sweeps=(Sweep((geodesic,), np.eye(2)),))
    with tempfile.TemporaryDirectory() as folder:
        original.save(os.path.join(folder, "map"))
        loaded = eulerot.Rearrangement.load(os.path.join(folder, "map"), threads=1)
    z = np.array([[0.3, -0.7], [4.0, 2.0]])
    assert loaded.forward(z).tobytes() == original.forward(z).tobytes()


@cache
def _map_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        MAPS[2].save(os.path.join(folder, "map"))
        return Path(folder, "map").read_bytes()


def broken_file(data: st.DataObject) -> None:
    """Check that a map's file is refused when it was cut, altered, lengthened, mixed, or is nothing of the kind."""
    whole = _map_bytes()
    at, end = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, len(whole)))
    piece = data.draw(st.binary(max_size=20))
    broken = data.draw(
        st.sampled_from(
            [whole[:at], whole[at:], whole[:at] + piece + whole[at + len(piece) :], whole[:at] + whole[end:], piece]
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "map")
        path.write_bytes(broken)
        loaded = eulerot.Rearrangement.load(path)
    assert broken == whole and np.array_equal(loaded.forward([[0.3, -0.7]]), MAPS[2].forward([[0.3, -0.7]]))


def fits(data: st.DataObject) -> None:
    """Check that a fit to odd pairs is never worse than no fit, and that its map is inverted."""
    n, dim = data.draw(st.integers(2, 80)), data.draw(st.sampled_from([1, 2, 2, 2, 3]))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    z = rng.standard_normal((n, dim))
    x = {
        "linear": lambda: z @ rng.standard_normal((dim, dim)),
        "constant": lambda: np.ones_like(z),
        "heavy": lambda: rng.standard_cauchy((n, dim)),
        "repeated": lambda: np.repeat(z[: n // 2 + 1], 2, axis=0)[:n],
        "huge": lambda: 1e8 * np.sinh(z),
        "same": lambda: z,
        "few": lambda: np.sign(z[:, ::-1]),
    }[data.draw(st.sampled_from(["linear", "constant", "heavy", "repeated", "huge", "same", "few"]))]()
    result = eulerot.fit(
        z, x, modes=data.draw(st.integers(1, 4)), geodesics=data.draw(st.integers(1, 2)), threads=1,
        align=data.draw(st.booleans()), max_iterations=data.draw(st.integers(1, 4)), regularisation=1e-3,
    )  # fmt: skip
    assert result.cost_after <= result.cost_before * (1 + 1e-12) and result.message
    assert result.status in ("converged", "max_iterations", "stalled")
    s = result.rearrangement
    near = np.clip(z, -4, 4)
    assert np.abs(s.inverse(s.forward(near)) - near).max() < 1e-6


def cautions(data: st.DataObject) -> None:
    """Check that odd pairs are warned of exactly where a naive count says so."""
    n, held_out = data.draw(st.integers(1, 400)), data.draw(st.integers(1, 60))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    z, x = rng.standard_normal((n, 2)), rng.standard_t(data.draw(st.integers(1, 9)), (n, 2))
    repeated = data.draw(st.integers(0, min(n - 1, 8)))
    z[n - repeated :] = z[0]
    middle = x.mean(axis=0)
    far = sorted(((row - middle) @ (row - middle) for row in x), reverse=True)
    share = sum(far[: -(-n // 100)]) / (sum(far) or 1.0)
    hypothesis.assume(abs(share - 0.3) > 1e-9)
    due = [held_out < 32, n - len({tuple(row) for row in z}) > 0.01 * n, share > 0.3]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_pairs(z, x, n_held_out=held_out)
    names = [name for name, is_due in zip(("held_out", "z", "x"), due, strict=True) if is_due]
    assert [str(one.message).partition(":")[0] for one in caught] == names
    assert all(one.category is eulerot.SampleWarning for one in caught)


def clipped_latents(data: st.DataObject) -> None:
    """Check that latents are warned of exactly where they are beyond what the box can tell apart."""
    z = data.draw(LATENTS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert np.isfinite(to_box(z)).all()
    assert bool(caught) == bool(np.abs(z).max() > FARTHEST)


@contextlib.contextmanager
def _within(folder: str) -> Iterator[None]:
    """Work in a folder for a while."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def commands(data: st.DataObject) -> None:
    """Check that any words and files on the command line end with 0, or with 2 and a sentence."""
    content = data.draw(st.one_of(st.binary(max_size=60), SAMPLES, ANY_ARRAY))
    file = data.draw(st.sampled_from(["file", "file", "file.csv", "file.parquet", "file.toml"]))
    starts = [
        f"apply map {file} -o out", f"report {file}", f"fit {file} --modes 2", "animate file", f"solve {file}", "",
        "pairs linear -n 3 -o out", "completion bash",
    ]  # fmt: skip
    known = ["-o", "--map", "--json", "--inverse", "--array", "--quiet", "--seed", "map", "file", "out", ".", "0", "z"]
    words = data.draw(st.sampled_from(starts)).split() + data.draw(st.lists(st.sampled_from(known), max_size=3))
    with tempfile.TemporaryDirectory() as folder, _within(folder):
        Path("map").write_bytes(_map_bytes())
        if isinstance(content, bytes):
            Path(file).write_bytes(content)
        else:
            with open(file, "wb") as stream:
                np.savez(stream, **dict.fromkeys(data.draw(st.sampled_from(["z", "y", "zx", "zx"])), content))
        _ends_well(words)


def problems(data: st.DataObject) -> None:
    """Check that any formula, and any value in the description of a problem, is solved or refused by a sentence."""
    parts = [*"xyk0123456789.+-*/%()<>,;='\"[] ", "sin(", "exp(", "where(", "pi", "**", "import ", "lambda:"]
    terms, operators = ["cos(x)", "sin(2*y)", "exp(cos(y))", "2", "k", "x"], ["+", "-", "*", "/", "**", "<", ")", ""]
    formula = "".join(data.draw(st.lists(st.sampled_from(parts), max_size=8)))
    if data.draw(st.integers(0, 3)):
        some = data.draw(st.lists(st.tuples(st.sampled_from(terms), st.sampled_from(operators)), max_size=3))
        formula = "".join(term + operator for term, operator in some) + "cos(y)"
    values = ["1", "-1", "0", "1e400", "nan", "true", '"x"', "[]", "[8, 8]", "[8, 8, 8]", "{k = 2}", "{x = 1}"]
    keys = ["points", "time", "constants", "save_at", "particles", "steps", "tolerance", "velocity", "field0"]
    entries = {"points": "[8, 8]", "time": "0.1", "vorticity": f"'''{formula}'''"} | data.draw(
        st.dictionaries(st.sampled_from(keys), st.sampled_from(values), max_size=1)
    )
    with tempfile.TemporaryDirectory() as folder, _within(folder):
        Path("problem.toml").write_text("\n".join(f"{name} = {value}" for name, value in entries.items()))
        with warnings.catch_warnings():
            # of fields of 1e160, whose energy no number holds
            warnings.filterwarnings("ignore", "overflow encountered|invalid value encountered", RuntimeWarning)
            _ends_well(
                ["solve", "problem.toml", "--quiet", *data.draw(st.sampled_from([[], ["--vorticity", formula]]))]
            )


def _ends_well(words: list[str]) -> None:
    """Check that a command line ends with 0, or with 2 and a sentence."""
    streams = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            code = command_line(words)
        except SystemExit as end:  # argparse
            code = end.code
    assert code in (0, 2), code
    if code == 2:
        assert streams[1].getvalue().strip() and "Traceback" not in streams[1].getvalue()
        raise ValueError("refused by the command line: expected; got")


# The targets, and the number of cases of each
TARGETS: dict[str, tuple[Callable[[st.DataObject], None], int]] = {
    target.__name__: (target, cases)
    for target, cases in [
        (samples_of_any_array, 2000), (map_of_any_array, 1500), (map_of_any_latents, 1000), (path_at_any_times, 600),
        (measures, 600), (options, 1500), (grids, 1500), (solver, 600), (file_round_trip, 800), (map_round_trip, 300),
        (broken_file, 2500), (fits, 150), (cautions, 600), (clipped_latents, 600), (commands, 600), (problems, 600),
    ]
}  # fmt: skip
