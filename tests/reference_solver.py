"""The oracle of the tests: a solver for the 2-D incompressible Euler equations, as naive as possible.

Conventions. The torus [0, 2 pi)^2, arrays indexed [x, y]. A real field is a Galerkin sum

    f(x, y) = sum_{|k| <= K, |l| <= K} f_kl exp(i (k x + l y)),

and its coefficients are kept in a (2K + 1, 2K + 1) complex array in the order k, l = -K, ..., K. The signs:

    omega = v_x - u_y = -Laplace psi,    (u, v) = (psi_y, -psi_x),    d omega / dt = -(u omega_x + v omega_y).

Nothing is optimised: full complex transforms, the advective form, zero padding to twice the modes, so that
every quadratic product is exact, and a direct trigonometric sum for each particle. It needs NumPy only.

>>> x = 2 * np.pi * np.arange(32) / 32
>>> four_modes = (np.cos(x) + 0.6 * np.cos(2 * x) + 0.2 * np.cos(3 * x))[:, None] + np.cos(x)
>>> omega = coefficients(four_modes, modes=8)
>>> round(energy(omega), 8), round(enstrophy(omega), 8)
(0.52361111, 0.6)
>>> later, _ = solve(omega, np.zeros((1, 2)), time=0.25, steps=50)
>>> abs(energy(later) - energy(omega)) < 1e-11, abs(enstrophy(later) - enstrophy(omega)) < 1e-11
(True, True)
>>> cellular = coefficients(np.outer(np.cos(x), np.cos(x)), modes=8)
>>> bool(np.abs(tendency(cellular)).max() < 1e-15)
True
"""

import numpy as np


def wavenumbers(coefs):
    """Return k as a column and l as a row."""
    k = np.arange(len(coefs)) - len(coefs) // 2
    return k[:, None], k[None, :]


def coefficients(values, modes, shift=0.0):
    """Return the coefficients |k|, |l| <= modes of values on the grid x_j = 2 pi j / n + shift, y alike."""
    n = len(values)
    assert values.shape == (n, n) and n > 2 * modes, "the grid must resolve the modes"
    index = np.arange(-modes, modes + 1) % n
    coefs = (np.fft.fft2(values) / n**2)[np.ix_(index, index)]
    k, l = wavenumbers(coefs)
    return coefs * np.exp(-1j * (k + l) * shift)


def grid_values(coefs, n, shift=0.0):
    """Return the values on the grid x_j = 2 pi j / n + shift: the inverse of `coefficients`."""
    modes = len(coefs) // 2
    assert n > 2 * modes, "the grid must resolve the modes"
    k, l = wavenumbers(coefs)
    index = np.arange(-modes, modes + 1) % n
    padded = np.zeros((n, n), complex)
    padded[np.ix_(index, index)] = coefs * np.exp(1j * (k + l) * shift)
    return np.fft.ifft2(padded).real * n**2


def velocity(omega):
    """Return the coefficients of (u, v) by Biot-Savart: psi = omega / (k^2 + l^2), no mean flow."""
    k, l = wavenumbers(omega)
    squared = k**2 + l**2
    psi = np.where(squared > 0, omega / np.where(squared > 0, squared, 1), 0)
    return 1j * l * psi, -1j * k * psi


def tendency(omega):
    """Return d omega / dt = -(u omega_x + v omega_y), truncated."""
    k, l = wavenumbers(omega)
    modes = len(omega) // 2
    n = 4 * modes + 2  # products reach 2 K, so that nothing at all is aliased
    u, v = (grid_values(part, n) for part in velocity(omega))
    advection = u * grid_values(1j * k * omega, n) + v * grid_values(1j * l * omega, n)
    return -coefficients(advection, modes)


def series_at(coefs, positions):
    """Return the values of the Galerkin sum at positions (n, 2), term by term."""
    k = wavenumbers(coefs)[1][0]
    along_x = np.exp(1j * np.outer(positions[:, 0], k))
    along_y = np.exp(1j * np.outer(positions[:, 1], k))
    return np.einsum("nk,kl,nl->n", along_x, coefs, along_y, optimize=True).real


def velocity_at(omega, positions):
    """Return the velocity at positions, shape (n, 2)."""
    return np.stack([series_at(part, positions) for part in velocity(omega)], axis=1)


def solve(omega, positions, time, steps):
    """Advance the vorticity and its particles together by classical RK4; the particles are not wrapped.

    Every particle stage uses the field of that same stage.
    """
    dt = time / steps
    for _ in range(steps):
        stages = []
        for weight in (0, 0.5, 0.5, 1):
            last = stages[-1] if stages else (0, 0)
            field, place = omega + weight * dt * last[0], positions + weight * dt * last[1]
            stages.append((tendency(field), velocity_at(field, place)))
        (f1, p1), (f2, p2), (f3, p3), (f4, p4) = stages
        omega = omega + dt / 6 * (f1 + 2 * f2 + 2 * f3 + f4)
        positions = positions + dt / 6 * (p1 + 2 * p2 + 2 * p3 + p4)
    return omega, positions


def energy(omega):
    """Return half the mean of |velocity|^2."""
    return float(0.5 * sum(np.sum(np.abs(part) ** 2) for part in velocity(omega)))


def enstrophy(omega):
    """Return half the mean of omega^2 (the mean vorticity of a torus is zero)."""
    return float(0.5 * np.sum(np.abs(omega) ** 2))


def parity_extension(values):
    """Extend values at the cell centres x_j = (j + 1/2) pi / n of the box [0, pi]^2 oddly to the torus.

    The result holds values at x_j = (j + 1/2) pi / n for j = 0, ..., 2 n - 1, where x_(2n-1-j) = 2 pi - x_j; its
    coefficients are ``coefficients(parity_extension(values), modes, shift=pi / (2 * n))``.

    >>> centres = (np.arange(8) + 0.5) * np.pi / 8
    >>> box = np.outer(np.sin(2 * centres), np.sin(3 * centres))
    >>> omega = coefficients(parity_extension(box), modes=7, shift=np.pi / 16)
    >>> np.round(omega[7 + 2, [7 + 3, 7 - 3]].real, 12)  # sin 2x sin 3y
    array([-0.25,  0.25])
    """
    across = np.concatenate([values, -values[::-1]], axis=0)
    return np.concatenate([across, -across[:, ::-1]], axis=1)
