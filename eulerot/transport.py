r"""How much mass a coupling moves, how little it could move, and how far a map is from a gradient.

Every measure takes pairs: row `i` of `x` is the image of row `i` of `y`. Costs are mean *squared* distances,
in squared units of the samples, and the empirical moments divide by ``n``, so that for any pairs

    lower_bound(y, x)  <=  exact_cost(y, x)  <=  transport_cost(y, x).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from eulerot._types import FloatArray
from eulerot.errors import checked_pairs, checked_samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TransportReport", "asymmetry", "exact_cost", "lower_bound", "transport_cost", "transport_report"]


# The network simplex took 20 to 50 pivots a pair at 5000 pairs; by default POT stops at 100,000 in all.
PIVOTS_PER_PAIR = 2000


def transport_cost(y: ArrayLike, x: ArrayLike) -> float:
    """Return the cost ``mean |x_i - y_i|^2`` of the coupling that the rows define; equation (14).

    Parameters
    ----------
    y, x : array_like, shape (n, d)
        Pairs, in the same units.

    Returns
    -------
    float
        The cost, in squared units of the samples.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape.

    Examples
    --------
    >>> transport_cost([[0.0, 0.0], [1.0, 0.0]], [[3.0, 4.0], [1.0, 1.0]])
    13.0
    """
    source, target = checked_pairs("y", y, "x", x)
    return float(np.mean(np.sum((target - source) ** 2, axis=1)))


def exact_cost(y: ArrayLike, x: ArrayLike) -> float:
    """Return the least cost of any coupling of the two samples, by POT's network simplex; equation (14).

    Both samples are centred first: the optimal coupling does not change, the cost falls by the squared
    distance of the means, and no digits are lost to a shift that is large beside the spread.

    Parameters
    ----------
    y, x : array_like, shape (n, d)
        Two samples of one shape; the order of the rows does not matter.

    Returns
    -------
    float
        The squared Wasserstein distance of the two empirical measures.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape.
    RuntimeError
        If the network simplex stops before it is optimal.

    Notes
    -----
    Memory is two ``n`` by ``n`` matrices (400 MB at 5000 pairs); time grows a little faster than ``n^2``.

    References
    ----------
    Bonneel, van de Panne, Paris, Heidrich, ACM Trans. Graphics 30:158, 2011, https://doi.org/10.1145/2070781.2024192

    Examples
    --------
    >>> exact_cost([[0.0], [1.0]], [[1.0], [0.5]])
    0.125
    """
    import ot  # half a second and, where they are installed, its array backends: only when it is needed
    from scipy.spatial.distance import cdist

    source, target = checked_pairs("y", y, "x", x)
    shift = target.mean(axis=0) - source.mean(axis=0)
    costs = cdist(source - source.mean(axis=0), target - target.mean(axis=0), "sqeuclidean")
    n = len(source)
    weights = np.full(n, 1.0 / n)
    cost, log = ot.emd2(weights, weights, costs, numItermax=max(100_000, PIVOTS_PER_PAIR * n), log=True)
    if log["warning"] is not None:
        raise RuntimeError(
            f"exact_cost: expected an optimal coupling of {n} pairs; POT stopped early ({log['warning']}). "
            "Pass fewer pairs."
        )
    return float(shift @ shift + cost)


def lower_bound(y: ArrayLike, x: ArrayLike) -> float:
    r"""Return the Gelbrich bound, which no coupling of the two samples can go below; equation (15).

    It is ``|mean difference|^2 + Bures(cov y, cov x)``, in closed form in any dimension, and a symmetric
    positive affine map attains it. The stable form used here has no matrix square root: with the triangular
    factors ``cov = R^T R`` of the centred samples, ``Bures = min |R_y - Q R_x|_F^2`` over orthogonal ``Q``,
    a Procrustes problem. A sum of squares is never negative, and singular covariances are no special case.

    Parameters
    ----------
    y, x : array_like, shape (n, d)
        Two samples of one shape; the order of the rows does not matter.

    Returns
    -------
    float
        The bound, in squared units of the samples.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape.

    References
    ----------
    Gelbrich, Math. Nachr. 147:185, 1990, https://doi.org/10.1002/mana.19901470121

    Examples
    --------
    >>> y = [[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]]
    >>> x = [[0.0, 0.0], [6.0, 0.0], [3.0, -1.0], [3.0, 1.0]]
    >>> round(lower_bound(y, x), 12)  # 3^2 for the mean, and (3 - 1)^2 times the variance 1/2
    11.0
    """
    source, target = checked_pairs("y", y, "x", x)
    scale = 1.0 / np.sqrt(len(source))
    factor_y = np.linalg.qr(scale * (source - source.mean(axis=0))).R
    factor_x = np.linalg.qr(scale * (target - target.mean(axis=0))).R
    left, _, right = np.linalg.svd(factor_y @ factor_x.T)
    bures = np.sum((factor_y - left @ right @ factor_x) ** 2)
    shift = target.mean(axis=0) - source.mean(axis=0)
    return float(shift @ shift + bures)


def asymmetry(map_: Callable[[FloatArray], ArrayLike], points: ArrayLike, step: float = 1e-4) -> float:
    """Return the mean over `points` of ``|Dg - Dg^T|_F / |Dg|_F``, zero for a Monge map `g`; equation (17).

    Parameters
    ----------
    map_ : callable
        The map `g`: an ``(m, d)`` array of points to the ``(m, d)`` array of their images.
    points : array_like, shape (n, d)
        Where the Jacobian is taken, by central differences.
    step : float, default 1e-4
        Half the distance of the two points of a difference, in units of the points.

    Returns
    -------
    float
        Between 0 (a symmetric Jacobian everywhere) and 2 (an antisymmetric one).

    Raises
    ------
    ValueError
        If `points` or the images are not finite samples of one common shape, or `step` is not positive.

    Examples
    --------
    >>> points = [[0.0, 0.0], [1.0, 2.0]]
    >>> asymmetry(lambda z: z @ [[2.0, 1.0], [1.0, 3.0]], points) < 1e-10
    True
    >>> round(asymmetry(lambda z: z @ [[0.0, 1.0], [-1.0, 0.0]], points), 8)
    2.0
    """
    centres = checked_samples("points", points)
    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"step: expected a positive number; got {step}. The default is 1e-4.")
    n, d = centres.shape
    offsets = step * np.concatenate([np.eye(d), -np.eye(d)])
    stencil = (centres + offsets[:, None, :]).reshape(2 * d * n, d)
    images = checked_samples("map_(points)", map_(stencil), dim=d)
    if len(images) != len(stencil):
        raise ValueError(f"map_(points): expected {len(stencil)} rows; got {len(images)}. Map row by row.")
    ahead, behind = images.reshape(2, d, n, d)
    jacobian = np.moveaxis(ahead - behind, 1, 0) / (2 * step)
    difference = np.linalg.norm(jacobian - jacobian.transpose(0, 2, 1), axis=(1, 2))
    size = np.linalg.norm(jacobian, axis=(1, 2))
    # A vanishing Jacobian is symmetric.
    return float(np.mean(np.divide(difference, size, out=np.zeros(n), where=size > 0)))


@dataclass(frozen=True)
class TransportReport:
    """The cost of a coupling beside what is possible; equations (14) and (15).

    Attributes
    ----------
    cost : float
        ``mean |x_i - y_i|^2``.
    exact : float
        The least cost of any coupling of the same two samples.
    excess : float
        ``cost - exact``: zero exactly when the coupling is cyclically monotone.
    lower_bound : float
        The Gelbrich bound from the samples' means and covariances.
    n : int
        The number of pairs.
    """

    cost: float
    exact: float
    excess: float
    lower_bound: float
    n: int

    def __str__(self) -> str:
        """Return a small table, one measure a line."""
        share = f"   {100 * self.excess / self.cost:.2f} % of the cost" if self.cost > 0 else ""
        lines = [
            f"transport of {self.n} pairs",
            f"  cost         {self.cost:#14.8g}",
            f"  exact        {self.exact:#14.8g}",
            f"  excess       {self.excess:#14.8g}{share}",
            f"  lower bound  {self.lower_bound:#14.8g}",
        ]
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the cost as a bar, split into the exact cost and the excess; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from eulerot import plotting

        return plotting.costs(self, ax=ax)


def transport_report(y: ArrayLike, x: ArrayLike) -> TransportReport:
    """Measure a coupling: its cost, the exact optimum, the excess and the Gelbrich bound; section 4.

    Quote the excess on pairs that no fit has seen, with their number.

    Parameters
    ----------
    y, x : array_like, shape (n, d)
        Pairs: row `i` of `x` is the image of row `i` of `y`, in the same units.

    Returns
    -------
    TransportReport
        With fields ``cost``, ``exact``, ``excess``, ``lower_bound`` and ``n``.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape.
    RuntimeError
        If the network simplex stops before it is optimal.

    Examples
    --------
    >>> report = transport_report([[0.0], [1.0], [2.0]], [[3.0], [2.0], [4.0]])
    >>> report.n, round(report.exact, 12), round(report.excess, 12)
    (3, 4.0, 0.666666666667)
    """
    source, target = checked_pairs("y", y, "x", x)
    cost = transport_cost(source, target)
    # The rows are themselves a coupling, and the bound holds for samples: only round-off breaks this order.
    exact = min(exact_cost(source, target), cost)
    bound = min(lower_bound(source, target), exact)
    return TransportReport(cost=cost, exact=exact, excess=cost - exact, lower_bound=bound, n=len(source))
