"""B-splines of order eight in two or three coordinates: values, derivatives and their transposes, in vector code.

Numba does not make vector instructions of the sums over the eight coefficients of a row, which take a fifth of the time
then. So these functions write the code of LLVM themselves, one vector of eight numbers for each row. `first` and
`second` give the value of an interpolant at one point and its partial derivatives; `deposit` is the transpose of
`first`. Derivatives are by the place in the cell. Coefficients are contiguous, and begin at those of the point's cell.
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


def _fused(build, a, b, c):
    """Return ``a b + c``, or ``a b`` without a `c`."""
    product = build.fmul(a, b, flags=_FUSED)
    return product if c is None else build.fadd(product, c, flags=_FUSED)


def _lane(build, vector, i):
    return build.extract_element(vector, ir.Constant(_INT, i))


def _everywhere(build, number):
    """Return the vector of one number."""
    nothing = ir.Constant(_ROW, ir.Undefined)
    first = build.insert_element(nothing, number, ir.Constant(_INT, 0))
    return build.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_INT, ORDER), [0] * ORDER))


def _sum(build, vector):
    """Return the sum of a vector's numbers, by halves."""
    length = ORDER
    while length > 1:
        length //= 2
        nothing, kind = ir.Constant(vector.type, ir.Undefined), ir.VectorType(_INT, length)
        low, high = (ir.Constant(kind, list(range(start, start + length))) for start in (0, length))
        vector = build.fadd(build.shuffle_vector(vector, nothing, low), build.shuffle_vector(vector, nothing, high))
    return _lane(build, vector, 0)


def _contracted(build, place, strides, weights, wanted):
    """Return the sums over all axes but the last, vectors, for each of the wanted derivatives along them."""
    if not strides:
        return {(): build.load(build.bitcast(place, _ROW.as_pointer()), align=8)}
    sums: dict[tuple[int, ...], ir.Value] = {}
    for i in range(ORDER):
        inner = _contracted(build, place, strides[1:], weights[1:], {alpha[1:] for alpha in wanted})
        for alpha in sorted(wanted):
            weight = _everywhere(build, _lane(build, weights[0][alpha[0]], i))
            sums[alpha] = _fused(build, weight, inner[alpha[1:]], sums.get(alpha))
        place = build.gep(place, [strides[0]])
    return sums


def _spread(build, place, strides, weights, terms):
    """Add to rows of coefficients the transpose of `_contracted`."""
    if not strides:
        rows = build.bitcast(place, _ROW.as_pointer())
        build.store(build.fadd(build.load(rows, align=8), terms[()]), rows, align=8)
        return
    for i in range(ORDER):
        inner: dict[tuple[int, ...], ir.Value] = {}
        for alpha, term in sorted(terms.items()):
            weight = _everywhere(build, _lane(build, weights[0][alpha[0]], i))
            inner[alpha[1:]] = _fused(build, weight, term, inner.get(alpha[1:]))
        _spread(build, place, strides[1:], weights[1:], inner)
        place = build.gep(place, [strides[0]])


def derivatives(dim: int, order: int) -> list[tuple[int, ...]]:
    """Return the partial derivatives up to an order: the value, ``d_i``, and ``d_i d_j`` for ``i <= j``."""
    axes = [pair for n in range(order + 1) for pair in itertools.combinations_with_replacement(range(dim), n)]
    return [tuple(pair.count(axis) for axis in range(dim)) for pair in axes]


def _evaluator(order):
    """Return the function that evaluates an interpolant and its derivatives up to an order."""

    @intrinsic
    def evaluate(typing, coefficients, start, strides, places):
        wanted = derivatives(len(places), order)
        result = types.UniTuple(types.float64, len(wanted))

        def generate(context, build, signature, arguments):
            point, steps, weights = _opened(context, build, signature, arguments, order)
            sums = _contracted(build, point, steps, weights, {alpha[:-1] for alpha in wanted})
            values = [_sum(build, build.fmul(sums[alpha[:-1]], weights[-1][alpha[-1]])) for alpha in wanted]
            return context.make_tuple(build, result, values)

        return result(coefficients, start, strides, places), generate

    return evaluate


def _opened(context, build, signature, arguments, order):
    """Return a pointer to the cell's first coefficient, the strides, and the weights ``[axis][derivative]``."""
    array, start, strides, places = arguments
    point = build.gep(context.make_array(signature.args[0])(context, build, array).data, [start])
    steps = [build.extract_value(strides, i) for i in range(signature.args[2].count)]
    vectors = [_everywhere(build, build.extract_value(places, i)) for i in range(signature.args[3].count)]
    return point, steps, [[_weights(build, each, n) for n in range(order + 1)] for each in vectors]


first = _evaluator(1)
second = _evaluator(2)


@intrinsic
def deposit(typing, coefficients, start, strides, places, amounts):
    """Add to the coefficients their derivatives of ``sum_n amounts_n first_n``, the transpose of `first`."""

    def generate(context, build, signature, arguments):
        point, steps, weights = _opened(context, build, signature, arguments[:4], 1)
        terms: dict[tuple[int, ...], ir.Value] = {}
        for n, alpha in enumerate(derivatives(len(weights), 1)):
            amount = _everywhere(build, build.extract_value(arguments[4], n))
            terms[alpha[:-1]] = _fused(build, amount, weights[-1][alpha[-1]], terms.get(alpha[:-1]))
        _spread(build, point, steps, weights, terms)
        return context.get_dummy_value()

    return types.none(coefficients, start, strides, places, amounts), generate
