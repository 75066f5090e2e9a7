"""The oracle of the tests in space: a solver for the 3-D incompressible Euler equations, as naive as possible.

Conventions. The torus [0, 2 pi)^3, arrays indexed [x, y, z]. A real field is a Galerkin sum over |k_a| <= K_a of
f_k exp(i k . x), its coefficients an array of shape (2 K_1 + 1, 2 K_2 + 1, 2 K_3 + 1), in the order k_a = -K_a, ...,
K_a. A velocity has three components in front. With K_3 = 0 and no third component it is a flow of the plane. A torus of
periods 2 pi / s_a has the wavenumbers s_a k_a, `scales`. The equations are

    d u / dt = -P (u . grad) u - nu |k|^2 u,    P the projection on fields without divergence.

Nothing is optimised: full complex transforms, the advective form, zero padding to twice the modes, so that every
quadratic product is exact, and classical RK4. The viscosity is there for a value from another code. NumPy only.

>>> x, y, z = np.meshgrid(*[2 * np.pi * np.arange(12) / 12] * 3, indexing="ij")
>>> taylor_green = np.stack([np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z), 0 * x])
>>> u = coefficients(taylor_green, (5, 5, 5))
>>> round(energy(u), 12), round(enstrophy(u), 12)
(0.125, 0.375)
>>> later = solve(u, time=0.1, steps=2)  # the series: Z / Z(0) = 1 + 5 t^2 / 48 + ...
>>> round(energy(later), 8), round(enstrophy(later) / enstrophy(u) - 1, 6), round(5 * 0.1**2 / 48, 6)
(0.125, 0.001042, 0.001042)
>>> abc = np.stack([np.sin(z) + np.cos(y), np.sin(x) + np.cos(z), np.sin(y) + np.cos(x)])
>>> bool(np.abs(tendency(coefficients(abc, (5, 5, 5)))).max() < 1e-15)
True
"""

import numpy as np

UNIT = (1.0, 1.0, 1.0)


def wavenumbers(coefs, scales=UNIT):
    """Return the three wavenumbers of each coefficient."""
    axes = [scale * (np.arange(n) - n // 2) for scale, n in zip(scales, coefs.shape[-3:], strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def coefficients(values, modes, shift=(0.0, 0.0, 0.0)):
    """Return the coefficients |k_a| <= K_a of values on the grid 2 pi j / n_a + shift_a."""
    n = values.shape[-3:]
    assert all(m > 2 * k for m, k in zip(n, modes, strict=True)), "the grid must resolve the modes"
    index = np.ix_(*[np.arange(-k, k + 1) % m for k, m in zip(modes, n, strict=True)])
    coefs = (np.fft.fftn(values, axes=(-3, -2, -1)) / np.prod(n))[(..., *index)]
    return coefs * np.exp(-1j * np.tensordot(shift, wavenumbers(coefs), 1))


def grid_values(coefs, n, shift=(0.0, 0.0, 0.0)):
    """Return the values on the grid 2 pi j / n_a + shift_a: the inverse of `coefficients`."""
    index = np.ix_(*[(np.arange(m) - m // 2) % points for m, points in zip(coefs.shape[-3:], n, strict=True)])
    padded = np.zeros((*coefs.shape[:-3], *n), complex)
    padded[(..., *index)] = coefs * np.exp(1j * np.tensordot(shift, wavenumbers(coefs), 1))
    return np.fft.ifftn(padded, axes=(-3, -2, -1)).real * np.prod(n)


def projection(u, scales=UNIT):
    """Return the part of a velocity without divergence, ``u - k (k . u) / |k|^2``."""
    k = wavenumbers(u, scales)
    squared = np.sum(k**2, axis=0)
    return u - k * np.sum(k * u, axis=0) / np.where(squared > 0, squared, 1)


def curl(u, scales=UNIT):
    """Return the coefficients of the vorticity ``i k x u``."""
    return 1j * np.cross(wavenumbers(u, scales), u, axis=0)


def tendency(u, scales=UNIT, viscosity=0.0):
    """Return d u / dt, truncated."""
    k, modes = wavenumbers(u, scales), [n // 2 for n in u.shape[1:]]
    n = [4 * m + 2 for m in modes]  # products reach 2 K, so that nothing at all is aliased
    values = grid_values(u, n)
    advection = sum(values[axis] * grid_values(1j * k[axis] * u, n) for axis in range(3))
    return projection(-coefficients(advection, modes), scales) - viscosity * np.sum(k**2, axis=0) * u


def solve(u, time, steps, scales=UNIT, viscosity=0.0):
    """Advance the velocity by classical RK4."""
    dt = time / steps
    for _ in range(steps):
        first = tendency(u, scales, viscosity)
        second = tendency(u + dt / 2 * first, scales, viscosity)
        third = tendency(u + dt / 2 * second, scales, viscosity)
        fourth = tendency(u + dt * third, scales, viscosity)
        u = u + dt / 6 * (first + 2 * second + 2 * third + fourth)
    return u


def energy(u):
    """Return half the mean of |u|^2."""
    return float(0.5 * np.sum(np.abs(u) ** 2))


def enstrophy(u, scales=UNIT):
    """Return half the mean of |curl u|^2."""
    return energy(curl(u, scales))


def parity_extension(velocity):
    """Extend a velocity at the cell centres of a box to the torus twice as long, ``u_a`` oddly in ``x_a``, else evenly.

    Values at the cell centres of the torus: `coefficients` need half a cell's `shift`.
    """
    parts = []
    for component, part in enumerate(velocity):
        for axis in range(part.ndim):
            mirrored = np.flip(part, axis)
            part = np.concatenate([part, -mirrored if axis == component else mirrored], axis)
        parts.append(part)
    return np.stack(parts)
