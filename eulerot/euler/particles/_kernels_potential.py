"""The derivatives of a potential that make up a velocity, its gradient, and their transposes, in vector code.

The interpolant of each component of the potential is a sum of products of B-splines, times the factors of its axes, see
`eulerot.euler.particles._kernels_terms`. `weigh_velocity`, or `weigh_gradient`, leaves the weights of a point;
`velocity_sums`, `gradient_sums` and `deposit` take them, and for each component where the coefficients of the point's
cell begin, and the strides of all axes but the last, which is contiguous.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

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

_LONG = ir.IntType(64)


def _factored_weigher(order):
    """Return the function that stores the weights of splines times the factors of the axes, see VALUE and the others.

    Given are places; factors times as many cells as an angle of one has; derivatives of factors by the angle; and for
    second derivatives those of factors, and numbers of cells.
    """

    @intrinsic
    def weigh(typing, weights, start, places, steep, slopes, bends, cells):
        def generate(context, build, signature, arguments):
            rows = weights_of(context, build, signature.args[0], arguments, len(places), 2 * order - 1)
            for axis, kept in enumerate(rows):
                t, hs, c, bend, h = (everywhere(build, build.extract_value(each, axis)) for each in arguments[2:])
                value, first, *second = splines(build, t, order)
                results = [value, fused(build, c, value, build.fmul(hs, first))]
                if second:
                    slope = build.fmul(h, first)
                    total = fused(build, bend, value, build.fmul(build.fadd(c, c), slope))
                    results += [fused(build, build.fmul(h, hs), second[0], total), slope]
                for result, row in zip(results, kept, strict=True):
                    store_row(build, result, row)
            return context.get_dummy_value()

        return types.none(weights, start, places, steep, slopes, bends, cells), generate

    return weigh


def _evaluator(terms_of, order):
    """Return the function that evaluates sums of derivatives of the potential at a point, but for eight terms of each.

    These go to memory from a place on, GROUP rows apart, see `add_up`.
    """

    @intrinsic
    def evaluate(typing, weights, start, coefficients, starts, strides, rows, place):
        terms = terms_of(_dim(starts))

        def generate(context, build, signature, arguments):
            totals = [None] * len(terms)
            for i, (point, steps, rows) in enumerate(_components(context, build, signature, arguments, 2 * order - 1)):
                own = [(n, term) for n, each in enumerate(terms) for term in each if term.component == i]
                sums = contracted(build, point, steps, rows, {term.rows[:-1] for _, term in own})
                last = [row_at(build, each) for each in rows[-1]]
                for n, term in own:
                    totals[n] = _signed(build, term.sign, sums[term.rows[:-1]], last[term.rows[-1]], totals[n])
            out = pointer(context, build, signature.args[5], *arguments[5:])
            for n, total in enumerate(totals):
                store_row(build, total, build.gep(out, [ir.Constant(_LONG, n * GROUP * ORDER)]))
            return context.get_dummy_value()

        return types.none(weights, start, coefficients, starts, strides, rows, place), generate

    return evaluate


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
    kinds, (_, _, array, starts, strides, *_) = signature.args, arguments
    axes = AXES[_dim(kinds[3])]
    rows = weights_of(context, build, kinds[0], arguments, len(axes[0]), order)
    for i, own in enumerate(axes):
        steps = [build.extract_value(strides, [i, n]) for n in range(len(own) - 1)]
        start = pointer(context, build, kinds[2], array, build.extract_value(starts, i))
        yield start, steps, [rows[axis] for axis in own]


weigh_velocity, weigh_gradient = _factored_weigher(1), _factored_weigher(2)
velocity_sums, gradient_sums = _evaluator(velocity_terms, 1), _evaluator(gradient_terms, 2)


@intrinsic
def deposit(typing, weights, start, coefficients, starts, strides, amounts):
    """Add to the coefficients their derivatives of ``sum_n amounts_n U_n``, the transpose of `velocity_sums`."""

    def generate(context, build, signature, arguments):
        terms = velocity_terms(_dim(starts))
        for i, (point, steps, rows) in enumerate(_components(context, build, signature, arguments, 1)):
            amounts_along: dict[tuple[int, ...], ir.Value] = {}
            for n, each in enumerate(terms):
                for term in each:
                    if term.component == i:
                        amount, key = everywhere(build, build.extract_value(arguments[5], n)), term.rows[:-1]
                        last = row_at(build, rows[-1][term.rows[-1]])
                        amounts_along[key] = _signed(build, term.sign, amount, last, amounts_along.get(key))
            spread(build, point, steps, rows, amounts_along)
        return context.get_dummy_value()

    return types.none(weights, start, coefficients, starts, strides, amounts), generate
