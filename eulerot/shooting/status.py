"""List the ways in which a fit can end, each status with its sentence."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ALIGNED", "CONVERGED", "DECREASING", "INCREASING", "INTERRUPTED", "OUT_OF_ITERATIONS", "OUT_OF_SWEEPS",
    "RESUMABLE", "SHIFTED", "STALLED", "Outcome", "sufficed", "unresolved",
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


def sufficed(outcome: Outcome, used: int, left: int) -> Outcome:
    """Return an outcome that says how many pairs were enough, and how many were left.

    Examples
    --------
    >>> sufficed(CONVERGED, 57344, 817656).message[-70:]
    '57344 pairs were enough: 817656 more promised to gain next to nothing.'
    """
    words = f"{used} pairs were enough: {left} more promised to gain next to nothing."
    return Outcome(outcome.status, f"{outcome.message} {words}")


def unresolved(outcome: Outcome, error: float) -> Outcome:
    """Return an outcome that says by how much a geodesic misses the Euler equations, with as many modes as it may have.

    Examples
    --------
    >>> unresolved(CONVERGED, 0.004).message[-76:]
    'Euler equations. Take fewer modes, or regularise more, for a smoother field.'
    """
    words = (
        f"With as many modes as a field may have, a geodesic is {error:.1e} of its displacement away from that of the "
        "Euler equations. Take fewer modes, or regularise more, for a smoother field."
    )
    return Outcome(outcome.status, f"{outcome.message} {words}")
