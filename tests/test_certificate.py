"""The certificate of shortest geodesics against known pressures, a naive quadrature, and its scaling; equation (21)."""

import math

import numpy as np
import pytest
from fields import random_field

import eulerot
from eulerot import plotting
from eulerot.euler.certificate import CompositionCertificate, certificate_of, jointly
from eulerot.euler.embedding import embedded, restricted
from eulerot.euler.equations import equation_of
from eulerot.euler.pressure import Pressure, largest_eigenvalue


def swirl(strength, *, time=1.0, points=12):
    """Return the steady geodesic of ``psi = c sin x sin y``, whose Hessian of the pressure is at most ``c^2``."""
    grid = eulerot.Grid((points, points), "cube")
    x, y = grid.mesh()
    return eulerot.Geodesic(2 * strength * np.sin(x) * np.sin(y), grid, time=time)


@pytest.mark.parametrize("strength", [0.5, 3.0, 3.3, 8.0])
def test_a_steady_swirl(strength):
    found = swirl(strength).certificate()
    assert np.isclose(found.pressure, strength**2, rtol=1e-5) and np.allclose(found.curve, strength**2, rtol=1e-5)
    assert found.shortest == (strength <= math.pi) and np.isclose(found.until, min(1, math.pi / strength), rtol=1e-5)
    assert np.isclose(found.place, 0.5 * math.pi, atol=1e-3).any() and 0 <= found.time <= 1
    assert ("is a shortest path" in str(found)) == found.shortest


def test_near_a_point_that_turns_as_a_whole_half_a_turn_is_the_most():
    # psi = c sin x sin y turns near its middle by the angle c, and half a turn is what the bound allows
    grid = eulerot.Grid((12, 12), "cube")
    equation = equation_of(grid)
    value, _ = Pressure(equation, equation.analysed(2 * math.pi * np.prod(np.sin(grid.mesh()), axis=0))).peak()
    assert np.isclose(value, math.pi**2, rtol=1e-5)


def test_a_shear_has_no_pressure():
    grid = eulerot.Grid((16, 16))
    _, y = grid.mesh()
    found = eulerot.Geodesic(np.sin(3 * y) + 0.5 * np.cos(y), grid, time=10.0, steps=200).certificate()
    assert found.pressure < 1e-12 and found.shortest and found.until == 1.0
    assert "can be deformed" in str(found)
    grid = eulerot.Grid((8, 8, 8))
    x, y, _ = grid.mesh()
    still = np.zeros_like(x)
    assert eulerot.Geodesic(np.stack([still, still, np.cos(x + y)]), grid, time=2.0).certificate().pressure < 1e-12


def test_taylor_green_in_space():
    # u = (cos x sin y, -sin x cos y, 0): p = -(cos 2x + cos 2y) / 4, whose Hessian is (cos 2x, cos 2y, 0)
    grid = eulerot.Grid((12, 12, 12))
    x, y, _ = grid.mesh()
    velocity = 2 * np.stack([np.cos(x) * np.sin(y), -np.sin(x) * np.cos(y), np.zeros_like(x)])
    found = eulerot.Geodesic(velocity, grid, time=1.5).certificate()
    assert np.isclose(found.pressure, 9.0, rtol=1e-5) and found.shortest


def naive_peak(equation, field, points):
    """Solve for the pressure on a fine grid, by the parity of each derivative, one mode at a time."""
    grid = equation.grid
    axes = [np.linspace(0, side, points) for side in grid.sides]
    numbers = [np.arange(0, 2 * k + 1) for k in grid.modes]
    nodes = 4 * max(grid.modes) + 8
    centres = [(np.arange(nodes) + 0.5) / nodes * side for side in grid.sides]
    psi = equation.carrier(field)
    k, l = (np.arange(1, n + 1)[:, None] for n in grid.shape_hat)

    def series(x, y, first, second):
        return np.einsum("kx,kl,ly->xy", first(x), psi, second(y))

    x, y = centres
    xx = series(x, y, lambda x: -(k**2) * np.sin(k * x), lambda y: np.sin(l * y))
    yy = series(x, y, lambda x: np.sin(k * x), lambda y: -(l**2) * np.sin(l * y))
    xy = series(x, y, lambda x: k * np.cos(k * x), lambda y: l * np.cos(l * y))
    source = 2 * (xy**2 - xx * yy)
    bases = [np.cos(np.outer(n, c)) for n, c in zip(numbers, centres, strict=True)]
    norms = [np.where(n > 0, 2.0, 1.0) / nodes for n in numbers]
    modes = np.einsum("k,kx,xy,ly,l->kl", norms[0], bases[0], source, bases[1], norms[1])
    k, l = numbers[0][:, None], numbers[1][None]
    modes = modes / np.where(k**2 + l**2 > 0, k**2 + l**2, 1)
    modes[0, 0] = 0
    cosines, sines = (
        [function(np.outer(n, a)) for n, a in zip(numbers, axes, strict=True)] for function in (np.cos, np.sin)
    )
    hessian = np.empty((points, points, 2, 2))
    hessian[..., 0, 0] = np.einsum("kx,kl,ly->xy", cosines[0], -(k**2) * modes, cosines[1])
    hessian[..., 1, 1] = np.einsum("kx,kl,ly->xy", cosines[0], -(l**2) * modes, cosines[1])
    hessian[..., 0, 1] = hessian[..., 1, 0] = np.einsum("kx,kl,ly->xy", sines[0], k * l * modes, sines[1])
    return np.linalg.eigvalsh(hessian)[..., -1].max()


@pytest.mark.parametrize("seed", range(3))
def test_the_peak_is_that_of_a_naive_quadrature_on_a_fine_grid(seed):
    equation = equation_of(eulerot.Grid.from_modes(5))
    field = random_field(equation.grid, seed, decay=2.0)
    value, _ = Pressure(equation, field).peak()
    fine = naive_peak(equation, field, 401)
    assert fine * (1 - 1e-5) <= value <= fine * (1 + 1e-3)


@pytest.mark.parametrize("domain", ["cube", "torus"])
def test_space_and_plane_agree(domain):
    """A flow of the plane, the same along the third axis, has the pressure of the plane."""
    plane, space = (eulerot.Grid.from_modes(4, domain=domain, dim=dim) for dim in (2, 3))
    equation, spatial = equation_of(plane), equation_of(space)
    field = random_field(equation.grid, 0, decay=2.0)
    values = np.repeat(equation.velocity(field)[..., None], space.points[2], axis=-1)
    velocity = spatial.analysed(np.concatenate([values, np.zeros((1, *space.points))]))
    a, b = Pressure(equation, field).peak()[0], Pressure(spatial, velocity).peak()[0]
    assert np.isclose(a, b, rtol=1e-3)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_finer_grid_does_not_move_the_maximum(dim):
    grid, finer = (eulerot.Grid.from_modes(k, dim=dim) for k in (5, 9))
    equation = equation_of(grid)
    field = random_field(equation.grid, 1, decay=2.0)
    coarse = Pressure(equation, field).peak()[0]
    fine = Pressure(equation_of(finer), embedded(field, grid, finer)).peak()[0]
    assert np.isclose(coarse, fine, rtol=1e-3)


@pytest.mark.parametrize("dim", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("domain", ["cube", "torus"])
def test_faster_and_shorter_is_the_same(dim, domain):
    equation = equation_of(eulerot.Grid.from_modes(4, dim=dim, domain=domain))
    field = 0.5 * random_field(equation.grid, 2, decay=2.0)
    one, other = (certificate_of(equation, c * field, 2.0 / c, 32) for c in (1.0, 5.0))
    assert np.isclose(one.pressure, other.pressure, rtol=1e-6) and np.isclose(one.time, other.time)
    assert certificate_of(equation, field, 1.0, 32).pressure < one.pressure


def test_the_peak_in_time_is_found_between_the_first_times():
    equation = equation_of(eulerot.Grid.from_modes(6))
    field = random_field(equation.grid, 3, decay=2.0)
    found = certificate_of(equation, field, 1.0, 16)
    dense = certificate_of(equation, field, 1.0, 480)
    assert np.isclose(found.pressure, dense.pressure, rtol=1e-3)
    assert found.pressure >= found.curve.max() * (1 - 1e-12)


def test_eigenvalues():
    matrices = np.random.default_rng(0).standard_normal((200, 3, 3))
    matrices[0], matrices[1] = 0.0, 2 * np.eye(3)
    matrices += np.swapaxes(matrices, 1, 2)
    for dim in (2, 3):
        entries = {(i, j): matrices[:, i, j] for i in range(dim) for j in range(i, dim)}
        exact = np.linalg.eigvalsh(matrices[:, :dim, :dim])[:, -1]
        assert np.abs(largest_eigenvalue(entries, dim) - exact).max() < 1e-7


@pytest.mark.slow
def test_planes_of_a_sweep_are_one_geodesic():
    slow, fast = swirl(1.0), swirl(3.0)
    sweep = eulerot.Sweep((slow, fast), np.eye(4), ((0, 1), (2, 3)))
    assert np.isclose(sweep.certificate().pressure, 9.0)
    assert jointly([slow.certificate(), fast.certificate()]).shortest
    s = eulerot.Rearrangement(np.eye(4), (sweep,))
    assert s.certificate().shortest and s.certificate().pressure == sweep.certificate().pressure


def test_a_composition_is_certified_piece_by_piece():
    sweeps = [eulerot.Sweep((swirl(strength),), np.eye(2)) for strength in (1.0, 4.0)]
    one, both = (eulerot.Rearrangement(np.eye(2), tuple(some)).certificate() for some in (sweeps[:1], sweeps))
    assert one.shortest and not both.shortest and [piece.shortest for piece in both.pieces] == [True, False]
    assert np.isclose(both.pressure, 16.0) and np.isclose(both.until, math.pi / 4)
    assert str(one).count("\n") == 0 and "no geodesic" in str(both) and "geodesic 2" in str(both)
    two = CompositionCertificate((one.pieces[0],) * 2)
    assert not two.shortest and two.until == 1.0
    nothing = eulerot.Rearrangement.identity(2).certificate()
    assert nothing.shortest and nothing.pressure == 0 and "nothing moves" in str(nothing)


def test_certificates_are_drawn():
    plt = pytest.importorskip("matplotlib.pyplot")
    for certificate in (swirl(4.0).certificate(), eulerot.Rearrangement.identity(2).certificate()):
        ax = certificate.plot()
        assert ax.get_xlabel() == "share of the time" and len(ax.lines) == 2
    plt.close("all")
    with pytest.raises(ValueError, match="curve"):
        plotting.certificate([0.0, 1.0], [1.0], 9.0)


@pytest.mark.parametrize("domain", ["cube", "torus"])
@pytest.mark.parametrize("dim", [2, 3])
def test_embedding_keeps_the_field_and_restriction_undoes_it(dim, domain):
    grid, finer = (eulerot.Grid.from_modes(k, dim=dim, domain=domain) for k in (3, 5))
    equation, fine = equation_of(grid), equation_of(finer)
    field = random_field(equation.grid, 0, decay=2.0)
    there = embedded(field, grid, finer)
    assert np.array_equal(restricted(there, finer, grid), field)
    # the same function: its mean square and its largest value on the finer points
    square, other = (np.mean(e.synthesised(f) ** 2) for e, f in ((equation, field), (fine, there)))
    assert np.isclose(square, other, rtol=1e-12)
