"""List the ways in which a fit can end, each status with its sentence."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ALIGNED", "CONVERGED", "DECREASING", "INCREASING", "INTERRUPTED", "OUT_OF_ITERATIONS", "OUT_OF_SWEEPS",
    "RESUMABLE", "SHIFTED", "STALLED", "Outcome",
]  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """Say how a fit ended, in a word and in a sentence.

    Attributes
    ----------
    status : {"converged", "max_iterations", "stalled", "interrupted"}
        The word.
    message : str
        The sentence.
    """

    status: str
    message: str


CONVERGED = Outcome("converged", "The optimiser met its tolerance, and the held-out cost chose the weight.")
INCREASING = Outcome("converged", "In one dimension an increasing flow is already optimal; the map is the identity.")
DECREASING = Outcome("converged", "In one dimension a decreasing flow is optimal after a reflection, which the map is.")
SHIFTED = Outcome("converged", "For one angle a monotone flow needs no more than a reflection and a shift, the map.")
OUT_OF_ITERATIONS = Outcome(
    "max_iterations", "The last weight used all its iterations; more may lower the cost further."
)
OUT_OF_SWEEPS = Outcome(
    "max_iterations", "All sweeps were used, and the last one still gained; more may lower the cost further."
)
ALIGNED = Outcome(
    "stalled", "No geodesic lowered the cost of held-out pairs beyond chance; the map is the alignment alone."
)
STALLED = Outcome("stalled", "No rearrangement lowered the cost of held-out pairs; the map is the identity.")
INTERRUPTED = Outcome("interrupted", "The fit was interrupted; the map is the best that had been found.")
RESUMABLE = Outcome("interrupted", f"{INTERRUPTED.message} The same call goes on from the checkpoint.")
