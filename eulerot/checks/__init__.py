"""What arguments must be: arrays, samples, counts, numbers, choices and paths, checked in one place.

Every function returns its argument in the form in which the package uses it, or raises a `ValueError` that names the
argument, what was expected, what was got, and what to do.
"""

from __future__ import annotations

from eulerot.checks.arrays import (
    check_unmasked,
    checked_array,
    checked_pairs,
    checked_rotation,
    checked_samples,
    checked_times,
)
from eulerot.checks.scalars import (
    checked_choice,
    checked_count,
    checked_file,
    checked_generator,
    checked_number,
    checked_path,
    checked_threads,
)

__all__ = [
    "DOMAINS",
    "check_unmasked",
    "checked_array",
    "checked_choice",
    "checked_count",
    "checked_file",
    "checked_generator",
    "checked_number",
    "checked_pairs",
    "checked_path",
    "checked_rotation",
    "checked_samples",
    "checked_threads",
    "checked_times",
]

# The box of normal latents, and the torus of angles
DOMAINS = ("cube", "torus")
