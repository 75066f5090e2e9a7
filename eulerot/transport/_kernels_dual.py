"""Numba loops for convex potentials: values and conjugates by Newton's method, and Adam's steps; equation (24).

A potential is ``alpha / 2 |z|^2 + c . z + sum_g tau_g log sum_k exp((w_k . z + b_k) / tau_g)``, the inner sum over the
components `k` of a group `g`. Its parameters are one vector: the weights, shape (d, components), the offsets ``b``, one
``log tau`` a group, ``c``, and ``log alpha``. `starts` are the first components of the groups, and their number at the
end. The inner loops are over components, which are contiguous, and become vector instructions.
"""

from __future__ import annotations

import math

import numpy as np

from eulerot._compiled import compiled, inlined

_FAST = {"contract", "nsz", "reassoc"}
_part = inlined(fastmath=_FAST)
_LOG2E = 1.4426950408889634
# ln 2 in two parts, the first of few digits, so that a whole multiple of it is exact
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# exp(-700) is the last that its exponent bits can be written for
_LOWEST = -700.0
# Of Adam: how long slopes and their squares are remembered, and parameters averaged
_FIRST, _SECOND, _AVERAGE = 0.9, 0.99, 0.99
# A step of Newton's method is accepted if the value does not fall by more than rounding, else halved up to so often
_ROUNDING, _HALVINGS = 1e-13, 30
# Conjugate gradients end when the residual has fallen to this share: Newton's steps correct what is left
_INEXACT = 0.1


def opened(theta, starts, d):
    """Return what the loops take of a vector of parameters, and room for their work.

    They are ``alpha, c, weights, offsets, tau, starts``; arguments, shares, products, powers of two as bits and, in
    the same memory, as numbers, values of groups, and vectors.
    """
    m, groups = starts[-1], len(starts) - 1
    tau, c = theta[d * m + m : -d - 1], theta[-d - 1 : -1]
    phi = float(np.exp(theta[-1])), c, theta[: d * m].reshape(d, m), theta[d * m : d * m + m], np.exp(tau), starts
    rows = np.empty((4, m))
    return phi, (rows[0], rows[1], rows[2], rows[3].view(np.int64), rows[3], np.empty(groups), np.empty((5, d)))


@_part
def _exponentials(u, bits, powers, out):
    """Fill `out` with ``exp(u)`` for ``u <= 0``, to a few roundings: the library's is not vectorised."""
    for j in range(len(u)):
        out[j] = u[j] if u[j] > _LOWEST else _LOWEST
        bits[j] = np.int64(math.floor(out[j] * _LOG2E + 0.5))
    for j in range(len(u)):
        k = float(bits[j])
        r = (out[j] - k * _LN2_HIGH) - k * _LN2_LOW
        s = 1.0 + r * (1.0 / 13.0)
        for i in range(12, 0, -1):
            s = 1.0 + r * (1.0 / i) * s
        out[j] = s
    for j in range(len(u)):
        bits[j] = (bits[j] + 1023) << 52
    for j in range(len(u)):
        out[j] *= powers[j]


@_part
def _evaluate(z, phi, space, slope):
    """Return the value at `z`, and fill `slope`, the arguments and shares of components and the values of groups."""
    (alpha, c, weights, offsets, tau, starts), (u, p, _, bits, powers, levels, _) = phi, space
    d, m = weights.shape
    value = 0.0
    for j in range(m):  # an assignment of slices would compile the text of its error, which takes two seconds
        u[j] = offsets[j]
    for i in range(d):
        zi, row = z[i], weights[i]
        value += zi * (0.5 * alpha * zi + c[i])
        for j in range(m):
            u[j] += zi * row[j]
    for g in range(len(tau)):
        low, high, top, rate = starts[g], starts[g + 1], u[starts[g]], 1.0 / tau[g]
        for j in range(low + 1, high):
            top = u[j] if u[j] > top else top
        for j in range(low, high):
            p[j] = (u[j] - top) * rate
        levels[g] = top
    _exponentials(p, bits, powers, p)
    for g in range(len(tau)):
        low, high, total = starts[g], starts[g + 1], 0.0
        for j in range(low, high):
            total += p[j]
        levels[g] += tau[g] * math.log(total)
        value += levels[g]
        for j in range(low, high):
            p[j] /= total
    for i in range(d):
        row, total = weights[i], alpha * z[i] + c[i]
        for j in range(m):
            total += p[j] * row[j]
        slope[i] = total
    return value


@_part
def _curve(v, phi, space, out):
    """Fill `out` with the Hessian, at the point that was evaluated last, times `v`."""
    (alpha, _, weights, _, tau, starts), (_, p, t, _, _, _, _) = phi, space
    d, m = weights.shape
    for j in range(m):
        t[j] = 0.0
    for i in range(d):
        row, vi = weights[i], v[i]
        for j in range(m):
            t[j] += vi * row[j]
    for g in range(len(tau)):
        low, high, mean, rate = starts[g], starts[g + 1], 0.0, 1.0 / tau[g]
        for j in range(low, high):
            mean += p[j] * t[j]
        for j in range(low, high):
            t[j] = p[j] * (t[j] - mean) * rate
    for i in range(d):
        row, total = weights[i], alpha * v[i]
        for j in range(m):
            total += t[j] * row[j]
        out[i] = total


@_part
def _solve(residual, phi, space, most):
    """Solve ``H s = residual`` for the step `s`, about, by at most so many conjugate gradients."""
    s, r, v, hv = space[6][1], space[6][2], space[6][3], space[6][4]
    d, square = len(residual), 0.0
    for i in range(d):
        s[i], r[i], v[i] = 0.0, residual[i], residual[i]
        square += residual[i] * residual[i]
    goal = _INEXACT * _INEXACT * square
    for _ in range(most):
        if square <= goal:
            break
        _curve(v, phi, space, hv)
        below = 0.0
        for i in range(d):
            below += v[i] * hv[i]
        length, before = square / below, square
        square = 0.0
        for i in range(d):
            s[i] += length * v[i]
            r[i] -= length * hv[i]
            square += r[i] * r[i]
        for i in range(d):
            v[i] = r[i] + (square / before) * v[i]


@_part
def _add_derivative(z, sign, phi, space, out):
    """Add `sign` times the derivative of the value at `z`, evaluated last, by the parameters to `out`."""
    (alpha, _, weights, _, tau, starts), (u, p, _, _, _, levels, _) = phi, space
    (d, m), groups, square = weights.shape, len(tau), 0.0
    for i in range(d):
        row, zi = out[i * m : i * m + m], sign * z[i]
        for j in range(m):
            row[j] += zi * p[j]
    row = out[d * m : d * m + m]
    for j in range(m):
        row[j] += sign * p[j]
    for g in range(groups):  # d (tau log sum exp(u / tau)) / d log tau = tau log sum exp(u / tau) - sum p u
        change = levels[g]
        for j in range(starts[g], starts[g + 1]):
            change -= p[j] * u[j]
        out[d * m + m + g] += sign * change
    for i in range(d):
        out[d * m + m + groups + i] += sign * z[i]
        square += z[i] * z[i]
    out[-1] += sign * 0.5 * alpha * square


@compiled(fastmath=_FAST)
def ascend(phi, space, x, points, rows, steps, most, tolerance, values, residuals, sign, derivative):
    """Move `rows` of `points` by Newton's method to the maximum of ``x . z - phi(z)``, and fill the values there.

    `residuals` are its slopes ``x - grad phi``, zero at the maximum. If `derivative` has room, `sign` times that of
    ``phi`` at the points by the parameters is added to it: at the maximum the points do not matter to first order.
    Without steps the points stay, and where `x` is zero the value is ``-phi``. One loop serves all, because each copy
    of it takes seconds to compile.

    What is maximised is concave, and the direction is one of ascent however inexact: steps are halved until the value
    does not fall.
    """
    trial, s = space[6][0], space[6][1]
    d = points.shape[1]
    for row in rows:
        target, point, residual = x[row], points[row], residuals[row]
        value, share, taken, halvings = -math.inf, 0.0, 0, 0
        for a in range(d):
            s[a] = 0.0
        while True:
            higher, square = 0.0, 0.0
            for a in range(d):
                trial[a] = point[a] + share * s[a]
                higher += target[a] * trial[a]
            higher -= _evaluate(trial, phi, space, residual)
            if higher < value - _ROUNDING * (1.0 + abs(value)) and halvings < _HALVINGS:
                share *= 0.5
                halvings += 1
                continue
            value = higher
            for a in range(d):
                point[a] = trial[a]
                residual[a] = target[a] - residual[a]
                square += residual[a] * residual[a]
            if taken == steps or square <= tolerance:
                break
            _solve(residual, phi, space, most)
            share, halvings, taken = 1.0, 0, taken + 1
        values[row] = value
        if len(derivative) > 0:
            _add_derivative(point, sign, phi, space, derivative)


@compiled(fastmath=_FAST)
def adam(theta, slope, rate, moments, average):
    """Take one step of Adam down a slope, in place; `average` follows the parameters smoothly.

    `moments` has the moving averages of slopes and of their squares as rows, and at the head of the third how many
    steps they have seen.
    """
    moments[2, 0] += 1.0
    count = moments[2, 0]
    first, second = 1.0 - _FIRST**count, 1.0 - _SECOND**count
    keep = min(_AVERAGE, count / (count + 10.0))
    for a in range(len(theta)):
        s = slope[a]
        moments[0, a] += (1.0 - _FIRST) * (s - moments[0, a])
        moments[1, a] += (1.0 - _SECOND) * (s * s - moments[1, a])
        theta[a] -= rate * (moments[0, a] / first) / (math.sqrt(moments[1, a] / second) + 1e-12)
        average[a] = keep * average[a] + (1.0 - keep) * theta[a]
