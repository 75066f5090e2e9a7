"""Copies by pickle, copy, joblib, spawned processes and torch: before and after use, equal to the last bit."""

import copy
import io
import multiprocessing
import pickle

import numpy as np
import pytest

import eulerot
from eulerot.euler.integrators import RK4
from eulerot.rearrangement.sweep import Sweep

pytestmark = pytest.mark.slow

Z = np.random.default_rng(0).standard_normal((60, 2))
SOME = np.random.default_rng(1).uniform(0.1, 3.0, (60, 3))


def box_geodesic(**options):
    grid = eulerot.Grid((15, 12), "cube")
    x, y = grid.mesh()
    return eulerot.Geodesic(0.5 * np.sin(x) * np.sin(2 * y) + 0.1 * np.cos(9 * x), grid, **{"steps": 6, **options})


def torus_geodesic():
    grid = eulerot.Grid((8, 9, 10), lengths=(2.0, 3.0, 4.0), dealiasing="3/2")
    a, _, c = (scale * axis for scale, axis in zip(grid.scales, grid.mesh(), strict=True))
    return eulerot.Geodesic([np.sin(c), 0 * a, np.cos(a)], grid, time=-0.4, steps=5, tableau=RK4, threads=2)


def rearrangement():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    return eulerot.Rearrangement(turn, (Sweep((box_geodesic(),), turn), Sweep((box_geodesic(time=0.3),), np.eye(2))))


def torus_rearrangement():
    return eulerot.Rearrangement(np.eye(2), shift=[0.3, -1.0])


def table():
    return rearrangement().tabulated(error=1e-2)


def solution():
    geodesic = box_geodesic()
    options = {"time": 0.2, "steps": 4, "particles": SOME[:, :2], "tail_limit": None}
    return eulerot.solve_euler(geodesic.field0, geodesic.grid, **options)


def fitted():
    z = np.random.default_rng(4).standard_normal((480, 2))
    return eulerot.fit(z, z @ np.array([[0.0, 1.0], [-1.0, 0.4]]), modes=2, geodesics=1)


def twin():
    options = {"modes": 2, "geodesics": 1, "align": False, "max_iterations": 3}
    return eulerot.rearrange(eulerot.zoo.load("two_moons"), n_pairs=512, **options)


def report():
    return twin().report(200)


def map_used(s):
    return s.forward(Z), s.inverse(Z), s.log_abs_det(Z), s.path(Z, [0.3, 1.0])


def geodesic_used(geodesic):
    p = SOME[:, : geodesic.grid.dim]
    maps = geodesic.forward(p), geodesic.inverse(p), geodesic.log_abs_det(p), geodesic.path(p, [0.5])
    return (*maps, *geodesic.gradient(p, p), geodesic.field0, geodesic.field0_hat, geodesic.field1)


def solution_used(s):
    return s.field, s.times, s.energy, s.tail, s.positions, s.field_hat, *s.spectrum()


def fit_used(result):
    return (*map_used(result.rearrangement), str(result.status), result.cost_after, repr(result.history))


def flow_used(flow):
    z = np.random.default_rng(2).standard_normal((20, flow.dim))
    x = flow.forward(z)
    return x, flow.inverse(x), flow.log_prob(x), flow.sample(5, seed=3)


def twin_used(twin):
    return (*flow_used(twin), *twin.pairs(20), *map_used(twin.rearrangement), *fit_used(twin.fit))


OBJECTS = {
    "grid": (lambda: eulerot.Grid((12, 16), "cube", lengths=(1.0, 2.0)),
             lambda grid: (grid.laplacian, grid.weights, grid.modes, grid.sides, *grid.axes, repr(grid))),
    "geodesic": (box_geodesic, geodesic_used),
    "geodesic of coefficients": (lambda: box_geodesic().in_steps(7, 12), geodesic_used),
    "geodesic in space": (torus_geodesic, geodesic_used),
    "rearrangement": (rearrangement, map_used),
    "rearrangement of angles": (torus_rearrangement, map_used),
    "table": (table, map_used),
    "solution": (solution, solution_used),
    "fit": (fitted, fit_used),
    "twin": (twin, twin_used),
    "report": (report, lambda report: (repr(report), str(report), report.closed)),
    **{name: (lambda name=name: eulerot.zoo.load(name), flow_used) for name in eulerot.zoo.names()},
}  # fmt: skip
USES = {name: use for name, (_, use) in OBJECTS.items()}


def bits(values):
    return [np.asarray(value).tobytes() if not isinstance(value, str) else value for value in values]


def used(name, instance):
    """Return the bits of all uses of an object, also in other processes."""
    return bits(USES[name](instance))


def used_twice(name, instance):
    used(name, instance)
    return used(name, instance)


def through_file(instance):
    buffer = io.BytesIO()
    pickle.dump(instance, buffer)
    buffer.seek(0)
    return pickle.load(buffer)


COPIES = {
    **{f"pickle {n}": lambda obj, n=n: pickle.loads(pickle.dumps(obj, protocol=n)) for n in range(2, 6)},
    "file": through_file, "copy": copy.copy, "deepcopy": copy.deepcopy,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::eulerot.SampleWarning")
@pytest.mark.parametrize("name", OBJECTS)
def test_copies_equal_the_original_before_and_after_its_use(name):
    original = OBJECTS[name][0]()
    before = {way: make(original) for way, make in COPIES.items()}
    expected = used(name, original)
    for way, make in COPIES.items():
        assert used(name, before[way]) == expected, f"{way}, before"
        after = make(original)
        assert used(name, after) == expected, f"{way}, after"
        assert used(name, make(after)) == expected, f"{way}, of a copy"
    assert used(name, original) == expected


@pytest.fixture(scope="module")
def pool():
    with multiprocessing.get_context("spawn").Pool(1) as processes:
        yield processes


@pytest.mark.filterwarnings("ignore::eulerot.SampleWarning")
@pytest.mark.parametrize("name", OBJECTS)
def test_spawned_processes_give_the_same_bits_and_send_objects_back(name, pool):
    original = OBJECTS[name][0]()
    expected = used(name, original)
    assert pool.apply(used_twice, (name, original)) == expected
    assert used(name, pool.apply(copy.deepcopy, (original,))) == expected


@pytest.mark.filterwarnings("ignore::eulerot.SampleWarning")
def test_joblib_gives_the_same_bits():
    joblib = pytest.importorskip("joblib")
    originals = {name: make() for name, (make, _) in OBJECTS.items()}
    expected = [used(name, original) for name, original in originals.items()]
    for backend in ("loky", "threading"):
        parallel = joblib.Parallel(n_jobs=2, backend=backend)
        assert parallel(joblib.delayed(used)(*item) for item in originals.items()) == expected
    fresh = rearrangement()
    assert joblib.hash(fresh) == joblib.hash(originals["rearrangement"])  # whether it was used does not count


def test_a_copy_is_as_small_as_its_field():
    geodesic = box_geodesic()
    fresh = len(pickle.dumps(geodesic))
    geodesic_used(geodesic)
    assert len(pickle.dumps(geodesic)) == fresh < 8 * 15 * 12 * 2 + 3000


def test_a_copy_is_another_object_where_that_is_asked_for():
    geodesic = box_geodesic()
    deep = copy.deepcopy(geodesic)
    assert deep.field0_hat is not geodesic.field0_hat and deep.grid == geodesic.grid
    with pytest.raises(AttributeError):
        deep.steps = 3


@pytest.mark.flows
@pytest.mark.filterwarnings("ignore::eulerot.SampleWarning")
@pytest.mark.parametrize("name", OBJECTS)
def test_torch_saves_and_loads_them(name, tmp_path):
    torch = pytest.importorskip("torch")
    original = OBJECTS[name][0]()
    for when in ("before", "after"):
        torch.save({"of": original}, tmp_path / when)
        expected = used(name, original)
        assert used(name, torch.load(tmp_path / when, weights_only=False)["of"]) == expected
