"""Numba loops under the transforms: kept coefficients to their places in padded arrays, and back."""

from __future__ import annotations

from eulerot._compiled import compiled


@compiled()
def pad(numbers, rows, start, segments, spectra):
    """Copy rows of coefficients, as many as there are, to their places in padded spectra, zeros elsewhere.

    A segment of a padded row has its place along the middle axis, its first and last number along the last one, and
    where it begins in the first row of coefficients, less than zero for zeros, and by how much further in each other.
    """
    for f in range(spectra.shape[0]):
        for r in range(spectra.shape[1]):
            for s in range(segments.shape[1]):
                first, end, base = segments[f, s, 1], segments[f, s, 2], segments[f, s, 3]
                target = spectra[f, r, segments[f, s, 0], first:end]
                if base < 0 or start + r >= rows:
                    target[:] = 0.0
                    continue
                # an assignment of slices would compile the text of the error that it may raise, which takes two
                # seconds; and an index that could be negative, as a sum of two could, is slow
                begin = base + (start + r) * segments[f, s, 4]
                source = numbers[begin : begin + end - first]
                for j in range(target.size):
                    target[j] = source[j]


@compiled()
def unpad(numbers, rows, start, segments, spectra):
    """Copy the kept coefficients of padded spectra to rows of coefficients, as many as there are."""
    for f in range(spectra.shape[0]):
        for r in range(min(spectra.shape[1], rows - start)):
            for s in range(segments.shape[1]):
                first, end, base = segments[f, s, 1], segments[f, s, 2], segments[f, s, 3]
                if base >= 0:
                    begin = base + (start + r) * segments[f, s, 4]
                    target, source = numbers[begin : begin + end - first], spectra[f, r, segments[f, s, 0], first:end]
                    for j in range(target.size):
                        target[j] = source[j]


@compiled()
def rows_at(source, source_first, index, scale, target, target_first, count):
    """Set so many numbers of each row of `target` to those of the row of `source` at an index, scaled; zero for -1."""
    for i in range(target.shape[0]):
        row, at = target[i, target_first : target_first + count], index[i]
        if at < 0:
            row[:] = 0.0
            continue
        other = source[at, source_first : source_first + count]
        for j in range(row.size):
            row[j] = scale * other[j]


@compiled()
def gather(source, index, out):
    """Set `out` to rows of a source at indices, zero where the index is negative."""
    for f in range(out.shape[0]):
        for i in range(out.shape[1]):
            at = index[f, i]
            out[f, i] = source[f, at] if at >= 0 else 0.0


@compiled()
def sums_and_differences(values):
    """Replace the two halves of each field, along each of the two or three axes, by their sum and their difference."""
    for f in range(values.shape[0]):
        for half in range(0, values.shape[1], 4):
            for p in range(values.shape[2]):
                a, b, c, d = values[f, half, p], values[f, half + 1, p], values[f, half + 2, p], values[f, half + 3, p]
                plus, minus, other_plus, other_minus = a + b, a - b, c + d, c - d
                values[f, half, p], values[f, half + 1, p] = plus + other_plus, minus + other_minus
                values[f, half + 2, p], values[f, half + 3, p] = plus - other_plus, minus - other_minus
        if values.shape[1] == 8:
            for quarter in range(4):
                for p in range(values.shape[2]):
                    a, b = values[f, quarter, p], values[f, quarter + 4, p]
                    values[f, quarter, p], values[f, quarter + 4, p] = a + b, a - b
