"""Flows that reverse orientation: latents are reflected first; equation (23)."""

import numpy as np
import pytest
from scipy.stats import ortho_group

import eulerot
from eulerot import pages
from eulerot.latent.circle import wrapped
from eulerot.latent.source import normal_points, random_source
from eulerot.shooting.alignment import aligned, best_reflection, orientation


def flow_of(name, reverse):
    flow = eulerot.zoo.load(name)
    others = list(range(2, flow.dim))
    return lambda z: flow.forward(np.ascontiguousarray(z[:, [1, 0, *others]]) if reverse else z)


@pytest.mark.parametrize("n", [64, pytest.param(1024, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name",
    [
        *("two_moons", "eight_gaussians", "checkerboard", "pinwheel", "trefoil"),
        pytest.param("digits", marks=pytest.mark.slow),
    ],
)
def test_orientation_is_found_from_pairs_alone(name, n):
    for seed in range(2):
        z = random_source(n, eulerot.zoo.load(name).dim, seed)
        assert [orientation(z, flow_of(name, reverse)(z)) for reverse in (False, True)] == [1.0, -1.0]


def test_orientation_in_many_dimensions():
    z = random_source(400, 40, 0)
    matrix = ortho_group.rvs(40, random_state=1)
    for sign in (1.0, -1.0):
        x = z @ (matrix * np.where(np.arange(40) == 0, sign, 1.0)).T
        assert orientation(z, x) == np.sign(np.linalg.det(matrix)) * sign


def test_the_reflection_is_the_best_one():
    z = normal_points(2048, 3)
    x = np.tanh(z[:, [2, 1, 0]]) + 0.3 * z
    best = best_reflection(z, x)

    def cost(matrix):
        return np.mean(np.sum((x - z @ matrix.T) ** 2, axis=1))

    for axis in np.random.default_rng(0).standard_normal((200, 3)):
        other = np.eye(3) - 2 * np.outer(axis, axis) / (axis @ axis)
        assert cost(best) <= cost(other) + 1e-12
    assert np.allclose(best @ best, np.eye(3)) and np.isclose(np.linalg.det(best), -1)


@pytest.fixture(scope="module", params=[False, True], ids=["not aligned", "aligned"])
def reflected(request):
    z = normal_points(2048, 2)
    return eulerot.fit(z, flow_of("pinwheel", True)(z), modes=8, align=request.param)


@pytest.mark.slow
def test_a_reversed_flow_closes_what_its_twin_closes(reflected):
    fresh = random_source(2000, 2, 5)
    x = flow_of("pinwheel", True)(fresh)
    before, after = (eulerot.transport_report(y, x).excess for y in (fresh, reflected.rearrangement.forward(fresh)))
    assert 1 - after / before > 0.99 and reflected.status == "converged"


@pytest.mark.slow
def test_the_map_is_inverted_and_preserves_the_gaussian(reflected, tmp_path):
    s, z = reflected.rearrangement, 1.5 * random_source(500, 2, 6)
    y = s.forward(z)
    assert np.abs(s.inverse(y) - z).max() < 1e-7 and np.abs(s.log_abs_det(z)).max() < 1e-6
    s.save(tmp_path / "map")
    assert eulerot.Rearrangement.load(tmp_path / "map").forward(z).tobytes() == y.tobytes()
    tables = s.tabulated()
    assert np.abs(tables.forward(z) - y).max() < 1e-6 and np.abs(tables.inverse(y) - z).max() < 1e-6


@pytest.mark.slow
def test_the_path_takes_the_reflection_at_time_zero(reflected):
    s, z = reflected.rearrangement, random_source(50, 2, 7)
    path = s.path(z, [0.0, 1e-9, 0.5, 1.0])
    mirrored = z - 2 * np.outer(z @ s.reflection, s.reflection)
    assert np.array_equal(path[0], z)
    assert np.abs(path[1] - mirrored).max() < 1e-6
    assert np.abs(path[-1] - s.forward(z)).max() < 1e-8


@pytest.mark.slow
def test_reports_and_pages_say_so(reflected):
    class Reversed:
        dim = 2
        forward = staticmethod(flow_of("pinwheel", True))
        inverse = staticmethod(lambda x: eulerot.zoo.load("pinwheel").inverse(x)[:, ::-1])
        log_prob = staticmethod(lambda x: eulerot.zoo.load("pinwheel").log_prob(x))
        sample = staticmethod(lambda n: flow_of("pinwheel", True)(random_source(n, 2, 0)))

    twin = eulerot.RearrangedFlow(Reversed(), reflected.rearrangement)
    report = twin.report(300)
    assert report.reflected and "the latents are reflected first" in str(report)
    axes = pytest.importorskip("matplotlib.figure").Figure().add_subplot()
    assert "The flow reverses orientation" in pages.flow_page(twin, report).html()
    tracks = reflected.rearrangement.plot(n=20, ax=axes).collections[0].get_segments()
    # no line from a latent to its mirror image
    assert max(np.linalg.norm(track[1] - track[0]) for track in tracks) < 1.0


@pytest.mark.parametrize("domain", ["cube", "torus"])
def test_one_dimension(domain):
    z = random_source(500, 1, 0, domain=domain)
    x = -z if domain == "cube" else np.remainder(2.0 - z + np.pi, 2 * np.pi) - np.pi
    result = eulerot.fit(z, x, domain=domain)
    assert result.status == "converged" and "reflection" in result.message
    assert np.abs(result.rearrangement.forward(z) - x).max() < 1e-12 and abs(result.cost_after) < 0.01


def test_angles_are_exchanged_or_reversed():
    z = random_source(1500, 2, 1, domain="torus")
    for matrix in ([[0.0, 1.0], [1.0, 0.0]], [[-1.0, 0.0], [0.0, 1.0]]):
        x = np.remainder(z @ np.transpose(matrix) + [0.5, -1.0] + 0.2 * np.sin(z) + np.pi, 2 * np.pi) - np.pi
        assert np.array_equal(aligned(z, x, True, domain="torus").rotation, matrix)
        found = eulerot.fit(z, x, domain="torus", modes=4)
        s = found.rearrangement
        assert found.cost_after < 0.05 * found.cost_before and np.abs(s.inverse(s.forward(z)) - z).max() < 1e-7
        assert np.abs(s.path(z, [0.0, 1.0]) - [z, s.forward(z)]).max() < 1e-9


def test_of_many_angles_costs_say_what_neighbours_cannot():
    z = random_source(1000, 8, 1, domain="torus")
    matrix = np.eye(8)[[0, 5, 2, 3, 4, 1, 6, 7]]
    x = wrapped(z @ matrix.T + 0.8 * np.sin(np.roll(z, 3, axis=1)) + 1.0)
    assert np.array_equal(aligned(z, x, False, domain="torus").rotation, matrix)
    assert orientation(z, x[:, [0, 5, 2, 3, 4, 1, 6, 7]], domain="torus") == 1.0
    assert orientation(z, random_source(1000, 8, 2, domain="torus"), domain="torus") == 1.0


def test_unrelated_pairs_are_no_reason_to_reflect():
    z, x = random_source(300, 2, 0), random_source(300, 2, 1)
    assert abs(np.linalg.det(aligned(z, x, True).rotation)) == pytest.approx(1.0)
