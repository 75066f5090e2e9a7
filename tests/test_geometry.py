"""Curvature, Jacobi fields and conjugate points of the volume-preserving maps."""

import math

import numpy as np
import pytest
from fields import random_field, random_values, random_velocity
from scipy.integrate import solve_ivp

from eulerot import Geodesic, Grid, conjugate_time, jacobi_field, sectional_curvature
from eulerot.euler.equations import VorticityEquation, equation_of
from eulerot.euler.integrators import RK4
from eulerot.geometry.conjugate import IndexForm

CASES = [((16, 12), "torus"), ((16, 12), "cube"), ((8, 8, 10), "torus"), ((8, 8, 10), "cube")]
PAIRS = [((1, 0), (0, 1)), ((1, 2), (2, 1)), ((1, 0), (1, 3)), ((2, -1), (1, 1)), ((3, 0), (1, 2))]


def waves(grid, k, phase=0.0):
    """Return the vorticity of the stream function ``cos(k . x + phase)``, and the wavenumber."""
    vector = np.array(k) * grid.scales
    return vector @ vector * np.cos(sum(w * axis for w, axis in zip(vector, grid.mesh(), strict=True)) + phase), vector


@pytest.mark.parametrize("lengths", [None, (2.0, 5.0)])
@pytest.mark.parametrize(("k", "l"), PAIRS)
def test_planes_of_two_waves_have_the_curvature_of_arnold(k, l, lengths):
    # -(k^2 + l^2) sin^2 a sin^2 b / 4, with a the angle of k and l, and b that of their sum and their difference
    grid = Grid((24, 24), lengths=lengths)
    (first, p), (second, q) = waves(grid, k, 0.3), waves(grid, l, 1.1)

    def squared_sine(a, b):
        return (a[0] * b[1] - a[1] * b[0]) ** 2 / ((a @ a) * (b @ b))

    expected = -(p @ p + q @ q) * squared_sine(p, q) * squared_sine(p + q, p - q) / 4
    assert np.isclose(sectional_curvature(first, second, grid), expected, rtol=1e-11, atol=1e-13)


def naive_curvature(first, second, grid):
    """Return the curvature by Gauss's equation on a grid that is twice as fine, in complex exponentials of NumPy."""
    scale = [2 * np.pi / side for side in grid.sides]
    points = tuple(2 * n for n in grid.points)
    k = np.meshgrid(*(s * np.fft.fftfreq(n, 1 / n) for s, n in zip(scale, points, strict=True)), indexing="ij")
    square = sum(each**2 for each in k)
    inverse = np.where(square > 0, 1 / np.where(square > 0, square, 1), 0)

    def velocity(field):
        hat = np.fft.fft2(field) / field.size
        wide = np.zeros(points, complex)
        highest = [m + 1 for m in grid.modes]
        index = np.ix_(*(np.r_[0:h, 1 - h : 0] for h in highest))
        wide[index] = hat[index]
        return [1j * k[1] * inverse * wide, -1j * k[0] * inverse * wide]

    def source(u, v):
        slope = lambda w, i, j: np.fft.ifft2(1j * k[i] * w[j]).real * u[0].size  # noqa: E731
        return sum(slope(u, i, j) * slope(v, j, i) for i in range(2) for j in range(2))

    def inner(p, q):
        a, b = np.fft.fft2(p) / p.size, np.fft.fft2(q) / q.size
        return np.sum(inverse * (a.conj() * b).real)

    def dot(u, v):
        return sum(np.sum((a.conj() * b).real) for a, b in zip(u, v, strict=True))

    u, v = velocity(first), velocity(second)
    top = inner(source(u, u), source(v, v)) - inner(source(u, v), source(u, v))
    return top / (dot(u, u) * dot(v, v) - dot(u, v) ** 2)


def test_curvature_is_that_of_gauss_and_belongs_to_the_plane():
    grid = Grid((18, 15), lengths=(3.0, 4.0))
    first, second = random_values(grid, 0), random_values(grid, 1)
    expected = naive_curvature(first, second, grid)
    assert np.isclose(sectional_curvature(first, second, grid), expected, rtol=1e-10)
    turned = sectional_curvature(2 * first - 3 * second, first + 0.5 * second, grid)
    assert np.isclose(turned, expected, rtol=1e-10) and np.isclose(sectional_curvature(second, first, grid), expected)


def test_curvature_in_the_box_and_in_space_is_that_of_the_same_flow_on_the_torus():
    box, torus = Grid((16, 16), "cube"), Grid((32, 32))
    fields = [lambda x, y: np.sin(x) * np.sin(2 * y), lambda x, y: np.sin(3 * x) * np.sin(y) + np.sin(x) * np.sin(y)]
    inside, around = ([each(*grid.mesh()) for each in fields] for grid in (box, torus))
    expected = sectional_curvature(*around, torus)
    assert np.isclose(sectional_curvature(*inside, box), expected, rtol=1e-11)
    space = Grid((16, 16, 4))
    x, y, z = space.mesh()
    # psi = sin x sin 2y / 5 and so on, with u = psi_y, v = -psi_x
    first = np.stack([2 * np.sin(x) * np.cos(2 * y), -np.cos(x) * np.sin(2 * y), 0 * z]) / 5
    second = np.stack([np.sin(3 * x) * np.cos(y), -3 * np.cos(3 * x) * np.sin(y), 0 * z]) / 10
    second += np.stack([np.sin(x) * np.cos(y), -np.cos(x) * np.sin(y), 0 * z]) / 2
    assert np.isclose(sectional_curvature(first, second, space), expected, rtol=1e-11)


def test_what_spans_no_plane_is_refused():
    grid = Grid((12, 12))
    field = random_values(grid)
    with pytest.raises(ValueError, match=r"^field2: expected another direction"):
        sectional_curvature(field, -2 * field, grid)
    with pytest.raises(ValueError, match=r"^field1: expected a velocity on the grid; got one at rest"):
        sectional_curvature(0 * field, field, grid)
    with pytest.raises(ValueError, match=r"^field2: expected one value a grid point"):
        sectional_curvature(field, field[:5], grid)


@pytest.mark.parametrize("tableau", [None, RK4], ids=str)
@pytest.mark.parametrize(("points", "domain"), CASES)
def test_jacobi_fields_are_central_differences_and_the_transpose_of_the_gradient(points, domain, tableau):
    grid = Grid(points, domain)
    field = random_values(grid) if grid.dim == 2 else random_velocity(grid)
    direction = equation_of(grid).synthesised(random_field(grid, 3, decay=2.0))
    start = np.random.default_rng(1).uniform(0.1, 0.9, (4, grid.dim)) * grid.sides
    options = {"time": 0.4, "steps": 3} | ({} if tableau is None else {"tableau": tableau})
    geodesic = Geodesic(0.3 * field, grid, **options)
    found = jacobi_field(geodesic, direction, start)

    def end(step):
        return Geodesic(0.3 * field + step * direction, grid, **options).forward(start)

    step = 2e-3 / np.abs(direction).max()
    differences = (8 * (end(step) - end(-step)) - (end(2 * step) - end(-2 * step))) / (12 * step)
    assert np.abs(found - differences).max() < 1e-8 * np.abs(found).max()
    bar = np.random.default_rng(2).standard_normal(start.shape)
    field_bar, _ = geodesic.gradient(start, bar)
    components = field_bar.size // np.prod(grid.points)
    assert np.isclose(np.sum(bar * found), np.mean(field_bar * direction) * components, rtol=1e-10)
    assert np.allclose(jacobi_field(geodesic, -1e-6 * direction, start), -1e-6 * found, rtol=1e-9, atol=0)


def test_jacobi_fields_of_rest_and_of_nothing():
    grid = Grid((12, 12))
    field, start = random_values(grid), [[1.0, 2.0]]
    still = Geodesic(0 * field, grid, time=2.0, steps=2)
    small = Geodesic(1e-7 * field, grid, time=2.0, steps=2).forward(start)
    assert np.allclose(jacobi_field(still, field, start), (small - start) / 1e-7, atol=1e-6)
    assert jacobi_field(still, 0 * field, start).tolist() == [[0.0, 0.0]]
    with pytest.raises(ValueError, match=r"^geodesic: expected one whose field takes the steps.*in_steps"):
        jacobi_field(Geodesic(field, grid, steps=3, field_steps=16), field, start)
    with pytest.raises(ValueError, match=r"^direction: expected one value a grid point"):
        jacobi_field(still, field[:4], start)


def kolmogorov(grid, m, n):
    """Return the vorticity of the stream function ``-cos(m x) cos(n y)``."""
    x, y = grid.mesh()
    return -(m**2 + n**2) * np.cos(m * x) * np.cos(n * y)


def form_of(grid, field):
    equation = VorticityEquation(grid)
    return IndexForm.of(equation, equation.analysed(field))


def coordinates(form, grid, function):
    """Return the coordinates of a stream function in the basis of an index form."""
    hat = VorticityEquation(grid).analysed(function)
    dual = 0.5 * grid.weights * grid.laplacian * np.conj(form.basis)
    return np.tensordot(dual, hat, axes=2).real


def test_the_index_has_the_value_of_le_brigant_and_preston():
    # their program (github.com/alebrigant/conjugate-points, test.py): psi = -cos x cos 2y and
    # f = 4 cos y + cos(2x + y)/2 + cos(2x - y)/2 give -19 pi^2/4, as integrals over the torus of area 4 pi^2
    grid = Grid((10, 10))
    x, y = grid.mesh()
    form = form_of(grid, kolmogorov(grid, 1, 2))
    f = coordinates(form, grid, 4 * np.cos(y) + 0.5 * np.cos(2 * x + y) + 0.5 * np.cos(2 * x - y))
    index, inertia = f @ form.index @ f, f @ form.inertia @ f
    assert np.isclose(4 * np.pi**2 * index, -19 / 4 * np.pi**2, rtol=1e-12)
    assert np.isclose(4 * np.pi**2 * inertia, 37 * np.pi**2, rtol=1e-12)
    # Misiolek's criterion: f sin(pi t / T) makes the form negative from pi sqrt(37 / (19/4)) on
    bound = math.pi * math.sqrt(37 * 4 / 19)
    assert np.isclose(math.pi * math.sqrt(-inertia / index), bound, rtol=1e-12)
    assert conjugate_time(kolmogorov(grid, 1, 2), grid, until=20.0, harmonics=1).upper < bound


def test_the_form_is_that_of_its_definition():
    grid = Grid((10, 8), lengths=(3.0, 2 * np.pi))
    field, _ = waves(grid, (1, 1))
    value = float(np.sum(grid.scales**2))
    form, fine = form_of(grid, field), Grid((40, 40), lengths=grid.sides)
    psi = waves(fine, (1, 1))[0] / value
    k = [
        s * np.fft.fftfreq(40, 1 / 40).reshape(shape) for s, shape in zip(fine.scales, [(-1, 1), (1, -1)], strict=True)
    ]
    slope = lambda f, i: np.fft.ifft2(1j * k[i] * np.fft.fft2(f)).real  # noqa: E731
    weigh = lambda f: np.fft.ifft2((k[0] ** 2 + k[1] ** 2) * np.fft.fft2(f)).real  # noqa: E731
    move = lambda f: slope(psi, 1) * slope(f, 0) - slope(psi, 0) * slope(f, 1)  # noqa: E731
    rng, functions = np.random.default_rng(0), []
    for _ in range(2):
        modes = [(int(a), int(b)) for a, b in rng.integers(-2, 3, (4, 2)) if (a, b) != (0, 0)]
        phases = rng.uniform(0, 6, len(modes))
        functions.append([sum(waves(on, m, p)[0] for m, p in zip(modes, phases, strict=True)) for on in (grid, fine)])
    (f, big_f), (g, big_g) = functions
    a, b = coordinates(form, grid, f), coordinates(form, grid, g)
    assert np.isclose(a @ form.inertia @ b, np.mean(big_f * weigh(big_g)), rtol=1e-10)
    moved = weigh(move(big_g)) - value * move(big_g)
    assert np.isclose(a @ form.index @ b, np.mean(move(big_f) * moved), rtol=1e-10)
    assert np.isclose(a @ form.gyroscopic @ b, np.mean(big_f * (weigh(move(big_g)) + moved)), rtol=1e-10)


def test_the_form_is_the_second_variation_of_the_energy():
    # paths between the same ends: particles of the flow, moved on by the flow of e chi(t), chi zero at both ends
    duration, psi = 0.5, (-0.5, [(1, 2), (1, -2)])  # -cos x cos 2y
    first, second = (1.0, [(0, 1), (2, 1)]), (0.7, [(1, 1), (1, 0)])

    def velocity(stream, points):
        size, modes = stream
        sines = [(k, np.sin(points @ np.array(k, float))) for k in modes]
        return size * np.stack([-sum(k[1] * s for k, s in sines), sum(k[0] * s for k, s in sines)], axis=1)

    def moved(points, time, step):
        a, b = step * np.sin(np.pi * time / duration), step * np.sin(2 * np.pi * time / duration)
        for _ in range(3):  # of RK4
            slopes: list = []
            for share in (0.0, 0.5, 0.5, 1.0):
                here = points + (share / 3 * slopes[-1] if slopes else 0.0)
                slopes.append(a * velocity(first, here) + b * velocity(second, here))
            points = points + (slopes[0] + 2 * slopes[1] + 2 * slopes[2] + slopes[3]) / 18
        return points

    nodes, weights = np.polynomial.legendre.leggauss(12)
    h, times = 1e-3, 0.5 * duration * (nodes + 1)
    moments = (times[:, None] + h * np.array([-2, -1, 1, 2])).ravel()
    start = np.stack(np.meshgrid(*[2 * np.pi * np.arange(36) / 36] * 2), axis=-1).reshape(-1, 2)
    run = solve_ivp(
        lambda _, p: velocity(psi, p.reshape(-1, 2)).ravel(), (0, duration), start.ravel(), t_eval=moments,
        method="DOP853", rtol=1e-12, atol=1e-12,
    )  # fmt: skip
    tracks = run.y.T.reshape(len(times), 4, *start.shape)

    def energy(step):
        total = 0.0
        for weight, moment, four in zip(weights, times, tracks, strict=True):
            a, b, c, d = (moved(p, moment + h * s, step) for p, s in zip(four, (-2, -1, 1, 2), strict=True))
            total += 0.5 * duration * weight * 0.5 * np.mean(np.sum(((a - d + 8 * (c - b)) / (12 * h)) ** 2, axis=1))
        return total

    e = 1e-2
    found = (16 * (energy(e) + energy(-e)) - energy(2 * e) - energy(-2 * e) - 30 * energy(0.0)) / (12 * e**2)
    grid = Grid((13, 13))
    form = form_of(grid, kolmogorov(grid, 1, 2))
    waving = [sum(size * np.cos(k * x + l * y) for k, l in modes) for size, modes in (first, second)
              for x, y in [grid.mesh()]]  # fmt: skip
    f, g = (coordinates(form, grid, each) for each in waving)
    expected = sum(
        (n * np.pi) ** 2 / (2 * duration) * each @ form.inertia @ each + duration / 2 * each @ form.index @ each
        for n, each in ((1, f), (2, g))
    )
    expected += 2 * 1 * 2 / (2**2 - 1**2) * f @ form.gyroscopic @ g + 2 * 2 / (1**2 - 2**2) * g @ form.gyroscopic @ f
    assert abs(f @ form.gyroscopic @ g - g @ form.gyroscopic @ f) > 0.1  # it counts here
    assert np.isclose(found, expected, rtol=1e-6)


def test_bounds_of_the_first_conjugate_point():
    points = []
    for n in (7, 10, 13):
        grid = Grid((n, n))
        points.append(conjugate_time(kolmogorov(grid, 1, 2), grid, until=8.0, harmonics=1))
    uppers = [point.upper for point in points]
    assert uppers[0] >= uppers[1] > uppers[2]  # more displacements to try, none of use among the first
    assert all(np.isclose(point.lower, math.pi / 2, rtol=1e-9) and point.lower < point.upper for point in points)
    x, y = grid.mesh()
    moved = conjugate_time(-10 * np.cos(x - 1.0) * np.cos(2 * y + 0.5), grid, until=8.0, harmonics=1)
    assert np.isclose(moved.upper, uppers[2] / 2, rtol=1e-5)  # twice as fast, and elsewhere
    more = conjugate_time(kolmogorov(Grid((10, 10)), 1, 2), Grid((10, 10)), until=8.0, harmonics=2)
    assert more.upper < uppers[1]


def test_no_conjugate_points_along_shears_nor_before_there_are_any():
    grid = Grid((10, 10))
    x, y = grid.mesh()
    assert conjugate_time(np.cos(y), grid, until=200.0) is None
    assert conjugate_time(np.cos(2 * x + y), grid, until=200.0) is None
    assert conjugate_time(kolmogorov(grid, 1, 2), grid, until=3.0) is None
    for field, options, expected in [
        (np.cos(x) + np.cos(2 * y), {}, "field0: expected a vorticity of modes of one wavenumber"),
        (0 * x, {}, "field0: expected a vorticity of modes of one wavenumber"),
        (np.cos(y), {"until": -1.0}, "until: expected a positive time"),
        (np.cos(y), {"harmonics": 0}, "harmonics: expected a positive whole number"),
    ]:
        with pytest.raises(ValueError, match=expected):
            conjugate_time(field, grid, **({"until": 1.0} | options))
    for other in (Grid((10, 10), "cube"), Grid((6, 6, 6))):
        with pytest.raises(ValueError, match="grid: expected a torus in two dimensions"):
            conjugate_time(np.zeros(other.points), other, until=1.0)
