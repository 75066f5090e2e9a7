"""The types that signatures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatArray", "Seed"]

FloatArray: TypeAlias = NDArray[np.float64]
# What `numpy.random.default_rng` takes
Seed: TypeAlias = int | Sequence[int] | np.random.SeedSequence | np.random.BitGenerator | np.random.Generator | None
