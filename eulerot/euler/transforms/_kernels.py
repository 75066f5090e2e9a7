"""Numba loops under the transforms: kept coefficients to their places in padded arrays, and back."""

from __future__ import annotations

from eulerot._compiled import compiled


@compiled()
def pad(columns, start, spectra, middle, last):
    """Copy rows of columns to their places in padded spectra, zeros elsewhere."""
    for f in range(spectra.shape[0]):
        kept, first, end = last[f]
        for r in range(spectra.shape[1]):
            for i in range(spectra.shape[2]):
                row, origin = spectra[f, r, i], middle[f, i]
                if origin < 0:
                    row[:] = 0.0
                    continue
                row[:first] = 0.0
                row[first:end] = columns[f, start + r, origin, kept : kept + end - first]
                row[end:] = 0.0


@compiled()
def unpad(columns, start, spectra, middle, last):
    """Copy the kept coefficients of padded spectra to rows of columns."""
    for f in range(spectra.shape[0]):
        kept, first, end = last[f]
        for r in range(spectra.shape[1]):
            for i in range(spectra.shape[2]):
                origin = middle[f, i]
                if origin >= 0:
                    columns[f, start + r, origin, kept : kept + end - first] = spectra[f, r, i, first:end]
