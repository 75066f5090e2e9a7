"""Numba loops for the slope of the cost along planar velocities, equation (18), and for the steepest velocity.

A row for each coordinate: `waves` holds ``sin(a)``, ``cos(a)`` and the rate ``a'(y)``, shape ``(3, 2, n)``. Pairs are
taken in blocks whose harmonics stay in the memory nearest to the processor.
"""

from __future__ import annotations

import numpy as np

from eulerot._compiled import compiled, inlined

_FAST = {"contract", "nsz", "reassoc"}
_part = inlined(fastmath=_FAST)
_BLOCK = 256


@_part
def _harmonics(sine, cosine, sines, cosines):
    """Fill rows ``k - 1`` with ``sin(k a)`` and ``cos(k a)``."""
    for i in range(sine.size):  # an assignment of slices would compile the text of its error, which takes two seconds
        sines[0, i], cosines[0, i] = sine[i], cosine[i]
    for k in range(1, len(sines)):
        for i in range(sine.size):
            sines[k, i] = sines[k - 1, i] * cosine[i] + cosines[k - 1, i] * sine[i]
            cosines[k, i] = cosines[k - 1, i] * cosine[i] - sines[k - 1, i] * sine[i]


@compiled(fastmath=_FAST)
def slopes(waves, x, out):
    """Set `out` to the means of ``x_1 sin(k a_1) l cos(l a_2) / a'(y_1) - x_2 k cos(k a_1) sin(l a_2) / a'(y_2)``."""
    modes, n = len(out), x.shape[1]
    sines, cosines, parts = np.empty((2, modes, _BLOCK)), np.empty((2, modes, _BLOCK)), np.empty((2, _BLOCK))
    out[:] = 0.0
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        data, other, rate, other_rate = x[0, block], x[1, block], waves[2, 0, block], waves[2, 1, block]
        for c in range(2):
            _harmonics(waves[0, c, block], waves[1, c, block], sines[c], cosines[c])
        for k in range(modes):
            for i in range(data.size):
                parts[0, i] = data[i] / rate[i] * sines[0, k, i]
                parts[1, i] = (k + 1) * other[i] / other_rate[i] * cosines[0, k, i]
            for m in range(modes):
                total = 0.0
                for i in range(data.size):
                    total += (m + 1) * parts[0, i] * cosines[1, m, i] - parts[1, i] * sines[1, m, i]
                out[k, m] += total
    for k in range(modes):
        for m in range(modes):
            out[k, m] /= n


@compiled(fastmath=_FAST)
def velocities(waves, y, x, psi, velocity, pulled):
    """Set `velocity` to ``v`` of a stream function and `pulled` to ``Dv^T x``; their second derivatives by ``a``.

    With ``A, B, D = sum_l psi_kl (sin(l a_2), l cos(l a_2), l^2 sin(l a_2))`` for each `k`, and `s` the sum of
    ``k cos(k a_1) B``: ``d v_1 / d y_1 = s + y_1 v_1`` and ``d v_2 / d y_2 = y_2 v_2 - s``.
    """
    modes, n = len(psi), x.shape[1]
    sines, cosines, sums = np.empty((2, modes, _BLOCK)), np.empty((2, modes, _BLOCK)), np.empty((3, _BLOCK))
    totals = np.empty((5, _BLOCK))
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        for c in range(2):
            _harmonics(waves[0, c, block], waves[1, c, block], sines[c], cosines[c])
        size = min(_BLOCK, n - start)
        totals[:] = 0.0
        for k in range(modes):
            sums[:] = 0.0
            for m in range(modes):
                weight = psi[k, m]
                for i in range(size):
                    sums[0, i] += weight * sines[1, m, i]
                    sums[1, i] += weight * (m + 1) * cosines[1, m, i]
                    sums[2, i] += weight * ((m + 1) * (m + 1)) * sines[1, m, i]
            for i in range(size):
                totals[0, i] += sines[0, k, i] * sums[1, i]
                totals[1, i] += (k + 1) * cosines[0, k, i] * sums[0, i]
                totals[2, i] += (k + 1) * cosines[0, k, i] * sums[1, i]
                totals[3, i] += sines[0, k, i] * sums[2, i]
                totals[4, i] += ((k + 1) * (k + 1)) * sines[0, k, i] * sums[0, i]
        rate, other_rate = waves[2, 0, block], waves[2, 1, block]
        first, second, data, other = y[0, block], y[1, block], x[0, block], x[1, block]
        v, w, by_first, by_second = velocity[0, block], velocity[1, block], pulled[0, block], pulled[1, block]
        for i in range(size):
            ratio = rate[i] / other_rate[i]
            v[i], w[i] = totals[0, i] / rate[i], -totals[1, i] / other_rate[i]
            by_first[i] = (totals[2, i] + first[i] * v[i]) * data[i] + ratio * totals[4, i] * other[i]
            by_second[i] = (second[i] * w[i] - totals[2, i]) * other[i] - totals[3, i] / ratio * data[i]
