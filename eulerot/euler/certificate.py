"""A certificate that a geodesic is a shortest path, by Brenier's theorem; equation (21)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from eulerot._summary import Shown
from eulerot._types import FloatArray
from eulerot.euler.equations import Equation
from eulerot.euler.integrators import DOP853
from eulerot.euler.pressure import Pressure
from eulerot.euler.stepping import required_steps, time_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BOUND", "Certificate", "CompositionCertificate", "certificate_of", "jointly"]

# A geodesic is shortest where the pressure is below it
BOUND = math.pi**2
# The times at which the pressure is looked at first; a peak between two of them is refined on lattices that shrink
_TIMES, _LATTICE, _ROUNDS = 16, 5, 4


@dataclass(frozen=True)
class Certificate(Shown):
    """What is known of a geodesic as a shortest path between its ends; equation (21).

    If ``T^2 lambda_max(D^2 p) <= pi^2`` at all times and all places of a convex domain, the flow of the Euler solution
    is a shortest path between its ends, the only one if the inequality is strict. Where it does not hold nothing is
    said against the path.

    Attributes
    ----------
    pressure : float
        The largest ``T^2 lambda_max(D^2 p)`` over space and time.
    place : ndarray, shape (d,)
        Where in the domain it is.
    time : float
        When, as a share of the duration.
    times : ndarray, shape (m,)
        Shares of the duration at which the largest value over the domain was computed.
    curve : ndarray, shape (m,)
        These values.
    domain : {"cube", "torus"}
        The domain. On the torus, paths are compared that can be deformed into each other.

    See Also
    --------
    eulerot.Geodesic : A geodesic and its flow map.
    eulerot.CompositionCertificate : Certificates of several geodesics.

    References
    ----------
    Y. Brenier, J. Amer. Math. Soc. 2:225 (1989), https://doi.org/10.1090/S0894-0347-1989-0969419-8.

    Examples
    --------
    >>> from eulerot import Geodesic, Grid
    >>> x, y = Grid((12, 12), "cube").mesh()
    >>> print(Geodesic(np.sin(x) * np.sin(y), Grid((12, 12), "cube"), time=2.0).certificate())
    largest T^2 lambda_max(D^2 p) = 1 <= pi^2 = 9.87: the geodesic is a shortest path between its ends
    """

    pressure: float
    place: FloatArray = field(repr=False)
    time: float
    times: FloatArray = field(repr=False)
    curve: FloatArray = field(repr=False)
    domain: str = "cube"

    @property
    def shortest(self) -> bool:
        """Whether the geodesic is certified to be a shortest path between its ends."""
        return self.pressure <= BOUND

    @property
    def until(self) -> float:
        """The share of the duration such that each piece of the geodesic of that length is certified, at most 1."""
        return min(1.0, math.pi / math.sqrt(self.pressure)) if self.pressure > 0 else 1.0

    def __str__(self) -> str:
        paths = "" if self.domain == "cube" else " among those that can be deformed into it"
        if self.shortest:
            words = f"the geodesic is a shortest path between its ends{paths}"
        else:
            words = f"pieces of {self.until:.1%} of the duration are certified to be shortest paths{paths}"
        sign = "<=" if self.shortest else ">"
        return f"largest T^2 lambda_max(D^2 p) = {self.pressure:.4g} {sign} pi^2 = {BOUND:.4g}: {words}"

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the largest eigenvalue of the pressure's Hessian against time, and the bound."""
        from eulerot import plotting

        return plotting.certificate(self.times, self.curve, BOUND, ax=ax)


@dataclass(frozen=True)
class CompositionCertificate(Shown):
    """What is known of geodesics, one after another, as shortest paths; equation (21).

    Each is certified for itself, between its own ends. Of several the composition is no geodesic: a shorter path
    between its ends may exist however short each piece is.

    Attributes
    ----------
    pieces : tuple of Certificate
        Those of the geodesics.

    See Also
    --------
    eulerot.Certificate : Whether a geodesic is a shortest path.
    eulerot.Rearrangement : A map that preserves the latent law.

    References
    ----------
    Y. Brenier, J. Amer. Math. Soc. 2:225 (1989), https://doi.org/10.1090/S0894-0347-1989-0969419-8.

    Examples
    --------
    >>> CompositionCertificate(()).shortest, str(CompositionCertificate(()))
    (True, 'there is no geodesic: nothing moves')
    """

    pieces: tuple[Certificate, ...]

    @property
    def pressure(self) -> float:
        """The largest ``T^2 lambda_max(D^2 p)`` of all pieces; zero if there are none."""
        return max((piece.pressure for piece in self.pieces), default=0.0)

    @property
    def shortest(self) -> bool:
        """Whether the whole is certified to be a shortest path: no more than one piece, and that is."""
        return len(self.pieces) < 2 and all(piece.shortest for piece in self.pieces)

    @property
    def until(self) -> float:
        """The share of a piece's duration for which all pieces are certified, at most 1."""
        return min((piece.until for piece in self.pieces), default=1.0)

    @property
    def numbers(self) -> dict[str, object]:
        """What is known of the whole and of each piece, by name."""
        names = ("pressure", "shortest", "until")
        pieces = [{name: getattr(piece, name) for name in names} for piece in self.pieces]
        return {**{name: getattr(self, name) for name in names}, "pieces": pieces}

    def __str__(self) -> str:
        lines = [str(piece) for piece in self.pieces]
        if len(lines) < 2:
            return "".join(lines) or "there is no geodesic: nothing moves"
        numbered = [f"geodesic {n}: {line}" for n, line in enumerate(lines, start=1)]
        return "\n".join([*numbered, "their composition is no geodesic: nothing is certified of it as a whole"])

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the largest eigenvalue of the pressure's Hessian in each piece, one after another, and the bound."""
        from eulerot import plotting

        times = np.concatenate([n + piece.times for n, piece in enumerate(self.pieces)] or [np.array([0.0, 1.0])])
        curve = np.concatenate([piece.curve for piece in self.pieces] or [np.zeros(2)])
        return plotting.certificate(times, curve, BOUND, ax=ax)


def certificate_of(equation: Equation, start: np.ndarray, time: float, steps: int) -> Certificate:
    """Return the certificate of the geodesic of an initial field, in at least so many steps of the field."""
    times = _TIMES if equation.grid.dim == 2 else _TIMES // 2
    steps = max(steps, required_steps(equation, start, time, DOP853.stability))
    steps = times * math.ceil(steps / times)
    # without a limit on the speed of later fields: a certificate is to be had for what is delivered
    after = time_steps(equation, start, time, steps, DOP853, check_every=steps)
    fields = [start, *(now.copy() for n, (_, _, now) in enumerate(after, start=1) if n % (steps // times) == 0)]
    peaks = {n / times: Pressure(equation, now).peak() for n, now in enumerate(fields)}
    best = max(peaks, key=lambda share: peaks[share][0])
    width = 1.0 / times
    for _ in range(_ROUNDS):
        shares = np.clip(best + width * np.linspace(-1.0, 1.0, _LATTICE), 0.0, 1.0)
        for share in sorted(set(shares.tolist()) - set(peaks)):
            first = min(int(share * times), times - 1)
            some = max(1, math.ceil((share * times - first) * steps / times))
            *_, (_, _, now) = time_steps(
                equation, fields[first], time * (share - first / times), some, DOP853, check_every=some
            )
            peaks[share] = Pressure(equation, now).peak()
        before, best = best, max(peaks, key=lambda share: peaks[share][0])
        width *= 0.5 if best == before else 1.0
    shares = np.array(sorted(peaks))
    curve = time**2 * np.array([peaks[share][0] for share in shares.tolist()])
    value, place = peaks[best]
    return Certificate(max(0.0, time**2 * value), place, best, shares, np.maximum(curve, 0.0), equation.grid.domain)


def jointly(certificates: Sequence[Certificate]) -> Certificate:
    """Return the certificate of geodesics of disjoint planes, which are one geodesic: its pressure is their sum.

    The Hessian has a block for each plane, and its largest eigenvalue is the largest of theirs.
    """
    worst = max(certificates, key=lambda each: each.pressure)
    times = np.unique(np.concatenate([each.times for each in certificates]))
    curve = np.max([np.interp(times, each.times, each.curve) for each in certificates], axis=0)
    return Certificate(worst.pressure, worst.place, worst.time, times, curve, worst.domain)
