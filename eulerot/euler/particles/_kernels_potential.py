"""The derivatives of a potential that make up a velocity, its gradient, and their transposes, in vector code.

The interpolant of each component of the potential is a sum of products of B-splines, times the factors of its axes, see
`eulerot.euler.particles._kernels_terms`. `weigh_velocity`, or `weigh_gradient`, leaves the weights of a point;
`velocity_sums`, `gradient_sums` and `deposit` take them. Of a point there is its number in the table of its block, and
of each component where its coefficients begin, and their strides along all axes but the last, which is contiguous.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from eulerot.euler.particles._kernels_lanes import LANES, ROWS
from eulerot.euler.particles._kernels_splines import (
    GROUP,
    ORDER,
    contracted,
    everywhere,
    fused,
    pointer,
    row_at,
    shuffled,
    splines,
    spread,
    store_row,
    weights_of,
)
from eulerot.euler.particles._kernels_terms import AXES, gradient_terms, velocity_terms

_INT, _LONG = ir.IntType(32), ir.IntType(64)


def _factored_weigher(order):
    """Return the function that stores the weights of splines times the factors of the axes, see VALUE and the others.

    Given are a point of a table, how the second derivative of a factor is to it, and cells in an angle of one.
    """

    @intrinsic
    def weigh(typing, weights, start, table, point, bend, cells):
        def generate(context, build, signature, arguments):
            rows = weights_of(context, build, signature.args[0], arguments, len(cells), 2 * order - 1)
            for axis, kept in enumerate(rows):
                numbers = _tabulated(context, build, signature, arguments, 2, axis)
                s, c, hs, _, t = (everywhere(build, number) for number in numbers)
                value, first, *second = splines(build, t, order)
                results = [value, fused(build, c, value, build.fmul(hs, first))]
                if second:
                    h = everywhere(build, build.extract_value(arguments[5], axis))
                    bent, slope = build.fmul(everywhere(build, arguments[4]), s), build.fmul(h, first)
                    total = fused(build, bent, value, build.fmul(build.fadd(c, c), slope))
                    results += [fused(build, build.fmul(h, hs), second[0], total), slope]
                for result, row in zip(results, kept, strict=True):
                    store_row(build, result, row)
            return context.get_dummy_value()

        return types.none(weights, start, table, point, bend, cells), generate

    return weigh


def _evaluator(terms_of, order):
    """Return the function that evaluates sums of derivatives of the potential at a point, but for eight terms of each.

    These go to memory from a place on, GROUP rows apart, see `add_up`.
    """

    @intrinsic
    def evaluate(typing, weights, start, table, point, coefficients, starts, strides, rows, place):
        terms = terms_of(_dim(starts))

        def generate(context, build, signature, arguments):
            totals = [None] * len(terms)
            for i, (corner, steps, rows) in enumerate(_components(context, build, signature, arguments, 2 * order - 1)):
                own = [(n, term) for n, each in enumerate(terms) for term in each if term.component == i]
                sums = contracted(build, corner, steps, rows, {term.rows[:-1] for _, term in own})
                last = [row_at(build, each) for each in rows[-1]]
                for n, term in own:
                    totals[n] = _signed(build, term.sign, sums[term.rows[:-1]], last[term.rows[-1]], totals[n])
            out = pointer(context, build, signature.args[7], *arguments[7:])
            for n, total in enumerate(totals):
                store_row(build, total, build.gep(out, [ir.Constant(_LONG, n * GROUP * ORDER)]))
            return context.get_dummy_value()

        return types.none(weights, start, table, point, coefficients, starts, strides, rows, place), generate

    return evaluate


@intrinsic
def prefetch(typing, table, point, coefficients, starts, strides):
    """Ask for the lines of memory with the coefficients of a point's cell, which are needed soon."""

    def generate(context, build, signature, arguments):
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _INT, _INT, _INT])
        ask = build.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        how = [ir.Constant(_INT, number) for number in (0, 3, 1)]  # to read, to keep, data
        for corner, steps, _ in _corners(context, build, signature, arguments, 0):
            places = [corner]
            for step in steps:
                places = [
                    build.gep(each, [build.mul(step, ir.Constant(_LONG, i))]) for each in places for i in range(ORDER)
                ]
            for place in places:
                for number in (0, ORDER - 1):  # a row lies in two lines mostly
                    build.call(ask, [build.bitcast(build.gep(place, [ir.Constant(_LONG, number)]), byte), *how])
        return context.get_dummy_value()

    return types.none(table, point, coefficients, starts, strides), generate


def _signed(build, sign, a, b, c):
    """Return ``c + a b`` or ``c - a b``, or without a `c` the product."""
    return fused(build, a if sign > 0 else build.fneg(a), b, c)


# Of two vectors, which lanes are added to those so many further on, until there is one vector for eight
_HALVES = [([0, 8, 2, 10, 4, 12, 6, 14], 1), *[([0, 1, 4, 5, 8, 9, 12, 13], 2)] * 2]


@intrinsic
def add_up(typing, sums, start, out, place):
    """Store the sums of each of eight rows of eight numbers."""

    def generate(context, build, signature, arguments):
        rows, into = (pointer(context, build, signature.args[i], *arguments[i : i + 2]) for i in (0, 2))
        vectors = [row_at(build, build.gep(rows, [ir.Constant(_LONG, ORDER * i)])) for i in range(ORDER)]
        for lanes, step in _HALVES:
            low, high = lanes, [lane + step for lane in lanes]
            vectors = [
                build.fadd(shuffled(build, a, low, b), shuffled(build, a, high, b))
                for a, b in zip(vectors[::2], vectors[1::2], strict=True)
            ]
        store_row(build, vectors[0], into)
        return context.get_dummy_value()

    return types.none(sums, start, out, place), generate


def _dim(components):
    """Return the number of coordinates, given what there is for each component of the potential."""
    return 2 if len(components) == 1 else 3


def _components(context, build, signature, arguments, order):
    """Yield a pointer to a cell's first coefficient, strides, and pointers to the weights, of each component."""
    rows = None
    for corner, steps, own in _corners(context, build, signature, arguments, 2):
        rows = rows or weights_of(context, build, signature.args[0], arguments, len(own), order)
        yield corner, steps, [rows[axis] for axis in own]


def _corners(context, build, signature, arguments, first):
    """Yield a pointer to a cell's first coefficient, strides, and the axes in memory, of each component.

    The table is the argument of number `first`, and those after it the point, coefficients, starts and strides.
    """
    kinds, (array, starts, strides) = signature.args, arguments[first + 2 : first + 5]
    axes = AXES[_dim(kinds[first + 3])]
    cells = [_tabulated(context, build, signature, arguments, first, axis)[3] for axis in range(len(axes[0]))]
    cells = [build.fptosi(cell, _LONG) for cell in cells]
    for i, own in enumerate(axes):
        steps = [build.extract_value(strides, [i, n]) for n in range(len(own) - 1)]
        start = build.add(build.extract_value(starts, i), cells[own[-1]])
        for axis, step in zip(own, steps, strict=False):
            start = build.add(start, build.mul(cells[axis], step))
        yield pointer(context, build, kinds[first + 2], array, start), steps, own


def _tabulated(context, build, signature, arguments, i, axis):
    """Return the numbers of a point in the rows of an axis, given which arguments are the table and the point."""
    start = pointer(context, build, signature.args[i], *arguments[i : i + 2])
    return [build.load(build.gep(start, [ir.Constant(_LONG, (ROWS * axis + row) * LANES)])) for row in range(ROWS)]


weigh_velocity, weigh_gradient = _factored_weigher(1), _factored_weigher(2)
velocity_sums, gradient_sums = _evaluator(velocity_terms, 1), _evaluator(gradient_terms, 2)


@intrinsic
def deposit(typing, weights, start, table, point, coefficients, starts, strides, multiplier):
    """Add to the coefficients their derivatives of ``mu . U``, the transpose of `velocity_sums` and of the factors."""

    def generate(context, build, signature, arguments):
        terms, amounts = velocity_terms(_dim(starts)), []
        for axis in range(len(terms)):
            factor = _tabulated(context, build, signature, arguments, 2, axis)[0]
            first = pointer(context, build, signature.args[7], arguments[7], arguments[3])
            mu = build.load(build.gep(first, [ir.Constant(_LONG, axis * LANES)]))
            amounts.append(everywhere(build, build.fmul(factor, mu)))
        for i, (corner, steps, rows) in enumerate(_components(context, build, signature, arguments, 1)):
            along: dict[tuple[int, ...], ir.Value] = {}
            for amount, each in zip(amounts, terms, strict=True):
                for sign, component, (*others, last) in each:
                    if component == i:
                        row, key = row_at(build, rows[-1][last]), tuple(others)
                        along[key] = _signed(build, sign, amount, row, along.get(key))
            spread(build, corner, steps, rows, along)
        return context.get_dummy_value()

    return types.none(weights, start, table, point, coefficients, starts, strides, multiplier), generate
