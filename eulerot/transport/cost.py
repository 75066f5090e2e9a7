r"""How much mass a coupling moves, and how little it could move.

Every measure takes pairs: row `i` of `x` is the image of row `i` of `y`. Costs are mean *squared* distances,
in squared units of the samples, and the empirical moments divide by ``n``, so that for any pairs

    lower_bound(y, x)  <=  exact_cost(y, x)  <=  transport_cost(y, x).

With ``domain="torus"`` samples are angles of period ``2 pi``, and distances go the shortest way round.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from eulerot.checks import checked_pairs
from eulerot.latent.circle import circular_cost, shortest

__all__ = ["exact_cost", "exact_cost_and_identity_share", "lower_bound", "transport_cost"]

# The network simplex took 20 to 50 pivots a pair at 5000 pairs; by default POT stops at 100,000 in all.
PIVOTS_PER_PAIR = 2000


def transport_cost(y: ArrayLike, x: ArrayLike, *, domain: str = "cube") -> float:
    """Return the cost ``mean |x_i - y_i|^2`` of the coupling that the rows define; equation (14).

    Parameters
    ----------
    y, x : array_like, shape (n, d)
        Pairs, in the same units.
    domain : {"cube", "torus"}
        ``"torus"`` for angles.

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
    return float(np.mean(np.sum(shortest(target - source, domain) ** 2, axis=1)))


def exact_cost(y: ArrayLike, x: ArrayLike, *, domain: str = "cube") -> float:
    """Return the least cost of any coupling of the two samples, by POT's network simplex; equation (14).

    Both samples are centred first: the optimal coupling does not change, the cost falls by the squared
    distance of the means, and no digits are lost to a shift that is large beside the spread.

    Parameters
    ----------
    y, x : array_like, shape (n, d)
        Two samples of one shape; the order of the rows does not matter.
    domain : {"cube", "torus"}
        ``"torus"`` for angles.

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

    See Also
    --------
    eulerot.transport_report : Measure the cost of pairs.
    eulerot.transport.cost.lower_bound : Gelbrich's bound.

    Notes
    -----
    Memory is two ``n`` by ``n`` matrices (400 MB at 5000 pairs); time grows a little faster than ``n^2``. The cost is
    exact to rounding errors of the largest squared distance between two samples.

    References
    ----------
    Bonneel, van de Panne, Paris, Heidrich, ACM Trans. Graphics 30:158, 2011, https://doi.org/10.1145/2070781.2024192

    Examples
    --------
    >>> exact_cost([[0.0], [1.0]], [[1.0], [0.5]])
    0.125
    """
    return exact_cost_and_identity_share(y, x, domain=domain)[0]


def exact_cost_and_identity_share(y: ArrayLike, x: ArrayLike, *, domain: str = "cube") -> tuple[float, float]:
    """Return what `exact_cost` returns, and the share of the pairs that the optimal plan leaves as they are.

    In many dimensions samples are far apart, and the share is near one for couplings that are far from optimal: where
    the plan leaves pairs alone, the excess sees nothing.

    Examples
    --------
    >>> exact_cost_and_identity_share([[0.0], [1.0], [5.0], [7.0]], [[1.0], [0.5], [5.0], [7.0]])
    (0.0625, 0.5)
    """
    import ot  # half a second and, where they are installed, its array backends: only when it is needed
    from scipy.spatial.distance import cdist

    source, target = checked_pairs("y", y, "x", x)
    n, shift = len(source), np.zeros(source.shape[1])
    if domain == "torus":
        squares = (shortest(b - a[:, None], domain) ** 2 for a, b in zip(source.T, target.T, strict=True))
        costs = sum(squares, start=np.zeros((n, n)))
    else:
        shift = target.mean(axis=0) - source.mean(axis=0)
        costs = cdist(source - source.mean(axis=0), target - target.mean(axis=0), "sqeuclidean")
    weights, largest = np.full(n, 1.0 / n), float(np.max(costs))
    # the network simplex has tolerances of its own, of costs about one: a power of two changes no digit
    unit = 2.0 ** np.floor(np.log2(largest)) if largest > 0 else 1.0
    costs /= unit
    cost, log = ot.emd2(
        weights, weights, costs, numItermax=max(100_000, PIVOTS_PER_PAIR * n), log=True, return_matrix=True
    )
    if log["warning"] is not None:
        raise RuntimeError(
            f"exact_cost: expected an optimal coupling of {n} pairs; POT stopped early ({log['warning']}). "
            "Pass fewer pairs."
        )
    return float(shift @ shift + unit * cost), min(float(np.trace(log["G"])), 1.0)


def lower_bound(y: ArrayLike, x: ArrayLike, *, domain: str = "cube") -> float:
    r"""Return the Gelbrich bound, which no coupling of the two samples can go below; equation (15).

    It is ``|mean difference|^2 + Bures(cov y, cov x)``, in closed form in any dimension, and a symmetric
    positive affine map attains it. The stable form used here has no matrix square root: with the triangular
    factors ``cov = R^T R`` of the centred samples, ``Bures = min |R_y - Q R_x|_F^2`` over orthogonal ``Q``,
    a Procrustes problem. A sum of squares is never negative, and singular covariances are no special case.

    On the torus moments prove nothing, and the bound is the sum of the optimal costs of the single angles.

    Parameters
    ----------
    y, x : array_like, shape (n, d)
        Two samples of one shape; the order of the rows does not matter.
    domain : {"cube", "torus"}
        ``"torus"`` for angles.

    Returns
    -------
    float
        The bound, in squared units of the samples.

    Raises
    ------
    ValueError
        If the arrays are not finite samples of one common shape.

    See Also
    --------
    eulerot.transport.cost.exact_cost : The least cost of two samples.
    eulerot.dual_bound : Bound the least cost from below.

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
    if domain == "torus":
        return sum(circular_cost(a, b) for a, b in zip(source.T, target.T, strict=True))
    scale = 1.0 / np.sqrt(len(source))
    factor_y = np.linalg.qr(scale * (source - source.mean(axis=0))).R
    factor_x = np.linalg.qr(scale * (target - target.mean(axis=0))).R
    left, _, right = np.linalg.svd(factor_y @ factor_x.T)
    bures = np.sum((factor_y - left @ right @ factor_x) ** 2)
    shift = target.mean(axis=0) - source.mean(axis=0)
    return float(shift @ shift + bures)
