"""Define random cases of users' habits: units, orientation, threads, copies and flows of one's own.

They complete those of `random_cases.py`, and `fuzz.py` runs both.
"""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
from collections.abc import Callable

import hypothesis
import numpy as np
from hypothesis import strategies as st

import eulerot
from eulerot.rearrangement.sweep import Sweep
from eulerot.shooting.alignment import aligned, orientation

__all__ = ["HABITS"]

SCALES = st.one_of(st.integers(-20, 20).map(lambda k: 2.0**k), st.floats(-6, 6).map(lambda e: 10.0**e))
SHIFTS = st.one_of(st.just(0.0), st.floats(-1e6, 1e6))


def _pairs(data: st.DataObject, n: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Return latents and their images under a random invertible map."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    z, matrix = rng.standard_normal((n, dim)), rng.standard_normal((dim, dim)) + 2 * np.eye(dim)
    return z, z @ matrix.T + 0.5 * np.tanh(z[:, ::-1])


def units(data: st.DataObject) -> None:
    """Check that a fit to shifted and scaled data gives the map of the data themselves."""
    dim, scale, shift = data.draw(st.sampled_from([1, 2, 2, 3, 4])), data.draw(SCALES), data.draw(SHIFTS)
    z, x = _pairs(data, 100, dim)
    options = {"modes": 2, "max_iterations": 3, "regularisation": 1e-3, "threads": 1, "align": data.draw(st.booleans())}
    if dim > 3:
        options["geodesics"] = 1
    first, other = eulerot.fit(z, x, **options), eulerot.fit(z, scale * (x + shift), **options)
    y, moved = first.rearrangement.forward(z), other.rearrangement.forward(z)
    assert first.status == other.status
    if shift == 0.0 and np.log2(scale) % 1 == 0:
        assert y.tobytes() == moved.tobytes()
    # a value that a shift has brought to another multiple of the rounding moves the map by as little
    assert np.abs(y - moved).max() < (1e-6 if abs(shift) < 1e3 else 1e-4)


def report_units(data: st.DataObject) -> None:
    """Check that the excess is that of centred samples, and grows with the scale as it should."""
    dim = data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    y, x = rng.standard_normal((2, data.draw(st.integers(2, 30)), dim))
    offset = np.where(rng.random(dim) < 0.5, data.draw(st.floats(-1e9, 1e9)), 0.0)
    scale = data.draw(SCALES)
    expected = eulerot.transport_report(y, x).excess
    assert np.isclose(eulerot.transport_report(y, x + offset).excess, expected, rtol=1e-5, atol=1e-5)
    scaled = eulerot.transport_report(scale * y, scale * x)
    assert np.isclose(scaled.excess, scale**2 * expected, rtol=1e-9, atol=1e-12 * scale**2)


def reversed_flows(data: st.DataObject) -> None:
    """Check that the orientation of a map is found from pairs, and that a reflection preserves the Gaussian."""
    dim, n = data.draw(st.integers(1, 6)), data.draw(st.integers(60, 400))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    left, right = (np.linalg.qr(rng.standard_normal((dim, dim)))[0] for _ in range(2))
    matrix = (left * rng.uniform(0.3, 3.0, dim)) @ right
    z = rng.standard_normal((n, dim))
    x = (z + 0.2 * np.sin(z)) @ matrix.T + data.draw(st.floats(-1e3, 1e3))
    sign = float(np.sign(np.linalg.det(matrix)))
    assert orientation(z, x) == sign
    s = aligned(z, x, data.draw(st.booleans()))
    assert np.isclose(np.linalg.det(s.rotation), sign) and (s.reflection is None) == (sign > 0)
    y, path = s.forward(z), s.path(z, [0.0, 1.0])
    assert np.abs(s.inverse(y) - z).max() < 1e-12 and np.allclose(np.linalg.norm(y, axis=1), np.linalg.norm(z, axis=1))
    assert np.array_equal(path[0], z) and np.abs(path[1] - y).max() < 1e-10


def _object(data: st.DataObject) -> tuple[object, list[Callable[[object], np.ndarray]]]:
    """Return a fresh object, and calls of its methods that give arrays."""
    kind = data.draw(st.sampled_from(["geodesic", "space", "map", "tables", "flow", "twin", "grid"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 3)))
    dim = 3 if kind == "space" else 2
    grid = eulerot.Grid.from_modes(3, dim=dim)
    if kind == "grid":
        names = ("laplacian", "inverse_laplacian", "weights", "scales")
        return eulerot.Grid((8, 9), "torus"), [lambda g, name=name: np.asarray(getattr(g, name)) for name in names]
    values = 0.5 * rng.standard_normal((3, *grid.points) if dim == 3 else grid.points)
    geodesic, z = eulerot.Geodesic(values, grid, steps=24), rng.standard_normal((40, dim))
    inside = rng.uniform(0.1, 3.0, (40, dim))
    if kind in ("geodesic", "space"):
        return geodesic, [
            lambda g: g.forward(inside), lambda g: g.inverse(inside), lambda g: g.log_abs_det(inside),
            lambda g: g.path(inside, [0.2, 1.0]), lambda g: g.gradient(inside, inside)[0], lambda g: g.field1,
        ]  # fmt: skip
    s = eulerot.Rearrangement(np.eye(2), (Sweep((geodesic,), np.eye(2)),))
    moves = [lambda m: m.forward(z), lambda m: m.inverse(z), lambda m: m.log_abs_det(z), lambda m: m.path(z, [0.5])]
    if kind == "map":
        return s, moves
    if kind == "tables":
        return s.tabulated(error=1e-3), moves
    flow = eulerot.zoo.load("two_moons")
    calls = [lambda f: f.forward(z), lambda f: f.inverse(z), lambda f: f.log_prob(z), lambda f: f.sample(5, seed=1)]
    return (flow if kind == "flow" else eulerot.RearrangedFlow(flow, s)), calls


def threads(data: st.DataObject) -> None:
    """Check that calls of one object from several threads give what they give one by one, the first calls included."""
    shared, calls = _object(data)
    alone = copy.deepcopy(shared)
    chosen = [data.draw(st.sampled_from(calls)) for _ in range(data.draw(st.integers(2, 8)))]
    barrier, found = threading.Barrier(len(chosen)), [None] * len(chosen)

    def work(i: int) -> None:
        barrier.wait()
        found[i] = chosen[i](shared)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(chosen))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for call, result in zip(chosen, found, strict=True):
        assert result is not None and result.tobytes() == call(alone).tobytes()


def copies(data: st.DataObject) -> None:
    """Check that a copy, made before or after use, gives the bits of the original."""
    original, calls = _object(data)
    for call in data.draw(st.lists(st.sampled_from(calls), max_size=2)):
        call(original)
    copied = data.draw(st.sampled_from([copy.deepcopy, copy.copy, lambda o: pickle.loads(pickle.dumps(o))]))(original)
    call = data.draw(st.sampled_from(calls))
    assert call(copied).tobytes() == call(original).tobytes()


def own_flows(data: st.DataObject) -> None:
    """Check that functions of one's own become the right flow, or are refused where they contradict each other."""
    dim = data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    matrix = rng.standard_normal((dim, dim)) + 2.5 * np.eye(dim)
    hypothesis.assume(np.linalg.cond(matrix) < 50)
    shift, log_det = rng.standard_normal(dim), np.linalg.slogdet(matrix)[1]
    right = {
        "forward": lambda z: z @ matrix.T + shift,
        "inverse": lambda x: np.linalg.solve(matrix, (x - shift).T).T,
        "log_prob": lambda x: -0.5 * np.sum(np.linalg.solve(matrix, (x - shift).T) ** 2, axis=0)
        - 0.5 * dim * np.log(2 * np.pi) - log_det,
    }  # fmt: skip
    given = dict(right)
    fault = data.draw(
        st.sampled_from(["none", "none", "swapped", "constant", "other inverse", "raises", "shape", "nan"])
    )
    missing = data.draw(st.sampled_from([(), ("inverse",), ("forward",), ("log_prob",)])) if fault == "none" else ()
    if fault == "swapped":
        hypothesis.assume(np.abs(matrix @ matrix - np.eye(dim)).max() > 0.5)
        given["forward"], given["inverse"] = right["inverse"], right["forward"]
    elif fault == "constant":
        given["log_prob"] = lambda x: right["log_prob"](x) + 1.0
    elif fault == "other inverse":
        given["inverse"] = lambda x: right["inverse"](x) + 0.5
    elif fault == "raises":
        given["inverse"] = _failing
    elif fault == "shape":
        given["forward"] = lambda z: right["forward"](z).T
        hypothesis.assume(dim > 1)
    elif fault == "nan":
        given["log_prob"] = lambda x: np.full(len(x), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        flow = eulerot.flow(**{name: f for name, f in given.items() if name not in missing}, dim=dim)
    assert fault == "none", f"accepted: {fault}"
    z = rng.standard_normal((30, dim))
    x = right["forward"](z)
    assert np.abs(flow.forward(z) - x).max() < 1e-6 and np.abs(flow.inverse(x) - z).max() < 1e-6
    assert np.abs(flow.log_prob(x) - right["log_prob"](x)).max() < 1e-4


def _failing(rows: np.ndarray) -> np.ndarray:
    raise AssertionError("this map has no inverse here")


# The targets, and the number of cases of each
HABITS: dict[str, tuple[Callable[[st.DataObject], None], int]] = {
    target.__name__: (target, cases)
    for target, cases in [
        (units, 250), (report_units, 1500), (reversed_flows, 1500), (threads, 400), (copies, 800), (own_flows, 600),
    ]
}  # fmt: skip
