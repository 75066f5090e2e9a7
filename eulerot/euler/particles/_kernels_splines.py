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
from typing import NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

ORDER = 8
LAST = ORDER - 1
# Points whose weights are in memory at a time
GROUP = 8
# Rows of weights: splines, and first and second derivatives of their products with the factor; those of splines alone
VALUE, FIRST, SECOND, SLOPE = range(4)

_DOUBLE, _INT, _LONG = ir.DoubleType(), ir.IntType(32), ir.IntType(64)
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


def _splines(build, place, derivatives):
    """Return the vectors of the splines at a place in the cell, and of their derivatives by it.

    The place comes everywhere in a vector and divided by LAST. Splines of as many orders less, by Horner's rule, become
    those of the next order ``q + 1`` and their derivatives by ``q w_j = t (v_(j-1) - v_j) + (q - j) v_(j-1) +
    (1 + j) v_j`` and ``w_j' = v_(j-1) - v_j``.
    """
    lowest, none = ORDER - derivatives, [0] * derivatives
    polynomials = [
        _constant([c * LAST**power for c in (*row, *none)]) for power, row in enumerate(spline_polynomials(lowest))
    ]
    rows = [reduce(lambda total, row: _fused(build, total, place, row), reversed(polynomials[:-1]), polynomials[-1])]
    for q in range(lowest, ORDER):
        before = [_shuffled(build, row, [ORDER - 1, *range(ORDER - 1)]) for row in rows]  # the last one is zero
        slopes = [build.fsub(left, row) for left, row in zip(before, rows, strict=True)]
        value = build.fmul(_constant([(1 + j) / q for j in range(ORDER)]), rows[0])
        value = _fused(build, _constant([(q - j) / q for j in range(ORDER)]), before[0], value)
        share = place if q == LAST else build.fmul(place, _constant([LAST / q] * ORDER))
        rows = [_fused(build, share, slopes[0], value), *slopes]
    return rows


def _constant(numbers):
    return ir.Constant(_ROW, [ir.Constant(_DOUBLE, float(number)) for number in numbers])


def _shuffled(build, vector, lanes, other=None):
    kind = ir.VectorType(_INT, len(lanes))
    other = ir.Constant(vector.type, ir.Undefined) if other is None else other
    return build.shuffle_vector(vector, other, ir.Constant(kind, lanes))


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


class Term(NamedTuple):
    """A derivative of a component of the potential: its sign, the component, which row of weights each axis takes.

    Axes are as they are in memory.
    """

    sign: int
    component: int
    rows: tuple[int, ...]


def velocity_terms(dim):
    """Return the sum of derivatives of the potential that each component of the velocity is."""
    if dim == 2:
        return [[Term(1, 0, (VALUE, FIRST))], [Term(-1, 0, (FIRST, VALUE))]]
    return [  # with (a, b, c) cyclic d_b A_c, whose axes are (a, c, b), and d_c A_b, whose axes are (c, b, a)
        [Term(1, (a + 2) % 3, (VALUE, VALUE, FIRST)), Term(-1, (a + 1) % 3, (FIRST, VALUE, VALUE))] for a in range(3)
    ]


def gradient_terms(dim):
    """Return those of the velocity, and of its derivatives row by row, all but the last, which makes the trace zero."""
    if dim == 2:
        by_axes = [[Term(1, 0, (FIRST, FIRST))], [Term(1, 0, (VALUE, SECOND))], [Term(-1, 0, (SECOND, VALUE))]]
    else:
        by_axes = []
        for a, d in itertools.product(range(3), repeat=2):
            of_c, of_b = [
                ((FIRST, VALUE, FIRST), (FIRST, VALUE, FIRST)),
                ((VALUE, VALUE, SECOND), (FIRST, SLOPE, VALUE)),
                ((VALUE, SLOPE, FIRST), (SECOND, VALUE, VALUE)),
            ][(d - a) % 3]
            by_axes.append([Term(1, (a + 2) % 3, of_c), Term(-1, (a + 1) % 3, of_b)])
        del by_axes[-1]
    return velocity_terms(dim) + by_axes


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
                for value, row in zip(_splines(build, place, order), kept, strict=True):
                    build.store(value, build.bitcast(row, _ROW.as_pointer()), align=8)
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


def _factored_weigher(order):
    """Return the function that stores the weights of splines times the factors of the axes, see VALUE and the others.

    Given are places; factors times as many cells as an angle of one has; derivatives of factors by the angle; and for
    second derivatives those of factors, and numbers of cells.
    """

    @intrinsic
    def weigh(typing, weights, start, places, steep, slopes, bends, cells):
        def generate(context, build, signature, arguments):
            rows = _weights_of(context, build, signature.args[0], arguments, len(places), 2 * order - 1)
            for axis, kept in enumerate(rows):
                t, hs, c, bend, h = (_everywhere(build, build.extract_value(each, axis)) for each in arguments[2:])
                value, first, *second = _splines(build, t, order)
                results = [value, _fused(build, c, value, build.fmul(hs, first))]
                if second:
                    slope = build.fmul(h, first)
                    total = _fused(build, bend, value, build.fmul(build.fadd(c, c), slope))
                    results += [_fused(build, build.fmul(h, hs), second[0], total), slope]
                for result, row in zip(results, kept, strict=True):
                    build.store(result, build.bitcast(row, _ROW.as_pointer()), align=8)
            return context.get_dummy_value()

        return types.none(weights, start, places, steep, slopes, bends, cells), generate

    return weigh


def _evaluator(terms_of, order):
    """Return the function that evaluates sums of derivatives of the potential at a point, but for eight terms of each.

    These go to memory from a place on, GROUP rows apart, see `add_up`.
    """

    @intrinsic
    def evaluate(typing, weights, start, coefficients, starts, strides, sums, place):
        terms = terms_of(_dim(strides))

        def generate(context, build, signature, arguments):
            totals = [None] * len(terms)
            for i, (point, steps, rows) in enumerate(_components(context, build, signature, arguments, 2 * order - 1)):
                own = [(n, term) for n, each in enumerate(terms) for term in each if term.component == i]
                contracted = _contracted(build, point, steps, rows, {term.rows[:-1] for _, term in own})
                last = [_row(build, each) for each in rows[-1]]
                for n, term in own:
                    totals[n] = _signed(build, term.sign, contracted[term.rows[:-1]], last[term.rows[-1]], totals[n])
            out = context.make_array(signature.args[5])(context, build, arguments[5]).data
            for n, total in enumerate(totals):
                into = build.gep(out, [build.add(arguments[6], ir.Constant(_LONG, n * GROUP * ORDER))])
                build.store(total, build.bitcast(into, _ROW.as_pointer()), align=8)
            return context.get_dummy_value()

        return types.none(weights, start, coefficients, starts, strides, sums, place), generate

    return evaluate


def _signed(build, sign, a, b, c):
    """Return ``c + a b`` or ``c - a b``, or without a `c` the product."""
    return _fused(build, a if sign > 0 else build.fneg(a), b, c)


# Of two vectors, which lanes are added to those so many further on, until there is one vector for eight
_HALVES = [([0, 8, 2, 10, 4, 12, 6, 14], 1), *[([0, 1, 4, 5, 8, 9, 12, 13], 2)] * 2]


@intrinsic
def add_up(typing, sums, start, out, place):
    """Store the sums of each of eight rows of eight numbers."""

    def generate(context, build, signature, arguments):
        rows, into = (
            build.gep(context.make_array(signature.args[i])(context, build, arguments[i]).data, [arguments[i + 1]])
            for i in (0, 2)
        )
        vectors = [_row(build, build.gep(rows, [ir.Constant(_LONG, ORDER * i)])) for i in range(ORDER)]
        for lanes, step in _HALVES:
            low, high = lanes, [lane + step for lane in lanes]
            vectors = [
                build.fadd(_shuffled(build, a, low, b), _shuffled(build, a, high, b))
                for a, b in zip(vectors[::2], vectors[1::2], strict=True)
            ]
        build.store(vectors[0], build.bitcast(into, _ROW.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.none(sums, start, out, place), generate


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
        wanted = [(0, 0), (1, 0), (0, 1)][: 1 + 2 * order]
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


weigh_value, weigh_first = _weigher(0), _weigher(1)
weigh_velocity, weigh_gradient = _factored_weigher(1), _factored_weigher(2)
velocity_sums, gradient_sums = _evaluator(velocity_terms, 1), _evaluator(gradient_terms, 2)
pair_value, pair_first = _pair_evaluator(0), _pair_evaluator(1)


@intrinsic
def deposit(typing, weights, start, coefficients, starts, strides, amounts):
    """Add to the coefficients their derivatives of ``sum_n amounts_n U_n``, the transpose of `velocity_sums`."""

    def generate(context, build, signature, arguments):
        terms = velocity_terms(_dim(strides))
        for i, (point, steps, rows) in enumerate(_components(context, build, signature, arguments, 1)):
            spread: dict[tuple[int, ...], ir.Value] = {}
            for n, each in enumerate(terms):
                for term in each:
                    if term.component == i:
                        amount, key = _everywhere(build, build.extract_value(arguments[5], n)), term.rows[:-1]
                        last = _row(build, rows[-1][term.rows[-1]])
                        spread[key] = _signed(build, term.sign, amount, last, spread.get(key))
            _spread(build, point, steps, rows, spread)
        return context.get_dummy_value()

    return types.none(weights, start, coefficients, starts, strides, amounts), generate
