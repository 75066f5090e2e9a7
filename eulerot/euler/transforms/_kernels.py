"""Numba loops under the transforms: kept coefficients to their places in padded arrays, and back."""

from __future__ import annotations

from eulerot._compiled import compiled


@compiled()
def pad(columns, start, spectra, middle, last):
    """Copy rows of columns, as many as there are, to their places in padded spectra, zeros elsewhere."""
    for f in range(spectra.shape[0]):
        kept, first, end = last[f]
        for r in range(spectra.shape[1]):
            for i in range(spectra.shape[2]):
                row, origin = spectra[f, r, i], middle[f, i]
                if origin < 0 or start + r >= columns.shape[1]:
                    row[:] = 0.0
                    continue
                row[:first] = 0.0
                # an assignment of slices would compile the text of the error that it may raise, which takes two seconds
                for j in range(end - first):
                    row[first + j] = columns[f, start + r, origin, kept + j]
                row[end:] = 0.0


@compiled()
def unpad(columns, start, spectra, middle, last):
    """Copy the kept coefficients of padded spectra to rows of columns, as many as there are."""
    for f in range(spectra.shape[0]):
        kept, first, end = last[f]
        for r in range(min(spectra.shape[1], columns.shape[1] - start)):
            for i in range(spectra.shape[2]):
                origin = middle[f, i]
                if origin >= 0:
                    for j in range(end - first):
                        columns[f, start + r, origin, kept + j] = spectra[f, r, i, first + j]


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
