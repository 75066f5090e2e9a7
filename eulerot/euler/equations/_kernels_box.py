"""Numba loops for the vorticity in a box of few points: a tendency, its adjoint, a whole step or its adjoint in a call.

Coefficients are sorted into even and odd waves about the middle of each axis, see `eulerot.euler.transforms.dense`. Of
the fields ``u, v, p, q`` of equations (6) and (9) `tables` holds, a row for each: where sorted coefficients come from,
and the symbols ``l / |k|^2, -k / |k|^2, k^2 - l^2, k l`` that multiply them; the matrices of synthesis and of analysis,
an axis each; and where coefficients are among the sorted ones, with the same symbols. `room` holds sorted coefficients,
what is between the two products of a transform, and values on a quarter of the points, for waves of each symmetry.
"""

from __future__ import annotations

from eulerot._compiled import compiled, inlined

_FAST = {"contract", "nsz", "reassoc"}
_part = inlined(fastmath=_FAST)


@_part
def _multiply(a, b, out):
    """Set `out` to ``a @ b``; the rows are in fours, and what is between in twos."""
    for i in range(0, out.shape[0], 4):
        r, s, t, q = out[i], out[i + 1], out[i + 2], out[i + 3]
        for j in range(out.shape[1]):
            r[j] = s[j] = t[j] = q[j] = 0.0
        for m in range(0, b.shape[0], 2):
            r0, s0, t0, q0 = a[i, m], a[i + 1, m], a[i + 2, m], a[i + 3, m]
            r1, s1, t1, q1 = a[i, m + 1], a[i + 1, m + 1], a[i + 2, m + 1], a[i + 3, m + 1]
            even, odd = b[m], b[m + 1]
            for j in range(out.shape[1]):
                x, y = even[j], odd[j]
                r[j] += r0 * x + r1 * y
                s[j] += s0 * x + s1 * y
                t[j] += t0 * x + t1 * y
                q[j] += q0 * x + q1 * y


@_part
def _synthesise(first, last, sources, tables, room):
    """Compute the values of some of the fields of a source, as sums over waves of each symmetry."""
    index, symbols, into, into_other = tables[0], tables[1], tables[2], tables[3]
    coefficients, between, values = room[0], room[1], room[2]
    for f in range(first, last):
        flat = coefficients[f].reshape(index.shape[1])
        for i in range(flat.size):
            flat[i] = symbols[f, i] * sources[index[f, i]]
        for c in range(4):
            _multiply(into[f, c // 2], coefficients[f, c], between[f, c])
            _multiply(between[f, c], into_other[f, c % 2], values[f, c])


@_part
def _analyse(first, tables, room, out):
    """Set `out` to the sum of two fields' coefficients times their symbols; the first of `values` hold the fields."""
    back, back_other, places, weights = tables[4], tables[5], tables[6], tables[7]
    coefficients, between, values = room[0], room[1], room[2]
    for f in range(2):
        for c in range(4):
            _multiply(values[f, c], back_other[first + f, c % 2], between[f, c])
            _multiply(back[first + f, c // 2], between[f, c], coefficients[f, c])
    one, other = coefficients[0].reshape(coefficients[0].size), coefficients[1].reshape(coefficients[1].size)
    for i in range(out.size):
        there, opposite = places[first, i], places[first + 1, i]
        out[i] = weights[first, i] * one[there] + weights[first + 1, i] * other[opposite]


@_part
def _corners(a, b, c, d):
    """Return the values at a point and at those opposite to it, given the sums over waves of each symmetry.

    It is its own transpose: values, so combined, are analysed by waves of each symmetry.
    """
    plus, minus, other_plus, other_minus = a + b, a - b, c + d, c - d
    return plus + other_plus, minus + other_minus, plus - other_plus, minus - other_minus


@_part
def _tendency(vorticity, tables, room, out):
    """Set `out` to ``(d_yy - d_xx)(u v) + d_xy(u^2 - v^2)``."""
    _synthesise(0, 2, vorticity, tables, room)
    values = room[2].reshape(4, 4, room[2].shape[2] * room[2].shape[3])
    u, v = values[0], values[1]
    for i in range(values.shape[2]):
        u0, u1, u2, u3 = _corners(u[0, i], u[1, i], u[2, i], u[3, i])
        v0, v1, v2, v3 = _corners(v[0, i], v[1, i], v[2, i], v[3, i])
        u[0, i], u[1, i], u[2, i], u[3, i] = _corners(u0 * v0, u1 * v1, u2 * v2, u3 * v3)
        v[0, i], v[1, i], v[2, i], v[3, i] = _corners(
            (u0 - v0) * (u0 + v0), (u1 - v1) * (u1 + v1), (u2 - v2) * (u2 + v2), (u3 - v3) * (u3 + v3)
        )
    _analyse(2, tables, room, out)


@_part
def _adjoint(vorticity, multiplier, tables, room, out):
    """Set `out` to the transpose of Biot-Savart applied to ``v p + 2 u q`` and ``u p - 2 v q``."""
    _synthesise(0, 2, vorticity, tables, room)
    _synthesise(2, 4, multiplier, tables, room)
    values = room[2].reshape(4, 4, room[2].shape[2] * room[2].shape[3])
    u, v, p, q = values[0], values[1], values[2], values[3]
    for i in range(values.shape[2]):
        u0, u1, u2, u3 = _corners(u[0, i], u[1, i], u[2, i], u[3, i])
        v0, v1, v2, v3 = _corners(v[0, i], v[1, i], v[2, i], v[3, i])
        p0, p1, p2, p3 = _corners(p[0, i], p[1, i], p[2, i], p[3, i])
        q0, q1, q2, q3 = _corners(2.0 * q[0, i], 2.0 * q[1, i], 2.0 * q[2, i], 2.0 * q[3, i])
        u[0, i], u[1, i], u[2, i], u[3, i] = _corners(
            v0 * p0 + u0 * q0, v1 * p1 + u1 * q1, v2 * p2 + u2 * q2, v3 * p3 + u3 * q3
        )
        v[0, i], v[1, i], v[2, i], v[3, i] = _corners(
            u0 * p0 - v0 * q0, u1 * p1 - v1 * q1, u2 * p2 - v2 * q2, u3 * p3 - v3 * q3
        )
    _analyse(0, tables, room, out)


@_part
def _combined(field, weights, slopes, first, last, out):
    """Set `out` to a field plus some of the slopes times their weights."""
    for i in range(out.size):
        out[i] = field[i]
    for j in range(first, last):
        if weights[j] != 0.0:
            for i in range(out.size):
                out[i] += weights[j] * slopes[j, i]


@compiled(fastmath=_FAST)
def tendency(vorticity, tables, room, out):
    """Set `out` to the tendency."""
    _tendency(vorticity, tables, room, out)


@compiled()
def fastest(vorticity, speeds, tables, room):
    """Return the largest ``speeds_1 |u| + speeds_2 |v|``; not a number if one of them is not."""
    _synthesise(0, 2, vorticity, tables, room)
    values, largest = room[2].reshape(4, 4, room[2].shape[2] * room[2].shape[3]), 0.0
    u, v = values[0], values[1]
    for i in range(values.shape[2]):
        first = _corners(u[0, i], u[1, i], u[2, i], u[3, i])
        second = _corners(v[0, i], v[1, i], v[2, i], v[3, i])
        for c in range(4):
            speed = speeds[0] * abs(first[c]) + speeds[1] * abs(second[c])
            if speed > largest or speed != speed:
                largest = speed
    return largest


@compiled(fastmath=_FAST)
def adjoint(vorticity, multiplier, tables, room, out):
    """Set `out` to the adjoint of the tendency's derivative, applied to a multiplier."""
    _adjoint(vorticity, multiplier, tables, room, out)


@compiled(fastmath=_FAST)
def step(field, weights, known, tables, room, slopes, stages, out):
    """Set `out` to the field after a Runge-Kutta step, filling `stages`, and `slopes` but for a first that is `known`.

    Rows of `weights` are those of the stages and of the step, times the step.
    """
    for i in range(len(stages)):
        _combined(field, weights[i], slopes, 0, i, stages[i])
        if i > 0 or not known:
            _tendency(stages[i], tables, room, slopes[i])
    _combined(field, weights[len(stages)], slopes, 0, len(stages), out)


@compiled(fastmath=_FAST)
def adjoint_step(stages, weights, sources, tables, room, slopes, stage, multiplier):
    """Take `multiplier` back over a step, equation (11); `weights` are transposed, and `sources` may have no rows."""
    for i in range(len(stages) - 1, -1, -1):
        for j in range(multiplier.size):
            stage[j] = weights[i, len(stages)] * multiplier[j]
        _combined(stage, weights[i], slopes, i + 1, len(stages), stage)
        _adjoint(stages[i], stage, tables, room, slopes[i])
        for j in range(multiplier.size):
            slopes[i, j] += sources[i, j] if len(sources) > 0 else 0.0
    for i in range(len(stages)):
        for j in range(multiplier.size):
            multiplier[j] += slopes[i, j]
