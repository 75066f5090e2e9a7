"""Coefficients of the schemes of Dormand and Prince, as data: SciPy has them in a package that takes long to import.

Rows hold the weights of the stages before each stage. DOP853 is that of Hairer, Norsett, Wanner, Solving Ordinary
Differential Equations I, section II.10, in the double precision of their program; the pair of orders 5 and 4 is that of
Dormand and Prince, J. Comput. Appl. Math. 6:19 (1980), https://doi.org/10.1016/0771-050X%2880%2990013-3.
"""

from __future__ import annotations

import numpy as np

from eulerot._types import FloatArray

__all__ = ["DOP853_A", "DOP853_B", "DOPRI5_A", "DOPRI5_B", "DOPRI5_ERROR"]


def _square(rows: list[list[float]]) -> FloatArray:
    """Return rows of growing length as a strictly lower triangular matrix."""
    return np.array([[*row, *[0.0] * (len(rows) - len(row))] for row in rows])


DOP853_A = _square([
    [],
    [0.05260015195876773],
    [0.0197250569845379, 0.0591751709536137],
    [0.02958758547680685, 0, 0.08876275643042054],
    [0.2413651341592667, 0, -0.8845494793282861, 0.924834003261792],
    [0.037037037037037035, 0, 0, 0.17082860872947386, 0.12546768756682242],
    [0.037109375, 0, 0, 0.17025221101954405, 0.06021653898045596, -0.017578125],
    [0.03709200011850479, 0, 0, 0.17038392571223998, 0.10726203044637328, -0.015319437748624402,
     0.008273789163814023],
    [0.6241109587160757, 0, 0, -3.3608926294469414, -0.868219346841726, 27.59209969944671, 20.154067550477894,
     -43.48988418106996],
    [0.47766253643826434, 0, 0, -2.4881146199716677, -0.590290826836843, 21.230051448181193, 15.279233632882423,
     -33.28821096898486, -0.020331201708508627],
    [-0.9371424300859873, 0, 0, 5.186372428844064, 1.0914373489967295, -8.149787010746927, -18.52006565999696,
     22.739487099350505, 2.4936055526796523, -3.0467644718982196],
    [2.273310147516538, 0, 0, -10.53449546673725, -2.0008720582248625, -17.9589318631188, 27.94888452941996,
     -2.8589982771350235, -8.87285693353063, 12.360567175794303, 0.6433927460157636],
])  # fmt: skip
DOP853_B = np.array([
    0.054293734116568765, 0, 0, 0, 0, 4.450312892752409, 1.8915178993145003, -5.801203960010585, 0.3111643669578199,
    -0.1521609496625161, 0.20136540080403034, 0.04471061572777259,
])  # fmt: skip

DOPRI5_A = _square([
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
])  # fmt: skip
DOPRI5_B = np.array([35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84])
# Of these and the slope at the end, in the difference from the scheme of fourth order
DOPRI5_ERROR = np.array([-71 / 57600, 0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40])
