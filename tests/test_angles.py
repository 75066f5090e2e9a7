"""Flows on angles: uniform latents on the torus, the shortest way round, geodesics of the periodic grid."""

import itertools
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from differences import derivative, jacobians

import eulerot
from eulerot.euler.equations import equation_of
from eulerot.latent.circle import shortest
from eulerot.latent.source import check_source, random_source, source_points
from eulerot.shooting.alignment import best_shift, torus_reflection
from eulerot.shooting.joint_objective import JointObjective, Planes
from eulerot.shooting.objective import Objective
from eulerot.shooting.parametrisation import Parametrisation
from eulerot.shooting.sweep_planes import PlanesOfAngles
from eulerot.shooting.torus_slope import TorusSlope
from eulerot.transport.cost import transport_cost

sys.path.append(str(Path(__file__).parents[1] / "validation" / "fits"))
from torus import planted_angles

SHIFT = np.array([1.0, -0.7])


@dataclass(frozen=True)
class Planted:
    """``f = M o X o (shift)``, with ``M(y) = y + 0.3 (cos y_1, sin(y_2 + 1))``, a gradient map of the torus."""

    rho: eulerot.Geodesic
    dim: int = 2

    def truth(self, z):
        return shortest(self.rho.forward(z + SHIFT), "torus")

    def forward(self, z):
        y = self.truth(z)
        return y + 0.3 * np.stack([np.cos(y[:, 0]), np.sin(y[:, 1] + 1.0)], axis=1)

    def inverse(self, x):
        y = np.array(x)
        for _ in range(100):
            y = x - 0.3 * np.stack([np.cos(y[:, 0]), np.sin(y[:, 1] + 1.0)], axis=1)
        return shortest(self.rho.inverse(y) - SHIFT, "torus")

    def log_prob(self, x):
        y = self.rho.forward(self.inverse(x) + SHIFT)
        slopes = 1 + 0.3 * np.stack([-np.sin(y[:, 0]), np.cos(y[:, 1] + 1.0)], axis=1)
        return -2 * np.log(2 * np.pi) - np.sum(np.log(slopes), axis=1)

    def sample(self, n):
        return self.forward(random_source(n, 2, 0, domain="torus"))


@pytest.fixture(scope="module")
def planted():
    grid = eulerot.Grid.from_modes(4, domain="torus")
    x, y = grid.mesh()
    return Planted(eulerot.Geodesic(3 * np.cos(x) * np.sin(y) + 2 * np.cos(2 * x + y), grid, steps=24))


@pytest.fixture(scope="module")
def twin(planted):
    return eulerot.rearrange(planted, domain="torus", n_pairs=2048, modes=6)


def test_a_planted_flow_of_angles_is_solved(planted, twin):
    report = twin.report(800)
    assert report.before.excess > 2 and report.closed > 0.999 and report.density_error < 1e-9
    assert report.asymmetry_after < 0.2 * report.asymmetry_before
    z = random_source(200, 2, 1, domain="torus")
    assert np.abs(shortest(twin.rearrangement.forward(z) - planted.truth(z), "torus")).mean() < 0.02


def test_the_twin_is_a_flow_of_angles(twin, tmp_path):
    y = random_source(50, 2, 2, domain="torus")
    assert np.abs(shortest(twin.inverse(twin.forward(y)) - y, "torus")).max() < 1e-8
    assert np.array_equal(twin.sample(5, seed=1), twin.sample(5, seed=1))
    assert np.abs(twin.rearrangement.forward(y)).max() <= np.pi
    path = twin.path(y, [0.0, 1.0])
    assert np.allclose(path[0], y) and np.abs(shortest(path[1] - twin.forward(y), "torus")).max() < 1e-12
    path = twin.rearrangement.path(y, [0.0, 0.5, 1.0])
    assert np.allclose(path[0], y) and np.abs(shortest(path[-1] - twin.rearrangement.forward(y), "torus")).max() < 1e-7
    twin.rearrangement.save(tmp_path / "map.npz")
    again = eulerot.Rearrangement.load(tmp_path / "map.npz")
    assert again.domain == "torus" and np.array_equal(again.forward(y), twin.rearrangement.forward(y))


def test_gradient_of_the_unknowns_to_eight_digits(planted):
    z = source_points(60, 2, domain="torus")
    objective = Objective(z, z + 0.4 * np.sin(z[:, ::-1]), eulerot.Grid.from_modes(4, domain="torus"))
    rng = np.random.default_rng(0)
    theta, direction = (0.05 * rng.standard_normal(objective.size) for _ in range(2))
    unknowns = Parametrisation(equation_of(objective.grid))
    assert np.allclose(unknowns.theta(unknowns.field(theta)), theta, rtol=1e-12)
    exact = objective(theta, 1e-3)[1] @ direction
    assert np.isclose(derivative(lambda h: objective(theta + h * direction, 1e-3)[0], 1e-2), exact, rtol=1e-8)


@pytest.mark.parametrize("modes", [2, 3])
def test_gradient_of_three_angles_to_eight_digits(modes):
    z = source_points(60, 3, domain="torus")
    grid = eulerot.Grid.from_modes(modes, dim=3, domain="torus")
    # so near that no gap comes to half a turn on the way, where the cost has a kink
    objective = Objective(z, z + 0.2 * np.sin(z[:, ::-1] + np.roll(z, 1, axis=1)), grid)
    rng = np.random.default_rng(0)
    theta, direction = (0.02 * rng.standard_normal(objective.size) for _ in range(2))
    unknowns = Parametrisation(equation_of(grid))
    field = unknowns.field(theta)
    assert np.allclose(unknowns.field(unknowns.theta(field)), field, atol=1e-15)  # a free flow is what theta stands for
    exact = objective(theta, 1e-3)[1] @ direction
    assert np.isclose(derivative(lambda h: objective(theta + h * direction, 1e-3)[0], 1e-2), exact, rtol=1e-8)


def test_gradient_of_planes_of_angles_to_eight_digits():
    z = source_points(64, 5, domain="torus")
    unknowns = eulerot.Grid.from_modes(2, domain="torus")
    sweeps = (Planes(np.eye(5), ((0, 3), (1, 4))), Planes(np.eye(5), ((2, 3),)))
    objective = JointObjective(z, z + 0.3 * np.sin(z[:, ::-1]), sweeps, unknowns.with_modes(3), unknowns)
    rng = np.random.default_rng(0)
    theta, direction = (0.05 * rng.standard_normal(objective.size) for _ in range(2))
    exact = objective(theta, 1e-3)[1] @ direction
    assert np.isclose(derivative(lambda h: objective(theta + h * direction, 1e-3)[0], 1e-2), exact, rtol=1e-8)


def test_slope_of_a_plane_of_angles_is_that_of_the_cost():
    # the derivative of the cost at rest along the steepest velocity, by a geodesic that goes a little way along it
    z = random_source(500, 2, 0, domain="torus")
    x = shortest(z + 0.3 * np.sin(z[:, ::-1] + 1.0), "torus")
    slope = TorusSlope(z, shortest(x - z, "torus"))
    grid = eulerot.Grid.from_modes(3, domain="torus")
    parametrisation = Parametrisation(equation_of(grid))
    objective = Objective(z, x, grid)
    by_theta = objective(np.zeros(objective.size), 0.0)[1]
    assert np.isclose(np.sum(by_theta**2), 4 * slope.squared(0, 1), rtol=1e-10) and parametrisation.size == len(
        by_theta
    )
    assert np.isclose(slope.along_steepest(z, slope.gaps).mean(), slope.squared(0, 1), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("dim", "modes"), [(3, 2), (5, 4)])
def test_planted_flows_of_more_angles(dim, modes, tmp_path):
    flow = planted_angles(dim, strength=0.3 if dim == 3 else 1.0)
    z = random_source(1024, dim, 6, domain="torus")
    s = eulerot.fit(z, flow.forward(z), domain="torus", modes=modes).rearrangement
    z = random_source(1000, dim, 7, domain="torus")
    x, y = flow.forward(z), s.forward(z)
    shifted, after, least = (
        transport_cost(points, x, domain="torus") for points in (z + s.shift, y, flow.rho.forward(z))
    )
    assert least < after < least + (0.25 if dim == 3 else 0.04) * (shifted - least) and s.geodesic_error <= 1e-3
    assert len(s.geodesics) == 1 if dim == 3 else all(len(sweep.planes) <= dim // 2 for sweep in s.sweeps)
    assert np.abs(shortest(s.inverse(y) - z, "torus")).max() < 1e-8 and np.abs(s.log_abs_det(z[:100])).max() < 1e-8
    path = s.path(z[:50], [0.0, 0.4, 1.0])
    assert np.allclose(path[0], z[:50]) and np.abs(shortest(path[-1] - y[:50], "torus")).max() < 1e-7
    assert "among those that can be deformed into it" in str(s.certificate())
    s.save(tmp_path / "map.npz")
    for again in (eulerot.Rearrangement.load(tmp_path / "map.npz"), pickle.loads(pickle.dumps(s))):
        assert np.array_equal(again.forward(z), y)
    with pytest.raises(ValueError, match="tabulated: expected a rearrangement of normal latents; got one of angles"):
        s.tabulated()


def test_a_flow_of_four_angles_is_rearranged():
    def sheared(z, sign):  # each pair of neighbours, and what it leaves costs half as much
        rows = np.array(z)
        for axis in (0, 1, 2, 3)[::sign]:
            rows[:, axis] += sign * 0.8 * np.sin(rows[:, (axis + 1) % 4])
        return rows

    flow = eulerot.flow(
        forward=lambda z: sheared(z, 1),
        inverse=lambda x: sheared(x, -1),
        log_prob=lambda x: np.full(len(x), -4 * np.log(2 * np.pi)),
        dim=4,
        check=False,
    )
    twin = eulerot.rearrange(flow, domain="torus", n_pairs=600, modes=3)
    report = twin.report(200)
    assert report.cost < 0.2 * report.before.cost and report.dual is None and report.density_error < 1e-8
    assert "there is no dual bound of angles" in str(report)
    y = random_source(20, 4, 5, domain="torus")
    assert np.abs(shortest(twin.inverse(twin.forward(y)) - y, "torus")).max() < 1e-7


@pytest.mark.slow
def test_angles_by_threads_and_from_a_checkpoint(tmp_path):
    flow, z = planted_angles(4), random_source(700, 4, 3, domain="torus")
    options = {"domain": "torus", "modes": 3, "geodesics": 2}
    one, two, kept = (
        eulerot.fit(z, flow.forward(z), **options, **more).rearrangement.forward(z[:20])
        for more in ({"threads": 1}, {"threads": 2}, {"checkpoint": tmp_path / "fit"})
    )
    again = eulerot.fit(z, flow.forward(z), **options, checkpoint=tmp_path / "fit").rearrangement.forward(z[:20])
    assert np.array_equal(one, two) and np.array_equal(one, kept) and np.array_equal(one, again)


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_reflection_of_angles_is_the_best(dim):
    rng = np.random.default_rng(dim)
    signed = [
        np.diag(signs)[list(order)]
        for order in itertools.permutations(range(dim))
        for signs in itertools.product((1.0, -1.0), repeat=dim)
    ]
    z = rng.uniform(-np.pi, np.pi, (100, dim))
    for strength in (0.3, 1.0, 2.0):
        x = z @ signed[rng.integers(len(signed))].T + 1.0 + strength * rng.standard_normal(z.shape)

        def cost(matrix, x=x):
            return transport_cost(z @ matrix.T + best_shift(z @ matrix.T, x), x, domain="torus")

        found = torus_reflection(z, x)
        assert np.linalg.det(found) == -1
        assert cost(found) <= min(cost(matrix) for matrix in signed if np.linalg.det(matrix) < 0) + 1e-12


def test_planes_are_matched_by_their_slopes():
    z = random_source(2000, 6, 0, domain="torus")
    x = z.copy()
    for i, j, size in ((4, 1, 0.6), (0, 5, 0.4), (4, 0, 0.3)):
        x[:, i] += size * np.sin(z[:, j])
    found = [each.plane for each in PlanesOfAngles.candidates(np.eye(6), (z, x), (z, x))]
    assert found == [(1, 4), (0, 5), (2, 3)]


def test_best_shift_is_the_best():
    rng = np.random.default_rng(0)
    z, x = rng.uniform(-np.pi, np.pi, (40, 2)), rng.vonmises(2.0, 1.0, (40, 2))
    best = transport_cost(z + best_shift(z, x), x, domain="torus")
    shifts = np.stack(np.meshgrid(*[np.linspace(-3, 3, 61)] * 2), axis=-1).reshape(-1, 2)
    tried = [transport_cost(z + shift, x, domain="torus") for shift in shifts]
    # one of them is within 0.05 of the best in each angle, and costs no more than the square of that distance more
    assert best - 1e-12 <= min(tried) <= best + 2 * 0.05**2


def test_one_angle_needs_a_shift_alone():
    z = source_points(256, 1, domain="torus")
    x = shortest(z + 0.5 * np.sin(z) + 2.0, "torus")
    result = eulerot.fit(z, x, domain="torus")
    assert result.rearrangement.shift.shape == (1,) and not result.rearrangement.sweeps
    assert result.cost_after < 0.2 * result.cost_before and "shift" in result.message


@pytest.mark.slow
def test_a_geodesic_of_angles_is_cut_and_its_pieces_do_not_cost_more():
    z = source_points(1024, 2, domain="torus")
    x = shortest(z + np.stack([0.6 * np.sin(z[:, 1]), 0.5 * np.sin(2 * z[:, 0])], axis=1), "torus")
    one, both = (eulerot.fit(z, x, domain="torus", modes=5, geodesics=count) for count in (1, 2))
    assert len(both.rearrangement.geodesics) == 2 and {stage.geodesics for stage in both.history} == {1, 2}
    assert both.cost_after < one.cost_after + 1e-3 and both.geodesic_error <= 1e-3
    assert np.abs(shortest(both.rearrangement.inverse(both.rearrangement.forward(z)) - z, "torus")).max() < 1e-8


def test_functions_of_angles():
    mine = eulerot.flow(
        forward=lambda z: z + 2.5,
        inverse=lambda x: x - 2.5,
        log_prob=lambda x: np.full(len(x), -2 * np.log(2 * np.pi)),
        dim=2,
        check=False,
    )
    twin = eulerot.rearrange(mine, domain="torus", n_pairs=256, modes=3)
    assert np.allclose(twin.rearrangement.shift, 2.5, atol=1e-9) and twin.report(200).cost < 1e-12


def test_refusals(planted):
    with pytest.raises(eulerot.SourceError, match=r"expected uniform angles .* k = \[1 0\]"):
        check_source(np.random.default_rng(0).vonmises(0.0, 2.0, (500, 2)), domain="torus")
    with pytest.raises(eulerot.FlowError, match="log_prob differs from the maps' density"):
        eulerot.rearrange(eulerot.zoo.load("linear"), domain="torus")
    with pytest.raises(ValueError, match="domain: expected no axes and no conditional planes on the torus"):
        eulerot.fit(*[source_points(64, 4, domain="torus")] * 2, domain="torus", modes=2, conditional=True)
    with pytest.raises(ValueError, match=r"shift: expected 2 angles; got shape \(1,\)"):
        eulerot.Rearrangement(np.eye(2), shift=[1.0])
    with pytest.raises(ValueError, match="rotation: expected a permutation of angles with signs; got another rotation"):
        eulerot.Rearrangement([[0.6, -0.8], [0.8, 0.6]], shift=[0.0, 0.0])
    with pytest.raises(ValueError, match="domain: expected 'cube' or 'torus'; got 'sphere'"):
        eulerot.fit(np.zeros((4, 2)), np.zeros((4, 2)), domain="sphere")


@pytest.mark.flows
def test_a_circular_spline_flow():
    import torch
    import zuko

    torch.manual_seed(0)
    model = zuko.flows.NCSF(2, transforms=2, hidden_features=(16, 16))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    twin = eulerot.rearrange(model, domain="torus", n_pairs=1024, modes=5)
    report = twin.report(500)
    assert "uniform base" in twin.map and report.after.excess <= report.before.excess
    z = random_source(50, 2, 3, domain="torus")
    _, log_det = np.linalg.slogdet(jacobians(lambda points: image_near(twin.flow, points, z), z, step=1e-3))
    implied = -2 * np.log(2 * np.pi) - log_det
    assert np.median(np.abs(twin.log_prob(twin.flow.forward(z)) - implied)) < 1e-2
    with pytest.raises(eulerot.SourceError, match="expected a uniform base on a box of side 2 pi"):
        eulerot.rearrange(zuko.flows.NSF(2, transforms=1), domain="torus")


def image_near(flow, points, z):
    """Return the images of points on that branch of the angles on which those of `z` are."""
    data = flow.forward(z)
    return data + shortest(flow.forward(points) - data, "torus")
