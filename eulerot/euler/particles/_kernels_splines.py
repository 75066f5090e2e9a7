"""B-splines of order eight in two or three coordinates: sums of products with coefficients, in vector code.

Numba does not make vector instructions of the sums over the eight coefficients of a row, which take a fifth of the time
then. So these functions write the code of LLVM themselves, one vector of eight numbers for each row. Kernels call those
at the end: `pair_value` and `pair_first` give the values of two interpolants in the plane whose coefficients alternate
in memory, and their derivatives by the place in the cell, after `weigh_value` or `weigh_first` has left the weights of
the splines. The others are for functions that write more code.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

ORDER = 8
LAST = ORDER - 1
# Points whose weights are in memory at a time
GROUP = 8

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


def splines(build, place, derivatives):
    """Return the vectors of the splines at a place in the cell, and of their derivatives by it.

    The place comes everywhere in a vector and divided by LAST. Splines of as many orders less, by Horner's rule, become
    those of the next order ``q + 1`` and their derivatives by ``q w_j = t (v_(j-1) - v_j) + (q - j) v_(j-1) +
    (1 + j) v_j`` and ``w_j' = v_(j-1) - v_j``.
    """
    lowest, none = ORDER - derivatives, [0] * derivatives
    polynomials = [
        _constant([c * LAST**power for c in (*row, *none)]) for power, row in enumerate(spline_polynomials(lowest))
    ]
    rows = [reduce(lambda total, row: fused(build, total, place, row), reversed(polynomials[:-1]), polynomials[-1])]
    for q in range(lowest, ORDER):
        before = [shuffled(build, row, [ORDER - 1, *range(ORDER - 1)]) for row in rows]  # the last one is zero
        slopes = [build.fsub(left, row) for left, row in zip(before, rows, strict=True)]
        value = build.fmul(_constant([(1 + j) / q for j in range(ORDER)]), rows[0])
        value = fused(build, _constant([(q - j) / q for j in range(ORDER)]), before[0], value)
        share = place if q == LAST else build.fmul(place, _constant([LAST / q] * ORDER))
        rows = [fused(build, share, slopes[0], value), *slopes]
    return rows


def _constant(numbers):
    return ir.Constant(_ROW, [ir.Constant(_DOUBLE, float(number)) for number in numbers])


def shuffled(build, vector, lanes, other=None):
    kind = ir.VectorType(_INT, len(lanes))
    other = ir.Constant(vector.type, ir.Undefined) if other is None else other
    return build.shuffle_vector(vector, other, ir.Constant(kind, lanes))


def fused(build, a, b, c):
    """Return ``a b + c``, or ``a b`` without a `c`."""
    product = build.fmul(a, b, flags=_FUSED)
    return product if c is None else build.fadd(product, c, flags=_FUSED)


def everywhere(build, number):
    """Return the vector of one number."""
    first = build.insert_element(ir.Constant(_ROW, ir.Undefined), number, ir.Constant(_INT, 0))
    return shuffled(build, first, [0] * ORDER)


def row_at(build, place):
    """Return the eight numbers in memory from a place on."""
    return build.load(build.bitcast(place, _ROW.as_pointer()), align=8)


def store_row(build, vector, place):
    """Store eight numbers from a place in memory on."""
    build.store(vector, build.bitcast(place, _ROW.as_pointer()), align=8)


def pointer(context, build, kind, array, place):
    """Return where in memory a place in an array is."""
    return build.gep(context.make_array(kind)(context, build, array).data, [place])


def _number(build, place, i):
    """Return the vector of one of the numbers in memory from a place on."""
    return everywhere(build, build.load(build.gep(place, [ir.Constant(_INT, i)])))


def _pair_sums(build, vector):
    """Return the sums of a vector's even and odd numbers, by halves."""
    length = ORDER
    while length > 2:
        length //= 2
        low, high = (shuffled(build, vector, list(range(start, start + length))) for start in (0, length))
        vector = build.fadd(low, high)
    return [build.extract_element(vector, ir.Constant(_INT, i)) for i in range(2)]


def contracted(build, place, strides, weights, wanted):
    """Return the sums over all axes but the last, vectors, for each of the wanted derivatives along them."""
    if not strides:
        return {(): row_at(build, place)}
    sums: dict[tuple[int, ...], ir.Value] = {}
    for i in range(ORDER):
        inner = contracted(build, place, strides[1:], weights[1:], {alpha[1:] for alpha in wanted})
        for alpha in sorted(wanted):
            weight = _number(build, weights[0][alpha[0]], i)
            sums[alpha] = fused(build, weight, inner[alpha[1:]], sums.get(alpha))
        place = build.gep(place, [strides[0]])
    return sums


def spread(build, place, strides, weights, terms):
    """Add to rows of coefficients the transpose of `contracted`."""
    if not strides:
        store_row(build, build.fadd(row_at(build, place), terms[()]), place)
        return
    for i in range(ORDER):
        inner: dict[tuple[int, ...], ir.Value] = {}
        for alpha, term in sorted(terms.items()):
            weight = _number(build, weights[0][alpha[0]], i)
            inner[alpha[1:]] = fused(build, weight, term, inner.get(alpha[1:]))
        spread(build, place, strides[1:], weights[1:], inner)
        place = build.gep(place, [strides[0]])


def _weigher(order):
    """Return the function that stores the weights of the splines at a place, and of their derivatives up to an order.

    They go through memory, because from there each one reaches all numbers of a vector in no time.
    """

    @intrinsic
    def weigh(typing, weights, start, places):
        def generate(context, build, signature, arguments):
            rows = weights_of(context, build, signature.args[0], arguments, len(places), order)
            for axis, kept in enumerate(rows):
                place = everywhere(build, build.extract_value(arguments[2], axis))
                for value, row in zip(splines(build, place, order), kept, strict=True):
                    store_row(build, value, row)
            return context.get_dummy_value()

        return types.none(weights, start, places), generate

    return weigh


def weights_of(context, build, kind, arguments, dim, order):
    """Return pointers to the weights ``[axis][derivative]``, given an array and the place in it where they begin."""
    start = pointer(context, build, kind, *arguments[:2])
    return [
        [build.gep(start, [ir.Constant(_INT, ((order + 1) * axis + n) * ORDER)]) for n in range(order + 1)]
        for axis in range(dim)
    ]


def _pair_evaluator(order):
    """Return the function that evaluates two interpolants in the plane whose coefficients alternate in memory."""

    @intrinsic
    def evaluate(typing, weights, start, coefficients, place, stride):
        wanted = [(0, 0), (1, 0), (0, 1)][: 1 + 2 * order]
        result = types.UniTuple(types.float64, 2 * len(wanted))

        def generate(context, build, signature, arguments):
            rows = weights_of(context, build, signature.args[0], arguments, 2, order)
            point = pointer(context, build, signature.args[2], *arguments[2:4])
            halves = [  # four coefficients of both in each, and no derivative along the second axis yet
                contracted(build, each, [arguments[4]], rows[:1], {alpha[:-1] for alpha in wanted})
                for each in (point, build.gep(point, [ir.Constant(_INT, ORDER)]))
            ]
            values = []
            for alpha in wanted:
                last = row_at(build, rows[1][alpha[1]])
                twice = [shuffled(build, last, [low + k // 2 for k in range(ORDER)]) for low in (0, ORDER // 2)]
                total = build.fmul(halves[0][alpha[:-1]], twice[0])
                values += _pair_sums(build, fused(build, halves[1][alpha[:-1]], twice[1], total))
            return context.make_tuple(build, result, values)

        return result(weights, start, coefficients, place, stride), generate

    return evaluate


weigh_value, weigh_first = _weigher(0), _weigher(1)
pair_value, pair_first = _pair_evaluator(0), _pair_evaluator(1)
