"""Particles in space: the exact series, the transposes, and gradients against central differences."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from test_particles import extrapolated

from eulerot.euler.equations import VelocityEquation, equation_of
from eulerot.euler.geodesic import Geodesic
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.euler.particles import Transport, basis_coefficients, basis_field, to_angles, to_positions
from eulerot.euler.trajectory import Trajectory

DOMAINS = ["torus", "cube"]
GRIDS = {
    "torus": Grid((10, 14, 8), "torus", lengths=(5.0, 7.0, 2 * np.pi)),
    "cube": Grid((5, 8, 6), "cube", lengths=(2.0, 3.5, np.pi)),
}


def random_field(grid, seed=0, scale=1.0):
    """A random smooth velocity, kept coefficients."""
    equation = VelocityEquation(grid)
    kept = equation.analysed(np.random.default_rng(seed).standard_normal((3, *grid.points)))
    return scale * kept / np.maximum(grid.laplacian, 1) ** 0.75


def random_positions(grid, n, seed=1):
    return to_angles(np.random.default_rng(seed).uniform(0, grid.sides, (n, 3)), grid)


def direct_velocity(field, grid, points):
    """The velocity by the definition, one product of trigonometric functions a coefficient."""
    wavenumbers = grid.wavenumbers
    out = np.zeros_like(points)
    for n, point in enumerate(points):
        for i in range(3):
            if grid.walls:
                waves = [
                    np.sin(k * x) if axis == i else np.cos(k * x)
                    for axis, (k, x) in enumerate(zip(wavenumbers, point, strict=True))
                ]
                out[n, i] = np.sum(field[i] * waves[0] * waves[1] * waves[2])
            else:
                phase = sum(k * x for k, x in zip(wavenumbers, point, strict=True))
                out[n, i] = np.sum(np.where(wavenumbers[2] > 0, 2, 1) * field[i] * np.exp(1j * phase)).real
    return out


@pytest.mark.parametrize("domain", DOMAINS)
def test_velocity_is_the_series(domain):
    grid = GRIDS[domain]
    field, positions = random_field(grid), random_positions(grid, 37)
    euler = type(RK4)("Euler", np.zeros((1, 1)), np.ones(1), 1, 0.0)
    moved = Transport(grid, basis_coefficients(field, grid)[None, None], 1.0, euler).advance(positions)
    expected = direct_velocity(field, grid, to_positions(positions, grid))
    assert np.allclose((moved - positions) / grid.scales, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("domain", DOMAINS)
def test_basis_field_is_the_transpose(domain):
    grid = GRIDS[domain]
    fields = np.stack([random_field(grid, seed) for seed in range(2)])
    coefs = basis_coefficients(fields, grid)
    derivative = np.random.default_rng(3).standard_normal(coefs.shape)
    represented = basis_field(derivative, grid)
    assert represented.shape == fields.shape
    inner = np.sum(grid.weights * np.conj(represented) * fields).real
    assert np.isclose(inner, np.sum(derivative * coefs), rtol=1e-12)


def test_positions_near_both_walls_keep_their_digits():
    grid = GRIDS["cube"]
    coefs = np.tile(basis_coefficients(random_field(grid), grid), (4, 4, 1, 1, 1, 1))
    near = np.array([[1e-12, 1.0, 0.5], [-1e-12, 1.0, 0.5], [0.3, -1e-12, 1.0], [1.0, -0.2, -1e-12]])
    far = np.where(np.abs(near) < 1e-9, 1e6 * near, near)
    corner = np.array([[1e-200, -1e-30, -1e-100]])
    transport = Transport(grid, coefs, 0.1, RK4)
    axes = [0, 0, 1, 2]
    # next to a wall the normal velocity is proportional to the distance, so the ratio does not depend on it
    ratios = [(transport.advance(x) / x)[np.arange(4), axes] for x in (near, far)]
    assert np.allclose(*ratios, rtol=1e-9, atol=0) and np.abs(ratios[0] - 1).min() > 1e-3
    assert (np.sign(transport.advance(corner)) == np.sign(corner)).all()


@pytest.mark.parametrize("domain", DOMAINS)
def test_threads_do_not_change_a_bit(domain):
    grid = GRIDS[domain]
    coefs = np.tile(basis_coefficients(random_field(grid), grid), (2, 4, 1, 1, 1, 1))
    positions = random_positions(grid, 1000)
    results = []
    for threads in (1, 2, 3):
        transport = Transport(grid, coefs, 0.1, RK4, threads)
        end, record = transport.advance_recorded(positions)
        results.append((end, *transport.adjoint(record, end)))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("domain", DOMAINS)
def test_jacobian_against_central_differences(domain):
    grid = GRIDS[domain]
    coefs = np.tile(basis_coefficients(random_field(grid), grid), (3, 4, 1, 1, 1, 1))
    transport = Transport(grid, coefs, 0.2, RK4)
    positions, step = random_positions(grid, 20), 1e-5
    end, jacobian = transport.advance_jacobian(positions)
    assert np.allclose(end, transport.advance(positions), rtol=0, atol=1e-14)
    for axis in range(3):
        shift = step * np.eye(3)[axis]
        column = (transport.advance(positions + shift) - transport.advance(positions - shift)) / (2 * step)
        assert np.allclose(jacobian[:, :, axis], column, atol=1e-8)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("tableau", [RK4, DOP853], ids=lambda t: t.name)
def test_gradient_of_field_and_particles_to_eight_digits(domain, tableau):
    grid = GRIDS[domain]
    trajectory = Trajectory(VelocityEquation(grid), tableau, 0.5, 4)
    start, positions = random_field(grid), random_positions(grid, 45)
    target = random_positions(grid, 45, seed=9)

    def objective(field, where):
        return np.sum(np.sin(trajectory.run(field, where)[1] - target))

    _, end, tape = trajectory.run(start, positions)
    gradient, start_bar = trajectory.adjoint(tape, None, np.cos(end - target))
    for seed in range(2):
        direction = random_field(grid, seed=20 + seed)
        shift = np.random.default_rng(seed).standard_normal(positions.shape) * 0.01
        exact = np.sum(grid.weights * np.conj(gradient) * direction).real + np.sum(start_bar * shift)
        assert np.isclose(extrapolated(objective, start, direction, positions, shift), exact, rtol=1e-8, atol=0)


@pytest.mark.parametrize("domain", DOMAINS)
def test_checkpoints_give_the_same_gradient(domain):
    grid = GRIDS[domain]
    equation, start, positions = VelocityEquation(grid), random_field(grid), random_positions(grid, 45)
    results = []
    for memory in (2**29, 1):
        trajectory = Trajectory(equation, RK4, 0.5, 7, memory=memory)
        _, end, tape = trajectory.run(start, positions)
        assert len(tape) == (1 if memory > 1 else 7)
        results.append(trajectory.adjoint(tape, None, end))
    for one, other in zip(*results, strict=True):
        assert np.allclose(one, other, rtol=0, atol=1e-13 * np.abs(one).max())


@pytest.mark.parametrize("grid", [*GRIDS.values(), Grid((12, 10)), Grid((9, 8), "cube", lengths=(2.0, 3.0))])
def test_geodesic_gradient_against_central_differences(grid):
    equation, rng = equation_of(grid), np.random.default_rng(5)
    field0, direction, field1_bar = (
        0.3 * equation.synthesised(equation.analysed(rng.standard_normal((*equation.shape[: -grid.dim], *grid.points))))
        for _ in range(3)
    )
    points, shift = rng.uniform(0.2, 1.8, (40, grid.dim)), 0.01 * rng.standard_normal((40, grid.dim))
    weights = rng.standard_normal((40, grid.dim))

    def geodesic(field):
        return Geodesic(field, grid, time=0.5, steps=8, tableau=RK4)

    def objective(field, where):
        there = geodesic(field)
        # the inner product mean(a b), in which fields represent derivatives, summed over components
        final = np.sum(np.mean(there.field1 * field1_bar, axis=tuple(range(-grid.dim, 0))))
        return np.sum(weights * there.forward(where)) + final

    field0_bar, start_bar = geodesic(field0).gradient(points, weights, field1_bar=field1_bar)
    exact = np.sum(np.mean(field0_bar * direction, axis=tuple(range(-grid.dim, 0)))) + np.sum(start_bar * shift)
    assert np.isclose(extrapolated(objective, field0, direction, points, shift), exact, rtol=1e-8, atol=0)


@pytest.mark.parametrize("domain", DOMAINS)
def test_geodesic_inverse_path_and_volume(domain):
    grid = GRIDS[domain]
    field0 = VelocityEquation(grid).synthesised(random_field(grid))
    geodesic = Geodesic(field0, grid, steps=16)
    points = np.random.default_rng(4).uniform(0, grid.sides, (50, 3))
    end = geodesic.forward(points)
    assert np.abs(end - points).max() > 0.1
    assert np.abs(geodesic.inverse(end) - points).max() < 1e-11
    assert np.abs(geodesic.log_abs_det(points)).max() < 1e-10
    path = geodesic.path(points, [0.0, 0.3, 1.0])
    assert np.allclose(path[0], points, rtol=1e-15, atol=1e-15)
    assert np.abs(path[-1] - end).max() < 1e-10
    half = Geodesic(field0, grid, time=0.3, steps=16)
    assert np.abs(path[1] - half.forward(points)).max() < 1e-10


def abc(x, y, z, a=1.0, b=0.8, c=0.6):
    """The Arnold-Beltrami-Childress flow, a steady solution of the Euler equations."""
    return np.stack([a * np.sin(z) + c * np.cos(y), b * np.sin(x) + a * np.cos(z), c * np.sin(y) + b * np.cos(x)])


def test_path_in_the_abc_flow():
    grid = Grid((8, 8, 8))
    starts = np.array([[0.1, 0.2, 0.3], [3.0, 1.0, 5.0]])
    moved = Geodesic(abc(*grid.mesh()), grid, time=5.0, steps=100).forward(starts)
    for start, end in zip(starts, moved, strict=True):
        exact = solve_ivp(lambda _, x: abc(*x), (0, 5), start, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
        assert np.abs(end - exact).max() < 1e-10
