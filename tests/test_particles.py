"""Kernels against direct sums, and adjoints against central differences."""

import numpy as np
import pytest

from eulerot.euler.equations import VorticityEquation
from eulerot.euler.grid import Grid
from eulerot.euler.integrators import DOP853, RK4
from eulerot.euler.particles import (
    Transport,
    basis_coefficients,
    basis_field,
    to_angles,
    to_positions,
)
from eulerot.euler.trajectory import Trajectory

DOMAINS = ["torus", "cube"]


def random_field(grid, seed=0, scale=1.0):
    """A random smooth vorticity, kept coefficients."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(grid.points)
    kept = VorticityEquation(grid).transforms.forward(values)
    return np.where(grid.laplacian > 0, scale * kept / np.maximum(grid.laplacian, 1) ** 0.75, 0)


def random_positions(grid, n, seed=1):
    return to_angles(np.random.default_rng(seed).uniform(0, grid.sides, (n, 2)), grid)


def direct_velocity(psi_hat, grid, positions):
    """The velocity by the definition, one product of trigonometric functions a coefficient."""
    k, l = grid.wavenumbers
    out = np.zeros_like(positions)
    for n, (x, y) in enumerate(to_positions(positions, grid)):
        if grid.walls:
            out[n] = (
                np.sum(psi_hat * np.sin(k * x) * l * np.cos(l * y)),
                -np.sum(psi_hat * k * np.cos(k * x) * np.sin(l * y)),
            )
        else:
            wave = psi_hat * np.exp(1j * (k * x + l * y)) * np.where(l > 0, 2, 1)
            out[n] = np.sum(1j * l * wave).real, -np.sum(1j * k * wave).real
    return out


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("modes", [3, 6])
def test_velocity_is_the_series(domain, modes):
    grid = Grid.from_modes(modes, domain=domain)
    psi_hat = random_field(grid)
    positions = random_positions(grid, 37)
    euler = type(RK4)("Euler", np.zeros((1, 1)), np.ones(1), 1, 0.0)
    psi = basis_coefficients(psi_hat, grid)[None, None]
    moved = Transport(grid, psi, 1.0, euler).advance(positions)
    assert np.allclose(moved - positions, direct_velocity(psi_hat, grid, positions), rtol=0, atol=1e-13)


@pytest.mark.parametrize("domain", DOMAINS)
def test_basis_field_is_the_transpose(domain):
    grid = Grid.from_modes(5, domain=domain)
    field_hat = random_field(grid)
    psi = basis_coefficients(field_hat, grid)
    derivative = np.random.default_rng(3).standard_normal(psi.shape)
    represented = basis_field(derivative, grid)
    inner = np.sum(grid.weights * np.conj(represented) * field_hat).real
    assert np.isclose(inner, np.sum(derivative * psi), rtol=1e-12)


def test_positions_near_both_walls_keep_their_digits():
    grid = Grid.from_modes(8)
    psi = np.tile(basis_coefficients(random_field(grid), grid), (4, 4, 1, 1, 1))
    near = np.array([[1e-12, 1.0], [-1e-12, 1.0], [1e-200, -1e-30]])
    far = np.array([[1e-6, 1.0], [-1e-6, 1.0], [1e-7, -1e-7]])
    transport = Transport(grid, psi, 0.1, RK4)
    # next to a wall the normal velocity is proportional to the distance, so the ratio does not depend on it
    assert np.allclose(
        transport.advance(near)[:2, 0] / near[:2, 0], transport.advance(far)[:2, 0] / far[:2, 0], rtol=1e-9
    )
    assert (np.sign(transport.advance(near)) == np.sign(near)).all()


@pytest.mark.parametrize("domain", DOMAINS)
def test_threads_do_not_change_a_bit(domain):
    grid = Grid.from_modes(6, domain=domain)
    psi = np.tile(basis_coefficients(random_field(grid), grid), (2, 4, 1, 1, 1))
    positions = random_positions(grid, 1000)
    results = []
    for threads in (1, 2, 3):
        transport = Transport(grid, psi, 0.1, RK4, threads)
        end, record = transport.advance_recorded(positions)
        results.append((end, *transport.adjoint(record, end)))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("domain", DOMAINS)
def test_jacobian_against_central_differences(domain):
    grid = Grid.from_modes(5, domain=domain)
    psi = np.tile(basis_coefficients(random_field(grid), grid), (3, 4, 1, 1, 1))
    transport = Transport(grid, psi, 0.2, RK4)
    positions = random_positions(grid, 20)
    _, jacobian = transport.advance_jacobian(positions)
    step = 1e-5
    for axis in range(2):
        shift = step * np.eye(2)[axis]
        column = (transport.advance(positions + shift) - transport.advance(positions - shift)) / (2 * step)
        assert np.allclose(jacobian[:, :, axis], column, atol=1e-8)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("tableau", [RK4, DOP853], ids=lambda t: t.name)
def test_gradient_of_field_and_particles_to_eight_digits(domain, tableau):
    grid = Grid.from_modes(6, domain=domain)
    equation = VorticityEquation(grid)
    start, positions, steps = random_field(grid), random_positions(grid, 45), 5
    target = random_positions(grid, 45, seed=9)

    trajectory = Trajectory(equation, tableau, 1.0, steps)

    def objective(vorticity, where):
        return np.sum(np.sin(trajectory.run(vorticity, where)[1] - target))

    _, end, tape = trajectory.run(start, positions)
    gradient, start_bar = trajectory.adjoint(tape, None, np.cos(end - target))
    for seed in range(3):
        direction = random_field(grid, seed=20 + seed)
        shift = np.random.default_rng(seed).standard_normal(positions.shape) * 0.01
        exact = np.sum(grid.weights * np.conj(gradient) * direction).real + np.sum(start_bar * shift)
        assert np.isclose(extrapolated(objective, start, direction, positions, shift), exact, rtol=1e-8, atol=0)


def extrapolated(objective, start, direction, positions, shift, step=1e-3):
    """The directional derivative by central differences, extrapolated once: fourth order in the step."""

    def central(h):
        return (
            objective(start + h * direction, positions + h * shift)
            - objective(start - h * direction, positions - h * shift)
        ) / (2 * h)

    return (4 * central(step / 2) - central(step)) / 3
