"""Numba loops for the vorticity in a box of few points: whole Runge-Kutta steps of equation (6), and their adjoint.

Coefficients are sorted into even and odd waves about the middle of each axis, see `eulerot.euler.transforms.dense`. Of
the fields ``u, v, p, q`` of equations (6) and (9) `tables` holds, a row for each: where sorted coefficients come from,
and the symbols ``l / |k|^2, -k / |k|^2, k^2 - l^2, k l`` that multiply them; the matrices of synthesis and of analysis,
an axis each; and where coefficients are among the sorted ones, with the same symbols. `room` holds sorted coefficients,
values on a quarter of the points for waves of each symmetry, and what is between the two products on either way; and
the first two once more, with a row for each field.
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
def _corners(a, b, c, d):
    """Return the values at a point and at those opposite to it, given the sums over waves of each symmetry.

    It is its own transpose: values, so combined, are analysed by waves of each symmetry.
    """
    plus, minus, other_plus, other_minus = a + b, a - b, c + d, c - d
    return plus + other_plus, minus + other_minus, plus - other_plus, minus - other_minus


@_part
def _products(u, v):
    """Replace `u` and `v` by ``u v`` and ``u^2 - v^2``."""
    for i in range(u.shape[1]):
        u0, u1, u2, u3 = _corners(u[0, i], u[1, i], u[2, i], u[3, i])
        v0, v1, v2, v3 = _corners(v[0, i], v[1, i], v[2, i], v[3, i])
        u[0, i], u[1, i], u[2, i], u[3, i] = _corners(u0 * v0, u1 * v1, u2 * v2, u3 * v3)
        v[0, i], v[1, i], v[2, i], v[3, i] = _corners(
            (u0 - v0) * (u0 + v0), (u1 - v1) * (u1 + v1), (u2 - v2) * (u2 + v2), (u3 - v3) * (u3 + v3)
        )


@_part
def _adjoint_products(u, v, p, q):
    """Replace `u` and `v` by ``v p + 2 u q`` and ``u p - 2 v q``."""
    for i in range(u.shape[1]):
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


@_part
def _largest(u, v, weights):
    """Return the largest ``weights . (|u|, |v|)``; not a number if one of them is not."""
    largest = 0.0
    for i in range(u.shape[1]):
        first, second = _corners(u[0, i], u[1, i], u[2, i], u[3, i]), _corners(v[0, i], v[1, i], v[2, i], v[3, i])
        for c in range(4):
            speed = weights[0] * abs(first[c]) + weights[1] * abs(second[c])
            if speed > largest or speed != speed:
                largest = speed
    return largest


@_part
def _gather(count, vorticity, multiplier, tables, sorted_rows):
    """Fill the sorted coefficients of so many fields, the first two those of the vorticity."""
    index, symbols = tables[0], tables[1]
    for f in range(count):
        source = vorticity if f < 2 else multiplier
        for i in range(index.shape[1]):
            sorted_rows[f, i] = symbols[f, i] * source[index[f, i]]


@_part
def _scatter(first, tables, sorted_rows, out):
    """Set `out` to the sum of two fields' coefficients times their symbols."""
    places, symbols = tables[6], tables[7]
    for i in range(out.size):
        one, other = sorted_rows[0, places[first, i]], sorted_rows[1, places[first + 1, i]]
        out[i] = symbols[first, i] * one + symbols[first + 1, i] * other


@_part
def _evaluate(way, vorticity, multiplier, speeds, tables, room, out):
    """Set `out` to the tendency, or to its adjoint applied to a multiplier; or its head to the largest speed."""
    (coefficients, values, between, between_back), (sorted_rows, points) = room
    first, fields = 0 if way < 0 else 2, 4 if way < 0 else 2
    _gather(fields, vorticity, multiplier, tables, sorted_rows)
    for back in range(2):  # in one loop: each copy of the products takes half a second to compile
        if back == 0:
            left, right, source, middle, target, begin = tables[2], tables[3], coefficients, between, values, 0
        else:
            left, right, source, middle, target, begin = tables[4], tables[5], values, between_back, coefficients, first
        for f in range(fields if back == 0 else 2):
            for c in range(4):
                _multiply(left[begin + f, c // 2], source[f, c], middle[f, c])
                _multiply(middle[f, c], right[begin + f, c % 2], target[f, c])
        if back == 1:
            _scatter(first, tables, sorted_rows, out)
        elif way > 0:
            _products(points[0], points[1])
        elif way < 0:
            _adjoint_products(points[0], points[1], points[2], points[3])
        else:
            out[0] = _largest(points[0], points[1], speeds)
            return


@compiled(fastmath=_FAST)
def step(way, field, weights, known, sources, tables, room, slopes, stages, stage, out):
    """Set `out` to the field after a Runge-Kutta step, or take a multiplier back over it; equations (6), (9) and (11).

    Forward, a `way` of 1, `stages` are filled, and `slopes` but for a first that is `known`; the rows of `weights`
    times the step are those of the stages and of the step. Backward, a `way` of -1, `stages` are those of that step,
    and `field` is the derivative by its end; there is a row of `sources` for each, or none. With a `way` of 0 the first
    slope begins with the largest speed of the field, the weights of whose components are `weights`. One loop serves
    all, because each copy takes a second to compile.
    """
    count = len(stages)
    for n in range(count):
        i = n if way >= 0 else count - 1 - n
        target = stages[i] if way >= 0 else stage
        for m in range(target.size):
            target[m] = field[m] if way >= 0 else weights[count, i] * field[m]
        for j in range(i) if way >= 0 else range(i + 1, count):
            weight = weights[i, j] if way >= 0 else weights[j, i]
            if weight != 0.0:
                for m in range(target.size):
                    target[m] += weight * slopes[j, m]
        if n == 0 and known:
            continue
        _evaluate(way, stages[i], target, weights[:, 0], tables, room, slopes[i])
        if len(sources) > 0:
            for m in range(target.size):
                slopes[i, m] += sources[i, m]
    for m in range(out.size):
        out[m] = field[m]
    for j in range(count):
        weight = weights[count, j] if way >= 0 else 1.0
        for m in range(out.size):
            out[m] += weight * slopes[j, m]
