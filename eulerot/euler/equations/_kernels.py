"""Numba loops under the transforms and the equations, which document them: one pass over coefficients or values.

`unit` is the derivative of the basis, ``1j`` on the torus and ``1.0`` in the box, where a derivative takes sines to
cosines, and cosines to sines with the sign `flip`, ``-1.0`` (``+1.0`` on the torus). Loops over coefficients take the
planes ``start:stop`` of the first axis, so that threads can share them.
"""

from __future__ import annotations

from eulerot._compiled import compiled

# With these a real factor times a complex number costs two products, not four; sums keep their order. A field that is
# not finite is looked for where it is kept, not in here.
_FUSE = {"contract", "nsz", "nnan", "ninf"}


@compiled(fastmath=_FUSE)
def biot_savart(start, stop, vorticity, inverse_laplacian, k, l, unit, out):
    """Set `out` to the velocity ``(d_y psi, -d_x psi)``."""
    for i in range(start, stop):
        for j in range(vorticity.shape[1]):
            psi = unit * (inverse_laplacian[i, j] * vorticity[i, j])
            out[0, i, j] = l[j] * psi
            out[1, i, j] = -k[i] * psi


@compiled(fastmath=_FUSE)
def vorticity_products(values, out):
    """Set `out` to ``u v`` and ``u^2 - v^2``."""
    for p in range(values.shape[1]):
        u, v = values[0, p], values[1, p]
        out[0, p] = u * v
        out[1, p] = (u - v) * (u + v)


@compiled(fastmath=_FUSE)
def vorticity_tendency(start, stop, products, k, l, flip, out):
    """Set `out` to ``(d_yy - d_xx)(u v) + d_xy(u^2 - v^2)``."""
    for i in range(start, stop):
        for j in range(out.shape[1]):
            strain, mixed = k[i] * k[i] - l[j] * l[j], -flip * k[i] * l[j]
            out[i, j] = strain * products[0, i, j] + mixed * products[1, i, j]


@compiled(fastmath=_FUSE)
def vorticity_multipliers(start, stop, multiplier, k, l, flip, out):
    """Set `out` to ``p = (d_yy - d_xx) lam`` and ``q = d_xy lam``."""
    for i in range(start, stop):
        for j in range(multiplier.shape[1]):
            out[0, i, j] = (k[i] * k[i] - l[j] * l[j]) * multiplier[i, j]
            out[1, i, j] = -flip * k[i] * l[j] * multiplier[i, j]


@compiled(fastmath=_FUSE)
def vorticity_adjoint_products(values, out):
    """Set `out` to ``v p + 2 u q`` and ``u p - 2 v q``."""
    for i in range(values.shape[1]):
        u, v, p, q = values[0, i], values[1, i], values[2, i], values[3, i]
        out[0, i] = v * p + 2.0 * u * q
        out[1, i] = u * p - 2.0 * v * q


@compiled(fastmath=_FUSE)
def biot_savart_transposed(start, stop, velocity, inverse_laplacian, k, l, unit, out):
    """Set `out` to the transpose of `biot_savart` applied to `velocity`; ``conj(unit)`` is ``1 / unit``."""
    inverse = 1.0 / unit
    for i in range(start, stop):
        for j in range(out.shape[1]):
            out[i, j] = inverse * (inverse_laplacian[i, j] * (l[j] * velocity[0, i, j] - k[i] * velocity[1, i, j]))


@compiled(fastmath=_FUSE)
def velocity_products(values, out):
    """Set `out` to ``u^2 - w^2, v^2 - w^2, u v, u w, v w``."""
    for p in range(values.shape[1]):
        u, v, w = values[0, p], values[1, p], values[2, p]
        out[0, p] = (u - w) * (u + w)
        out[1, p] = (v - w) * (v + w)
        out[2, p] = u * v
        out[3, p] = u * w
        out[4, p] = v * w


@compiled(fastmath=_FUSE)
def velocity_tendency(start, stop, products, inverse_laplacian, k, l, m, unit, flip, out):
    """Set planes of `out` to minus the projected divergence of the products."""
    for h in range(start, stop):
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                uv, uw, vw = products[2, h, i, j], products[3, h, i, j], products[4, h, i, j]
                f = flip * k[h] * products[0, h, i, j] + l[i] * uv + m[j] * uw
                g = k[h] * uv + flip * l[i] * products[1, h, i, j] + m[j] * vw
                e = k[h] * uw + l[i] * vw
                pressure = inverse_laplacian[h, i, j] * (k[h] * f + l[i] * g + m[j] * e)
                out[0, h, i, j] = unit * (k[h] * pressure - f)
                out[1, h, i, j] = unit * (l[i] * pressure - g)
                out[2, h, i, j] = unit * (m[j] * pressure - e)


@compiled(fastmath=_FUSE)
def leray(start, stop, field, inverse_laplacian, k, l, m, out):
    """Set `out` to the divergence-free part of `field`."""
    for h in range(start, stop):
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                f, g, e = field[0, h, i, j], field[1, h, i, j], field[2, h, i, j]
                pressure = inverse_laplacian[h, i, j] * (k[h] * f + l[i] * g + m[j] * e)
                out[0, h, i, j] = f - k[h] * pressure
                out[1, h, i, j] = g - l[i] * pressure
                out[2, h, i, j] = e - m[j] * pressure


@compiled(fastmath=_FUSE)
def velocity_strains(start, stop, multiplier, k, l, m, unit, flip, out):
    """Set `out` to ``S_xx, S_yy, S_xy, S_xz, S_yz`` of ``S = grad mu + grad mu^T``; ``S_zz = -S_xx - S_yy``."""
    for h in range(start, stop):
        for i in range(multiplier.shape[2]):
            for j in range(multiplier.shape[3]):
                f, g, e = multiplier[0, h, i, j], multiplier[1, h, i, j], multiplier[2, h, i, j]
                out[0, h, i, j] = unit * (2.0 * k[h] * f)
                out[1, h, i, j] = unit * (2.0 * l[i] * g)
                out[2, h, i, j] = flip * unit * (l[i] * f + k[h] * g)
                out[3, h, i, j] = flip * unit * (m[j] * f + k[h] * e)
                out[4, h, i, j] = flip * unit * (m[j] * g + l[i] * e)


@compiled(fastmath=_FUSE)
def velocity_adjoint_products(values, out):
    """Set `out` to ``S u``."""
    for p in range(values.shape[1]):
        u, v, w = values[0, p], values[1, p], values[2, p]
        xx, yy, xy, xz, yz = values[3, p], values[4, p], values[5, p], values[6, p], values[7, p]
        out[0, p] = xx * u + xy * v + xz * w
        out[1, p] = xy * u + yy * v + yz * w
        out[2, p] = xz * u + yz * v - (xx + yy) * w


@compiled(fastmath=_FUSE)
def combine(out, base, w0, w1, w2, w3, s0, s1, s2, s3, count, start, stop):
    """Set numbers of `out` to those of `base` plus the first `count` of four weighted terms."""
    # an index that begins at `start` could be negative for all that the compiler knows, and is four times as slow
    out, base = out[start:stop], base[start:stop]
    s0, s1, s2, s3 = s0[start:stop], s1[start:stop], s2[start:stop], s3[start:stop]
    if count == 0:
        for p in range(out.size):
            out[p] = base[p]
    elif count == 1:
        for p in range(out.size):
            out[p] = base[p] + w0 * s0[p]
    else:
        for p in range(out.size):
            out[p] = base[p] + w0 * s0[p] + w1 * s1[p] + w2 * s2[p] + w3 * s3[p]


@compiled()
def vorticity_sums(vorticity, inverse_laplacian, k, l, parseval, other_parseval, outer, other_outer, out):
    """Add to `out`, column by column, the sums whose halves are energy, enstrophy, palinstrophy and enstrophy outside.

    Parseval's weights, and ones for the outermost modes, are given for each axis.
    """
    for i in range(vorticity.shape[0]):
        for j in range(vorticity.shape[1]):
            each = vorticity[i, j]
            square = parseval[i] * other_parseval[j] * (each.real * each.real + each.imag * each.imag)
            out[0, j] += inverse_laplacian[i, j] * square
            out[1, j] += square
            out[2, j] += (k[i] * k[i] + l[j] * l[j]) * square
            out[3, j] += max(outer[i], other_outer[j]) * square


@compiled()
def velocity_sums(velocity, k, l, m, parseval_k, parseval_l, parseval_m, outer_k, outer_l, outer_m, out):
    """Add to `out` the sums of `vorticity_sums` of a velocity, and as a fifth the mean of ``u . omega`` on the torus.

    With ``u_hat = a + i b`` the latter is ``2 k . (a x b)``.
    """
    for h in range(velocity.shape[1]):
        for i in range(velocity.shape[2]):
            energy, enstrophy, palinstrophy, outside, helicity = 0.0, 0.0, 0.0, 0.0, 0.0
            for j in range(velocity.shape[3]):
                u, v, w = velocity[0, h, i, j], velocity[1, h, i, j], velocity[2, h, i, j]
                weight = parseval_k[h] * parseval_l[i] * parseval_m[j]
                square = u.real * u.real + v.real * v.real + w.real * w.real
                square = weight * (square + (u.imag * u.imag + v.imag * v.imag + w.imag * w.imag))
                laplacian = k[h] * k[h] + l[i] * l[i] + m[j] * m[j]
                energy += square
                enstrophy += laplacian * square
                palinstrophy += laplacian * laplacian * square
                outside += max(outer_k[h], outer_l[i], outer_m[j]) * (laplacian * square)
                swirl = k[h] * (v.real * w.imag - w.real * v.imag) + l[i] * (w.real * u.imag - u.real * w.imag)
                helicity += 2.0 * weight * (swirl + m[j] * (u.real * v.imag - v.real * u.imag))
            out[0, i] += energy
            out[1, i] += enstrophy
            out[2, i] += palinstrophy
            out[3, i] += outside
            out[4, i] += helicity


@compiled()
def largest_speeds(velocity, weights, out):
    """Set a row of `out` to the largest ``sum w_i |u_i|`` in that row of values; not a number if one of them is not."""
    for r in range(out.shape[0]):
        largest = 0.0
        for p in range(velocity.shape[2]):
            speed = 0.0
            for c in range(velocity.shape[0]):
                speed += weights[c] * abs(velocity[c, r, p])
            if speed > largest or speed != speed:
                largest = speed
        out[r, 0] = largest


@compiled(fastmath={"contract", "reassoc"})
def power_sums(vorticity, out):
    """Set a row of `out` to the sums of the third and of the fourth powers of that row of values."""
    for r in range(out.shape[0]):
        third, fourth = 0.0, 0.0
        for p in range(vorticity.shape[2]):
            square = vorticity[0, r, p] * vorticity[0, r, p]
            third += square * vorticity[0, r, p]
            fourth += square * square
        out[r, 0] = third
        out[r, 1] = fourth
