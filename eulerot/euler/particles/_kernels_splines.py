"""B-splines of order eight in two or three coordinates: values, derivatives and their transposes, in vector code.

Numba does not make vector instructions of the sums over the eight coefficients of a row, which take a fifth of the time
then. So these functions write the code of LLVM themselves, one vector of eight numbers for each row. `first` and
`second` give the values of the interpolants of a potential's components at one point and partial derivatives, see
`derivatives`; `deposit` is the transpose of `first`. Derivatives are by the place in the cell. `weigh_first`, or
`weigh_second`, comes before them, and leaves the weights of the splines. Of each component there is where the
coefficients of the point's cell begin, and the strides of all axes but the last, which is contiguous. `pair_value` and
`pair_first` are of two interpolants in the plane whose coefficients alternate in memory, after `weigh_value` and
`weigh_first`.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import reduce

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

ORDER = 8

_DOUBLE, _INT = ir.DoubleType(), ir.IntType(32)
_ROW = ir.VectorType(_DOUBLE, ORDER)
_FUSED = ("contract",)


def spline_polynomials(order: int) -> list[list[Fraction]]:
    """Return the B-splines that overlap a cell as polynomials of the place in it: ``[power][spline]``.

    By the recursion ``(order - 1) M_order(x) = x M(x) + (order - x) M(x - 1)``, M of one order less.
    """
    pieces = [[Fraction(1)]]  # of M(t + j), lowest powers first
    for q in range(1, order):
        longer = []
        for j in range(q + 1):
            total = [Fraction(0)] * (q + 1)
            for piece, constant, slope in ((j, j, 1), (j - 1, q + 1 - j, -1)):
                for power, coefficient in enumerate(pieces[piece] if 0 <= piece < q else []):
                    total[power] += constant * coefficient / q
                    total[power + 1] += slope * coefficient / q
            longer.append(total)
        pieces = longer
    return [list(row) for row in zip(*reversed(pieces), strict=True)]  # the first spline is furthest from its start


_POLYNOMIALS = spline_polynomials(ORDER)


def _weights(build, place, derivative):
    """Return the vector of the splines' derivatives at a place in the cell, by Horner's rule."""
    rows = _POLYNOMIALS
    for _ in range(derivative):
        rows = [[power * c for c in row] for power, row in enumerate(rows)][1:]
    vectors = [ir.Constant(_ROW, [ir.Constant(_DOUBLE, float(c)) for c in row]) for row in rows]
    return reduce(lambda total, row: _fused(build, total, place, row), reversed(vectors[:-1]), vectors[-1])


def _shuffled(build, vector, lanes):
    kind = ir.VectorType(_INT, len(lanes))
    return build.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), ir.Constant(kind, lanes))


def _fused(build, a, b, c):
    """Return ``a b + c``, or ``a b`` without a `c`."""
    product = build.fmul(a, b, flags=_FUSED)
    return product if c is None else build.fadd(product, c, flags=_FUSED)


def _lane(build, vector, i):
    return build.extract_element(vector, ir.Constant(_INT, i))


def _everywhere(build, number):
    """Return the vector of one number."""
    first = build.insert_element(ir.Constant(_ROW, ir.Undefined), number, ir.Constant(_INT, 0))
    return _shuffled(build, first, [0] * ORDER)


def _row(build, place):
    """Return the eight numbers in memory from a place on."""
    return build.load(build.bitcast(place, _ROW.as_pointer()), align=8)


def _number(build, place, i):
    """Return the vector of one of the numbers in memory from a place on."""
    return _everywhere(build, build.load(build.gep(place, [ir.Constant(_INT, i)])))


def _sum(build, vector, every=1):
    """Return the sums of every so many of a vector's numbers, by halves."""
    length = ORDER
    while length > every:
        length //= 2
        low, high = (_shuffled(build, vector, list(range(start, start + length))) for start in (0, length))
        vector = build.fadd(low, high)
    return [_lane(build, vector, i) for i in range(every)]


def _contracted(build, place, strides, weights, wanted):
    """Return the sums over all axes but the last, vectors, for each of the wanted derivatives along them."""
    if not strides:
        return {(): _row(build, place)}
    sums: dict[tuple[int, ...], ir.Value] = {}
    for i in range(ORDER):
        inner = _contracted(build, place, strides[1:], weights[1:], {alpha[1:] for alpha in wanted})
        for alpha in sorted(wanted):
            weight = _number(build, weights[0][alpha[0]], i)
            sums[alpha] = _fused(build, weight, inner[alpha[1:]], sums.get(alpha))
        place = build.gep(place, [strides[0]])
    return sums


def _spread(build, place, strides, weights, terms):
    """Add to rows of coefficients the transpose of `_contracted`."""
    if not strides:
        total = build.fadd(_row(build, place), terms[()])
        build.store(total, build.bitcast(place, _ROW.as_pointer()), align=8)
        return
    for i in range(ORDER):
        inner: dict[tuple[int, ...], ir.Value] = {}
        for alpha, term in sorted(terms.items()):
            weight = _number(build, weights[0][alpha[0]], i)
            inner[alpha[1:]] = _fused(build, weight, term, inner.get(alpha[1:]))
        _spread(build, place, strides[1:], weights[1:], inner)
        place = build.gep(place, [strides[0]])


def memory_axes(dim, i):
    """Return the order in which component `i` of a potential has its axes in memory.

    In space that is ``(j, i, l)`` with ``(i, j, l)`` cyclic: a velocity needs no derivative along axis `i`, so that the
    sums over the second axis are few.
    """
    return tuple(range(dim)) if dim == 2 else ((i + 1) % 3, i, (i + 2) % 3)


def derivatives(dim, order):
    """Return the derivatives up to an order, one or two, that the velocity of a potential asks for, or its gradient.

    Each is a tuple of orders along the axes as they are in memory. In the plane: the value, ``d_i``, and ``d_i d_j``
    for ``i <= j``. In space, of component `i` with ``(i, j, l)`` cyclic: the value, ``d_j, d_l``; and to second order
    ``d_i, d_ij, d_il, d_jl, d_jj, d_ll`` besides.
    """
    if dim == 2:
        every = [pair for n in range(order + 1) for pair in itertools.combinations_with_replacement(range(2), n)]
    else:
        every = [(), (0,), (2,), (1,), (1, 0), (1, 2), (0, 2), (0, 0), (2, 2)][: 3 if order == 1 else 9]
    return [tuple(axes.count(axis) for axis in range(dim)) for axes in every]


def _weigher(order):
    """Return the function that stores the weights of the splines at a place, and of their derivatives up to an order.

    They go through memory, because from there each one reaches all numbers of a vector in no time.
    """

    @intrinsic
    def weigh(typing, weights, start, places):
        def generate(context, build, signature, arguments):
            rows = _weights_of(context, build, signature.args[0], arguments, len(places), order)
            for axis, kept in enumerate(rows):
                place = _everywhere(build, build.extract_value(arguments[2], axis))
                for n, row in enumerate(kept):
                    build.store(_weights(build, place, n), build.bitcast(row, _ROW.as_pointer()), align=8)
            return context.get_dummy_value()

        return types.none(weights, start, places), generate

    return weigh


def _weights_of(context, build, kind, arguments, dim, order):
    """Return pointers to the weights ``[axis][derivative]``, given an array and the place in it where they begin."""
    start = build.gep(context.make_array(kind)(context, build, arguments[0]).data, [arguments[1]])
    return [
        [build.gep(start, [ir.Constant(_INT, ((order + 1) * axis + n) * ORDER)]) for n in range(order + 1)]
        for axis in range(dim)
    ]


def _evaluator(order):
    """Return the function that evaluates the interpolants of all components and their derivatives up to an order."""

    @intrinsic
    def evaluate(typing, weights, start, coefficients, starts, strides):
        wanted = derivatives(_dim(strides), order)
        result = types.UniTuple(types.float64, len(starts) * len(wanted))

        def generate(context, build, signature, arguments):
            values = []
            for point, steps, rows in _components(context, build, signature, arguments, order):
                sums = _contracted(build, point, steps, rows, {alpha[:-1] for alpha in wanted})
                last = [_row(build, each) for each in rows[-1]]
                for alpha in wanted:
                    values += _sum(build, build.fmul(sums[alpha[:-1]], last[alpha[-1]]))
            return context.make_tuple(build, result, values)

        return result(weights, start, coefficients, starts, strides), generate

    return evaluate


def _dim(strides):
    """Return the number of axes, given the type of their strides but the last."""
    return len(strides[0]) + 1


def _components(context, build, signature, arguments, order):
    """Yield a pointer to a cell's first coefficient, strides, and pointers to the weights, of each component."""
    kinds, (_, _, array, starts, strides, *_) = signature.args, arguments
    dim, data = _dim(kinds[4]), context.make_array(kinds[2])(context, build, array).data
    rows = _weights_of(context, build, kinds[0], arguments, dim, order)
    for i in range(len(kinds[3])):
        steps = [build.extract_value(strides, [i, axis]) for axis in range(dim - 1)]
        yield build.gep(data, [build.extract_value(starts, i)]), steps, [rows[axis] for axis in memory_axes(dim, i)]


def _pair_evaluator(order):
    """Return the function that evaluates two interpolants in the plane whose coefficients alternate in memory."""

    @intrinsic
    def evaluate(typing, weights, start, coefficients, place, stride):
        wanted = derivatives(2, order)
        result = types.UniTuple(types.float64, 2 * len(wanted))

        def generate(context, build, signature, arguments):
            rows = _weights_of(context, build, signature.args[0], arguments, 2, order)
            point = build.gep(context.make_array(signature.args[2])(context, build, arguments[2]).data, [arguments[3]])
            halves = [  # four coefficients of both in each, and no derivative along the second axis yet
                _contracted(build, each, [arguments[4]], rows[:1], {alpha[:-1] for alpha in wanted})
                for each in (point, build.gep(point, [ir.Constant(_INT, ORDER)]))
            ]
            values = []
            for alpha in wanted:
                last = _row(build, rows[1][alpha[1]])
                twice = [_shuffled(build, last, [low + k // 2 for k in range(ORDER)]) for low in (0, ORDER // 2)]
                total = build.fmul(halves[0][alpha[:-1]], twice[0])
                values += _sum(build, _fused(build, halves[1][alpha[:-1]], twice[1], total), 2)
            return context.make_tuple(build, result, values)

        return result(weights, start, coefficients, place, stride), generate

    return evaluate


weigh_value, weigh_first, weigh_second = _weigher(0), _weigher(1), _weigher(2)
first, second = _evaluator(1), _evaluator(2)
pair_value, pair_first = _pair_evaluator(0), _pair_evaluator(1)


@intrinsic
def deposit(typing, weights, start, coefficients, starts, strides, amounts):
    """Add to the coefficients their derivatives of ``sum_n amounts_n first_n``, the transpose of `first`."""

    def generate(context, build, signature, arguments):
        numbers = itertools.count()
        for point, steps, rows in _components(context, build, signature, arguments, 1):
            terms: dict[tuple[int, ...], ir.Value] = {}
            for alpha in derivatives(len(rows), 1):
                amount = _everywhere(build, build.extract_value(arguments[5], next(numbers)))
                terms[alpha[:-1]] = _fused(build, amount, _row(build, rows[-1][alpha[-1]]), terms.get(alpha[:-1]))
            _spread(build, point, steps, rows, terms)
        return context.get_dummy_value()

    return types.none(weights, start, coefficients, starts, strides, amounts), generate
